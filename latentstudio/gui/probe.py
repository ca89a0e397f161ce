"""What follows the hand: the inspected code, and the single frame under a scrubbing slider."""

from collections.abc import Callable
from typing import Any

from latentstudio.figures.recipe import Recipe
from latentstudio.gui.lanes import Lanes
from latentstudio.results import ImageGrid, Partial, Strip
from latentstudio.studio.requests import Answer, Inspect, RunRecipe, Urgency
from latentstudio.studio.resolve import Reason

HAND = "hand"
INSPECT = "inspect"


class Probe:
    """Inspection and live previews, each with a lane of its own so that the newest wish wins.

    Parameters
    ----------
    inspected : receives an `figures.inspect.Inspection`, or None when nothing is inspected.
    reason : receives the hint why there is nothing to inspect, empty otherwise.
    preview : receives a panel's id and the result under the hand: the frames of one position, one per path.
    failed : receives a sentence.
    """

    def __init__(
        self,
        lanes: Lanes,
        inspected: Callable[[Any], None],
        reason: Callable[[str], None],
        preview: Callable[[str, Strip | ImageGrid], None],
        failed: Callable[[str], None],
    ) -> None:
        self._lanes = lanes
        self._inspected = inspected
        self._reason = reason
        self._preview = preview
        self._failed = failed
        self._shown: Recipe | None = None
        self._decoding = False
        self._next: tuple[str, Recipe] | None = None
        self.inspection: Any = None

    def inspect(self, wanted: Recipe | Reason) -> None:
        """Bring the inspection up to date with what the document asks for."""
        if isinstance(wanted, Reason):
            self._lanes.cancel(INSPECT)
            self._shown = None
            self._reason(wanted.text)
            if not wanted.waiting:
                self._set(None)
        elif wanted != self._shown:
            self._shown = wanted
            self._reason("")
            self._lanes.submit(INSPECT, Urgency.VISIBLE, Inspect(wanted), self._answer)

    def _answer(self, answer: Answer) -> None:
        if answer.error:
            self._shown = None
            self._failed(answer.error)
        elif answer.payload is not None:
            self._set(answer.payload)

    def _set(self, inspection: Any) -> None:
        self.inspection = inspection
        self._inspected(inspection)

    def scrub(self, panel_id: str, wanted: Recipe) -> None:
        """Decode the frame under the hand before everything else.

        The hand moves faster than a large model decodes. The request at work is therefore left to bring its picture,
        and only the newest of those that come meanwhile follows it: were each dropped for the next, a hand that does
        not rest would see nothing.
        """
        if self._decoding and self._lanes.running(HAND):
            self._next = (panel_id, wanted)
            return
        self._next, self._decoding = None, True

        def answer(step: Answer) -> None:
            shows = isinstance(step.payload, Partial) and isinstance(step.payload.result, Strip | ImageGrid)
            if step.error:
                self._failed(step.error)
            elif shows:
                self._preview(panel_id, step.payload.result)
            if shows or step.done or step.error:
                self._decoding = False
                if self._next is not None:
                    self.scrub(*self._next)

        self._lanes.submit(HAND, Urgency.HAND, RunRecipe(wanted), answer)

    def release(self) -> None:
        """The hand let go: a preview that has not come is no longer wanted."""
        self._next, self._decoding = None, False
        self._lanes.cancel(HAND)
