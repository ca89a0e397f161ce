"""A face and what became of it, side by side and large, with readouts that warn outside the range of the data set."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import GAP, colors, numeric_font, small_font
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.painting import CENTRE, write, write_wrapped
from latentstudio.gui.widgets.readouts import Readout, number, outside, percent, sentence
from latentstudio.gui.widgets.strip_geometry import crisp_edge
from latentstudio.results import Band, Frames, Measure

LABELS = ("Face", "Edited")
_LEAST = 56.0
_LINES = 4


def data_readouts(
    frames: Frames, frame: int, norm_band: Band | None, log_prob_band: Band | None
) -> tuple[Readout, Readout]:
    """Norm with its percentile among the data set's, and log-density; unusual outside the data set's own range.

    The norm is outside where it is smaller, or greater, than that of every image; without a data set, where it is
    outside the typical set of the prior. Under the hand the percentile is not known yet (NaN), and nothing is claimed.
    """
    norm = float(frames.norm[frame])
    if frames.data_percentile is None:
        found = Readout(f"norm {number(norm)}", outside(norm, norm_band))
    elif not math.isfinite(float(frames.data_percentile[frame])):
        found = Readout(f"norm {number(norm)}", outside(norm, None))
    else:
        share = float(frames.data_percentile[frame])
        found = Readout(f"norm {number(norm)} · {percent(share)}", outside(norm, None) or not 0 < share < 100)
    if frames.log_prob is None:
        return found, Readout("")
    value = float(frames.log_prob[frame])
    return found, Readout(f"log p {number(value)}", outside(value, log_prob_band))


class EditPair(FramesView):
    """Two frames, the face at the left and the edited one at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Face and edited face")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._hint = ""
        self._names = LABELS
        self.setMinimumSize(round(2 * _LEAST + GAP), round(_LEAST + _LINES * self._line()))

    def set_pair(
        self,
        frames: Frames | None,
        names: tuple[str, str] = LABELS,
        bands: tuple[Band | None, Band | None] = (None, None),
        measures: tuple[Measure, ...] = (),
    ) -> None:
        """Show two frames; None empties the view.

        Parameters
        ----------
        bands : of the norm under the prior, and of the log-density in the data set.
        """
        self.norm_band, self.log_prob_band = bands
        self._names, self.measures = names, measures
        self._show_frames(frames)

    def set_hint(self, words: str) -> None:
        """Say what to do while there is nothing to show."""
        if words != self._hint:
            self._hint = words
            self.update()

    def warnings(self, frame: int = 1) -> tuple[str, ...]:
        """Say in sentences how a frame has left the data set; empty while it is within."""
        if self._frames is None or frame >= self.count or not self._frames.ready[frame]:
            return ()
        norm, density = data_readouts(self._frames, frame, self.norm_band, self.log_prob_band)
        found = []
        if norm.unusual:
            found.append("the norm is outside that of every image of the data set")
        if density.unusual and self.log_prob_band is not None:
            found.append(f"the log-density is outside {self.log_prob_band.label}")
        if not self._frames.finite[frame]:
            found.append("the model's answer is not finite")
        return tuple(found)

    def columns(self) -> int:
        """Both frames stand in one row."""
        return self.count

    def _line(self) -> float:
        return float(round(QFontMetricsF(numeric_font(0.85)).height()))

    def _edge(self) -> float:
        wide = (self.width() - GAP) / 2
        pixels = max(self._frames.images.shape[1:3]) if self._frames is not None else 1
        edge = max(_LEAST, min(wide, self.height() - _LINES * self._line()))
        return crisp_edge(edge, pixels, self.devicePixelRatioF())

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture."""
        edge, line = self._edge(), self._line()
        height, width = self._frames.images.shape[1:3] if self._frames is not None else (1, 1)
        scale = edge / max(height, width)
        pitch = max(edge + GAP, min(self.width() / 2, edge + 3 * GAP))
        left = (self.width() - 2 * pitch) / 2 + frame * pitch
        return QRectF(round(left + (pitch - width * scale) / 2), line, round(width * scale), round(height * scale))

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point."""
        return next((i for i in range(self.count) if self.frame_rect(i).contains(point)), -1)

    def title(self, frame: int) -> str:
        """Name a frame."""
        return self._names[frame] if frame < len(self._names) else ""

    def describe(self, frame: int) -> str:
        """Say in words what a frame is."""
        if self._frames is None:
            return self._hint
        words = sentence(self._frames, frame, self.norm_band, self.log_prob_band)
        return ". ".join([f"{self.title(frame)}: {words}", *self.warnings(frame)])

    def sizeHint(self) -> QSize:
        """Two middling pictures."""
        return QSize(300, 210)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Pictures change their size with the view."""
        super().resizeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frames, or the hint where there are none."""
        if self._frames is None:
            painter = QPainter(self)
            write_wrapped(painter, QRectF(self.rect()).adjusted(6, 0, -6, 0), self._hint, colors().muted, small_font())
            painter.end()
            return
        super().paintEvent(event)

    def paint_frames(self, painter: QPainter, area: QRectF) -> None:
        """Draw pictures, their names above and their readouts beneath."""
        super().paint_frames(painter, area)
        assert self._frames is not None
        palette, line = colors(), self._line()
        for frame in range(self.count):
            rect = self.frame_rect(frame)
            half = self.width() / 4
            column = QRectF(rect.center().x() - half, 0, 2 * half, line)
            write(painter, column, self.title(frame), palette.muted, small_font(0.92), CENTRE)
            if not self._frames.ready[frame]:
                continue
            found = data_readouts(self._frames, frame, self.norm_band, self.log_prob_band)
            for row, value in enumerate(found):
                place = column.translated(0, rect.bottom() + 3 + row * line)
                color = palette.warning if value.unusual else (palette.text if row == 0 else palette.muted)
                font = numeric_font(0.85, bold=value.unusual)
                words = value.text
                if QFontMetricsF(font).horizontalAdvance(words) > place.width():
                    words = words.partition(" ")[2]
                write(painter, place, words, color, font, CENTRE, Qt.TextElideMode.ElideNone)
