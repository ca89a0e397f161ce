"""A place along the path under the hand: a slider whose ends stand under the outer frames, and the picture there."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import GAP, colors, numeric_font, small_font
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.painting import CENTRE, pen, write, write_wrapped
from latentstudio.gui.widgets.path_colours import path_colour
from latentstudio.gui.widgets.plain_box import RealBox, make_plain
from latentstudio.gui.widgets.readouts import NAMES, readouts, sentence
from latentstudio.gui.widgets.readouts import place as place_words
from latentstudio.gui.widgets.strip_geometry import LABEL_WIDTH, StripGeometry
from latentstudio.gui.widgets.track_slider import TrackSlider
from latentstudio.results import Band, Floats, Frames

_NAMED = 104
"""Width in px from which several pictures have room for the names of their numbers."""


class _PathTrack(TrackSlider):
    """The slider itself, with a tick and a number under every frame that has room for one."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(0.0, 1.0, 0.5, parent)
        self.positions: Floats = np.array([0.0, 1.0])
        self.setAccessibleName("Position along the path")
        self.setToolTip("Drag, wheel or arrows: decode the path at any place. Double click: the middle.")

    def sizeHint(self) -> QSize:
        """Track above, numbers below."""
        return QSize(320, 36)

    def minimumSizeHint(self) -> QSize:
        """As high as the preferred size."""
        return QSize(120, 36)

    def track_y(self) -> float:
        """Y of the track: above the numbers."""
        return 11.0

    def origin(self) -> float:
        """Filled from A, also when the path begins before it."""
        return 0.0

    def paint_under(self, painter: QPainter) -> None:
        """Draw a tick under every frame and the numbers that fit."""
        palette, font = colors(), numeric_font(0.8)
        painter.setFont(font)
        metrics, y = QFontMetricsF(font), self.track_y()
        named = sorted(range(len(self.positions)), key=lambda i: self.positions[i] not in (0.0, 1.0))
        taken: list[tuple[float, float]] = []
        for i in named:
            position = float(self.positions[i])
            x = self.x_of(position)
            painter.setPen(pen(palette.border))
            painter.drawLine(QPointF(x, y + 5), QPointF(x, y + 9))
            words = {0.0: "A", 1.0: "B"}.get(position, place_words(position))
            half = metrics.horizontalAdvance(words) / 2 + 4
            if all(x + half <= a or x - half >= b for a, b in taken):
                taken.append((x - half, x + half))
                color = palette.text if words in ("A", "B") else palette.muted
                write(painter, QRectF(x - half, y + 10, 2 * half, 15), words, color, font)


class ScrubSlider(QWidget):
    """Typed value at the left, slider under the frames.

    `scrubbed` gives every place the person moves to, `settled` says that the hand has let go.
    """

    scrubbed = Signal(float)
    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.track = _PathTrack(self)
        self.field = RealBox(self)
        self.field.setDecimals(4)
        self.field.setSingleStep(0.01)
        self.field.setRange(0.0, 1.0)
        self.field.setValue(0.5)
        make_plain(self.field)
        self.field.setAccessibleName("Position along the path, typed")
        self.field.setToolTip("Position along the path: 0 is A, 1 is B")
        self.track.moved.connect(self._moved)
        self.track.settled.connect(self.settled)
        self.field.valueChanged.connect(self._typed)
        self.setFocusProxy(self.track)

    @property
    def position(self) -> float:
        """The place shown, 0 at A and 1 at B."""
        return self.track.real

    def set_position(self, value: float) -> None:
        """Show a place without announcing it."""
        self.track.set_real(value)
        self._show(self.track.real)

    def set_columns(self, geometry: StripGeometry | None, positions: Floats) -> None:
        """Stand under the columns of a strip; the range follows its positions."""
        low, high = (float(positions[0]), float(positions[-1])) if len(positions) else (0.0, 1.0)
        self.track.positions = positions
        self.track.set_range(low, high)
        self.field.blockSignals(True)
        self.field.setRange(low, high)
        self.field.blockSignals(False)
        if geometry is not None:
            self.track.set_track(geometry.first - LABEL_WIDTH + GAP * 2, geometry.last - LABEL_WIDTH + GAP * 2)
        self._show(self.track.real)
        self.track.update()

    def _show(self, value: float) -> None:
        self.field.blockSignals(True)
        self.field.setValue(value)
        self.field.blockSignals(False)

    def _moved(self, value: float) -> None:
        self._show(value)
        self.scrubbed.emit(value)

    def _typed(self, value: float) -> None:
        self.track.set_real(value)
        self.scrubbed.emit(value)
        self.settled.emit()

    def sizeHint(self) -> QSize:
        """As high as the track."""
        return self.track.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """As high as the track."""
        return self.track.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the field in the margin of the strip and the track under its frames."""
        super().resizeEvent(event)
        left = round(LABEL_WIDTH) - GAP * 2
        self.field.setGeometry(0, 0, left - GAP // 2, 23)
        self.track.setGeometry(left, 0, self.width() - left, self.height())


class ScrubPreview(FramesView):
    """The frames at one place of the path, one for each path, as large as the room allows, with their readouts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Frame at the slider")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._labels: tuple[str, ...] = ()
        self._hint = ""
        self.setMinimumWidth(64)

    def set_preview(
        self,
        frames: Frames | None,
        labels: tuple[str, ...],
        norm_band: Band | None = None,
        log_prob_band: Band | None = None,
    ) -> None:
        """Show the frames at the slider's place; None empties the view."""
        self.norm_band, self.log_prob_band, self._labels = norm_band, log_prob_band, labels
        self._show_frames(frames)

    def set_hint(self, words: str) -> None:
        """Say what to do while there is nothing to show."""
        self._hint = words
        self.update()

    def columns(self) -> int:
        """All frames stand in one row."""
        return self.count

    def _line(self) -> float:
        return float(round(QFontMetricsF(numeric_font(0.85)).height()))

    def _edge(self) -> float:
        """Side of a frame: the largest at which all frames and two lines of words fit."""
        wide = (self.width() - (self.count - 1) * GAP) / max(self.count, 1)
        return float(int(max(24.0, min(wide, self.height() - 2 * self._line() - 4, 224.0))))

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture."""
        edge = self._edge()
        height, width = self._frames.images.shape[1:3] if self._frames is not None else (1, 1)
        scale = edge / max(height, width)
        # Words need more room than a small picture, so neighbours keep at least 72 px between their centres.
        pitch = max(edge + GAP, min(72.0, self.width() / max(self.count, 1)))
        first = (self.width() - pitch * self.count) / 2
        x = first + frame * pitch + (pitch - width * scale) / 2
        return QRectF(round(x), 1.0, round(width * scale), round(height * scale))

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point."""
        return next((i for i in range(self.count) if self.frame_rect(i).contains(point)), -1)

    def describe(self, frame: int) -> str:
        """Say in words what a frame is."""
        if self._frames is None:
            return self._hint
        label = self._labels[frame] if frame < len(self._labels) else ""
        return f"{label}: {sentence(self._frames, frame, self.norm_band, self.log_prob_band)}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frames, or the hint where there are none."""
        if self._frames is None:
            painter = QPainter(self)
            write_wrapped(painter, QRectF(self.rect()), self._hint, colors().muted, small_font())
            painter.end()
            return
        super().paintEvent(event)

    def paint_frames(self, painter: QPainter, area: QRectF) -> None:
        """Draw pictures, a stroke in the path's colour, and two lines of readouts."""
        super().paint_frames(painter, area)
        assert self._frames is not None
        palette, line = colors(), self._line()
        for frame in range(self.count):
            rect = self.frame_rect(frame)
            if self.count > 1 and frame < len(self._labels):
                stroke = QRectF(rect.left(), rect.bottom() + 1, rect.width(), 2)
                painter.fillRect(stroke, path_colour(self._labels[frame], frame))
            if not self._frames.ready[frame]:
                continue
            values = readouts(self._frames, frame, self.norm_band, self.log_prob_band)
            for number, value in enumerate(values[:2]):
                place = QRectF(rect.center().x() - 44, rect.bottom() + 4 + number * line, 88, line)
                named = self.count == 1 or rect.width() >= _NAMED
                words = f"{NAMES[number]} {value.text}" if named else value.text
                color = palette.warning if value.unusual else (palette.text if number == 0 else palette.muted)
                font = numeric_font(0.85, bold=value.unusual)
                write(painter, place, words, color, font, CENTRE, Qt.TextElideMode.ElideNone)
