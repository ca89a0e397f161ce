"""A photo on which a person marks the two eyes."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from latentstudio.data.align import Eyes, Point
from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import colors

REACH = 14.0


class EyeMarker(QWidget):
    """Two markers that follow clicks and drags; arrows move the current one by a pixel of the photo, Tab changes it.

    `changed` carries the eyes, ((x, y), (x, y)) in px of the photo.
    """

    changed = Signal(object)

    def __init__(self, picture: NDArray[np.uint8], eyes: Eyes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = picture
        self._eyes: list[Point] = [eyes[0], eyes[1]]
        self._current = 0
        self._dragging = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(320, 320)
        self.setAccessibleName(
            "Photo with two eye markers; arrows move the marker, E changes between left and right eye"
        )

    @property
    def eyes(self) -> Eyes:
        """The marked places in px of the photo."""
        return self._eyes[0], self._eyes[1]

    def sizeHint(self) -> QSize:
        """Large enough to hit an eye."""
        return QSize(520, 520)

    def _frame(self) -> QRectF:
        height, width = self._picture.shape[:2]
        scale = min(self.width() / width, self.height() / height)
        size = width * scale, height * scale
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, *size)

    def on_screen(self, eye: Point) -> QPointF:
        """Where a point of the photo lies in the widget."""
        frame, scale = self._frame(), self._frame().width() / self._picture.shape[1]
        return QPointF(frame.x() + (eye[0] + 0.5) * scale, frame.y() + (eye[1] + 0.5) * scale)

    def _in_photo(self, place: QPointF) -> Point:
        frame = self._frame()
        height, width = self._picture.shape[:2]
        scale = frame.width() / width
        x, y = (place.x() - frame.x()) / scale - 0.5, (place.y() - frame.y()) / scale - 0.5
        return min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)

    def _nearest(self, place: QPointF) -> int:
        distances = [math.hypot(*(self.on_screen(eye) - place).toTuple()) for eye in self._eyes]
        return int(distances[1] < distances[0])

    def _move(self, number: int, eye: Point) -> None:
        self._current, self._eyes[number] = number, eye
        self.update()
        self.changed.emit(self.eyes)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearer marker to the pointer."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragging = True
            self._move(self._nearest(event.position()), self._in_photo(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Let the marker follow."""
        if self._dragging:
            self._move(self._current, self._in_photo(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._dragging = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the current marker, with Shift by ten; E takes the other one."""
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_E:
            self._current = 1 - self._current
            self.update()
        elif key in steps:
            far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            (x, y), (dx, dy) = self._eyes[self._current], steps[key]
            height, width = self._picture.shape[:2]
            self._move(self._current, (min(max(x + far * dx, 0), width - 1), min(max(y + far * dy, 0), height - 1)))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the photo, the line between the eyes and the markers."""
        painter, palette = QPainter(self), colors()
        painter.fillRect(self.rect(), QColor(palette.sunken))
        frame = self._frame()
        picture = pixmap(self._picture, max(frame.width(), frame.height()), self.devicePixelRatioF())
        painter.drawPixmap(frame, picture, QRectF(picture.rect()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = [self.on_screen(eye) for eye in self._eyes]
        for colour, width in ((QColor(0, 0, 0, 140), 3.0), (QColor(palette.accent), 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(places[0], places[1])
            for number, place in enumerate(places):
                radius = REACH / 2 + (2 if number == self._current and self.hasFocus() else 0)
                painter.drawEllipse(place, radius, radius)
                for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                    near, far = QPointF(dx, dy) * 3, QPointF(dx, dy) * radius
                    painter.drawLine(place + near, place + far)
