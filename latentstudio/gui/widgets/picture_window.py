"""One picture, large: opened by Space, closed by Space or Esc."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QWidget

from latentstudio.figures.recipe import ImageInput, Input
from latentstudio.gui.dragging import label_of
from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import GAP, colors
from latentstudio.gui.views import PictureReady

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


class PictureWindow(QDialog):
    """Shows a thumbnail at once and the picture at its native resolution when it comes."""

    def __init__(self, item: Input, pixels: NDArray[np.uint8] | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item = item
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(label_of(item))
        self._pixels = pixels
        self.resize(560, 600)

    @staticmethod
    def show_input(
        controller: "Controller", item: Input, pixels: NDArray[np.uint8] | None, parent: QWidget
    ) -> "PictureWindow":
        """Open the window for an input, and ask the engine for the whole picture of a dataset image."""
        window = PictureWindow(item, pixels, parent)
        if isinstance(item, ImageInput):
            controller.picture_ready.connect(window.receive)
            window.finished.connect(lambda: controller.picture_ready.disconnect(window.receive))
            controller.request_picture(item.index, item.dataset)
        window.show()
        return window

    def receive(self, picture: PictureReady) -> None:
        """Take the picture at its native resolution when it is the one that this window shows."""
        item = self._item
        if isinstance(item, ImageInput) and (item.dataset, item.index) == (picture.spec, picture.index):
            self._pixels = picture.pixels
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture as large as fits, and its size beneath."""
        painter, palette = QPainter(self), colors()
        painter.fillRect(self.rect(), QColor(palette.sunken))
        if self._pixels is None:
            return
        caption = self.fontMetrics().height() + GAP
        edge = min(self.width() - 2 * GAP, self.height() - 2 * GAP - caption)
        picture = pixmap(self._pixels, edge, self.devicePixelRatioF())
        size = picture.deviceIndependentSize().toSize()
        x, y = (self.width() - size.width()) // 2, (self.height() - caption - size.height()) // 2
        painter.drawPixmap(x, y, picture)
        painter.setPen(QColor(palette.muted))
        height, width = self._pixels.shape[:2]
        line = self.rect().adjusted(0, self.height() - caption - GAP // 2, 0, -GAP // 2)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), f"{width} × {height} px")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Space as on Esc."""
        if event.key() == Qt.Key.Key_Space:
            self.close()
        else:
            super().keyPressEvent(event)
