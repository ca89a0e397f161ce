"""Decoded frames that can be pointed at, dragged and walked through by keyboard; words around them are left open."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QWidget

from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import colors, theme_signals
from latentstudio.gui.widgets.painting import focus_ring, frame_box, pen, warning_mark
from latentstudio.results import Band, Frames, Measure

CARD_DELAY = 90
"""Milliseconds from resting on a frame to its card."""
STALE_OPACITY = 0.4


class FramesView(QWidget):
    """A painted view of `results.Frames`. Subclasses say where frames stand and what is written around them.

    Signals carry the number of a frame. `hovered` gives -1 when the pointer leaves; `card_wanted` gives -1 when the
    card should go.
    """

    hovered = Signal(int)
    activated = Signal(int)
    enlarged = Signal(int)
    drag_started = Signal(int)
    menu_wanted = Signal(int, QPoint)
    card_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._frames: Frames | None = None
        self.norm_band: Band | None = None
        self.log_prob_band: Band | None = None
        self.measures: tuple[Measure, ...] = ()
        self._stale = False
        self._hover = -1
        self._current = 0
        self._pressed: tuple[int, QPointF] | None = None
        self._pixmaps: dict[tuple[int, float, float], QPixmap] = {}
        self._card_timer = QTimer(self, singleShot=True, interval=CARD_DELAY)
        self._card_timer.timeout.connect(lambda: self.card_wanted.emit(self._hover))
        theme_signals().changed.connect(self.update)

    # What subclasses say.

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture."""
        raise NotImplementedError

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point, -1 where there is none."""
        raise NotImplementedError

    def columns(self) -> int:
        """Number of frames in a row."""
        raise NotImplementedError

    def describe(self, frame: int) -> str:
        """Say in words what a frame is, for screen readers."""
        raise NotImplementedError

    def title(self, frame: int) -> str:
        """Name a frame in a few words."""
        return self.describe(frame).split(":", 1)[0]

    # State.

    @property
    def frames(self) -> Frames | None:
        """The frames on show."""
        return self._frames

    @property
    def count(self) -> int:
        """Number of frames."""
        return 0 if self._frames is None else len(self._frames)

    @property
    def current(self) -> int:
        """The frame that the keyboard acts on."""
        return self._current

    @property
    def stale(self) -> bool:
        """Whether the frames belong to an earlier state and are drawn dimmed."""
        return self._stale

    def set_stale(self, stale: bool) -> None:
        """Dim the frames while newer ones are being made."""
        if stale != self._stale:
            self._stale = stale
            self.update()

    def set_current(self, frame: int) -> None:
        """Move the keyboard's place; ignored outside the frames."""
        if 0 <= frame < self.count:
            self._current = frame
            self.setAccessibleDescription(self.describe(frame))
            self.update()

    def point_at(self, frame: int) -> None:
        """Light up a frame that is pointed at elsewhere, -1 for none."""
        if frame != self._hover:
            self._hover = frame
            self.update()

    def _show_frames(self, frames: Frames | None) -> None:
        if frames is not self._frames:
            self._pixmaps.clear()
        self._frames = frames
        self._current = min(self._current, max(0, self.count - 1))
        if self._hover >= self.count:
            self._set_hover(-1)
        if self.count:
            self.setAccessibleDescription(self.describe(self._current))
        self.update()

    # Painting.

    def paint_frame(self, painter: QPainter, frame: int) -> None:
        """Draw one picture with its states; a frame that is not decoded yet is a quiet empty box."""
        assert self._frames is not None
        rect, palette = self.frame_rect(frame), colors()
        if not self._frames.ready[frame]:
            frame_box(painter, rect, palette.sunken, pen(palette.border, 1.0, Qt.PenStyle.DotLine), 2)
            return
        painter.drawPixmap(rect.topLeft(), self._picture(frame, rect))
        if not self._frames.finite[frame]:
            frame_box(painter, rect, None, pen(palette.warning, 2.0), 1)
            warning_mark(painter, QPointF(rect.right() - 3, rect.top() + 3))
        if frame == self._hover:
            frame_box(painter, rect.adjusted(-1.5, -1.5, 1.5, 1.5), None, pen(palette.text, 1.5), 2)

    def _picture(self, frame: int, rect: QRectF) -> QPixmap:
        assert self._frames is not None
        ratio = self.devicePixelRatioF()
        key = (frame, max(rect.width(), rect.height()), ratio)
        if key not in self._pixmaps:
            if len(self._pixmaps) > 4 * self.count:
                self._pixmaps.clear()
            self._pixmaps[key] = pixmap(self._frames.images[frame], key[1], ratio)
        return self._pixmaps[key]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        painter = QPainter(self)
        if self._frames is not None:
            painter.setOpacity(STALE_OPACITY if self._stale else 1.0)
            self.paint_frames(painter, QRectF(event.rect()))
            painter.setOpacity(1.0)
            if self.hasFocus() and self.count:
                focus_ring(painter, self.frame_rect(self._current))
        painter.end()

    def paint_frames(self, painter: QPainter, area: QRectF) -> None:
        """Draw the frames that touch `area`; subclasses add words."""
        for frame in range(self.count):
            if self.frame_rect(frame).adjusted(-3, -3, 3, 3).intersects(area):
                self.paint_frame(painter, frame)

    # Mouse.

    def _set_hover(self, frame: int) -> None:
        if frame == self._hover:
            return
        self._hover = frame
        self.hovered.emit(frame)
        if frame < 0:
            self._card_timer.stop()
            self.card_wanted.emit(-1)
        else:
            self._card_timer.start()
        self.update()

    def _ready(self, frame: int) -> bool:
        return self._frames is not None and 0 <= frame < self.count and bool(self._frames.ready[frame])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer; with the button down far enough, begin a drag."""
        if self._pressed is not None:
            frame, start = self._pressed
            far = (event.position() - start).manhattanLength() >= QApplication.startDragDistance()
            if far and event.buttons() & Qt.MouseButton.LeftButton:
                self._pressed = None
                self._card_timer.stop()
                self.card_wanted.emit(-1)
                if self._ready(frame):
                    self.drag_started.emit(frame)
            return
        self._set_hover(self.frame_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a frame."""
        frame = self.frame_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and frame >= 0:
            self._pressed = (frame, event.position())
            self.set_current(frame)
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Inspect the frame that was clicked."""
        if event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            frame, self._pressed = self._pressed[0], None
            if self._ready(frame) and self.frame_at(event.position()) == frame:
                self.activated.emit(frame)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge the frame."""
        frame = self.frame_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and self._ready(frame):
            self.enlarged.emit(frame)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._set_hover(-1)
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the frame under the pointer, or under the keyboard."""
        keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        frame = self._current if keyboard else self.frame_at(QPointF(event.pos()))
        if not self._ready(frame):
            return
        self.set_current(frame)
        self._card_timer.stop()
        self.card_wanted.emit(-1)
        where = self.mapToGlobal(self.frame_rect(frame).center().toPoint()) if keyboard else event.globalPos()
        self.menu_wanted.emit(frame, where)

    # Keyboard.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk with the arrows, Home and End; Enter inspects, Space enlarges."""
        columns = max(1, self.columns())
        row = self._current // columns
        steps = {
            Qt.Key.Key_Left: self._current - 1 if self._current % columns else self._current,
            Qt.Key.Key_Right: self._current + 1 if (self._current + 1) % columns else self._current,
            Qt.Key.Key_Up: self._current - columns,
            Qt.Key.Key_Down: self._current + columns,
            Qt.Key.Key_Home: row * columns,
            Qt.Key.Key_End: min(row * columns + columns, self.count) - 1,
        }
        key = Qt.Key(event.key())
        if key in steps and self.count:
            self.set_current(steps[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._ready(self._current):
            self.activated.emit(self._current)
        elif key == Qt.Key.Key_Space and self._ready(self._current):
            self.enlarged.emit(self._current)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Stop showing it."""
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        """Keep Qt's own tooltips away: frames have cards."""
        if isinstance(event, QHelpEvent):
            return True
        return super().event(event)
