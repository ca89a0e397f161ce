"""Points that stand for images: click or draw a rectangle to select, what is not selected fades."""

from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import colors
from latentstudio.gui.widgets.painting import with_alpha
from latentstudio.gui.widgets.plots.brushing import members_in_box
from latentstudio.gui.widgets.plots.surface import Surface
from latentstudio.gui.widgets.plots.view import ResultPart, how_of
from latentstudio.results import Scatter

_ROLES = ("data", "held_out", "train", "other", "error", "reference")
_REACH = 12.0
"""Farthest distance in px at which a click still means a point."""


class ScatterView(ResultPart):
    """A view of `results.Scatter`. `pointed` gives the dataset index under the pointer, -1 for none."""

    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.surface = Surface(self)
        self.surface.box.brushes = "xy"
        self.surface.clicked.connect(self._clicked)
        self.surface.brushed.connect(self._brushed)
        self.surface.pointed.connect(self._point)
        self.surface.setToolTip(
            "Click a point or draw a rectangle to select; Shift adds, Ctrl toggles. Wheel zooms, middle button pans."
        )
        self.body.addWidget(self.surface, 1)
        self._points: Any = None
        self._box: Any = None

    def redraw(self) -> None:
        """Draw the result."""
        scatter: Scatter = self._result
        self.surface.clear()
        self._points, self._box = None, None
        self.surface.set_x_label(scatter.x_label)
        self.name_y(scatter.y_label)
        entries = [(label, _ROLES[i % len(_ROLES)], "box") for i, label in enumerate(scatter.group_labels)]
        self.legend.set_entries(entries if len(entries) > 1 else [])
        self.redraw_selection()
        self.surface.fit()

    def redraw_selection(self) -> None:
        """Fade what is not selected, while anything is."""
        scatter: Scatter = self._result
        if self._points is not None:
            self.surface.removeItem(self._points)
        if not len(scatter.points):
            self._points = None
            return
        palette = colors()
        tints = [getattr(palette, role) for role in _ROLES]
        selects = len(self.selection) and bool((scatter.members >= 0).any())
        chosen = np.isin(scatter.members, self.selection) if selects else np.ones(len(scatter.members), bool)
        quiet = with_alpha(palette.muted, 0.3)
        brushes = [
            tints[int(group) % len(tints)] if lit else quiet for group, lit in zip(scatter.groups, chosen, strict=True)
        ]
        self._points = self.surface.add_points(scatter.points, brushes)

    def nearest(self, x: float, y: float) -> int:
        """Return the number of the point nearest to a place on the axes, -1 when none is within reach."""
        points = self._result.points
        if not len(points):
            return -1
        x0, x1, y0, y1 = self.surface.limits()
        across = (points[:, 0] - x) / (x1 - x0) * self.surface.box.width()
        up = (points[:, 1] - y) / (y1 - y0) * self.surface.box.height()
        distance = np.hypot(across, up)
        at = int(np.nanargmin(distance))
        return at if distance[at] <= _REACH else -1

    def _clicked(self, place: Any, modifiers: Qt.KeyboardModifier) -> None:
        at = self.nearest(place.x(), place.y())
        chosen = (int(self._result.members[at]),) if at >= 0 and self._result.members[at] >= 0 else ()
        if chosen or how_of(modifiers) == "replace":
            self.selected.emit(chosen, how_of(modifiers))

    def _brushed(self, rect: QRectF, over: bool, modifiers: Qt.KeyboardModifier) -> None:
        if self._box is not None:
            self.surface.removeItem(self._box)
            self._box = None
        if over:
            members = members_in_box(self._result, rect.left(), rect.right(), rect.top(), rect.bottom())
            self.selected.emit(tuple(int(i) for i in members), how_of(modifiers))
        else:
            self._box = self.surface.add_box(rect)

    def _point(self, place: Any) -> None:
        at = self.nearest(place.x(), place.y()) if place is not None else -1
        scatter: Scatter = self._result
        if at < 0:
            self.readout.say("")
            self.pointed.emit(-1)
            return
        group = int(scatter.groups[at])
        label = scatter.group_labels[group] if 0 <= group < len(scatter.group_labels) else ""
        name = f"image {scatter.members[at]}" if scatter.members[at] >= 0 else ""
        self.readout.say(" · ".join(filter(None, [name, label])), "info")
        self.pointed.emit(int(scatter.members[at]))
