"""Any operation: its parameters, its slots, and what it makes. Forms and slots come from the operation's own class."""

from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from latentstudio.controls import controls
from latentstudio.gui.panels.result_panel import FORM_WIDTH, ResultPanel
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.form import ParameterForm
from latentstudio.gui.widgets.form_column import FormColumn
from latentstudio.gui.widgets.frame_actions import FrameActions
from latentstudio.gui.widgets.frames_of import nearest_image
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.picture_desk import PictureDesk
from latentstudio.gui.widgets.slot import SlotWidget
from latentstudio.gui.widgets.slot_binding import SlotBinding
from latentstudio.operations import OPERATIONS
from latentstudio.results import ImageGrid, Strip

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


class OperationPanel(ResultPanel):
    """Shows one operation panel of the document and lets it be changed."""

    form_width = FORM_WIDTH

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        operation = OPERATIONS[controller.document.panel(panel_id).name]
        self.desk = PictureDesk(controller, self)
        self.form = ParameterForm(controls(operation), self)
        self.slots = tuple(SlotWidget(s.name, s.label, s.hint, s.many, parent=self) for s in operation.slots)
        self._bindings = tuple(SlotBinding(slot, controller, panel_id, self.desk) for slot in self.slots)
        self.side = FormColumn(self.form_width, self)
        self._arrange()
        self._connect()
        self.follow()

    def _arrange(self) -> None:
        side = self.side.column
        slots = QHBoxLayout()
        slots.setSpacing(GAP)
        for slot in self.slots:
            slots.addWidget(slot)
        slots.addStretch(1)
        if self.slots:
            side.addLayout(slots)
        side.addWidget(self.form)
        side.addStretch(1)
        shown = QVBoxLayout()
        shown.setSpacing(GAP // 2)
        shown.addWidget(self.hairline)
        shown.addWidget(self.result, 1)
        shown.addWidget(self.words)
        self._sides = layout = QHBoxLayout(self)
        layout.setContentsMargins(GAP, GAP, GAP, GAP // 2)
        layout.setSpacing(GAP * 2)
        layout.addWidget(self.side)
        layout.addLayout(shown, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the form above the result where the panel is narrow."""
        super().resizeEvent(event)
        self.side.fit(self._sides, self.width(), QBoxLayout.Direction.TopToBottom)

    def _connect(self) -> None:
        controller = self.controller
        self.form.changed.connect(self.set_param)
        self.form.settled.connect(controller.end_gesture)
        self.result.frames_made.connect(self._serve)
        for slot in self.slots:
            slot.words_changed.connect(lambda _words: self.say())

    def _serve(self, view: FramesView) -> None:
        """Give a new view of frames its hover, drag, card and menu."""
        FrameActions(
            view,
            self.controller,
            self.desk,
            lambda frame: self.controller.input_of_frame(self.panel_id, frame),
            self._nearest,
        )

    def _nearest(self, frame: int) -> tuple[str, int, str] | None:
        view = self.panel_view()
        result = view.result if view is not None else None
        if view is None or not isinstance(result, Strip | ImageGrid):
            return None
        return nearest_image(result, view.recipe, frame)

    def show_document(self) -> None:
        """Show parameters and slots."""
        try:
            panel = self.controller.document.panel(self.panel_id)
        except KeyError:
            return
        self.form.set_parts(self.parts())
        self.form.set_attributes(self.attributes())
        self.form.set_values(panel.params)
        for binding in self._bindings:
            binding.refresh()

    def say(self) -> None:
        """Say what a drop would do, else the caption or the state."""
        hovering = next((slot.words for slot in self.slots if slot.words), "")
        if hovering:
            self.words.say(hovering, "info")
        else:
            super().say()
