"""Sliders of attributes: the face and the edited face, a row for each attribute, and what leaks into others."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from latentstudio.data.attribute_spec import members_of
from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput
from latentstudio.gui import attribute_edits
from latentstudio.gui.panels.attribute_layout import SlidersLayout
from latentstudio.gui.panels.direction_pictures import DirectionPictures
from latentstudio.gui.panels.result_panel import say_state
from latentstudio.gui.widgets.attribute_row import AttributeRow
from latentstudio.gui.widgets.edit_pair import LABELS
from latentstudio.gui.widgets.frame_actions import FrameActions
from latentstudio.gui.widgets.frames_of import column_of, nearest_image, side_by_side, take
from latentstudio.gui.widgets.leak_bars import Leak, leaks_between
from latentstudio.gui.widgets.picture_desk import PictureDesk
from latentstudio.gui.widgets.readouts import place
from latentstudio.gui.widgets.slot_binding import SlotBinding
from latentstudio.results import Frames, ImageGrid, Strip
from latentstudio.studio.browse import named_image
from latentstudio.studio.document import Document, Panel

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

WATCH_HINT = "Watch other attributes to see what leaks into them."


class SlidersPage(SlidersLayout):
    """Shows one panel of the operation `attribute` and lets it be changed.

    While the hand is on a slider only the edited face is decoded, newest amount first; the document, and with it the
    whole strip, follows when the hand lets go.
    """

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        self.desk = PictureDesk(controller, self)
        self._binding = SlotBinding(self.slot, controller, panel_id, self.desk)
        self._strip: Strip | None = None
        self._live: list[float] | None = None
        self._fresh = False
        self._asked_pair: tuple[Any, ...] = ()
        self._pictures = DirectionPictures(controller, panel_id, lambda _words: self._show_pictures())
        self._connect()
        self.follow()

    def _connect(self) -> None:
        controller = self.controller
        controller.preview_made.connect(self._preview_arrived)
        self.scale.changed.connect(lambda chosen: self._choose_scale(chosen[0]))
        self.estimator.changed.connect(lambda value: self._set_and_settle("estimator", value))
        self.keep.changed.connect(lambda value: self._set_and_settle("keep", value))
        self.watch.changed.connect(lambda value: self._set_and_settle("watch", value))
        self.adder.entered.connect(self._add)
        self.slot.words_changed.connect(lambda _words: self._say())
        self.actions_of_pair = FrameActions(self.pair, controller, self.desk, self._input, self._nearest)

    # Showing.

    def _panel(self) -> Panel | None:
        try:
            return self.controller.document.panel(self.panel_id)
        except KeyError:
            return None

    def show_document(self) -> None:
        """Show parameters and slots."""
        panel = self._panel()
        if panel is None:
            return
        scale = str(panel.params.get("scale", "alpha"))
        chosen, amounts = tuple(panel.params.get("attributes", ())), attribute_edits.amounts_of(panel)
        if self._live is not None and self._live != amounts and not self._held():
            # Undo, or another hand: what was on its way is no longer wanted.
            self._live, self._fresh = None, False
            self.controller.scrub(self.panel_id, None)
        self.scale.set_chosen((scale,))
        self.estimator.set_value(panel.params.get("estimator"))
        choices = self.attributes()
        self.adder.offer(choices)
        self.keep.offer(choices, tuple(panel.params.get("keep", ())), leave_out=chosen)
        self.watch.offer(choices, tuple(panel.params.get("watch", ())), leave_out=chosen)
        if tuple(row.words for row in self.rows) != chosen:
            self._build_rows(chosen)
        for row, amount in zip(self.rows, amounts, strict=True):
            row.set_scale(scale)
            row.set_amount(amount)
        self._binding.refresh()
        self._show_pictures()

    def _held(self) -> bool:
        return any(row.slider.isSliderDown() for row in self.rows)

    def _build_rows(self, chosen: tuple[str, ...]) -> None:
        self.set_rows(tuple(AttributeRow(words) for words in chosen))
        for row in self.rows:
            row.moved.connect(lambda _amount: self._moved())
            row.settled.connect(self._settled)
            row.removed.connect(lambda words=row.words: self._remove(words))
            for picture, sign in ((row.less, -1.0), (row.more, 1.0)):
                picture.clicked.connect(lambda r=row, s=sign: r.nudge(s))

    def refresh(self) -> None:
        """Show what the controller says now."""
        view = self.panel_view()
        if view is None:
            return
        self.show_document()
        strip = view.result if isinstance(view.result, Strip) else None
        self.hairline.set_fraction(view.fraction)
        self.pair.set_hint(view.reason or view.error or view.message)
        if strip is None:
            self._strip = None
            self.pair.set_pair(None)
            self._show_leaks(None, None)
        elif view.stale or (self._live is not None and self._held()):
            # The picture under the hand is newer than the strip.
            self.pair.set_stale(not self._fresh)
        else:
            self._strip, self._live, self._fresh = strip, None, False
            self.pair.set_stale(bool(view.reason or view.error))
            self._show_strip(strip)
        self._show_pictures()
        self._say()

    def _show_strip(self, strip: Strip) -> None:
        """Show the frames at strengths 0 and 1; a strip that has none there is asked for them."""
        source, edited = column_of(strip, 0.0), column_of(strip, 1.0)
        if strip.axis == "percentile" or source < 0 or edited < 0:
            self._ask_pair()
            return
        frames = take(strip.frames, (source, edited))
        self._remember_face(frames)
        self._put(frames, strip)
        self._show_leaks((strip, source), (strip, edited))

    def _remember_face(self, frames: Frames) -> None:
        """A bare code on the slot has no picture of its own; the frame at strength 0 is what it decodes to."""
        panel = self._panel()
        item = next(iter(panel.slots.get("images", ())), None) if panel is not None else None
        if isinstance(item, CodeInput) and frames.ready[0]:
            self.desk.remember(item, frames.images[0])
            self._binding.refresh()

    def _put(self, frames: Frames, strip: Strip) -> None:
        name = named_image(strip.row_labels[0], 0) if strip.row_labels and strip.row_labels[0] else LABELS[0]
        self.pair.set_pair(frames, (name, LABELS[1]), (strip.norm_band, strip.log_prob_band))

    def _show_leaks(self, source: tuple[Strip, int] | None, edited: tuple[Strip, int] | None) -> None:
        panel = self._panel()
        watched = tuple(panel.params.get("watch", ())) if panel is not None else ()
        leaks = leaks_between(source, edited) if source is not None and edited is not None else ()
        for number, row in enumerate(self.rows):
            own = leaks[number] if number < len(leaks) else Leak("", math.nan, math.nan)
            row.set_places(own.before, own.after)
        hint = "Measuring what leaks …" if watched else WATCH_HINT
        self.bars.set_leaks(leaks[len(self.rows) :], hint)

    def _show_pictures(self) -> None:
        """Pictures of less and more come after the strip, whose directions they use."""
        panel, view = self._panel(), self.panel_view()
        if panel is None or view is None:
            return
        settled = view.result is not None and not view.stale and not view.reason and self.isVisible()
        for row in self.rows:
            row.set_pictures(*self._pictures.of(panel, row.words, ask=settled))

    def _say(self) -> None:
        """Say what a drop would do, that the edit has left the data set, or where the result is from."""
        view = self.panel_view()
        if view is None:
            return
        warnings = self.pair.warnings()
        busy = view.error or view.reason or (view.fraction < 1 and view.message)
        if self.slot.words:
            self.words.say(self.slot.words, "info")
        elif warnings and not busy:
            sentence = "; ".join(warnings)
            self.words.say(f"{sentence[0].upper()}{sentence[1:]}.", "warning")
        else:
            say_state(self.words, view)

    # The hand.

    def _under_hand(self, strengths: list[float]) -> Panel | None:
        """The panel with the amounts of the rows, for its first face alone."""
        panel = self._panel()
        if panel is None:
            return None
        known = len(self._strip.measures) if self._strip is not None else 0
        return attribute_edits.under_hand(panel, [row.amount for row in self.rows], strengths, known)

    def _moved(self) -> None:
        self._live = [row.amount for row in self.rows]
        panel = self._under_hand([1.0])
        if panel is not None:
            self.controller.preview(panel)

    def _settled(self) -> None:
        """The hand let go: the amounts belong to the document, as one step."""
        amounts, panel = [row.amount for row in self.rows], self._panel()
        if panel is not None and amounts != attribute_edits.amounts_of(panel):
            self._live = amounts
            self.controller.set_param(self.panel_id, "amounts", amounts)
        self.controller.end_gesture()

    def _ask_pair(self) -> None:
        panel = self._under_hand([0.0, 1.0])
        key = () if panel is None else (panel, self._strip is not None and id(self._strip))
        if panel is not None and key != self._asked_pair:
            self._asked_pair = key
            self.controller.preview(panel)

    def _preview_arrived(self, panel_id: str, result: Strip | ImageGrid) -> None:
        if panel_id != self.panel_id or not isinstance(result, Strip) or not len(result.frames):
            return
        edited = len(result.frames) - 1
        if len(result.frames) == 2:
            self._put(result.frames, result)
            self._show_leaks((result, 0), (result, 1))
        elif self.pair.frames is not None and len(result.frames) == 1:
            self._fresh = True
            self._put(side_by_side(take(self.pair.frames, (0,)), result.frames), self._with_bands(result))
            if self._strip is not None and column_of(self._strip, 0.0) >= 0:
                self._show_leaks((self._strip, column_of(self._strip, 0.0)), (result, edited))
        self.pair.set_stale(False)
        self._say()

    def _with_bands(self, result: Strip) -> Strip:
        """The first answer under the hand does not know the data set yet; the strip before does."""
        return dataclasses.replace(result, log_prob_band=result.log_prob_band or self.pair.log_prob_band)

    # Changing.

    def _set_and_settle(self, name: str, value: object) -> None:
        self.set_param(name, value)
        self.controller.end_gesture()

    def _choose_scale(self, scale: str) -> None:
        """Keep the edit where it is known what it amounts to on the other scale, else begin at the face itself."""
        panel = self._panel()
        if panel is None or panel.params.get("scale", "alpha") == scale:
            return
        column = column_of(self._strip, 1.0) if self._strip is not None else -1
        measures = self._strip.measures[: len(self.rows)] if self._strip is not None and column >= 0 else ()
        found = [float(m.values[column]) for m in measures]

        def change(document: Document) -> Document:
            return attribute_edits.count_in(document, self.panel_id, scale, found)

        self.controller.edit(f"Count in {'percentiles' if scale == 'quantile' else 'alpha'}", change)

    def _add(self) -> None:
        words, facts = self.adder.take(), self.controller.facts
        if not words:
            return
        try:
            if facts is not None:
                members_of(words, facts.attributes, self.controller.document.groups)
        except UserError as error:
            self.controller.message.emit(str(error), "warning")
            return
        self.controller.edit(f"Add {words}", lambda d: attribute_edits.add_attribute(d, self.panel_id, words))

    def _remove(self, words: str) -> None:
        self.controller.edit(f"Take {words} away", lambda d: attribute_edits.remove_attribute(d, self.panel_id, words))

    def measure_leak(self) -> str:
        """Measure the leak by held-out classifiers, in a panel of its own; returns that panel's id."""
        panel, made = self._panel(), []
        if panel is None:
            return ""

        def change(document: Document) -> Document:
            document, found = attribute_edits.leak_panel(document, self.panel_id)
            made.append(found)
            return document

        self.controller.edit("Measure the leak", change)
        return made[-1] if made else ""

    # What a frame is.

    def _input(self, frame: int) -> CodeInput:
        frames, panel = self.pair.frames, self._panel()
        if frames is None or frame >= len(frames) or panel is None:
            raise UserError("That picture has gone.")
        words = ", ".join(f"{row.words} {place(row.amount)}" for row in self.rows)
        label = self.pair.title(0) if frame == 0 else f"{self.pair.title(0)} {words}".strip()
        return CodeInput.of(frames.codes[frame], label=label, origin=f"attribute, {words}" if frame else "attribute")

    def _nearest(self, frame: int) -> tuple[str, int, str] | None:
        view = self.panel_view()
        strip = self._strip
        if strip is None or view is None or self._live is not None:
            return None
        return nearest_image(strip, view.recipe, column_of(strip, float(frame)))
