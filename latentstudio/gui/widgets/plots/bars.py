"""Bars for labels, grouped by series; a click on a label's bars selects its images."""

import math
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import colors, numeric_font
from latentstudio.gui.widgets.plots.surface import Surface
from latentstudio.gui.widgets.plots.view import ResultPart, how_of
from latentstudio.gui.widgets.readouts import number
from latentstudio.results import Bars

_ORDER = ("data", "held_out", "train", "other", "reference")
_FILLED = 0.8
"""Share of a label's width that its bars take."""


class BarsView(ResultPart):
    """A view of `results.Bars`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.surface = Surface(self)
        self.surface.box.setMouseEnabled(x=True, y=False)
        self.surface.clicked.connect(self._clicked)
        self.surface.pointed.connect(self._point)
        self.surface.setToolTip("Click a bar to select its images; Shift adds, Ctrl toggles. Wheel zooms.")
        self.surface.box.sigXRangeChanged.connect(lambda *_: self._name_ticks())
        self.body.addWidget(self.surface, 1)
        self._marks: list[Any] = []

    def roles(self) -> tuple[str, ...]:
        """Return the role of each series."""
        bars: Bars = self._result
        return tuple(bars.roles) or tuple(_ORDER[i % len(_ORDER)] for i in range(len(bars.series)))

    def redraw(self) -> None:
        """Draw the result."""
        bars: Bars = self._result
        surface, palette = self.surface, colors()
        surface.clear()
        self._marks = []
        surface.set_x_label("")
        self.name_y(bars.y_label)
        surface.grid()
        width = _FILLED / max(1, len(bars.series))
        for row, role in enumerate(self.roles()):
            heights = bars.values[row]
            shown = np.flatnonzero(np.isfinite(heights))
            places = shown - _FILLED / 2 + (row + 0.5) * width
            if len(shown):
                surface.add_bars(places, heights[shown], width * 0.92, palette.role(role))
        several = len(bars.series) > 1 or (bars.series and bars.series[0])
        entries = [(name, role, "box") for name, role in zip(bars.series, self.roles(), strict=True)]
        self.legend.set_entries(entries if several else [])
        self.redraw_selection()
        surface.fit()
        self._name_ticks()

    def redraw_selection(self) -> None:
        """Mark the labels all of whose images are selected."""
        for item in self._marks:
            self.surface.removeItem(item)
        self._marks = []
        chosen = set(self.selection.tolist())
        for at, members in enumerate(self._result.members):
            if members and chosen.issuperset(members):
                color = colors().selected
                self._marks.append(self.surface.add_band(at - 0.5, at + 0.5, upright=True, color=color))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Name as many labels as have room."""
        super().resizeEvent(event)
        self._name_ticks()

    def _name_ticks(self) -> None:
        if self._result is None or not self._result.labels:
            return
        low, high, _, _ = self.surface.limits()
        metrics = QFontMetricsF(numeric_font(0.85))
        widest = max(metrics.horizontalAdvance(label) for label in self._result.labels) + 8
        room = self.surface.box.width() / max(high - low, 1e-9)
        step = max(1, math.ceil(widest / max(room, 1e-9)))
        self.surface.set_ticks([(i, label) for i, label in enumerate(self._result.labels) if i % step == 0])

    def label_at(self, x: float) -> int:
        """Return the number of the label whose bars stand at `x`, -1 between them."""
        at = round(x)
        return at if self._result is not None and 0 <= at < len(self._result.labels) and abs(x - at) <= 0.5 else -1

    def select_label(self, at: int, how: str = "replace") -> None:
        """Select the images of a label."""
        if 0 <= at < len(self._result.members):
            self.selected.emit(tuple(self._result.members[at]), how)

    def _clicked(self, place: Any, modifiers: Qt.KeyboardModifier) -> None:
        self.select_label(self.label_at(place.x()), how_of(modifiers))

    def _point(self, place: Any) -> None:
        at = self.label_at(place.x()) if place is not None else -1
        if at < 0:
            self.readout.say("")
            return
        bars: Bars = self._result
        values = zip(bars.series, bars.values[:, at], strict=True)
        words = ", ".join(f"{name} {number(float(v)) if math.isfinite(v) else '–'}".strip() for name, v in values)
        self.readout.say(f"{bars.labels[at]}: {words}", "info")
