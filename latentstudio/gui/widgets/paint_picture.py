"""A picture on which a place is clicked or painted, with a map laid over it on demand."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import colors, small_font, theme_signals
from latentstudio.gui.widgets.painting import focus_ring, frame_box, pen, with_alpha, write_wrapped
from latentstudio.gui.widgets.region import Grid
from latentstudio.gui.widgets.tints import tinted

Bytes = NDArray[np.uint8]
EDGE = 192
"""Edge of the picture in px."""
WIDEST_BRUSH = 16
_FAR = 8
_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class PaintPicture(QWidget):
    """A press begins a new place and drags paint it; with Shift they add to it, with Ctrl they take away.

    By keyboard: arrows move the cursor (with Shift by eight pixels), Enter begins a new place there, Space adds,
    Backspace takes away, Delete clears, [ and ] change the brush, Escape gives up a stroke.

    Signals
    -------
    painted : the place, a sorted tuple of pixel numbers, when the hand lets go. brush_changed : radius in px.
    pointed : words for what is under the pointer, empty when it leaves.
    """

    painted = Signal(object)
    brush_changed = Signal(int)
    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(EDGE, EDGE)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Picture to paint a place on")
        self.grid = Grid(1, 1)
        self.brush = 1
        self._picture: Bytes | None = None
        self._overlay: NDArray[np.float64] | None = None
        self._hint = ""
        self._stale = False
        self._region: frozenset[int] = frozenset()
        self._base: frozenset[int] | None = None
        self._erasing = False
        self._last = 0
        self._cursor = 0
        self._under = -1
        theme_signals().changed.connect(self.update)

    # State.

    @property
    def region(self) -> tuple[int, ...]:
        """The painted pixels, ascending."""
        return tuple(sorted(self._region))

    @property
    def painting(self) -> bool:
        """Whether the hand is at it."""
        return self._base is not None

    def set_grid(self, height: int, width: int) -> None:
        """Say how many pixels the model's pictures have; the picture on show may have another size."""
        if (height, width) != (self.grid.height, self.grid.width):
            self.grid = Grid(height, width)
            self._cursor = self.grid.number(height // 2, width // 2)
            self.update()

    def set_picture(self, picture: Bytes | None, hint: str = "") -> None:
        """Show a picture, uint8 (h, w, C), or a hint where there is none."""
        self._picture, self._hint = picture, hint
        self.update()

    def set_overlay(self, values: NDArray[np.float64] | None) -> None:
        """Lay a map (H, W) over the picture, dark where it is zero; None takes it away."""
        if values is not self._overlay:
            self._overlay = values
            self.update()

    def set_stale(self, stale: bool) -> None:
        """Dim what belongs to an earlier state."""
        if stale != self._stale:
            self._stale = stale
            self.update()

    def set_region(self, region: tuple[int, ...]) -> None:
        """Show a place; not while the hand paints."""
        found = frozenset(p for p in region if 0 <= p < self.grid.height * self.grid.width)
        if not self.painting and found != self._region:
            self._region = found
            self._tell()

    def set_brush(self, radius: int) -> None:
        """Take a brush of another radius in px."""
        self.brush = min(max(int(radius), 0), WIDEST_BRUSH)
        self.update()

    def _tell(self) -> None:
        row, column = self.grid.place(self._cursor)
        self.setAccessibleDescription(f"{self.grid.words(self._region)}; cursor in row {row}, column {column}")
        self.update()

    # Places.

    def area(self) -> QRectF:
        """Rectangle of the picture."""
        scale = min(self.width() / self.grid.width, self.height() / self.grid.height)
        width, height = self.grid.width * scale, self.grid.height * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def pixel_at(self, point: QPointF) -> int:
        """Number of the pixel at or nearest to a point."""
        area = self.area()
        row = int((point.y() - area.top()) // (area.height() / self.grid.height))
        column = int((point.x() - area.left()) // (area.width() / self.grid.width))
        return self.grid.number(row, column)

    def box(self, pixel: int) -> QRectF:
        """Rectangle of a pixel."""
        area, (row, column) = self.area(), self.grid.place(pixel)
        width, height = area.width() / self.grid.width, area.height() / self.grid.height
        return QRectF(area.left() + column * width, area.top() + row * height, width, height)

    # Mouse.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a place, add to it, or take from it."""
        if event.button() != Qt.MouseButton.LeftButton or self._picture is None:
            super().mousePressEvent(event)
            return
        self._erasing = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        adding = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._base = self._region
        self._cursor = self._last = self.pixel_at(event.position())
        if not adding and not self._erasing:
            self._region = frozenset()
        self._touch(self.grid.dab(self._last, self.brush))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Paint along, or say what is under the pointer."""
        pixel = self.pixel_at(event.position())
        if self.painting and event.buttons() & Qt.MouseButton.LeftButton:
            self._touch(self.grid.stroke(self._last, pixel, self.brush))
            self._last = self._cursor = pixel
        if pixel != self._under:
            self._under = pixel
            row, column = self.grid.place(pixel)
            words = f"row {row}, column {column}"
            if self._overlay is not None and self._overlay.shape == (self.grid.height, self.grid.width):
                words += f": {self._overlay[row, column]:.1f} grey levels"
            self.pointed.emit(words)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The place is painted."""
        if event.button() == Qt.MouseButton.LeftButton and self.painting:
            self._finish()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._under = -1
        self.pointed.emit("")
        self.update()
        super().leaveEvent(event)

    def _touch(self, pixels: frozenset[int]) -> None:
        self._region = self._region - pixels if self._erasing else self._region | pixels
        self._tell()

    def _finish(self) -> None:
        base, self._base, self._erasing = self._base, None, False
        if base != self._region:
            self.painted.emit(self.region)

    # Keyboard.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cursor, paint, clear, change the brush, or give up a stroke."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self._base is not None:
            self._region, self._base, self._erasing = self._base, None, False
            self._tell()
        elif key in _MOVES:
            far = _FAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            row, column = self.grid.place(self._cursor)
            down, right = _MOVES[key]
            self._cursor = self.grid.number(row + far * down, column + far * right)
            self._tell()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.set_brush(self.brush + (1 if key == Qt.Key.Key_BracketRight else -1))
            self.brush_changed.emit(self.brush)
        elif self._picture is None or not self._paint_by_key(key):
            super().keyPressEvent(event)

    def _paint_by_key(self, key: Qt.Key) -> bool:
        dab, before = self.grid.dab(self._cursor, self.brush), self._region
        changed = {
            Qt.Key.Key_Return: dab,
            Qt.Key.Key_Enter: dab,
            Qt.Key.Key_Space: before | dab,
            Qt.Key.Key_Backspace: before - dab,
            Qt.Key.Key_Delete: frozenset(),
        }.get(key)
        if changed is None:
            return False
        self._region = changed
        self._tell()
        if changed != before:
            self.painted.emit(self.region)
        return True

    # Painting.

    def sizeHint(self) -> QSize:
        """A square."""
        return self.minimumSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture or the map, the place, the brush and the keyboard's cursor."""
        painter, palette, area = QPainter(self), colors(), self.area()
        painter.fillRect(area, QColor(palette.sunken))
        painter.setOpacity(0.4 if self._stale else 1.0)
        shown = self._picture
        if self._overlay is not None:
            finite = self._overlay[np.isfinite(self._overlay)]
            shown = tinted(self._overlay, 0.0, max(1.0, float(finite.max(initial=0.0))), False)
        if shown is not None:
            picture = pixmap(shown, max(area.width(), area.height()), self.devicePixelRatioF())
            painter.drawPixmap(area, picture, QRectF(picture.rect()))
        else:
            write_wrapped(painter, area.adjusted(8, 8, -8, -8), self._hint, palette.muted, small_font(1.0))
        painter.setOpacity(1.0)
        self._paint_place(painter)
        if self.hasFocus():
            frame_box(painter, self.box(self._cursor).adjusted(-1, -1, 1, 1), None, pen(palette.accent, 2.0), 1)
            focus_ring(painter, area.adjusted(2, 2, -2, -2), 0.0)
        if self._under >= 0 and self._picture is not None:
            box = self.box(self._under)
            radius = (self.brush + 0.5) * box.width()
            # White in black shows on every picture.
            for colour, width in (("#000000", 3.0), ("#ffffff", 1.2)):
                painter.setPen(QPen(QColor(colour), width))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(box.center(), radius, radius)
        painter.end()

    def _paint_place(self, painter: QPainter) -> None:
        """A light wash over the place, and a line along its edge."""
        fill, width = with_alpha(colors().accent, 0.30), self.grid.width
        for pixel in self._region:
            painter.fillRect(self.box(pixel), fill)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for colour, thickness in (("#000000", 3.0), (colors().accent, 1.5)):
            painter.setPen(QPen(QColor(colour), thickness))
            for pixel in self._region:
                box, (_, column) = self.box(pixel), self.grid.place(pixel)
                if pixel - width not in self._region:
                    painter.drawLine(box.topLeft(), box.topRight())
                if pixel + width not in self._region:
                    painter.drawLine(box.bottomLeft(), box.bottomRight())
                if column == 0 or pixel - 1 not in self._region:
                    painter.drawLine(box.topLeft(), box.bottomLeft())
                if column == width - 1 or pixel + 1 not in self._region:
                    painter.drawLine(box.topRight(), box.bottomRight())
