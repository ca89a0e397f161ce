"""Drops beside the slots of a strip: the nearer end takes one picture, two pictures fill both ends."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from latentstudio.figures.recipe import Input
from latentstudio.gui import dragging, edits
from latentstudio.gui.panels.recipe_panel import RecipePanel
from latentstudio.gui.widgets.drop_target import picture_paths
from latentstudio.gui.widgets.slot import SlotWidget
from latentstudio.operations import OPERATIONS

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


class StripDrops(RecipePanel):
    """A panel with slots A and B that takes drops all over its face."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        a, b = OPERATIONS["interpolate"].slots
        self.slot_a = SlotWidget(a.name, a.label, a.hint, partner=b.label, parent=self)
        self.slot_b = SlotWidget(b.name, b.label, b.hint, partner=a.label, parent=self)
        self.setAcceptDrops(True)

    def drop_targets(self, mime: QMimeData, where: QPoint) -> tuple[tuple[SlotWidget, tuple[Input, ...]], ...]:
        """Return which slots a drop at `where` fills, and with what; files go to the nearer slot with no inputs."""
        inputs = dragging.inputs_of(mime)
        if len(inputs) >= 2:
            return (self.slot_a, inputs[:1]), (self.slot_b, inputs[1:2])
        if not inputs and not picture_paths(mime):
            return ()
        empty = [slot for slot in (self.slot_a, self.slot_b) if not slot.inputs]
        nearer = self.slot_a if where.x() < self.width() / 2 else self.slot_b
        return ((empty[0] if len(empty) == 1 else nearer, inputs[:1]),)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Say which end will take the drop."""
        self._drag_over(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Follow the pointer to the nearer end."""
        self._drag_over(event)

    def _drag_over(self, event: QDragMoveEvent) -> None:
        targets = self.drop_targets(event.mimeData(), event.position().toPoint())
        for slot in (self.slot_a, self.slot_b):
            slot.announce(event.mimeData() if any(slot is target for target, _ in targets) else None)
        if targets:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The drag went elsewhere."""
        for slot in (self.slot_a, self.slot_b):
            slot.announce(None)

    def dropEvent(self, event: QDropEvent) -> None:
        """Fill one slot, or both by one step."""
        targets = self.drop_targets(event.mimeData(), event.position().toPoint())
        self.dragLeaveEvent(QDragLeaveEvent())
        if len(targets) == 2:
            self._put_pair(targets[0][1], targets[1][1])
        elif targets:
            targets[0][0].take(event.mimeData())
        if targets:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def _put_pair(self, a: tuple[Input, ...], b: tuple[Input, ...]) -> None:
        self.controller.edit(
            "Drop on A and B", lambda d: edits.set_slot(edits.set_slot(d, self.panel_id, "a", a), self.panel_id, "b", b)
        )
