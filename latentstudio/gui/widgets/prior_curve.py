"""Norm and log-density along the paths, against what is typical, under the columns of the strip."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import colors, numeric_font, small_font, theme_signals
from latentstudio.gui.widgets.painting import LEFT, RIGHT, pen, write
from latentstudio.gui.widgets.path_colours import path_colour
from latentstudio.gui.widgets.readouts import number, outside
from latentstudio.gui.widgets.strip_geometry import LABEL_WIDTH, StripGeometry
from latentstudio.results import Band, Floats, Strip

QUANTITIES = ("norm", "log_prob", "percentile")
TITLES = {"norm": "norm", "log_prob": "log p", "percentile": "prior %"}
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DashDotLine, Qt.PenStyle.DotLine)


class PriorCurve(QWidget):
    """One line per path in the path's colour; dots stand exactly under their frames.

    `pointed` gives the number of the frame under the pointer, -1 when it leaves.
    """

    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMaximumHeight(132)
        self.setMouseTracking(True)
        self.setAccessibleName("Curve against the prior")
        self._strip: Strip | None = None
        self._geometry: StripGeometry | None = None
        self._quantity = "norm"
        self._position: float | None = None
        self._highlight = -1
        self._stale = False
        theme_signals().changed.connect(self.update)

    @property
    def quantity(self) -> str:
        """What is drawn: ``norm``, ``log_prob`` or ``percentile``."""
        return self._quantity

    def set_quantity(self, quantity: str) -> None:
        """Draw another quantity."""
        self._quantity = quantity
        self._tell()

    def set_strip(self, strip: Strip | None, stale: bool = False) -> None:
        """Show another result; stale ones are dimmed."""
        self._strip, self._stale = strip, stale
        self._tell()

    def set_geometry(self, geometry: StripGeometry | None) -> None:
        """Stand under the columns of a strip."""
        self._geometry = geometry
        self.update()

    def set_position(self, position: float | None) -> None:
        """Mark the slider's place by a hairline."""
        self._position = position
        self.update()

    def set_highlight(self, frame: int) -> None:
        """Mark the dot of a frame, -1 for none."""
        if frame != self._highlight:
            self._highlight = frame
            self.update()

    def offers(self, quantity: str) -> bool:
        """Whether the result has a quantity."""
        return quantity != "log_prob" or self._strip is None or self._strip.frames.log_prob is not None

    def sizeHint(self) -> QSize:
        """A thin band."""
        return QSize(320, 72)

    def minimumSizeHint(self) -> QSize:
        """A thin band."""
        return QSize(160, 48)

    # Numbers.

    def values(self) -> Floats:
        """Return the quantity of every frame, float64 (paths, columns); NaN where a frame is not decoded."""
        assert self._strip is not None
        frames = self._strip.frames
        chosen = {"norm": frames.norm, "log_prob": frames.log_prob, "percentile": frames.prior_percentile}
        values = chosen[self._quantity]
        if values is None:
            values = np.full(len(frames), np.nan)
        shown: Floats = np.where(frames.ready, values, np.nan).reshape(-1, self._strip.columns)
        return shown

    def band(self) -> Band | None:
        """Return the typical range of the quantity."""
        if self._strip is None:
            return None
        if self._quantity == "percentile":
            return Band(2.5, 97.5, "95 % of the prior")
        return self._strip.norm_band if self._quantity == "norm" else self._strip.log_prob_band

    def limits(self) -> tuple[float, float]:
        """Return the range of the axis: all finite values and the band, with a little air.

        A band far wider than the values is cut, so that a path is never pressed into a flat line by it.
        """
        values, band = self.values(), self.band()
        finite = values[np.isfinite(values)]
        if self._quantity == "percentile":
            return 0.0, 100.0
        if not len(finite):
            return (band.low, band.high) if band is not None else (0.0, 1.0)
        low, high = float(finite.min()), float(finite.max())
        if band is not None:
            reach = 3 * max(high - low, 1e-9)
            near_low, near_high = min(low, band.low), max(high, band.high)
            wide = near_high - near_low > 3 * reach and self._quantity == "log_prob"
            low, high = (max(near_low, low - reach), min(near_high, high + reach)) if wide else (near_low, near_high)
        air = 0.08 * (high - low) or max(abs(high) * 0.05, 0.5)
        return low - air, high + air

    def _tell(self) -> None:
        if self._strip is not None and len(self._strip.frames):
            values, band = self.values(), self.band()
            finite = values[np.isfinite(values)]
            far = int(sum(outside(float(v), band) for v in finite))
            ends = (number(float(finite.min())), number(float(finite.max()))) if len(finite) else ("?", "?")
            span = f"from {ends[0]} to {ends[1]}"
            self.setAccessibleDescription(f"{TITLES[self._quantity]} {span}; {far} of {len(finite)} frames are unusual")
        self.update()

    # Geometry.

    def plot_rect(self) -> QRectF:
        """Rectangle inside the axes: as wide as the columns of the strip."""
        geometry = self._geometry
        if geometry is None:
            return QRectF(LABEL_WIDTH, 6, max(1.0, self.width() - LABEL_WIDTH), self.height() - 12)
        left = geometry.first - geometry.pitch / 2
        return QRectF(left, 6, geometry.last + geometry.pitch / 2 - left, self.height() - 12)

    def point(self, row: int, column: int) -> QPointF:
        """Place of a frame's dot; y is NaN where the frame has no value."""
        assert self._geometry is not None
        return QPointF(self._geometry.centre(column), self._y(float(self.values()[row, column])))

    def _y(self, value: float) -> float:
        low, high = self.limits()
        rect = self.plot_rect()
        return rect.bottom() - (value - low) / (high - low) * rect.height() if math.isfinite(value) else math.nan

    # Mouse.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say which frame is nearest to the pointer."""
        self.pointed.emit(self._nearest(event.position()))

    def leaveEvent(self, event: object) -> None:
        """Forget the pointer."""
        self.pointed.emit(-1)

    def _nearest(self, place: QPointF) -> int:
        if self._strip is None or self._geometry is None or not self._strip.columns:
            return -1
        column = round((place.x() - self._geometry.first) / self._geometry.pitch)
        if not 0 <= column < self._strip.columns:
            return -1
        heights = [self.point(row, column).y() for row in range(len(self.values()))]
        if not any(math.isfinite(h) for h in heights):
            return -1
        distances = [abs(h - place.y()) if math.isfinite(h) else math.inf for h in heights]
        return int(np.argmin(distances)) * self._strip.columns + column

    # Paint.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw band, lines, dots and axis."""
        if self._strip is None or self._geometry is None or not len(self._strip.frames):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(0.4 if self._stale else 1.0)
        if self.offers(self._quantity):
            self._paint_ground(painter)
            self._paint_position(painter)
            for row in range(len(self.values())):
                self._paint_path(painter, row)
        else:
            words = "This model has no density."
            write(painter, self.plot_rect(), words, colors().muted, small_font(), LEFT)
        painter.end()

    def _paint_ground(self, painter: QPainter) -> None:
        palette, rect, band = colors(), self.plot_rect(), self.band()
        low, high = self.limits()
        painter.fillRect(rect, QColor(palette.sunken))
        if band is not None and band.high > low and band.low < high:
            top, bottom = self._y(min(band.high, high)), self._y(max(band.low, low))
            painter.fillRect(QRectF(rect.left(), top, rect.width(), bottom - top), QColor(palette.band))
            self._write_band(painter, QRectF(rect.left() + 6, top, rect.width() - 12, bottom - top), band)
        font = numeric_font(0.8)
        line = QFontMetricsF(font).height()
        axis = QRectF(0, 0, LABEL_WIDTH - 8, line)
        write(painter, axis.translated(0, rect.top() - 2), number(high), palette.muted, font, RIGHT)
        write(painter, axis.translated(0, rect.bottom() - line + 2), number(low), palette.muted, font, RIGHT)
        middle = axis.translated(0, rect.center().y() - line / 2)
        write(painter, middle, TITLES[self._quantity], palette.text, small_font(0.95), RIGHT)

    def _write_band(self, painter: QPainter, rect: QRectF, band: Band) -> None:
        font = small_font(0.8)
        height = QFontMetricsF(font).height()
        if band.label and rect.height() >= height:
            top, side, clear = self._quiet_corner(rect.top() + 1, rect.bottom() - height - 1, height)
            if clear < height / 2:
                return
            place = QRectF(rect.left(), top, rect.width(), height)
            write(painter, place, band.label, colors().muted, font, side)

    def _quiet_corner(self, top: float, bottom: float, height: float) -> tuple[float, Qt.AlignmentFlag, float]:
        """Return the corner of the band that is farthest from all lines, and how far its middle is from them."""
        values = self.values()
        share = max(1, values.shape[1] // 3)

        def distance(y: float, columns: slice) -> float:
            heights = [self._y(float(v)) for v in values[:, columns].ravel() if math.isfinite(v)]
            return min((abs(h - y - height / 2) for h in heights), default=math.inf)

        corners = [
            (y, side, at) for y in (top, bottom) for side, at in ((RIGHT, slice(-share, None)), (LEFT, slice(share)))
        ]
        y, side, at = max(corners, key=lambda corner: distance(corner[0], corner[2]))
        return y, side, distance(y, at)

    def _paint_position(self, painter: QPainter) -> None:
        assert self._geometry is not None
        assert self._strip is not None
        if self._position is not None:
            x, rect = self._geometry.x_of(self._position, self._strip.positions), self.plot_rect()
            painter.setPen(pen(colors().accent, 1.0))
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))

    def _paint_path(self, painter: QPainter, row: int) -> None:
        assert self._strip is not None
        palette = colors()
        label = self._strip.row_labels[row] if row < len(self._strip.row_labels) else ""
        color = path_colour(label, row)
        points = [self.point(row, column) for column in range(self._strip.columns)]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen(color, 1.5, _DASHES[row % len(_DASHES)]))
        run = QPolygonF()
        for point in [*points, QPointF(0, math.nan)]:
            if math.isfinite(point.y()):
                run.append(point)
            else:
                painter.drawPolyline(run)
                run = QPolygonF()
        values, band = self.values()[row], self.band()
        for column, point in enumerate(points):
            if not math.isfinite(point.y()):
                continue
            lit = row * self._strip.columns + column == self._highlight
            ring = palette.warning if outside(float(values[column]), band) else palette.sunken
            painter.setPen(pen(palette.text if lit else ring, 1.5))
            painter.setBrush(color)
            painter.drawEllipse(point, 4.5 if lit else 3.0, 4.5 if lit else 3.0)
