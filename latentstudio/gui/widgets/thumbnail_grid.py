"""The grid of thumbnails that a person selects from, drags from and walks through with the keyboard."""

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from latentstudio.gui.widgets.thumbnail_view import ThumbnailView


class ThumbnailGrid(ThumbnailView):
    """Thumbnails with one selection.

    Selecting follows the usual rules: a click replaces, Shift extends, Ctrl toggles, a drag over empty ground spans a
    rectangle, and a drag from a thumbnail carries it (or the selection it belongs to) away.

    Signals
    -------
    selected(object, str) : dataset indices and ``replace``, ``add`` or ``toggle``.
    activated(int) : double click or Enter on an image.
    hovered(int) : image under the pointer, -1 for none.
    dragged(object) : dataset indices that a drag takes along.
    menu_asked(int, QPoint) : context menu over an image, global position.
    enlarged(int) : Space on an image.
    """

    selected = Signal(object, str)
    activated = Signal(int)
    hovered = Signal(int)
    dragged = Signal(object)
    menu_asked = Signal(int, QPoint)
    enlarged = Signal(int)
    used = Signal(int, str)  # put the image on slot a or b

    _press: QPoint | None = None
    _press_place = -1

    # --- mouse ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click, a drag or a rubber band."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._press = event.position().toPoint()
        self._press_place = self.geometry_now().place_at(self._press)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Hover, drag thumbnails away, or span a rectangle."""
        point = event.position().toPoint()
        if self._press is None:
            self._set_hover(self.geometry_now().place_at(point))
            return
        if (point - self._press).manhattanLength() < QApplication.startDragDistance() and self._band is None:
            return
        if self._press_place >= 0 and self._band is None:
            index = int(self._order[self._press_place])
            carried = (
                [int(i) for i in self._order if int(i) in self._selection] if index in self._selection else [index]
            )
            self._press = None
            self.dragged.emit(tuple(carried))
            return
        self._band = QRect(self._press, point).normalized()
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Finish a click or a rectangle."""
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            return
        modifiers, place = event.modifiers(), self._press_place
        band, self._press, self._band = self._band, None, None
        if band is not None:
            inside = tuple(int(self._order[place]) for place in self.geometry_now().places_in(band))
            self.selected.emit(inside, "add" if modifiers & Qt.KeyboardModifier.ControlModifier else "replace")
            self.viewport().update()
        elif place >= 0:
            self._choose(place, modifiers)
        elif not modifiers:
            self.selected.emit((), "replace")

    def _choose(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        index = int(self._order[place])
        self._cursor = place
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._anchor >= 0:
            first, last = sorted((self._anchor, place))
            self.selected.emit(tuple(int(i) for i in self._order[first : last + 1]), "replace")
            return
        self._anchor = place
        toggle = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        self.selected.emit((index,), "toggle" if toggle else "replace")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the image under the pointer."""
        place = self.geometry_now().place_at(event.position().toPoint())
        if place >= 0:
            self.activated.emit(int(self._order[place]))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for a menu; an image outside the selection becomes the selection first."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        place = self._cursor if by_key else self.geometry_now().place_at(event.pos())
        if place < 0:
            return
        index = int(self._order[place])
        if index not in self._selection:
            self.selected.emit((index,), "replace")
        position = (
            self.viewport().mapToGlobal(self.geometry_now().cell(place).center()) if by_key else event.globalPos()
        )
        self.menu_asked.emit(index, position)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl change the size of the thumbnails."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step = 8 if event.angleDelta().y() > 0 else -8
            self.set_edge(int(np.clip(self._edge + step, 32, 256)))
            event.accept()
            return
        super().wheelEvent(event)

    def _set_hover(self, place: int) -> None:
        if place != self._hover:
            self._hover = place
            self.viewport().update()
            self.hovered.emit(int(self._order[place]) if place >= 0 else -1)

    def viewportEvent(self, event: QEvent) -> bool:
        """Notice the pointer leaving, and explain pictures that could not be read."""
        if event.type() == QEvent.Type.Leave:
            self._set_hover(-1)
        elif event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.geometry_now().place_at(event.pos())
            text = self._failed.get(int(self._order[place]), "") if place >= 0 else ""
            self.viewport().setToolTip(text)
        return super().viewportEvent(event)

    # --- keyboard ------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows, extend with Shift, toggle with Ctrl+Space, open with Enter, enlarge with Space.

        A and B put the image on that slot of the strip.
        """
        geometry = self.geometry_now()
        columns, page = geometry.columns, max(1, geometry.height // geometry.pitch) * geometry.columns
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -len(self._order),
            Qt.Key.Key_End: len(self._order),
        }
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if key in steps and len(self._order):
            self._cursor = int(np.clip(max(self._cursor, 0) + steps[key], 0, len(self._order) - 1))
            if not control:
                self._choose(self._cursor, event.modifiers())
            self.reveal(int(self._order[self._cursor]))
            self.viewport().update()
        elif key == Qt.Key.Key_A and control:
            self.selected.emit(tuple(int(i) for i in self._order), "replace")
        elif key == Qt.Key.Key_Escape and self._selection:
            self.selected.emit((), "replace")
        elif self._cursor >= 0 and key == Qt.Key.Key_Space:
            index = int(self._order[self._cursor])
            if control:
                self.selected.emit((index,), "toggle")
            else:
                self.enlarged.emit(index)
        elif self._cursor >= 0 and key in (Qt.Key.Key_A, Qt.Key.Key_B) and not event.modifiers():
            self.used.emit(int(self._order[self._cursor]), "a" if key == Qt.Key.Key_A else "b")
        elif self._cursor >= 0 and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(int(self._order[self._cursor]))
        else:
            super().keyPressEvent(event)
