"""The interpolation strip: A and B at the ends, paths between them, a slider that decodes live, the prior below."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import (
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from latentstudio.figures.recipe import CodeInput
from latentstudio.gui.panels.strip_drops import StripDrops
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.frame_actions import FrameActions
from latentstudio.gui.widgets.frames_of import at_position, nearest_image
from latentstudio.gui.widgets.lines import Hairline, WordLine
from latentstudio.gui.widgets.picture_desk import PictureDesk
from latentstudio.gui.widgets.prior_curve import QUANTITIES, PriorCurve
from latentstudio.gui.widgets.readouts import place as place_words
from latentstudio.gui.widgets.scrub import ScrubPreview, ScrubSlider
from latentstudio.gui.widgets.slot_binding import SlotBinding
from latentstudio.gui.widgets.strip_controls import StripControls
from latentstudio.gui.widgets.strip_geometry import StripGeometry
from latentstudio.gui.widgets.strip_view import StripView
from latentstudio.operations import OPERATIONS
from latentstudio.results import Frames, Strip
from latentstudio.studio.document import Panel

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.views import PanelView

QUANTITY_LABELS = ("Norm", "Log-density", "Percentile")
MIDDLE = 0.5
"""Where the slider stands at first."""
_NARROW = 740
"""Width in px below which the chips stand in two rows, so that the preview keeps its place."""
_LEAST_ROOM = 72
"""Height in px of the rows' own scroll area below which the whole panel scrolls instead."""


class StripPanel(StripDrops):
    """Shows one interpolation panel of the document and lets it be changed. There may be several."""

    def __init__(self, controller: "Controller", panel_id: str = "strip-1", parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        self._strip: Strip | None = None
        self._preview_at: float | None = None
        self._noted = MIDDLE
        self._waiting_place: float | None = None
        self.desk = PictureDesk(controller, self)
        a, b = OPERATIONS["interpolate"].slots
        self._bindings = (
            SlotBinding(self.slot_a, controller, panel_id, self.desk, partner=b.name),
            SlotBinding(self.slot_b, controller, panel_id, self.desk, partner=a.name),
        )
        self.controls = StripControls(self)
        self.preview = ScrubPreview(self)
        self.hairline = Hairline(self)
        self.view = StripView()
        self.scroller = QScrollArea(self)
        self.scrub = ScrubSlider(self)
        self.curve = PriorCurve(self)
        self.words = WordLine(self)
        self.quantity = ToggleChips(QUANTITIES, QUANTITY_LABELS, single=True, parent=self)
        self.quantity.set_chosen(("norm",))
        self.quantity.setAccessibleName("What the curve shows")
        self._arrange()
        self._connect()
        self.follow()

    # Building.

    def _arrange(self) -> None:
        self.scroller.setWidget(self.view)
        self.scroller.setWidgetResizable(True)
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroller.setMinimumHeight(_LEAST_ROOM)
        header = QHBoxLayout()
        header.setSpacing(GAP + GAP // 2)
        header.addWidget(self.slot_a, 0, Qt.AlignmentFlag.AlignTop)
        header.addWidget(self.controls)
        header.addWidget(self.preview, 1)
        header.addWidget(self.slot_b, 0, Qt.AlignmentFlag.AlignTop)
        foot = QHBoxLayout()
        foot.setSpacing(GAP)
        foot.addWidget(self.words, 1)
        foot.addWidget(self.quantity)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, GAP, GAP, GAP // 2)
        layout.setSpacing(GAP // 2)
        layout.addLayout(header, 1)
        layout.addWidget(self.hairline)
        layout.addWidget(self.scroller, 100)
        layout.addWidget(self.scrub)
        layout.addWidget(self.curve, 10)
        layout.addLayout(foot)
        layout.addStretch(0)
        for widget in (self.scrub, self.curve, self.quantity):
            # Their room is kept while there is nothing to show, so that the first result does not move the slots.
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        order = (self.slot_a, self.slot_b, *self.controls.paths.chips, self.controls.fields["steps"], self.view)
        for first, second in pairwise(order):
            QWidget.setTabOrder(first, second)

    def _connect(self) -> None:
        controller = self.controller
        controller.preview_changed.connect(self._preview_arrived)
        self.controls.changed.connect(self.set_param)
        self.controls.settled.connect(controller.end_gesture)
        self.controls.asked.connect(self._pair)
        self.scrub.scrubbed.connect(self._scrubbed)
        self.view.geometry_changed.connect(self._align)
        self.view.hovered.connect(self.curve.set_highlight)
        self.curve.pointed.connect(self.view.point_at)
        self.scrub.settled.connect(self._note_place)
        self.quantity.changed.connect(self._choose_quantity)
        for slot in (self.slot_a, self.slot_b):
            slot.words_changed.connect(lambda _words: self._say())
        self.actions_of_strip = FrameActions(
            self.view,
            controller,
            self.desk,
            lambda frame: controller.input_of_frame(self.panel_id, frame),
            self._nearest,
        )
        self.actions_of_preview = FrameActions(
            self.preview, controller, self.desk, self._input_of_preview, lambda _frame: None
        )

    # Showing.

    def show_document(self) -> None:
        """Show parameters and slots."""
        try:
            panel = self.controller.document.panel(self.panel_id)
        except KeyError:
            return
        self.controls.set_params(panel.params)
        self._show_view(panel)
        facts = self.controller.facts
        persons = facts is not None and facts.attributes.identity is not None
        self.controls.allow_pairs(facts is not None and facts.size > 1, persons)
        for binding in self._bindings:
            binding.refresh()

    def refresh(self) -> None:
        """Show what the controller says now."""
        view = self.panel_view()
        if view is None:
            return
        strip = view.result if isinstance(view.result, Strip) else None
        if strip is not None and not view.stale:
            self._remember_ends(strip, view)
        self.show_document()
        self._strip = strip
        self.view.set_hint(view.reason or view.error or ("" if strip else view.message))
        self.view.set_strip(strip)
        self.view.set_stale(view.stale or bool(strip and (view.reason or view.error)))
        self.curve.set_strip(strip, self.view.stale)
        for widget in (self.scrub, self.curve, self.quantity):
            widget.setVisible(strip is not None)
        self.quantity.chips[1].setEnabled(strip is None or strip.frames.log_prob is not None)
        self.hairline.set_fraction(view.fraction)
        self._align(self.view.layout_of_frames)
        self._show_preview(fresh=not view.stale)
        self._say()

    def _show_view(self, panel: Panel) -> None:
        """Show the quantity and the place of the slider that the document names."""
        quantity = panel.view.get("quantity", QUANTITIES[0])
        if quantity in QUANTITIES and quantity != self.curve.quantity:
            self.quantity.set_chosen((quantity,))
            self.curve.set_quantity(quantity)
        place = panel.view.get("position", MIDDLE)
        if place != self._noted and isinstance(place, int | float):
            self._noted = place
            self._put_place(float(place))
            self._show_preview(fresh=True, ask=True)

    def _put_place(self, place: float) -> None:
        """Put the slider at a place; one beyond the ends waits for the strip that reaches so far."""
        self.scrub.set_position(place)
        self.curve.set_position(self.scrub.position)
        self._waiting_place = place if abs(self.scrub.position - place) > 1e-9 else None

    def _remember_ends(self, strip: Strip, view: "PanelView") -> None:
        """The frames at both ends are the pictures of codes that lie on the slots."""
        if view.recipe is None:
            return
        for name, position in (("a", 0.0), ("b", 1.0)):
            item = next(iter(view.recipe.inputs.get(name, ())), None)
            frames = at_position(strip, position)
            if isinstance(item, CodeInput) and frames is not None and frames.ready[0]:
                self.desk.remember(item, frames.images[0])

    def _align(self, geometry: StripGeometry | None) -> None:
        positions = self._strip.positions if self._strip is not None else np.array([0.0, 1.0])
        self.scrub.set_columns(geometry, positions)
        if self._waiting_place is not None and self._strip is not None:
            self._put_place(self._waiting_place)
        self.curve.set_geometry(geometry)
        self.scroller.setMaximumHeight(round(geometry.height) + 1 if geometry is not None else 16_777_215)

    def _say(self) -> None:
        """One line for everything: what a drop will do, what went wrong, what is going on, where the result is from."""
        view = self.panel_view()
        hovering = self.slot_a.words or self.slot_b.words
        if hovering:
            self.words.say(hovering, "info")
        elif view is None:
            self.words.say("")
        elif view.error and self._strip is not None:
            self.words.say(view.error, "error")
        elif self._strip is not None and view.reason:
            self.words.say(view.reason, "warning")
        elif view.fraction < 1 and view.message:
            self.words.say(view.message, "info")
        elif self._strip is not None:
            self.words.say(" · ".join(filter(None, [self._strip.caption, *self._strip.notes])))
        else:
            self.words.say("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Set the chips as the width allows, and measure the room of the strip."""
        super().resizeEvent(event)
        self.controls.set_narrow(self.width() < _NARROW)
        self._measure()

    def event(self, event: QEvent) -> bool:
        """Measure again when anything around the strip has changed its height."""
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._measure()
        return handled

    def _measure(self) -> None:
        """Tell the strip how much height there is before rows scroll."""
        layout = self.layout()
        if layout is None:
            return
        others = layout.totalMinimumSize().height() - self.scroller.minimumHeight()
        host = self.parentWidget()
        low = host is not None and host.height() < others + _LEAST_ROOM
        self.view.set_room(max(_LEAST_ROOM, self.height() - others))
        # In a panel too low for everything the dock scrolls; a second scroll bar inside it would only be in the way.
        rows = self.view.layout_of_frames
        self.scroller.setMinimumHeight(round(rows.height) + 1 if low and rows is not None else _LEAST_ROOM)

    # Changing.

    def _pair(self, what: str) -> None:
        if what == "swap":
            self.controller.swap_slots(self.panel_id)
        else:
            self.controller.random_pair(self.panel_id, {"any": None, "same": True, "other": False}[what])

    def _choose_quantity(self, chosen: tuple[str, ...]) -> None:
        words = f"Show {dict(zip(QUANTITIES, QUANTITY_LABELS, strict=True))[chosen[0]].lower()}"
        self.controller.set_view(self.panel_id, "quantity", chosen[0] if chosen[0] != QUANTITIES[0] else None, words)
        self.controller.end_gesture()

    # The slider.

    def _note_place(self) -> None:
        """The hand let go of the slider: its place belongs to the session, as one step."""
        place = self.scrub.position
        if place != self._noted:
            self._noted = place
            words = f"Move along the path to {place_words(place)}"
            self.controller.set_view(self.panel_id, "position", place if place != MIDDLE else None, words)
            self.controller.end_gesture()

    def _scrubbed(self, position: float) -> None:
        self._waiting_place = None
        self.curve.set_position(position)
        self._show_preview(fresh=True, ask=True)

    def _show_preview(self, fresh: bool, ask: bool = False) -> None:
        """Show the frame at the slider: from the strip where it has it, else by asking for it."""
        strip, position = self._strip, self.scrub.position
        if strip is None:
            self.preview.set_preview(None, ())
            self._preview_at = None
            return
        frames = at_position(strip, position)
        self.preview.set_stale(not fresh)
        if frames is not None:
            self._put_preview(frames, position)
        elif ask or (fresh and self.controller.view(self.panel_id).fraction >= 1):
            self.controller.scrub(self.panel_id, position)

    def _preview_arrived(self, panel_id: str, frames: Frames) -> None:
        if panel_id == self.panel_id and self._strip is not None:
            self.preview.set_stale(False)
            self._put_preview(frames, self.scrub.position)

    def _put_preview(self, frames: Frames, position: float) -> None:
        assert self._strip is not None
        self._preview_at = position
        self.curve.set_position(position)
        self.preview.set_preview(frames, self._strip.row_labels, self._strip.norm_band, self._strip.log_prob_band)

    def _input_of_preview(self, frame: int) -> CodeInput:
        frames, strip = self.preview.frames, self._strip
        assert frames is not None
        label = strip.row_labels[frame] if strip is not None and frame < len(strip.row_labels) else "Path"
        words = f"{label} {place_words(self._preview_at or 0.0)}"
        return CodeInput.of(frames.codes[frame], label=words, origin=f"interpolate, position {self._preview_at}")

    def _nearest(self, frame: int) -> tuple[str, int, str] | None:
        view = self.panel_view()
        return nearest_image(self._strip, view.recipe, frame) if self._strip is not None and view is not None else None
