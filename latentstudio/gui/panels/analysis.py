"""Any analysis of the dataset under the model: its parameters, and plots that select images."""

from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from latentstudio.analyses import ANALYSES
from latentstudio.controls import controls
from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput
from latentstudio.gui.panels.result_panel import FORM_WIDTH, ResultPanel
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.form import ParameterForm
from latentstudio.gui.widgets.form_column import FormColumn
from latentstudio.gui.widgets.frame_actions import FrameActions
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.picture_desk import PictureDesk
from latentstudio.gui.widgets.slot import SlotWidget
from latentstudio.gui.widgets.slot_binding import SlotBinding
from latentstudio.studio.document import Document

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


class AnalysisPanel(ResultPanel):
    """Shows one analysis panel of the document and lets it be changed."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        analysis = ANALYSES[controller.document.panel(panel_id).name]
        self.desk = PictureDesk(controller, self)
        self.form = ParameterForm(controls(analysis), self)
        self.restrict = QCheckBox("Restrict to the selection", self)
        self.restrict.setToolTip("Look only at the selected images; without a selection, at all of them")
        self.restrict.setVisible(bool(analysis.needs_data))
        slots = getattr(analysis, "slots", ())
        self.slots = tuple(SlotWidget(s.name, s.label, s.hint, s.many, parent=self) for s in slots)
        self._bindings = tuple(SlotBinding(slot, controller, panel_id, self.desk) for slot in self.slots)
        self.side = FormColumn(FORM_WIDTH - 20, self)
        self._arrange()
        self.form.changed.connect(self.set_param)
        self.form.settled.connect(controller.end_gesture)
        self.restrict.clicked.connect(self._follow_selection)
        self.result.frames_made.connect(self._serve)
        self.result.selected.connect(lambda indices, how: controller.select(indices, how))
        self.follow()

    def _arrange(self) -> None:
        side = self.side.column
        for widget in (*self.beside(), *self.slots):
            side.addWidget(widget)
        side.addWidget(self.form)
        side.addWidget(self.restrict)
        side.addStretch(1)
        shown = QVBoxLayout()
        shown.setSpacing(GAP // 2)
        shown.addWidget(self.hairline)
        shown.addWidget(self.result, 1)
        shown.addWidget(self.words)
        self._sides = QHBoxLayout(self)
        self._sides.setContentsMargins(GAP, GAP, GAP, GAP // 2)
        self._sides.setSpacing(GAP * 2)
        self._sides.addLayout(shown, 1)
        self._sides.addWidget(self.side)
        self.side.setVisible(bool(self.form.fields) or not self.restrict.isHidden())

    def beside(self) -> tuple[QWidget, ...]:
        """Return further widgets that stand above the form."""
        return ()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the form above the result where the panel is narrow."""
        super().resizeEvent(event)
        self.side.fit(self._sides, self.width(), QBoxLayout.Direction.BottomToTop)

    def _serve(self, view: FramesView) -> None:
        """Give pictures in a result their hover, drag, card and menu."""

        def code(frame: int) -> CodeInput:
            frames = view.frames
            if frames is None or frame >= len(frames):
                raise UserError("That picture has gone.")
            return CodeInput.of(frames.codes[frame], label=view.title(frame), origin=self.panel_id)

        FrameActions(view, self.controller, self.desk, code, lambda _frame: None)

    def _follow_selection(self, on: bool) -> None:
        def change(document: Document) -> Document:
            return document.with_panel(replace(document.panel(self.panel_id), follow_selection=on))

        self.controller.edit("Restrict to the selection" if on else "Look at all images", change)

    def show_document(self) -> None:
        """Show parameters and selection."""
        document = self.controller.document
        try:
            panel = document.panel(self.panel_id)
        except KeyError:
            return
        self.form.set_parts(self.parts())
        self.form.set_attributes(self.attributes())
        self.form.set_values(panel.params)
        for binding in self._bindings:
            binding.refresh()
        self.restrict.setChecked(panel.follow_selection)
        count = len(document.selection)
        self.restrict.setText(f"Restrict to the selection ({count:,})" if count else "Restrict to the selection")
        self.result.set_selection(() if panel.follow_selection else document.selection)
