"""Lines over one pair of axes."""

import math
from typing import Any

import numpy as np
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import colors
from latentstudio.gui.widgets.plots.surface import Surface
from latentstudio.gui.widgets.plots.view import ResultPart, shape_of, styles_of
from latentstudio.gui.widgets.readouts import number
from latentstudio.results import Curve


class CurveView(ResultPart):
    """A view of `results.Curve`; the pointer reads the nearest point."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.surface = Surface(self)
        self.surface.pointed.connect(self._point)
        self.surface.setToolTip("Wheel zooms, drag pans, double click fits")
        self.body.addWidget(self.surface, 1)
        self._mark: Any = None

    def redraw(self) -> None:
        """Draw the result."""
        curve: Curve = self._result
        surface, palette = self.surface, colors()
        surface.clear()
        self._mark = None
        surface.set_x_label(curve.x_label)
        self.name_y(curve.y_label)
        surface.setLogMode(x=curve.x_log, y=curve.y_log)
        surface.grid()
        entries = []
        if curve.band is not None:
            low, high = self._scaled_y(curve.band.low), self._scaled_y(curve.band.high)
            surface.add_band(low, high, upright=False)
            entries.append((curve.band.label, "band", "band"))
        for line, style in zip(curve.lines, styles_of([line.role for line in curve.lines]), strict=True):
            markers, drawn = line.style in ("markers", "both"), line.style in ("line", "both")
            surface.add_line(line.x, line.y, palette.role(line.role), 1.5, style, markers or len(line.x) == 1, drawn)
            if line.low is not None and line.high is not None:
                surface.add_whiskers(line.x, line.low, line.high, palette.role(line.role))
            entries.append((line.label, line.role, shape_of(style) if drawn and len(line.x) > 1 else "marker"))
        self.legend.set_entries(entries if len(entries) > 1 or (entries and entries[0][0]) else [])
        surface.fit()

    def _scaled_y(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self._result.y_log else value

    def nearest(self, x: float, y: float) -> tuple[int, int] | None:
        """Return (line, point) nearest to a place on the axes, measured on the screen; None without points."""
        x0, x1, y0, y1 = self.surface.limits()
        best: tuple[float, int, int] | None = None
        for number_of_line, line in enumerate(self._result.lines):
            across = np.log10(np.maximum(line.x, 1e-300)) if self._result.x_log else line.x
            up = np.log10(np.maximum(line.y, 1e-300)) if self._result.y_log else line.y
            distance = ((across - x) / (x1 - x0)) ** 2 + ((up - y) / (y1 - y0)) ** 2
            distance = np.where(np.isfinite(distance), distance, np.inf)
            if len(distance) and np.isfinite(distance.min()):
                at = int(distance.argmin())
                if best is None or distance[at] < best[0]:
                    best = (float(distance[at]), number_of_line, at)
        return best[1:] if best is not None else None

    def _point(self, place: Any) -> None:
        found = self.nearest(place.x(), place.y()) if place is not None and self._result is not None else None
        if self._mark is not None:
            self.surface.removeItem(self._mark)
            self._mark = None
        if found is None:
            self.readout.say("")
            return
        line, at = self._result.lines[found[0]], found[1]
        self.readout.say(f"{line.label}: {number(float(line.y[at]))} at {float(line.x[at]):g}", "info")
        self._mark = self.surface.add_line(
            line.x[at : at + 1], line.y[at : at + 1], colors().text, markers=True, line=False
        )
