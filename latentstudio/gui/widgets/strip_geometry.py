"""Where the frames of a strip stand. Strip, slider and curve read the same value, so their columns cannot part."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF

LABEL_WIDTH = 88.0
"""Room at the left for path names, names of readouts, the slider's field and the curve's axis, in px."""
MARGIN = 8.0
ROW_GAP = 10.0
TIGHT_GAP = 4.0
"""Between rows that had to shrink."""
LEAST_EDGE = 28.0
ROOMY_EDGE, COMPACT_EDGE, SCROLLED_EDGE = 64.0, 34.0, 40.0
"""Heights in px that a frame should have with all its readouts, must have before readouts go, and has in rows that
scroll."""
LARGEST_EDGE = 256.0
READOUT_GAP = 3.0


@dataclass(frozen=True)
class StripGeometry:
    """Places of all frames in logical px.

    Attributes
    ----------
    frame_width, frame_height : size of a picture; pitch : distance between the centres of neighbouring columns.
    first : x of the centre of column 0.
    line_height : height of one readout line; lines : how many stand under each frame.
    """

    columns: int
    rows: int
    frame_width: float
    frame_height: float
    pitch: float
    first: float
    top: float
    line_height: float
    lines: int
    gap: float = ROW_GAP

    @property
    def row_height(self) -> float:
        """Height of a row without the gap below it."""
        return self.frame_height + (READOUT_GAP + self.lines * self.line_height if self.lines else 0.0)

    @property
    def height(self) -> float:
        """Height of everything."""
        return self.top + self.rows * (self.row_height + self.gap) - self.gap + self.top if self.rows else 0.0

    @property
    def last(self) -> float:
        """X of the centre of the last column."""
        return self.first + self.pitch * max(0, self.columns - 1)

    def centre(self, column: int) -> float:
        """X of the centre of a column."""
        return self.first + self.pitch * column

    def row_top(self, row: int) -> float:
        """Y of the upper edge of a row's frames."""
        return self.top + row * (self.row_height + self.gap)

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture; frames are counted row by row."""
        row, column = divmod(frame, self.columns)
        left = self.centre(column) - self.frame_width / 2
        return QRectF(left, self.row_top(row), self.frame_width, self.frame_height)

    def line_rect(self, frame: int, line: int) -> QRectF:
        """Rectangle of a readout line under a frame; as wide as the column, so that long numbers still fit."""
        row, column = divmod(frame, self.columns)
        y = self.row_top(row) + self.frame_height + READOUT_GAP + line * self.line_height
        return QRectF(self.centre(column) - self.pitch / 2 + 1, y, self.pitch - 2, self.line_height)

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point, its readouts included; -1 where there is none."""
        for row in range(self.rows):
            if self.row_top(row) <= point.y() < self.row_top(row) + self.row_height:
                column = math.floor((point.x() - self.first) / self.pitch + 0.5)
                near = abs(point.x() - self.centre(column)) <= max(self.frame_width, self.pitch - 2) / 2
                return row * self.columns + column if near and 0 <= column < self.columns else -1
        return -1

    def x_of(self, position: float, positions: NDArray[np.float64]) -> float:
        """X of a place along the path, between or on the columns."""
        return float(np.interp(position, positions, self.first + self.pitch * np.arange(len(positions))))


def strip_geometry(
    columns: int,
    rows: int,
    picture: tuple[int, int],
    room: tuple[float, float],
    line_height: float,
    ratio: float = 1.0,
    most: int = 3,
) -> StripGeometry:
    """Fit `rows` of `columns` frames into a room.

    Frames become as large as the width allows, and as small as the height asks for: first without some of their
    readouts, then with one line or none down to a readable size; then rows scroll. A size at which every pixel of the
    model covers a whole number of screen pixels is taken where it costs no more than a fifth of the width.

    Parameters
    ----------
    picture : (height, width) of a frame in px of the model.
    room : (width, height) in logical px.
    ratio : device px per logical px.
    most : readout lines that there are.
    """
    height, width = picture
    aspect = height / width
    pitch = max(LEAST_EDGE + 4, (room[0] - LABEL_WIDTH - MARGIN) / max(columns, 1))
    edge = min(pitch - 4, LARGEST_EDGE)
    lines, gap, free = _share(rows, room[1], line_height, aspect, most)
    edge = max(LEAST_EDGE, min(edge, free / aspect))
    edge = crisp_edge(edge, width, ratio)
    return StripGeometry(
        columns=columns,
        rows=rows,
        frame_width=edge,
        frame_height=edge * aspect,
        pitch=pitch,
        first=LABEL_WIDTH + pitch / 2,
        top=4.0,
        line_height=line_height,
        lines=lines,
        gap=gap,
    )


def _share(rows: int, height: float, line_height: float, aspect: float, most: int) -> tuple[int, float, float]:
    """Return readout lines, gap between rows and height of a frame for `rows` rows in `height` px.

    Few rows keep all readouts; many rows give up lines before they give up pictures, and scroll at last.
    """

    def free(lines: int, gap: float) -> float:
        words = READOUT_GAP + lines * line_height if lines else 0.0
        return (height - 2 * 4 - (rows - 1) * gap) / max(rows, 1) - words

    for lines in range(most, 0, -1):
        if free(lines, ROW_GAP) >= ROOMY_EDGE * aspect:
            return lines, ROW_GAP, free(lines, ROW_GAP)
    for lines in (1, 0):
        if free(lines, TIGHT_GAP) >= COMPACT_EDGE * aspect:
            return lines, TIGHT_GAP, free(lines, TIGHT_GAP)
    return 1, TIGHT_GAP, SCROLLED_EDGE * aspect


def crisp_edge(edge: float, pixels: int, ratio: float) -> float:
    """Lower `edge` to a multiple of the picture's pixels if that keeps four fifths of it, else to whole pixels."""
    times = math.floor(edge * ratio / pixels)
    if times >= 1 and times * pixels / ratio >= 0.8 * edge:
        return times * pixels / ratio
    return math.floor(edge * ratio) / ratio
