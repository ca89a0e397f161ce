"""From panels on the screen to a figure, and the words in which it can be copied."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentstudio import __version__
from latentstudio.data.imageset import AttributeTable
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Figure, FigureStyle, Recipe
from latentstudio.gui.controller import Controller
from latentstudio.studio.browse import image_name
from latentstudio.studio.requests import DatasetFacts

FIGURE_MIME = "application/x-latentstudio-figure"


def recipes_of(controller: Controller, panel_ids: Sequence[str]) -> list[Recipe]:
    """Return the recipes of panels that have one, in order.

    Raises
    ------
    UserError
        None of them has; the sentence gives the first one's reason.
    """
    views = [controller.view(panel_id) for panel_id in panel_ids]
    found = [view.wanted or view.recipe for view in views]
    recipes = [recipe for recipe in found if recipe is not None]
    if not recipes:
        reason = next((view.reason for view in views if view.reason), "")
        raise UserError(f"There is nothing to export yet{': ' + reason if reason else ''}.")
    return recipes


def moved_recipe(controller: Controller, panel_id: str) -> Recipe | None:
    """Return the recipe of a face and its code moved along a histogram's line; None where nothing was moved."""
    from latentstudio.gui.markers import Move, line_of, moved_input
    from latentstudio.studio.resolve import resolve_decoding

    panel = controller.document.panel(panel_id)
    move = Move.of_view(panel.view.get("move"), str(panel.params.get("attribute", "")))
    face, current = controller.inspection, controller.document.current
    axis = None if move is None else line_of(controller.view(panel_id).result, move.line)
    if move is None or face is None or current is None or axis is None or len(axis.unit) != len(face.code):
        return None
    code = moved_input(move, axis, face)
    wanted = resolve_decoding(controller.document, panel_id, code, controller.catalogue, current)
    return wanted if isinstance(wanted, Recipe) else None


def figure_of(controller: Controller, panel_ids: Sequence[str], style: FigureStyle, title: str = "") -> Figure:
    """Make a figure with one row for each panel.

    Raises
    ------
    UserError
        None of the panels has a recipe.
    """
    rows = tuple((recipe,) for recipe in recipes_of(controller, panel_ids))
    rows += tuple((recipe,) for panel_id in panel_ids if (recipe := moved_recipe(controller, panel_id)) is not None)
    return Figure(rows=rows, style=style, title=title, program=f"LatentStudio {__version__}")


@dataclass(frozen=True)
class FactsAsData:
    """What an export of a selection needs of a dataset, from what the window knows of it."""

    facts: DatasetFacts

    @property
    def spec(self) -> str:
        """Specification of the dataset."""
        return self.facts.spec

    @property
    def attributes(self) -> AttributeTable:
        """Labels of the images."""
        table: AttributeTable = self.facts.attributes
        return table

    def image_id(self, index: int) -> str:
        """Name of an image."""
        return image_name(self.facts, index)


def chosen_column(values: Any, indices: Sequence[int]) -> Any:
    """Take the rows of a selection from a measured column; None stays None."""
    return None if values is None else np.asarray(values, dtype=np.float64)[list(indices)]
