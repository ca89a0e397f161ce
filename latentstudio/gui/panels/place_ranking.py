"""Asks the engine which components move the painted place; answers of an earlier place are never shown."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from latentstudio.figures.recipe import Recipe
from latentstudio.gui.widgets.component_list import ComponentRow
from latentstudio.results import Heatmap, Partial, Sheet, Table
from latentstudio.studio.document import Panel
from latentstudio.studio.requests import Answer, RunRecipe
from latentstudio.studio.resolve import resolve_panel

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

SHOWN = 15


class PlaceRanking(QObject):
    """The ranking that belongs to a panel's face, place and parts.

    Attributes
    ----------
    rows : the ranked components, empty while there is no answer for the present place.
    waiting : an answer is on its way; error : the sentence of a failure.
    """

    changed = Signal()

    def __init__(self, controller: "Controller", panel_id: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._lane = f"place:{panel_id}"
        self._wanted: Recipe | None = None
        self._maps: dict[int, NDArray[np.float64]] = {}
        self.rows: tuple[ComponentRow, ...] = ()
        self.waiting = False
        self.error = ""

    def recipe(self, panel: Panel) -> Recipe | None:
        """The sensitivity analysis of the panel's face and place, None while there is no place or no face."""
        region = panel.params.get("region", ())
        if not region or not panel.slots.get("face"):
            return None
        params = {"region": list(region), "top": SHOWN, "parts": list(panel.params.get("parts", ("all",)))}
        asked = Panel(
            id="place",
            kind="analysis",
            name="sensitivity",
            params=params,
            slots={"face": panel.slots["face"]},
            model=panel.model,
            snapshot=panel.snapshot,
            data=panel.data,
        )
        found = resolve_panel(self._controller.document, asked, self._controller.catalogue)
        return found if isinstance(found, Recipe) else None

    def follow(self, panel: Panel, visible: bool) -> None:
        """Ask for the ranking of the panel's present place, unless it is known, asked for, or nobody looks."""
        wanted = self.recipe(panel)
        if wanted == self._wanted or (wanted is not None and not visible):
            return
        self._wanted = wanted
        self.rows, self._maps, self.error = (), {}, ""
        self.waiting = wanted is not None
        if wanted is None:
            self._controller.lanes.cancel(self._lane)
        else:
            self._controller.ask(self._lane, RunRecipe(wanted), lambda answer: self._arrived(wanted, answer))
        self.changed.emit()

    def _arrived(self, recipe: Recipe, answer: Answer) -> None:
        if recipe != self._wanted:
            return
        if answer.error:
            self.waiting, self.error = False, answer.error
            self.changed.emit()
            return
        result = answer.payload.result if isinstance(answer.payload, Partial) else None
        if isinstance(result, Sheet):
            self._take(result)
            self.waiting = False
            self.changed.emit()
        elif answer.done:
            self.waiting = False
            self.changed.emit()

    def _take(self, result: Sheet) -> None:
        table = next(part for part in result.parts if isinstance(part, Table))
        maps = next(part for part in result.parts if isinstance(part, Heatmap))
        self.rows = tuple(_row(values) for values in table.rows)
        shown = [row.component for row in self.rows[: len(maps.maps)]]
        self._maps = dict(zip(shown, maps.maps, strict=True))

    def map_of(self, component: int) -> NDArray[np.float64] | None:
        """What a trial move of a ranked component changes, float64 (H, W) in grey levels."""
        return self._maps.get(component)

    def close(self) -> None:
        """Ask for nothing any more."""
        self._wanted, self.waiting = None, False
        self._controller.lanes.cancel(self._lane)


def _row(values: tuple[str | int | float | None, ...]) -> ComponentRow:
    _, component, part, moves = values[:4]
    number = moves if isinstance(moves, float) else None
    return ComponentRow(int(component) if isinstance(component, int) else -1, str(part), number)
