"""Pictures of what a direction does to the face of a panel: a little less, and a little more of the attribute."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from latentstudio.figures.recipe import Recipe
from latentstudio.results import Bytes, Partial, Strip
from latentstudio.studio.document import Panel
from latentstudio.studio.requests import Answer, RunRecipe

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

ENDS = {"alpha": [-2.0, 2.0], "quantile": [5.0, 95.0]}
"""Strengths of both pictures on each scale."""
_KEPT = 64


class DirectionPictures:
    """Asks for the pictures of every attribute of a panel, one request each, and keeps them.

    Parameters
    ----------
    arrived : called with the attribute whose pictures have come.
    """

    def __init__(self, controller: "Controller", panel_id: str, arrived: Callable[[str], None]) -> None:
        self._controller, self._panel_id, self._arrived = controller, panel_id, arrived
        self._known: OrderedDict[str, tuple[Bytes, Bytes]] = OrderedDict()
        self._asked: dict[str, str] = {}

    def recipe(self, panel: Panel, words: str) -> Recipe | None:
        """The recipe of both pictures; None while the panel cannot be computed."""
        scale = str(panel.params.get("scale", "alpha"))
        kept = {n: v for n, v in panel.params.items() if n not in ("attributes", "amounts", "watch", "strengths")}
        params = {**kept, "attributes": [words], "strengths": ENDS.get(scale, ENDS["alpha"])}
        slots = {name: inputs[:1] for name, inputs in panel.slots.items() if name == "images"}
        found = self._controller.resolved(replace(panel, params=params, slots=slots))
        return found if isinstance(found, Recipe) else None

    def of(self, panel: Panel, words: str, ask: bool) -> tuple[Bytes | None, Bytes | None]:
        """Return both pictures, or ask for them and return nothing yet."""
        recipe = self.recipe(panel, words)
        if recipe is None:
            return None, None
        if recipe.key in self._known:
            self._known.move_to_end(recipe.key)
            return self._known[recipe.key]
        if ask and self._asked.get(words) != recipe.key:
            self._asked[words] = recipe.key
            lane = f"direction:{self._panel_id}:{words}"
            self._controller.ask(lane, RunRecipe(recipe), lambda a, k=recipe.key: self._answer(words, k, a))  # type: ignore[misc]
        return None, None

    def _answer(self, words: str, key: str, answer: Answer) -> None:
        partial = answer.payload if isinstance(answer.payload, Partial) else None
        strip = partial.result if partial is not None and isinstance(partial.result, Strip) else None
        if strip is not None and strip.frames.ready.all() and key not in self._known:
            self._known[key] = strip.frames.images[0], strip.frames.images[1]
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            self._arrived(words)
        if answer.done or answer.error:
            self._asked.pop(words, None)
