"""A readout row: name, number, and a hairline scale that shows where it lies among the prior and the dataset."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import GAP, colors, numeric_font, small_font, theme_signals

HEIGHT = 30


class PercentileBar(QWidget):
    """A percentile in [0, 100] on a line whose middle 95 % is the typical band."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._percentile = math.nan
        self.setFixedHeight(HEIGHT)
        self.setToolTip(name)
        theme_signals().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(200, HEIGHT)

    def set_percentile(self, percentile: float | None) -> None:
        """Show a percentile; None where there is nothing to compare with."""
        self._percentile = math.nan if percentile is None else percentile
        words = "not known" if math.isnan(self._percentile) else f"{self._percentile:.1f}"
        self.setAccessibleName(f"{self._name}: {words}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint name, number, scale and marker."""
        painter, palette = QPainter(self), colors()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        known = not math.isnan(self._percentile)
        outside = known and not 2.5 <= self._percentile <= 97.5
        upper = QRectF(0, 0, self.width(), 18)
        number = f"{self._percentile:.1f} %" if known else "–"
        painter.setFont(numeric_font())
        painter.setPen(QColor(palette.warning if outside else palette.text))
        painter.drawText(upper, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), number)
        room = upper.width() - painter.fontMetrics().horizontalAdvance(number) - GAP
        painter.setFont(small_font())
        painter.setPen(QColor(palette.muted))
        name = painter.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(upper, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
        y, width = 22.5, self.width() - 8.0
        painter.fillRect(QRectF(4, y - 1.5, width, 3), QColor(palette.raised))
        painter.fillRect(QRectF(4 + 0.025 * width, y - 1.5, 0.95 * width, 3), QColor(palette.band))
        if known:
            x = 4 + width * min(max(self._percentile, 0.0), 100.0) / 100
            painter.setPen(QPen(QColor(palette.surface), 1))
            painter.setBrush(QColor(palette.warning if outside else palette.accent))
            painter.drawPolygon(QPolygonF([QPointF(x, y - 4), QPointF(x + 4, y), QPointF(x, y + 4), QPointF(x - 4, y)]))
