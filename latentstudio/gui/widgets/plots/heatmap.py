"""Maps side by side on one scale; diverging maps are centred on zero, so that grey means nothing."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import GAP, colors, numeric_font, small_font
from latentstudio.gui.widgets.painting import CENTRE, LEFT, RIGHT, pen, write
from latentstudio.gui.widgets.plots.view import ResultPart
from latentstudio.gui.widgets.readouts import number
from latentstudio.gui.widgets.tints import stops_of, tinted
from latentstudio.results import Heatmap

_BAR = 54.0
_EDGE = (48.0, 168.0)
_MATRIX_EDGE = 460.0
_CELL = (22.0, 44.0)
"""Least and largest side in px of a cell of a matrix, which holds a number."""


class _Maps(QWidget):
    """Paints the maps and their scale."""

    def __init__(self, owner: "HeatmapView") -> None:
        super().__init__(owner)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.owner = owner
        self.heatmap: Heatmap | None = None
        self.pictures: list[NDArray[np.uint8]] = []

    def show_map(self, heatmap: Heatmap) -> None:
        """Show another result."""
        self.heatmap = heatmap
        low, high = heatmap.span
        self.pictures = [tinted(m, low, high, heatmap.diverging) for m in heatmap.maps]
        self._fit()
        self.update()

    def _line(self) -> float:
        return QFontMetricsF(small_font(0.9)).height()

    @property
    def _named(self) -> bool:
        """Whether this is a matrix, with names around it and numbers in it."""
        return self.heatmap is not None and bool(self.heatmap.column_labels)

    def _widest(self, words: tuple[str, ...]) -> float:
        metrics = QFontMetricsF(small_font(0.9))
        return max((metrics.horizontalAdvance(w) + 6 for w in words), default=0.0)

    def _margins(self) -> tuple[float, float]:
        """Room for the names of rows at the left, and of columns below each map."""
        assert self.heatmap is not None
        return min(self._widest(self.heatmap.row_labels), 130.0), min(self._widest(self.heatmap.column_labels), 110.0)

    def _edges(self) -> tuple[float, float]:
        """Least and largest width of a map."""
        if not self._named:
            return _EDGE
        assert self.heatmap is not None
        across = self.heatmap.maps.shape[2]
        return min(_CELL[0] * across, _MATRIX_EDGE), min(_CELL[1] * across, _MATRIX_EDGE)

    def columns(self) -> int:
        """How many maps stand in a row."""
        assert self.heatmap is not None
        fitting = int((self.width() - _BAR - self._margins()[0]) // (self._edges()[0] + GAP))
        return max(1, min(self.heatmap.columns, len(self.heatmap.maps), fitting))

    def box(self, at: int) -> QRectF:
        """Rectangle of a map."""
        assert self.heatmap is not None
        height, width = self.heatmap.maps.shape[1:]
        left, below = self._margins()
        least, largest = self._edges()
        room = (self.width() - _BAR - left) / self.columns() - GAP
        edge = math.floor(min(max(room, least), largest))
        scale = edge / (width if self._named else max(height, width))
        row, column = divmod(at, self.columns())
        top = row * (height * scale + self._line() + below + GAP) + self._line()
        return QRectF(left + column * (edge + GAP), top, width * scale, height * scale)

    def _fit(self) -> None:
        if self.heatmap is not None and len(self.heatmap.maps):
            self.setMinimumHeight(round(self.box(len(self.heatmap.maps) - 1).bottom() + self._margins()[1] + 4))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the maps to the new width."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        """As high as the maps."""
        return QSize(360, self.minimumHeight())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the value under the pointer."""
        self.owner.readout.say(self.value_at(event.position()), "info")

    def leaveEvent(self, event: object) -> None:
        """Forget the pointer."""
        self.owner.readout.say("")

    def value_at(self, place: QPointF) -> str:
        """Say the value of the pixel under a point."""
        if self.heatmap is None:
            return ""
        for at, values in enumerate(self.heatmap.maps):
            box = self.box(at)
            if box.contains(place):
                row = min(int((place.y() - box.top()) / box.height() * values.shape[0]), values.shape[0] - 1)
                column = min(int((place.x() - box.left()) / box.width() * values.shape[1]), values.shape[1] - 1)
                label = self.heatmap.labels[at] if at < len(self.heatmap.labels) else f"map {at + 1}"
                unit = f" {self.heatmap.unit}" if self.heatmap.unit else ""
                where = f"row {row}, column {column}"
                if self._named and row < len(self.heatmap.row_labels) and column < len(self.heatmap.column_labels):
                    where = f"{self.heatmap.row_labels[row]} → {self.heatmap.column_labels[column]}"
                return f"{label}, {where}: {number(float(values[row, column]))}{unit}"
        return ""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw maps, labels and the scale."""
        if self.heatmap is None or not self.pictures:
            return
        painter, palette = QPainter(self), colors()
        for at, picture in enumerate(self.pictures):
            box = self.box(at)
            label = self.heatmap.labels[at] if at < len(self.heatmap.labels) else ""
            words = QRectF(box.left(), box.top() - self._line(), box.width(), self._line())
            write(painter, words, label, palette.text, small_font(0.9), CENTRE)
            if self._named:
                self._paint_cells(painter, picture, box)
                self._paint_matrix(painter, at, box)
                continue
            drawn = pixmap(picture, max(box.width(), box.height()), self.devicePixelRatioF())
            painter.drawPixmap(box.topLeft(), drawn)
        self._paint_scale(painter)
        painter.end()

    def _paint_cells(self, painter: QPainter, picture: NDArray[np.uint8], box: QRectF) -> None:
        """Fill the cells of a matrix, whose edges must be sharp at any size."""
        rows, columns = picture.shape[:2]
        for row in range(rows):
            for column in range(columns):
                x0, x1 = (box.left() + round(box.width() * k / columns) for k in (column, column + 1))
                y0, y1 = (box.top() + round(box.height() * k / rows) for k in (row, row + 1))
                painter.fillRect(QRectF(x0, y0, x1 - x0, y1 - y0), QColor(*picture[row, column].tolist()))

    def _paint_matrix(self, painter: QPainter, at: int, box: QRectF) -> None:
        """Write names of rows and columns, and the numbers."""
        assert self.heatmap is not None
        palette, font, values = colors(), small_font(0.9), self.heatmap.maps[at]
        wide, high = box.width() / values.shape[1], box.height() / values.shape[0]
        left, below = self._margins()
        if at % self.columns() == 0:
            for row, words in enumerate(self.heatmap.row_labels):
                place = QRectF(box.left() - left, box.top() + row * high, left - 4, high)
                write(painter, place, words, palette.muted, font, RIGHT)
        for column, words in enumerate(self.heatmap.column_labels):
            painter.save()
            painter.translate(box.left() + (column + 0.5) * wide, box.bottom() + 4)
            painter.rotate(90)
            write(painter, QRectF(0, -self._line() / 2, below - 4, self._line()), words, palette.muted, font, LEFT)
            painter.restore()
        low, top = self.heatmap.span
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                share = (value - low) / (top - low)
                dark = abs(share - 0.5) > 0.32 if self.heatmap.diverging else share < 0.5
                place = QRectF(box.left() + column * wide, box.top() + row * high, wide, high)
                words = f"{value:.0f}".replace("-", "−")
                colour = "#ffffff" if dark else "#1d1e20"
                write(painter, place, words, colour, numeric_font(0.8), CENTRE, Qt.TextElideMode.ElideNone)

    def _paint_scale(self, painter: QPainter) -> None:
        assert self.heatmap is not None
        palette, first = colors(), self.box(0)
        right = self.box(self.columns() - 1).right() + GAP
        bar = QRectF(right, first.top(), 10, first.height())
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        for place, name in stops_of(self.heatmap.diverging):
            gradient.setColorAt(place, QColor(name))
        painter.setPen(pen(palette.border))
        painter.setBrush(gradient)
        painter.drawRect(bar)
        low, high = self.heatmap.span
        font = numeric_font(0.82)
        height = QFontMetricsF(font).height()
        marks = [(high, bar.top()), (low, bar.bottom())] + ([(0.0, bar.center().y())] if self.heatmap.diverging else [])
        for value, y in marks:
            label = QRectF(bar.right() + 2, min(max(y - height / 2, bar.top()), bar.bottom() - height), 40, height)
            write(painter, label, number(value), palette.muted, font, RIGHT, Qt.TextElideMode.ElideNone)


class HeatmapView(ResultPart):
    """A view of `results.Heatmap`; the pointer reads the pixel under it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.maps = _Maps(self)
        self.body.addWidget(self.maps, 1)

    def redraw(self) -> None:
        """Draw the result."""
        self.legend.set_entries([])
        self.maps.show_map(self._result)

    def set_result(self, result: Any) -> None:
        """Show another result."""
        super().set_result(result)
        self.maps.setAccessibleName(result.title or "Maps")
