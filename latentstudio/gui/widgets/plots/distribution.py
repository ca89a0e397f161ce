"""Histograms that are controls: a drag over bars selects exactly the images in them."""

from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import colors
from latentstudio.gui.widgets.plots.brushing import counts_of_selection, members_between, snapped
from latentstudio.gui.widgets.plots.marker import FaceMarker
from latentstudio.gui.widgets.plots.surface import Surface
from latentstudio.gui.widgets.plots.view import ResultPart, how_of, shape_of, styles_of
from latentstudio.gui.widgets.readouts import number
from latentstudio.results import Distribution


class DistributionView(ResultPart):
    """A view of `results.Distribution`. `brush_changed` gives the range under the brush, or None."""

    brush_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.surface = Surface(self)
        self.surface.box.brushes = "x"
        self.surface.box.setMouseEnabled(x=True, y=False)
        self.surface.brushed.connect(self._brushed)
        self.surface.clicked.connect(self._clicked)
        self.surface.escaped.connect(self.clear_brush)
        self.surface.pointed.connect(self._point)
        self.surface.setToolTip("Drag over bars to select images; Shift adds, Ctrl toggles, Esc ends. Wheel zooms.")
        self.body.addWidget(self.surface, 1)
        self.marker = FaceMarker(self.surface)
        self._brush: Any = None
        self._chosen: list[Any] = []
        self._how = "replace"

    def redraw(self) -> None:
        """Draw the result."""
        d: Distribution = self._result
        surface, palette = self.surface, colors()
        surface.clear()
        self.marker.forget()
        self._brush, self._chosen = None, []
        surface.set_x_label(d.x_label)
        self.name_y(d.y_label)
        surface.grid()
        entries: list[tuple[str, str, str]] = []
        if d.band is not None:
            surface.add_band(d.band.low, d.band.high, upright=True)
            entries.append((d.band.label, "band", "band"))
        for histogram in d.histograms:
            surface.add_steps(histogram.edges, histogram.counts, palette.role(histogram.role), 0.35)
            entries.append((histogram.label, histogram.role, "box"))
        for line, style in zip(d.references, styles_of([line.role for line in d.references]), strict=True):
            surface.add_line(line.x, line.y, palette.role(line.role), 1.5, style)
            entries.append((line.label, line.role, shape_of(style)))
        self.legend.set_entries(entries)
        self.redraw_selection()
        if d.histograms:
            edges = d.histograms[0].edges
            self.marker.set_span(float(edges[0]), float(edges[-1]))
        self.marker.draw()
        surface.fit()

    def redraw_selection(self) -> None:
        """Fill the part of every bar that is selected."""
        for item in self._chosen:
            self.surface.removeItem(item)
        self._chosen = []
        if not len(self.selection):
            return
        for histogram in self._result.histograms:
            if histogram.values is None or histogram.members is None:
                continue
            counts = counts_of_selection(histogram.values, histogram.members, histogram.edges, self.selection)
            if counts.any():
                # Counts may be drawn normalised; the selected share of a bar is right in either case.
                whole = np.histogram(histogram.values[np.isfinite(histogram.values)], histogram.edges)[0]
                heights = histogram.counts * counts / np.maximum(whole, 1)
                color = colors().role(histogram.role)
                self._chosen.append(self.surface.add_steps(histogram.edges, heights, color, 0.95, width=0))

    # Brush.

    @property
    def selectable(self) -> bool:
        """Whether any histogram knows which images it counts."""
        return any(h.members is not None and h.values is not None for h in self._result.histograms)

    @property
    def brush(self) -> tuple[float, float] | None:
        """The range under the brush."""
        if self._brush is None:
            return None
        low, high = self._brush.getRegion()
        return float(low), float(high)

    def set_brush(self, low: float, high: float, how: str = "replace") -> None:
        """Put the brush over the bars that a range touches, and select their images."""
        self._place(low, high)
        self._finish(how)

    def clear_brush(self) -> None:
        """Take the brush away and select nothing."""
        if self._brush is not None:
            self.surface.removeItem(self._brush)
            self._brush = None
            self.brush_changed.emit(None)
            self.selected.emit((), "replace")

    def _place(self, low: float, high: float) -> None:
        edges = self._result.histograms[0].edges
        first, past = snapped(edges, low, high)
        region = (float(edges[first]), float(edges[past]))
        if self._brush is None:
            self._brush = self.surface.add_brush(*region)
            self._brush.sigRegionChangeFinished.connect(self._moved)
        else:
            self._brush.blockSignals(True)
            self._brush.setRegion(region)
            self._brush.blockSignals(False)
        members = members_between(self._result, *region)
        self.readout.say(f"{len(members)} images from {number(region[0])} to {number(region[1])}", "info")

    def _finish(self, how: str) -> None:
        region = self.brush
        if region is not None:
            self.brush_changed.emit(region)
            self.selected.emit(tuple(int(i) for i in members_between(self._result, *region)), how)

    def _brushed(self, rect: QRectF, over: bool, modifiers: Qt.KeyboardModifier) -> None:
        if self._result is None or not self._result.histograms or not self.selectable:
            return
        self._place(rect.left(), rect.right())
        if over:
            self._finish(how_of(modifiers))

    def _moved(self) -> None:
        """An edge of the brush was dragged."""
        region = self.brush
        if region is not None:
            self.set_brush(*region)

    def _clicked(self, place: Any, modifiers: Qt.KeyboardModifier) -> None:
        edges = self._result.histograms[0].edges if self._result is not None and self._result.histograms else None
        if edges is None or not self.selectable:
            return
        if edges[0] <= place.x() <= edges[-1]:
            self.set_brush(place.x(), place.x(), how_of(modifiers))
        else:
            self.clear_brush()

    def _point(self, place: Any) -> None:
        if self._brush is not None or self._result is None:
            return
        if place is None:
            self.readout.say("")
            return
        parts = []
        for histogram in self._result.histograms:
            at = int(np.searchsorted(histogram.edges, place.x(), side="right")) - 1
            if 0 <= at < len(histogram.counts):
                parts.append(f"{histogram.label} {number(float(histogram.counts[at]))}")
        self.readout.say(f"{number(place.x())}: " + ", ".join(parts) if parts else "", "info")
