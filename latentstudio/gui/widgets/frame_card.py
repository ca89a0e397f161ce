"""A card beside the pointer: the frame larger, the dataset image nearest to it, and all that was measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import GAP, colors, numeric_font, small_font
from latentstudio.gui.widgets.painting import LEFT, RIGHT, frame_box, pen, write
from latentstudio.gui.widgets.readouts import Readout

_LINE = 17


@dataclass(frozen=True)
class CardFacts:
    """What stands on a card.

    Attributes
    ----------
    picture, nearest : uint8 (H, W, C); `nearest` is None while it is fetched or when there is none.
    title, nearest_title : words under the pictures; an empty `nearest_title` leaves the second picture out.
    lines : names and readouts.
    """

    picture: NDArray[np.uint8]
    title: str
    lines: tuple[tuple[str, Readout], ...] = ()
    nearest: NDArray[np.uint8] | None = None
    nearest_title: str = ""


class FrameCard(QWidget):
    """A window of its own that never takes the mouse or the keyboard."""

    def __init__(self, parent: QWidget, edge: int = 144) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self._edge = edge
        self._facts: CardFacts | None = None

    @property
    def facts(self) -> CardFacts | None:
        """What the card shows."""
        return self._facts

    def set_facts(self, facts: CardFacts) -> None:
        """Show other facts at the same place."""
        self._facts = facts
        self.resize(self._wanted_width(), self._wanted_height())
        self.update()

    def _wanted_width(self) -> int:
        pictures = 2 if self._facts is not None and self._facts.nearest_title else 1
        return pictures * self._edge + (pictures + 1) * GAP

    def _wanted_height(self) -> int:
        lines = len(self._facts.lines) if self._facts is not None else 0
        rows = lines if self._facts is not None and not self._facts.nearest_title else -(-lines // 2)
        return self._edge + 2 * GAP + _LINE + (rows * _LINE + GAP // 2 if rows else 0)

    def show_beside(self, anchor: QRect, facts: CardFacts) -> None:
        """Show the card under a rectangle (global coordinates), or above it where there is no room."""
        self.set_facts(facts)
        screen = QGuiApplication.screenAt(anchor.center()) or QGuiApplication.primaryScreen()
        area = screen.availableGeometry()
        below = anchor.bottom() + GAP
        y = below if below + self.height() <= area.bottom() else anchor.top() - GAP - self.height()
        x = min(max(area.left(), anchor.center().x() - self.width() // 2), area.right() - self.width())
        self.move(QPoint(x, max(area.top(), y)))
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw pictures, titles and readouts."""
        if self._facts is None:
            return
        painter, palette, facts = QPainter(self), colors(), self._facts
        frame_box(painter, QRectF(self.rect()), palette.raised, pen(palette.border), 0)
        self._paint_picture(painter, GAP, facts.picture, facts.title)
        if facts.nearest_title:
            self._paint_picture(painter, 2 * GAP + self._edge, facts.nearest, facts.nearest_title)
        across = 2 if facts.nearest_title else 1
        top = self._edge + GAP + _LINE + GAP
        for number, (name, value) in enumerate(facts.lines):
            row, column = divmod(number, across)
            place = QRectF(GAP + column * (self._edge + GAP), top + row * _LINE, self._edge, _LINE)
            write(painter, place, name, palette.muted, small_font(0.9), LEFT)
            color = palette.warning if value.unusual else palette.text
            write(painter, place, value.text, color, numeric_font(0.9, bold=value.unusual), RIGHT)
        painter.end()

    def _paint_picture(self, painter: QPainter, left: int, pixels: NDArray[np.uint8] | None, title: str) -> None:
        palette, box = colors(), QRectF(left, GAP, self._edge, self._edge)
        painter.fillRect(box, QColor(palette.sunken))
        if pixels is not None:
            picture = pixmap(pixels, self._edge, self.devicePixelRatioF())
            size = picture.deviceIndependentSize()
            x, y = box.center().x() - size.width() / 2, box.center().y() - size.height() / 2
            painter.drawPixmap(QRectF(x, y, size.width(), size.height()).topLeft(), picture)
        words = QRectF(left, box.bottom() + 2, self._edge, _LINE)
        write(painter, words, title, palette.text, small_font(0.9), LEFT, Qt.TextElideMode.ElideMiddle)
