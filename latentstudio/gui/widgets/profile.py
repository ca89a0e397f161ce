"""The components of one code as thin bars against the prior's central range."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from latentstudio.gui.theme import colors, small_font, theme_signals

HEIGHT = 72
WARN = 3.0


class ProfileView(QWidget):
    """Bars of z_1 .. z_D; values beyond three standard deviations are drawn in the warning colour.

    With more components than pixels each column shows the largest magnitude that falls into it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: NDArray[np.float64] = np.zeros(0)
        self.setMinimumHeight(HEIGHT)
        self.setMouseTracking(True)
        self.setAccessibleName("Components of the code")
        theme_signals().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(200, HEIGHT)

    def set_values(self, values: NDArray[np.floating]) -> None:
        """Show a code, (D,)."""
        self._values = np.asarray(values, dtype=np.float64)
        self.update()

    def columns(self) -> NDArray[np.float64]:
        """The values as drawn, one per column: the code itself, or the extreme of each bin of a long code."""
        most = max(1, self.width() // 2)
        if len(self._values) <= most:
            return self._values
        parts = np.array_split(self._values, most)
        return np.array([part[np.argmax(np.abs(part))] for part in parts])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint band, zero line and bars."""
        painter, palette = QPainter(self), colors()
        values = self.columns()
        if not len(values):
            return
        finite = values[np.isfinite(values)]
        limit = max(3.5, float(np.abs(finite).max()) * 1.08 if len(finite) else 3.5)
        middle, scale = self.height() / 2, (self.height() / 2 - 1) / limit
        painter.fillRect(QRectF(0, middle - 2 * scale, self.width(), 4 * scale), QColor(palette.band))
        pitch = self.width() / len(values)
        for number, value in enumerate(values):
            beyond = not np.isfinite(value) or abs(value) > WARN
            shown = np.clip(np.nan_to_num(value, nan=limit), -limit, limit)
            top, height = middle - max(shown, 0) * scale, abs(shown) * scale
            bar = QRectF(number * pitch, top, max(1.0, pitch - 1), max(height, 0.5))
            painter.fillRect(bar, QColor(palette.warning if beyond else palette.data))
        painter.setPen(QColor(palette.border))
        painter.drawLine(0, round(middle), self.width(), round(middle))
        painter.setFont(small_font(0.8))
        painter.setPen(QColor(palette.muted))
        corner = self.rect().adjusted(2, 0, -2, 0)
        painter.drawText(corner, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop), f"±{limit:.1f} σ")

    def event(self, event) -> bool:  # type: ignore[no-untyped-def]
        """Name the component under the pointer."""
        if isinstance(event, QHelpEvent) and len(self._values):
            values = self.columns()
            number = min(int(event.pos().x() * len(values) / max(1, self.width())), len(values) - 1)
            if len(values) == len(self._values):
                QToolTip.showText(
                    event.globalPos(), f"component {number + 1} of {len(values)}: {values[number]:+.3f} σ", self
                )
            else:
                QToolTip.showText(event.globalPos(), f"extreme of its bin: {values[number]:+.3f} σ", self)
            return True
        return bool(super().event(event))
