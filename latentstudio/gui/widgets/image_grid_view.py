"""Decoded pictures in rows and columns, with their originals above them where there are any."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from latentstudio.gui.pixmaps import pixmap
from latentstudio.gui.theme import colors, numeric_font, small_font
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.image_grid_geometry import GridGeometry, grid_geometry
from latentstudio.gui.widgets.painting import CENTRE, LEFT, RIGHT, frame_box, pen, write, write_wrapped
from latentstudio.gui.widgets.plots.view import how_of
from latentstudio.gui.widgets.readouts import measured, number, readouts, sentence
from latentstudio.gui.widgets.tints import rising_gradient, tinted
from latentstudio.results import ImageGrid, Measure

_SHORT = {"distance from the mean": "to μ", "changed": "chg", "clipped": "clip", "reach": "reach"}
"""Words for the left margin, where room is short."""
SLACK = 16
"""Px by which a view may grow before its pictures do: a scroll bar that goes must not bring itself back."""


class ImageGridView(FramesView):
    """A painted view of a `results.ImageGrid`.

    A click on a picture that stands for images of the data set selects them, Shift adds and Ctrl toggles; `selected`
    gives them and how they change the selection.
    """

    selected = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Grid of pictures")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._grid: ImageGrid | None = None
        self._hint = ""
        self._geometry: GridGeometry | None = None
        self._made_for = -SLACK - 1
        self._originals: dict[tuple[int, float], QPixmap] = {}
        self._tints: dict[int, NDArray[np.uint8]] = {}
        self._selection = np.zeros(0, dtype=np.int64)
        self._chosen: frozenset[int] = frozenset()
        self.activated.connect(self._select)

    @property
    def grid(self) -> ImageGrid | None:
        """The result on show."""
        return self._grid

    def set_grid(self, grid: ImageGrid | None) -> None:
        """Show another result; None empties the view."""
        self._grid = grid
        self._originals.clear()
        self._tints = _tints(grid)
        self.measures = grid.measures if grid else ()
        self.norm_band = grid.norm_band if grid else None
        self.log_prob_band = grid.log_prob_band if grid else None
        self._mark()
        self._arrange()
        self._show_frames(grid.frames if grid else None)

    @property
    def chosen(self) -> frozenset[int]:
        """Frames all of whose images are selected."""
        return self._chosen

    def set_selection(self, indices: Sequence[int]) -> None:
        """Show which pictures stand for images that are all selected."""
        self._selection = np.asarray(indices, dtype=np.int64)
        self._mark()

    def _mark(self) -> None:
        members = self._grid.members if self._grid is not None else ()
        chosen = self._selection
        found = (k for k, own in enumerate(members) if 0 < len(own) <= len(chosen) and np.isin(own, chosen).all())
        marked = frozenset(found)
        if marked != self._chosen:
            self._chosen = marked
            self.update()

    def _select(self, frame: int) -> None:
        members = self._grid.members if self._grid is not None else ()
        if frame < len(members) and len(members[frame]):
            self.selected.emit(tuple(members[frame].tolist()), how_of(QApplication.keyboardModifiers()))

    def set_hint(self, words: str) -> None:
        """Say what to do while there is nothing to show."""
        self._hint = words
        self.update()

    def _lines(self) -> int:
        """A label where there is one, the norm, the error of a reconstruction, and what else was measured."""
        assert self._grid is not None
        return 1 + bool(self._grid.labels) + (self._grid.error is not None) + len(self._brief)

    @property
    def _brief(self) -> list[Measure]:
        return [] if self._grid is None else [m for m in self._grid.measures if m.brief]

    def _arrange(self) -> None:
        if self._grid is None or not len(self._grid.frames):
            geometry = None
        else:
            if not 0 <= self.width() - self._made_for <= SLACK:
                self._made_for = self.width()
            line = float(round(QFontMetricsF(numeric_font(0.85)).height()))
            metrics = QFontMetricsF(small_font(0.88))
            label = max((metrics.horizontalAdvance(words) for words in self._grid.labels), default=0.0)
            geometry = grid_geometry(self._grid, self._made_for, line, self._lines(), self.devicePixelRatioF(), label)
        if geometry != self._geometry:
            self._geometry = geometry
            self._originals.clear()
            self.setMinimumHeight(round(geometry.height) if geometry else 0)
            self.updateGeometry()
            self.update()

    def columns(self) -> int:
        """Number of frames in a row of the result."""
        return 1 if self._geometry is None else self._geometry.full or self._geometry.columns

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture."""
        assert self._geometry is not None
        return self._geometry.frame_rect(frame)

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point."""
        return self._geometry.frame_at(point) if self._geometry is not None else -1

    def sizeHint(self) -> QSize:
        """Prefer the height of all rows."""
        return QSize(480, round(self._geometry.height) if self._geometry is not None else 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the pictures to the new width."""
        super().resizeEvent(event)
        self._arrange()

    def describe(self, frame: int) -> str:
        """Say in words what a frame is."""
        if self._grid is None:
            return self._hint
        label = self._grid.labels[frame] if frame < len(self._grid.labels) else f"Frame {frame + 1}"
        words = f"{label}: {sentence(self._grid.frames, frame, self.norm_band, self.log_prob_band)}"
        if self._grid.error is not None:
            words += f", error {number(float(self._grid.error[frame]))} grey levels"
        for measure in self._grid.measures:
            if np.isfinite(measure.values[frame]):
                words += f", {measure.label} {measured(measure, frame)}"
        if frame < len(self._grid.members) and len(self._grid.members[frame]):
            words += f"; a click selects its {len(self._grid.members[frame]):,} images"
        row = frame // self._grid.columns
        return f"{self._grid.row_labels[row]}, {words}" if row < len(self._grid.row_labels) else words

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frames, or the hint where there are none."""
        if self._geometry is None:
            painter = QPainter(self)
            write_wrapped(painter, QRectF(self.rect()), self._hint, colors().muted, small_font(1.0))
            painter.end()
            return
        super().paintEvent(event)

    def paint_frames(self, painter: QPainter, area: QRectF) -> None:
        """Draw originals, pictures and words."""
        super().paint_frames(painter, area)
        assert self._geometry is not None
        for frame in range(self.count):
            if self._geometry.cell(frame).intersects(area):
                if frame in self._chosen:
                    around = self.frame_rect(frame).adjusted(-1.5, -1.5, 1.5, 1.5)
                    frame_box(painter, around, None, pen(colors().accent, 2.0), 2)
                self._paint_original(painter, frame)
                self._paint_words(painter, frame)
                if frame in self._tints:
                    rect = self._geometry.map_rect(frame)
                    edge = max(rect.width(), rect.height())
                    painter.drawPixmap(rect.topLeft(), pixmap(self._tints[frame], edge, self.devicePixelRatioF()))
        for row in range(self._geometry.rows):
            self._paint_legend(painter, row)

    def _paint_original(self, painter: QPainter, frame: int) -> None:
        assert self._grid is not None
        assert self._geometry is not None
        if self._grid.originals is None or frame >= len(self._grid.originals):
            return
        rect, ratio = self._geometry.original_rect(frame), self.devicePixelRatioF()
        if (frame, ratio) not in self._originals:
            edge = max(rect.width(), rect.height())
            self._originals[frame, ratio] = pixmap(self._grid.originals[frame], edge, ratio)
        painter.drawPixmap(rect.topLeft(), self._originals[frame, ratio])

    def _paint_words(self, painter: QPainter, frame: int) -> None:
        assert self._grid is not None
        assert self._geometry is not None
        palette, line = colors(), 0
        if self._grid.labels:
            label = self._grid.labels[frame] if frame < len(self._grid.labels) else ""
            place = self._geometry.line_rect(frame, line)
            write(painter, place, label, palette.muted, small_font(0.88), CENTRE, Qt.TextElideMode.ElideMiddle)
            line += 1
        if not self._grid.frames.ready[frame]:
            return
        norm = readouts(self._grid.frames, frame, self.norm_band, self.log_prob_band)[0]
        color = palette.warning if norm.unusual else palette.text
        font = numeric_font(0.85, bold=norm.unusual)
        place = self._geometry.line_rect(frame, line)
        write(painter, place, norm.text, color, font, CENTRE, Qt.TextElideMode.ElideNone)
        if self._grid.error is not None:
            place, error = self._geometry.line_rect(frame, line + 1), number(float(self._grid.error[frame]))
            write(painter, place, error, palette.muted, numeric_font(0.85), CENTRE, Qt.TextElideMode.ElideNone)
        first = self._lines() - len(self._brief)
        for line, measure in enumerate(self._brief, first):
            place, words = self._geometry.line_rect(frame, line), measured(measure, frame)
            write(painter, place, words, palette.muted, numeric_font(0.85), CENTRE, Qt.TextElideMode.ElideNone)

    def _paint_legend(self, painter: QPainter, row: int) -> None:
        """Say once for each row what its numbers are, so that they fit under small pictures."""
        assert self._grid is not None
        assert self._geometry is not None
        seeds = self._grid.originals is None and all(label.isdecimal() for label in self._grid.labels)
        first = self._geometry.first_of(row)
        own = first // self._grid.columns
        if self._geometry.head and own < len(self._grid.row_labels):
            cell = self._geometry.cell(first)
            place = QRectF(cell.left() + 2, cell.top(), self.width() - cell.left(), self._geometry.head)
            write(painter, place, self._grid.row_labels[own], colors().text, small_font(0.92), LEFT)
        names = (
            ["seed" if seeds else ""] * bool(self._grid.labels) + ["norm"] + ["RMS"] * (self._grid.error is not None)
        )
        names += [short_name(measure) for measure in self._brief]
        for line, name in enumerate(names):
            place = self._geometry.line_rect(first, line)
            place.setLeft(0)
            place.setWidth(self._geometry.left - 6)
            write(painter, place, name, colors().muted, numeric_font(0.85), RIGHT)
        if self._grid.changes is not None and self._geometry.left:
            self._paint_scale(painter, row)

    def _paint_scale(self, painter: QPainter, row: int) -> None:
        """Say beside the first place for a map how many grey levels its brightest colour is."""
        assert self._grid is not None
        assert self._grid.changes is not None
        assert self._geometry is not None
        area = self._geometry.map_rect(self._geometry.first_of(row))
        bar = QRectF(self._geometry.left - 6, area.top(), 5, area.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(rising_gradient(bar))
        painter.drawRect(bar)
        line, (low, high) = self._geometry.line_height, self._grid.changes.span
        for value, top in ((high, area.top()), (low, area.bottom() - line)):
            place = QRectF(0, top, bar.left() - 3, line)
            write(painter, place, f"{value:.0f}", colors().muted, numeric_font(0.85), RIGHT)


def _tints(grid: ImageGrid | None) -> dict[int, NDArray[np.uint8]]:
    """The coloured maps of change of the frames that have one, uint8 (H, W, 3)."""
    if grid is None or grid.changes is None:
        return {}
    changes = grid.changes
    low, high = changes.span
    return {k: tinted(changes.maps[k], low, high, False) for k in range(len(changes.maps)) if changes.known(k)}


def short_name(measure: Measure) -> str:
    """The unit of a measure, or its name where it has none: room at the left is short."""
    name, _, unit = measure.label.partition(", ")
    return _SHORT.get(name, unit or name)
