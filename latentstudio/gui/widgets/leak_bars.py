"""How far an edit moves attributes that were not asked for: from percentile to percentile of the data set."""

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import colors, numeric_font, small_font, theme_signals
from latentstudio.gui.widgets.painting import LEFT, RIGHT, pen, write, write_wrapped
from latentstudio.results import Strip

_ROW = 30
MUCH = 10.0
"""Percentile points from which a change is drawn as a warning."""


@dataclass(frozen=True)
class Leak:
    """One watched attribute: its percentile in the data set before and after the edit, 0 to 100, NaN if not known."""

    words: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Percentile points."""
        return self.after - self.before

    @property
    def text(self) -> str:
        """The change with its sign."""
        return f"{self.change:+.0f}".replace("-", "−") if math.isfinite(self.change) else "–"


def leaks_between(source: tuple[Strip, int], edited: tuple[Strip, int]) -> tuple[Leak, ...]:
    """Compare what is measured of a face and of the edited one; each is a frame of a strip, given by its number."""
    before, after = ({m.label: float(m.values[frame]) for m in strip.measures} for strip, frame in (source, edited))
    return tuple(Leak(words, before[words], after[words]) for words in before if words in after)


class LeakBars(QWidget):
    """One line for each watched attribute; a bar from where the face was to where the edited one is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._leaks: tuple[Leak, ...] = ()
        self._hint = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Leak into watched attributes")
        theme_signals().changed.connect(self.update)

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """What is shown."""
        return self._leaks

    def set_leaks(self, leaks: tuple[Leak, ...], hint: str = "") -> None:
        """Show other changes; the hint is shown where there are none."""
        if leaks == self._leaks and hint == self._hint:
            return
        self._leaks, self._hint = leaks, hint
        words = "; ".join(f"{leak.words} {leak.text} percentile points" for leak in leaks)
        self.setAccessibleDescription(words or hint)
        tip = "Percentile of the face, and of the edited face, along the direction of each watched attribute"
        self.setToolTip("\n".join([tip, *(f"{k.words}: {k.before:.0f} → {k.after:.0f}" for k in leaks)]))
        self.setFixedHeight(max(len(leaks) * _ROW, 56))
        self.update()

    def sizeHint(self) -> QSize:
        """A line for each attribute."""
        return QSize(130, max(len(self._leaks) * _ROW, 56))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw names, numbers and bars."""
        painter, palette = QPainter(self), colors()
        if not self._leaks:
            write_wrapped(painter, QRectF(self.rect()), self._hint, palette.muted, small_font(), LEFT)
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, leak in enumerate(self._leaks):
            self._paint(painter, leak, QRectF(0, number * _ROW, self.width(), _ROW))
        painter.end()

    def _paint(self, painter: QPainter, leak: Leak, row: QRectF) -> None:
        palette = colors()
        known = math.isfinite(leak.change)
        much = known and abs(leak.change) >= MUCH
        font = numeric_font(0.88, bold=much)
        value = QRectF(row.right() - 38, row.top(), 38, 17)
        write(painter, value, leak.text, palette.warning if much else palette.text, font, RIGHT)
        name = QRectF(row.left(), row.top(), row.width() - 40, 17)
        write(painter, name, leak.words, palette.text, small_font(0.92), LEFT, Qt.TextElideMode.ElideRight)
        left, width, y = row.left() + 4, row.width() - 8, row.top() + 22
        painter.setPen(pen(palette.border, 2.0))
        painter.drawLine(QPointF(left, y), QPointF(left + width, y))
        if not known:
            return
        before, after = (left + width * min(max(v, 0.0), 100.0) / 100 for v in (leak.before, leak.after))
        painter.setPen(pen(palette.warning if much else palette.accent, 4.0))
        painter.drawLine(QPointF(before, y), QPointF(after, y))
        painter.setPen(pen(palette.surface, 1.0))
        painter.setBrush(pen(palette.muted).color())
        painter.drawEllipse(QPointF(before, y), 3.5, 3.5)
        painter.setBrush(pen(palette.warning if much else palette.accent).color())
        painter.drawEllipse(QPointF(after, y), 4.5, 4.5)
