"""A picture that fills its width, can be dragged away, and answers to click, Enter and Space."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from latentstudio.figures.recipe import Input
from latentstudio.gui.dragging import start_drag
from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import colors, small_font, theme_signals


class PictureLabel(QWidget):
    """A picture with an optional caption beneath.

    Parameters
    ----------
    edge : fixed edge in px, or None to fill the width (a square).
    input_of : returns what a drag carries, None for nothing.

    Signals
    -------
    clicked : click, Enter; enlarged : double click or Space.
    """

    clicked = Signal()
    enlarged = Signal()

    def __init__(self, name: str, edge: int | None = None, input_of: Callable[[], Input | None] = lambda: None) -> None:
        super().__init__()
        self._edge, self._input_of = edge, input_of
        self._pixels: NDArray[np.uint8] | None = None
        self._caption = ""
        self._press: QPoint | None = None
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(
            QSizePolicy.Policy.Fixed if edge else QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        )
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme_signals().changed.connect(self.update)

    def set_picture(self, pixels: NDArray[np.uint8] | None, caption: str = "") -> None:
        """Show a picture, uint8 (H, W, C), or an empty field."""
        if bool(caption) != bool(self._caption):
            self.updateGeometry()
        self._pixels, self._caption = pixels, caption
        self.update()

    def hasHeightForWidth(self) -> bool:
        """The picture stays square."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height for a width, px."""
        return (self._edge or width) + self._caption_height()

    def sizeHint(self) -> QSize:
        """The fixed edge, or a middling one."""
        edge = self._edge or 200
        return QSize(edge, edge + self._caption_height())

    def _caption_height(self) -> int:
        return self.fontMetrics().height() + 2 if self._caption else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint picture, caption and focus ring."""
        painter, palette = QPainter(self), colors()
        edge = min(self.width(), self.height() - self._caption_height())
        left = (self.width() - edge) // 2
        if self._pixels is None:
            painter.fillRect(left, 0, edge, edge, QColor(palette.sunken))
        else:
            picture = pixmap(self._pixels, edge, self.devicePixelRatioF())
            size = picture.deviceIndependentSize().toSize()
            painter.drawPixmap(left + (edge - size.width()) // 2, (edge - size.height()) // 2, picture)
        if self.hasFocus():
            painter.setPen(QPen(QColor(palette.accent), 1))
            painter.drawRect(left, 0, edge - 1, edge - 1)
        if self._caption:
            painter.setFont(small_font(0.82))
            painter.setPen(QColor(palette.muted))
            area = self.rect().adjusted(0, edge + 1, 0, 0)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop), self._caption)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a click or drag began."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the picture's input away."""
        if self._press is None:
            return
        if (event.position().toPoint() - self._press).manhattanLength() < QApplication.startDragDistance():
            return
        self._press = None
        item = self._input_of()
        if item is not None:
            start_drag(self, (item,), self._pixels)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press and release in one place is a click."""
        if event.button() == Qt.MouseButton.LeftButton and self._press is not None:
            self._press = None
            self.clicked.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge."""
        self.enlarged.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter clicks, Space enlarges."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit()
        elif event.key() == Qt.Key.Key_Space:
            self.enlarged.emit()
        else:
            super().keyPressEvent(event)
