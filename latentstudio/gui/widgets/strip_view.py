"""Paths through the latent space, row over row, with what was measured under every frame."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import colors, numeric_font, small_font
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.painting import CENTRE, LEFT, RIGHT, write, write_wrapped
from latentstudio.gui.widgets.path_colours import path_colour
from latentstudio.gui.widgets.readouts import NAMES, Readout, measured, place, readouts, sentence
from latentstudio.gui.widgets.strip_geometry import LABEL_WIDTH, StripGeometry, strip_geometry
from latentstudio.results import Measure, Strip

_MEASURES = 3
"""Most lines of further measures under a frame; the card and screen readers have all."""
_ENDLESS = 100_000.0
"""Height of a room that is not limited: frames become as large as the width allows."""


class StripView(FramesView):
    """A painted view of a `results.Strip`; all paths share their columns.

    `geometry_changed` carries the `StripGeometry` that slider and curve beneath align to.
    """

    geometry_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Strip of frames")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._strip: Strip | None = None
        self._hint = ""
        self._room = 0.0
        self._geometry: StripGeometry | None = None

    @property
    def strip(self) -> Strip | None:
        """The result on show."""
        return self._strip

    @property
    def layout_of_frames(self) -> StripGeometry | None:
        """Where the frames stand, None while there are none."""
        return self._geometry

    def set_strip(self, strip: Strip | None) -> None:
        """Show another result; None empties the view."""
        self._strip = strip
        self.norm_band = strip.norm_band if strip else None
        self.log_prob_band = strip.log_prob_band if strip else None
        self.measures = strip.measures if strip else ()
        self._arrange()
        self._show_frames(strip.frames if strip else None)

    def set_hint(self, words: str) -> None:
        """Say what to do while there is nothing to show."""
        if words != self._hint:
            self._hint = words
            self.update()

    def set_room(self, height: float) -> None:
        """Say how much height there is before rows begin to scroll, in px."""
        if height != self._room:
            self._room = height
            self._arrange()

    # Geometry.

    def columns(self) -> int:
        """Number of frames of each path."""
        return self._strip.columns if self._strip is not None else 0

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture."""
        assert self._geometry is not None
        return self._geometry.frame_rect(frame)

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point, its readouts included."""
        return self._geometry.frame_at(point) if self._geometry is not None else -1

    def _arrange(self) -> None:
        if self._strip is None or not self._strip.columns or not len(self._strip.frames):
            geometry = None
        else:
            height, width = self._strip.frames.images.shape[1:3]
            geometry = strip_geometry(
                columns=self._strip.columns,
                rows=len(self._strip.frames) // self._strip.columns,
                picture=(height, width),
                room=(self.width(), self._room or _ENDLESS),
                line_height=float(round(QFontMetricsF(numeric_font(0.85)).height())),
                ratio=self.devicePixelRatioF(),
                most=len(self._names()),
            )
        if geometry != self._geometry:
            self._geometry = geometry
            self.setMinimumHeight(round(geometry.height) if geometry is not None else 0)
            self.updateGeometry()
            self.geometry_changed.emit(geometry)
            self.update()

    def sizeHint(self) -> QSize:
        """Prefer the height of all rows."""
        return QSize(640, round(self._geometry.height) if self._geometry is not None else 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the frames to the new width."""
        super().resizeEvent(event)
        self._arrange()

    # Words and paint.

    def title(self, frame: int) -> str:
        """Name a frame by its path and its place."""
        if self._strip is None:
            return ""
        row, column = divmod(frame, self._strip.columns)
        label = self._strip.row_labels[row] if row < len(self._strip.row_labels) else f"path {row + 1}"
        return f"{label} {place(float(self._strip.positions[column]))}"

    def _names(self) -> tuple[str, ...]:
        """What the lines under a frame are; the last ones go first where room is short."""
        return (*NAMES[:2], *(m.label for m in self._brief()), NAMES[2])

    def _brief(self) -> tuple[Measure, ...]:
        return tuple(m for m in self.measures if m.brief)[:_MEASURES]

    def _lines(self, frame: int) -> tuple[Readout, ...]:
        assert self._strip is not None
        norm, density, share = readouts(self._strip.frames, frame, self.norm_band, self.log_prob_band)
        return (norm, density, *(Readout(measured(m, frame)) for m in self._brief()), share)

    def describe(self, frame: int) -> str:
        """Say in words what a frame is, for screen readers."""
        if self._strip is None:
            return self._hint
        row, column = divmod(frame, self._strip.columns)
        label = self._strip.row_labels[row] if row < len(self._strip.row_labels) else f"path {row + 1}"
        where = f"{label}, frame {column + 1} of {self._strip.columns}, position {self._strip.positions[column]:.2f}"
        words = f"{where}: {sentence(self._strip.frames, frame, self.norm_band, self.log_prob_band)}"
        found = [(m.label, measured(m, frame)) for m in self.measures]
        return ", ".join([words, *(f"{label} {text}" for label, text in found if text)])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frames, or the hint where there are none."""
        if self._geometry is None:
            painter = QPainter(self)
            write_wrapped(painter, QRectF(self.rect()), self._hint, colors().muted, small_font(1.0))
            painter.end()
            return
        super().paintEvent(event)

    def paint_frames(self, painter: QPainter, area: QRectF) -> None:
        """Draw pictures, path names and readouts."""
        super().paint_frames(painter, area)
        assert self._geometry is not None
        for row in range(self._geometry.rows):
            top = self._geometry.row_top(row)
            if top <= area.bottom() and top + self._geometry.row_height >= area.top():
                self._paint_label(painter, row)
                for column in range(self._geometry.columns):
                    self._paint_readouts(painter, row * self._geometry.columns + column)

    def _paint_label(self, painter: QPainter, row: int) -> None:
        geometry, palette = self._geometry, colors()
        assert geometry is not None
        assert self._strip is not None
        label = self._strip.row_labels[row] if row < len(self._strip.row_labels) else ""
        middle = geometry.row_top(row) + geometry.frame_height / 2
        if label:
            painter.fillRect(QRectF(0, geometry.row_top(row), 3, geometry.frame_height), path_colour(label, row))
            words = QRectF(9, middle - 22, LABEL_WIDTH - 11, 44)
            write_wrapped(painter, words, label.replace("-", "-\u200b"), palette.text, small_font(0.95), LEFT)
        for line in range(geometry.lines):
            rect = geometry.line_rect(row * geometry.columns, line)
            margin = QRectF(0, rect.top(), LABEL_WIDTH - 8, rect.height())
            write(painter, margin, self._names()[line], palette.muted, numeric_font(0.85), RIGHT)

    def _paint_readouts(self, painter: QPainter, frame: int) -> None:
        geometry, palette = self._geometry, colors()
        assert geometry is not None
        assert self._strip is not None
        if not self._strip.frames.ready[frame]:
            return
        for line, value in enumerate(self._lines(frame)[: geometry.lines]):
            color = palette.warning if value.unusual else (palette.text if line == 0 else palette.muted)
            font = numeric_font(0.85, bold=value.unusual)
            write(painter, geometry.line_rect(frame, line), value.text, color, font, CENTRE, Qt.TextElideMode.ElideNone)
