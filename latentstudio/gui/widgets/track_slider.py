"""A slider over real numbers: wheel, arrows, double click for the default; it says when a gesture has ended."""

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from latentstudio.gui.theme import colors, theme_signals
from latentstudio.gui.widgets.painting import focus_ring, pen

HANDLE = 6.5
"""Radius of the handle in px."""
_TICKS = 100_000
_SETTLE = 350
"""Milliseconds after the last wheel step or key until the gesture counts as over."""


class TrackSlider(QAbstractSlider):
    """A painted slider from `low` to `high` with steps of `step`; `whole` keeps whole numbers.

    `moved` gives every new value that the person chose; `settled` says that the gesture (a drag, a run of wheel steps
    or keys) has ended.
    """

    moved = Signal(float)
    settled = Signal()

    def __init__(
        self, low: float, high: float, default: float, parent: QWidget | None = None, whole: bool = False
    ) -> None:
        super().__init__(parent)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._whole = whole
        self._default = default
        self._low, self._high, self._value = low, high, default
        self._span: tuple[float, float] | None = None
        self._wheel = 0
        self._quiet = QTimer(self, singleShot=True, interval=_SETTLE)
        self._quiet.timeout.connect(self.settled)
        theme_signals().changed.connect(self.update)
        self.set_range(low, high)

    # Numbers.

    @property
    def real(self) -> float:
        """The value."""
        return self._value

    @property
    def step(self) -> float:
        """What an arrow key adds: 1, or a hundredth of the range in a round figure."""
        if self._whole:
            return 1.0
        rough = (self._high - self._low) / 100
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        return power * min((1, 2, 5, 10), key=lambda m: abs(m * power - rough))

    def set_range(self, low: float, high: float) -> None:
        """Give other ends; the value is held between them."""
        self._low, self._high = low, max(high, low)
        self.setRange(0, round(high - low) if self._whole else _TICKS)
        self.set_real(self._value)

    def set_default(self, value: float) -> None:
        """Say where a double click leads."""
        self._default = value

    def set_real(self, value: float) -> None:
        """Show a value without announcing it."""
        value = min(max(value, self._low), self._high)
        self._value = float(round(value)) if self._whole else value
        span = self._high - self._low
        self.setValue(round((self._value - self._low) / span * self.maximum()) if span else 0)
        self.update()

    def _choose(self, value: float, over: bool) -> None:
        """Take a value from the person; `over` ends the gesture at once, otherwise it ends after a moment of rest."""
        before = self._value
        self.set_real(value)
        if self._value != before:
            self.moved.emit(self._value)
        if over:
            self._quiet.stop()
            self.settled.emit()
        elif not self.isSliderDown():
            self._quiet.start()

    # Geometry.

    def track(self) -> tuple[float, float]:
        """X of the low and the high end."""
        return self._span or (HANDLE + 2.0, self.width() - HANDLE - 2.0)

    def set_track(self, left: float, right: float) -> None:
        """Put the ends at given places, e.g. under the first and last frame."""
        self._span = (left, right)
        self.update()

    def x_of(self, value: float) -> float:
        """X of a value."""
        left, right = self.track()
        return left + (right - left) * ((value - self._low) / (self._high - self._low) if self._high > self._low else 0)

    def value_at(self, x: float) -> float:
        """Value under `x`, held at the ends."""
        left, right = self.track()
        share = min(max((x - left) / (right - left), 0.0), 1.0) if right > left else 0.0
        return self._low + share * (self._high - self._low)

    def track_y(self) -> float:
        """Y of the track."""
        return self.height() / 2

    def sizeHint(self) -> QSize:
        """A track with room for its handle."""
        return QSize(120, 22)

    def minimumSizeHint(self) -> QSize:
        """The shortest track that is still usable."""
        return QSize(40, 22)

    # Mouse and keyboard.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the handle under the pointer."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setSliderDown(True)
        self._choose(self.value_at(event.position().x()), over=False)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle."""
        if self.isSliderDown():
            self._choose(self.value_at(event.position().x()), over=False)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the gesture."""
        if self.isSliderDown():
            self.setSliderDown(False)
            self.settled.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the default."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._default, over=True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Move by one step per notch, ten with Shift; high-resolution wheels add up to notches."""
        self._wheel += event.angleDelta().y() or event.angleDelta().x()
        notches = int(self._wheel / 120)
        self._wheel -= notches * 120
        if notches:
            factor = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self._choose(self._value + notches * factor * self.step, over=False)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move by one step, Page Up and Page Down by ten, Home and End to the ends; Esc lets go."""
        moves = {
            Qt.Key.Key_Right: self.step,
            Qt.Key.Key_Up: self.step,
            Qt.Key.Key_Left: -self.step,
            Qt.Key.Key_Down: -self.step,
            Qt.Key.Key_PageUp: 10 * self.step,
            Qt.Key.Key_PageDown: -10 * self.step,
            Qt.Key.Key_Home: self._low - self._value,
            Qt.Key.Key_End: self._high - self._value,
        }
        key = Qt.Key(event.key())
        if key in moves:
            self._choose(self._value + moves[key], over=False)
        elif key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            self._choose(self._default, over=True)
        else:
            event.ignore()

    def event(self, event: QEvent) -> bool:
        """Repaint when the pointer comes or goes."""
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    # Paint.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw track and handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette, y = colors(), self.track_y()
        left, right = self.track()
        live = self.isEnabled()
        self.paint_under(painter)
        painter.setPen(pen(palette.border, 3.0))
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        start = self.x_of(min(max(self.origin(), self._low), self._high))
        if live:
            painter.setPen(pen(palette.accent, 3.0))
            painter.drawLine(QPointF(start, y), QPointF(self.x_of(self._value), y))
        lit = live and (self.underMouse() or self.hasFocus() or self.isSliderDown())
        painter.setPen(pen(palette.background, 1.0))
        painter.setBrush(pen(palette.accent if lit else (palette.text if live else palette.muted)).color())
        middle = QPointF(self.x_of(self._value), y)
        painter.drawEllipse(middle, HANDLE, HANDLE)
        if self.hasFocus():
            focus_ring(painter, QRectF(middle.x() - HANDLE, y - HANDLE, 2 * HANDLE, 2 * HANDLE), 1.5)
        painter.end()

    def origin(self) -> float:
        """Value from which the filled part of the track is drawn."""
        return 0.0 if self._low < 0.0 < self._high else self._low

    def paint_under(self, painter: QPainter) -> None:
        """Draw what lies under the track, e.g. ticks."""
