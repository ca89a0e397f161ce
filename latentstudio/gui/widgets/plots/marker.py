"""The place of one face on a histogram, taken with the mouse or moved with the arrow keys."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from latentstudio.gui.theme import colors
from latentstudio.gui.widgets.plots.surface import Surface

ABOVE = 30
"""Depth of the marker, over brushes."""
_SETTLE = 350
"""Milliseconds after the last key until a run of arrow keys counts as over."""
_STEPS, _LEAPS = 200, 20
"""Into how many steps an axis is cut for an arrow key, and with Shift."""


class FaceMarker(QObject):
    """An upright line where the face lies, and a dotted one where it came from when it has been moved.

    `moved` gives every place that the person chooses, `settled` says that the hand has let go.
    """

    moved = Signal(float)
    settled = Signal()

    def __init__(self, surface: Surface) -> None:
        super().__init__(surface)
        self._surface = surface
        self._own: float | None = None
        self._at: float | None = None
        self._movable = False
        self._span = (0.0, 1.0)
        self._line: Any = None
        self._origin: Any = None
        self._quiet = QTimer(self, singleShot=True, interval=_SETTLE)
        self._quiet.timeout.connect(self.settled)
        surface.arrowed.connect(self._step)

    @property
    def at(self) -> float | None:
        """Where it stands; None while there is none."""
        return self._at

    @property
    def line(self) -> Any:
        """The line that can be dragged; None while there is none."""
        return self._line

    def set_place(self, own: float | None, moved: float | None, movable: bool) -> None:
        """Show where a face lies, and where it was moved to; None of both takes the marker away."""
        at = own if moved is None else moved
        same = self._line is not None and at is not None and movable == self._movable
        self._own, self._at, self._movable = own, at, movable
        if not same:
            self.draw()
            return
        # The line under the hand stays the same object: it is in the middle of its drag.
        self._line.blockSignals(True)
        self._line.setValue(at)
        self._line.blockSignals(False)
        self._draw_origin()

    def set_span(self, low: float, high: float) -> None:
        """Say where the axis ends; the marker can go half as far beyond either end."""
        self._span = (low, high)

    def draw(self) -> None:
        """Draw it anew, after the surface was cleared or when it changes its kind."""
        if self._line is not None:
            self._surface.removeItem(self._line)
            self._line = None
        if self._at is not None:
            line = pg.InfiniteLine(
                self._at,
                angle=90,
                movable=self._movable,
                pen=pg.mkPen(colors().text, width=2),
                hoverPen=pg.mkPen(colors().accent, width=3),
            )
            line.addMarker("v", 1.0, 12.0)
            if self._movable:
                line.setCursor(Qt.CursorShape.SizeHorCursor)
            line.setZValue(ABOVE)
            line.sigDragged.connect(self._dragged)
            line.sigPositionChangeFinished.connect(self._released)
            self._surface.addItem(line, ignoreBounds=self._span[0] <= self._at <= self._span[1])
            self._line = line
        self._draw_origin()

    def _draw_origin(self) -> None:
        """Draw or move the dotted line where a moved face came from."""
        moved = self._at is not None and self._own is not None and self._own != self._at
        if not moved and self._origin is not None:
            self._surface.removeItem(self._origin)
            self._origin = None
        elif moved and self._origin is None:
            dots = pg.mkPen(colors().text, width=1.5, style=Qt.PenStyle.DotLine)
            self._origin = pg.InfiniteLine(self._own, angle=90, movable=False, pen=dots)
            self._origin.setZValue(ABOVE - 1)
            self._surface.addItem(self._origin, ignoreBounds=True)
        elif moved:
            self._origin.setValue(self._own)

    def forget(self) -> None:
        """The surface was cleared, so that the lines are gone."""
        self._line = self._origin = None

    def _held(self, value: float) -> float:
        room = (self._span[1] - self._span[0]) / 2
        return min(max(value, self._span[0] - room), self._span[1] + room)

    def _dragged(self, line: Any) -> None:
        self._choose(float(line.value()))

    def _choose(self, value: float) -> None:
        value = self._held(value)
        if value != self._at:
            self.set_place(self._own, value, self._movable)
            self.moved.emit(value)

    def _released(self, _line: Any) -> None:
        self._quiet.stop()
        self.settled.emit()

    def _step(self, steps: int, far: bool) -> None:
        if self._at is None or not self._movable:
            return
        if steps == 0 and self._own is not None:
            self._choose(self._own)
        else:
            self._choose(self._at + steps * (self._span[1] - self._span[0]) / (_LEAPS if far else _STEPS))
        self._quiet.start()
