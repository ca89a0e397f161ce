"""Two columns of words and numbers, aligned, for the inspector."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import colors, numeric_font, small_font, theme_signals

LINE = 19


class ReadoutTable(QWidget):
    """Rows of (name, value, warn): names muted on the left, values with tabular figures on the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[str, str, bool], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme_signals().changed.connect(self.update)

    def set_rows(self, rows: Sequence[tuple[str, str, bool]]) -> None:
        """Show these rows; `warn` draws the value in the warning colour."""
        self._rows = tuple(rows)
        self.setAccessibleName("; ".join(f"{name} {value}" for name, value, _ in self._rows))
        self.setFixedHeight(LINE * len(self._rows))
        self.update()

    def sizeHint(self) -> QSize:
        """One line a row."""
        return QSize(200, LINE * len(self._rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows."""
        painter, palette = QPainter(self), colors()
        for number, (name, value, warn) in enumerate(self._rows):
            line = QRect(QPoint(0, number * LINE), QSize(self.width(), LINE))
            painter.setFont(numeric_font())
            metrics = painter.fontMetrics()
            shown = metrics.elidedText(value, Qt.TextElideMode.ElideMiddle, round(self.width() * 0.7))
            painter.setPen(QColor(palette.warning if warn else palette.text))
            painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), shown)
            painter.setFont(small_font())
            painter.setPen(QColor(palette.muted))
            room = self.width() - metrics.horizontalAdvance(shown) - 8
            label = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), label)
