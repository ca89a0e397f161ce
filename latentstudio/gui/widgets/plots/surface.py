"""The one door to pyqtgraph: plots in the theme's colours and fonts, raster painting only, its own menus off."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QFrame, QGraphicsItem, QSizePolicy, QWidget

from latentstudio.gui.theme import colors, numeric_font, small_font, theme_signals
from latentstudio.gui.widgets.painting import with_alpha

BEHIND = -20
"""Depth of bands, behind grid and lines."""


class _Box(pg.ViewBox):  # type: ignore[misc]
    """A view that brushes, or pans, under a left drag; the wheel zooms at the pointer and a double click fits."""

    def __init__(self, surface: "Surface") -> None:
        super().__init__(enableMenu=False)
        self._surface = surface
        self.brushes = ""
        """``"x"`` for ranges, ``"xy"`` for rectangles, empty for panning."""

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Brush with the left button where that means something."""
        if not self.brushes or ev.button() != Qt.MouseButton.LeftButton or axis is not None:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        a, b = self.mapToView(ev.buttonDownPos()), self.mapToView(ev.pos())
        self._surface.brushed.emit(QRectF(a, b).normalized(), ev.isFinish(), ev.modifiers())

    def mouseClickEvent(self, ev: Any) -> None:
        """Tell where the click was; a double click fits the view."""
        if ev.button() != Qt.MouseButton.LeftButton:
            return
        ev.accept()
        if ev.double():
            self._surface.fit()
        else:
            self._surface.clicked.emit(self.mapToView(ev.pos()), ev.modifiers())


class Surface(pg.PlotWidget):  # type: ignore[misc]
    """One pair of axes.

    `clicked` gives a point in data coordinates and the modifiers; `brushed` a rectangle, whether the hand let go, and
    the modifiers; `pointed` a point, or None when the pointer leaves; `arrowed` steps to the right (0 for Home) and
    whether they are large.
    """

    clicked = Signal(object, object)
    brushed = Signal(object, bool, object)
    pointed = Signal(object)
    escaped = Signal()
    arrowed = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = _Box(self)
        super().__init__(parent, viewBox=self.box, enableMenu=False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 76)
        self.hideButtons()
        self.getPlotItem().setContentsMargins(0, 4, 8, 0)
        self.scene().sigMouseMoved.connect(self._moved)
        theme_signals().changed.connect(self.restyle)
        self.restyle()

    def restyle(self) -> None:
        """Take the theme's colours and fonts."""
        palette = colors()
        self.setBackground(QColor(palette.surface))
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(pg.mkPen(palette.border))
            axis.setTextPen(pg.mkPen(palette.muted))
            axis.setTickFont(numeric_font(0.85))
            axis.setStyle(tickLength=-5, tickTextOffset=5, hideOverlappingLabels=True)
            axis.label.setFont(small_font(0.95))
            if axis.labelText:
                axis.setLabel(axis.labelText, color=palette.muted)

    def set_x_label(self, words: str) -> None:
        """Name the x axis; the y axis is named above the plot, where its words can be read upright."""
        for name in ("bottom", "left"):
            # Units stand in the words; pyqtgraph's own prefixes would turn 1500 nats into 1.5 k.
            self.getAxis(name).enableAutoSIPrefix(False)
        axis = self.getAxis("bottom")
        axis.setLabel(words, color=colors().muted)
        axis.showLabel(bool(words))
        axis.label.setFont(small_font(0.92))

    def fit(self) -> None:
        """Show everything."""
        self.box.enableAutoRange()

    def add_line(
        self,
        x: Any,
        y: Any,
        color: str | QColor,
        width: float = 1.5,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
        markers: bool = False,
        line: bool = True,
    ) -> Any:
        """Draw a line, markers or both; non-finite values are gaps."""
        pen = pg.mkPen(color, width=width, style=style) if line else None
        item = pg.PlotDataItem(
            np.asarray(x, dtype=float),
            np.asarray(y, dtype=float),
            pen=pen,
            connect="finite",
            antialias=True,
            symbol="o" if markers else None,
            symbolSize=6,
            symbolPen=pg.mkPen(colors().surface, width=1),
            symbolBrush=pg.mkBrush(color),
        )
        self.addItem(item)
        return item

    def add_whiskers(self, x: Any, low: Any, high: Any, color: str | QColor) -> Any:
        """Draw an upright line from `low` to `high` at each x: intervals."""
        item = pg.PlotDataItem(
            np.repeat(np.asarray(x, dtype=float), 2),
            np.stack([np.asarray(low, dtype=float), np.asarray(high, dtype=float)], axis=1).ravel(),
            pen=pg.mkPen(color, width=1.2),
            connect="pairs",
            antialias=True,
        )
        self.addItem(item)
        return item

    def add_steps(self, edges: Any, counts: Any, color: str | QColor, fill: float, width: float = 1.2) -> Any:
        """Draw a histogram: edges (n + 1,), counts (n,)."""
        item = pg.PlotDataItem(
            np.asarray(edges, dtype=float),
            np.asarray(counts, dtype=float),
            stepMode="center",
            fillLevel=0.0,
            pen=pg.mkPen(color, width=width) if width else None,
            brush=pg.mkBrush(with_alpha(color, fill)),
            antialias=False,
        )
        self.addItem(item)
        return item

    def add_bars(self, x: Any, heights: Any, width: float, color: str | QColor) -> Any:
        """Draw bars centred at `x`."""
        item = pg.BarGraphItem(x=x, height=heights, width=width, pen=None, brush=pg.mkBrush(color))
        self.addItem(item)
        return item

    def add_points(self, points: Any, brushes: Any, size: float = 7.0) -> Any:
        """Draw points float64 (N, 2), each with its colour."""
        item = pg.ScatterPlotItem(
            pos=points, size=size, pen=None, brush=[pg.mkBrush(b) for b in brushes], antialias=True
        )
        self.addItem(item)
        return item

    def add_band(self, low: float, high: float, upright: bool, color: str | QColor | None = None) -> Any:
        """Draw a range behind everything: of x when `upright`, else of y."""
        way = "vertical" if upright else "horizontal"
        fill = pg.mkBrush(QColor(color if color is not None else colors().band))
        item = pg.LinearRegionItem((low, high), orientation=way, movable=False, brush=fill, pen=pg.mkPen(None))
        item.setZValue(BEHIND)
        item.setFlag(QGraphicsItem.GraphicsItemFlag.ItemHasNoContents, False)
        self.addItem(item, ignoreBounds=True)
        return item

    def add_brush(self, low: float, high: float) -> Any:
        """Draw a range of x that can be taken by its edges."""
        palette = colors()
        edge = pg.mkPen(palette.accent, width=1.5)
        item = pg.LinearRegionItem(
            (low, high),
            brush=pg.mkBrush(with_alpha(palette.accent, 0.16)),
            hoverBrush=pg.mkBrush(with_alpha(palette.accent, 0.24)),
            pen=edge,
            hoverPen=pg.mkPen(palette.text, width=2),
        )
        item.setZValue(20)
        self.addItem(item, ignoreBounds=True)
        return item

    def add_box(self, rect: QRectF) -> Any:
        """Draw a rectangle under the hand."""
        palette = colors()
        item = pg.QtWidgets.QGraphicsRectItem(rect)
        item.setPen(pg.mkPen(palette.accent, width=1))
        item.setBrush(pg.mkBrush(with_alpha(palette.accent, 0.16)))
        self.addItem(item, ignoreBounds=True)
        return item

    def set_ticks(self, places: list[tuple[float, str]]) -> None:
        """Name places on the x axis."""
        self.getAxis("bottom").setTicks([places])

    def grid(self) -> None:
        """Draw quiet horizontal lines."""
        self.showGrid(x=False, y=True, alpha=0.12)

    def limits(self) -> tuple[float, float, float, float]:
        """Return the visible range: x low, x high, y low, y high."""
        (x0, x1), (y0, y1) = self.box.viewRange()
        return x0, x1, y0, y1

    def pixel_of(self, x: float, y: float) -> QPointF:
        """Return the place of a data point in px of this widget."""
        return QPointF(self.mapFromScene(self.box.mapViewToScene(QPointF(x, y))))

    def _moved(self, place: Any) -> None:
        inside = self.box.sceneBoundingRect().contains(place)
        self.pointed.emit(self.box.mapSceneToView(place) if inside else None)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc ends a brush, 0 fits the view, arrows and Home move what can be moved; other keys go to the panel."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: 0}
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif event.key() in steps:
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.arrowed.emit(steps[Qt.Key(event.key())], far)
        elif event.key() == Qt.Key.Key_0:
            self.fit()
        else:
            event.ignore()
