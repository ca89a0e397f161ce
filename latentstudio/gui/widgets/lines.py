"""Thin things: a progress hairline, and one line of words that ends in an ellipsis."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.icons import icon_pixmap
from latentstudio.gui.theme import colors, small_font, theme_signals
from latentstudio.gui.widgets.painting import LEFT, write


class Hairline(QWidget):
    """Progress in [0, 1] as a 2-px line; nothing at 1, so that a settled panel is quiet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(2)
        self.setAccessibleName("Progress")
        self._fraction = 1.0

    @property
    def fraction(self) -> float:
        """How far it is."""
        return self._fraction

    def set_fraction(self, fraction: float) -> None:
        """Show how far it is."""
        if fraction != self._fraction:
            self._fraction = fraction
            self.setAccessibleDescription("" if fraction >= 1 else f"{fraction:.0%}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the part that is done; a start is visible too."""
        if self._fraction < 1.0:
            painter, palette = QPainter(self), colors()
            painter.fillRect(self.rect(), QColor(palette.border))
            done = max(0.02, self._fraction) * self.width()
            painter.fillRect(QRectF(0, 0, done, self.height()), QColor(palette.accent))
            painter.end()


class WordLine(QWidget):
    """One line of words, the whole of which is its tooltip. Kinds: caption, info, warning, error."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._words = ""
        self._kind = "caption"
        self._align = LEFT
        theme_signals().changed.connect(self.update)

    def align(self, side: Qt.AlignmentFlag) -> None:
        """Write at the left or at the right."""
        self._align = side

    @property
    def words(self) -> str:
        """What it says."""
        return self._words

    @property
    def kind(self) -> str:
        """How it says it."""
        return self._kind

    def say(self, words: str, kind: str = "caption") -> None:
        """Say something else."""
        if (words, kind) != (self._words, self._kind):
            self._words, self._kind = words, kind
            self.setToolTip(words)
            self.setAccessibleName(words)
            self.update()

    def sizeHint(self) -> QSize:
        """One line high."""
        return QSize(160, QFontMetrics(small_font()).height() + 4)

    def minimumSizeHint(self) -> QSize:
        """One line high, any width."""
        return QSize(24, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the mark of the kind and the words."""
        if not self._words:
            return
        painter, palette = QPainter(self), colors()
        color = {"caption": palette.muted, "info": palette.text}.get(self._kind, palette.text)
        rect = QRectF(self.rect())
        if self._kind in ("warning", "error"):
            edge = self.height() - 4
            picture = icon_pixmap(self._kind, edge, self.devicePixelRatioF(), self._kind)
            painter.drawPixmap(0, 2, picture)
            rect.setLeft(edge + 6)
        write(painter, rect, self._words, color, small_font(), self._align, Qt.TextElideMode.ElideRight)
        painter.end()
