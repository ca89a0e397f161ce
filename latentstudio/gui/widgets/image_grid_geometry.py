"""Places of pictures in a grid: columns that fit, rows that stay together, words and maps beneath."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

from latentstudio.gui.widgets.strip_geometry import crisp_edge
from latentstudio.results import ImageGrid

GUTTER = 8.0
LARGEST = 160.0
LEAST = 40.0
LEAST_IN_ROWS = 26.0
LABELLED = 58.0
LEGEND = 34.0
"""Room at the left for what the numbers are, px; views narrower than `ROOMY` keep it for their pictures."""
ROOMY = 240.0


@dataclass(frozen=True)
class GridGeometry:
    """Places of all frames in logical px.

    Attributes
    ----------
    columns : how many fit; at most as many as the result has.
    edge : longer side of a picture; pitch : distance between columns; originals : rows of originals above the frames.
    full : columns of a result whose rows mean something. Where they do not fit, the rows go on below one another, so
        that what stands in one column stays in one; 0 for pictures that flow like words.
    head : height of the name above a row; maps : maps of change beneath the words.
    """

    columns: int
    count: int
    frame_width: float
    frame_height: float
    pitch: float
    line_height: float
    lines: int
    originals: bool
    left: float = 0.0
    head: float = 0.0
    maps: bool = False
    full: int = 0

    @property
    def row_height(self) -> float:
        """Height of a row with its words, without the gap below."""
        pictures = self.frame_height * (2 if self.originals else 1) + (2.0 if self.originals else 0.0)
        mapped = self.frame_height + 3.0 if self.maps else 0.0
        return self.head + pictures + 3.0 + self.lines * self.line_height + mapped

    @property
    def rows(self) -> int:
        """Number of rows on screen."""
        if not self.full:
            return -(-self.count // self.columns)
        return self._own_rows * -(-self.full // self.columns)

    @property
    def _own_rows(self) -> int:
        """Rows of the result itself."""
        return -(-self.count // self.full)

    def place(self, frame: int) -> tuple[int, int]:
        """Row and column of a frame on screen."""
        if not self.full:
            return divmod(frame, self.columns)
        row, column = divmod(frame, self.full)
        block, at = divmod(column, self.columns)
        return block * self._own_rows + row, at

    def first_of(self, row: int) -> int:
        """The first frame of a row on screen."""
        if not self.full:
            return row * self.columns
        block, own = divmod(row, self._own_rows)
        return own * self.full + block * self.columns

    @property
    def height(self) -> float:
        """Height of everything."""
        return self.rows * (self.row_height + GUTTER) + 4.0

    def cell(self, frame: int) -> QRectF:
        """Rectangle of a frame with its original and its words."""
        row, column = self.place(frame)
        return QRectF(
            self.left + column * self.pitch, 4.0 + row * (self.row_height + GUTTER), self.pitch, self.row_height
        )

    def frame_rect(self, frame: int) -> QRectF:
        """Rectangle of a frame's picture."""
        cell = self.cell(frame)
        top = cell.top() + self.head + (self.frame_height + 2.0 if self.originals else 0.0)
        return QRectF(cell.left() + (self.pitch - self.frame_width) / 2, top, self.frame_width, self.frame_height)

    def original_rect(self, frame: int) -> QRectF:
        """Rectangle of the original above a frame."""
        return self.frame_rect(frame).translated(0, -self.frame_height - 2.0)

    def map_rect(self, frame: int) -> QRectF:
        """Rectangle of the map of change beneath a frame's words."""
        rect = self.frame_rect(frame)
        return rect.translated(0, self.frame_height + 6.0 + self.lines * self.line_height)

    def line_rect(self, frame: int, line: int) -> QRectF:
        """Rectangle of a line of words under a frame."""
        cell, below = self.cell(frame), self.frame_rect(frame).bottom() + 3.0
        return QRectF(cell.left() + 1, below + line * self.line_height, cell.width() - 2, self.line_height)

    def frame_at(self, point: QPointF) -> int:
        """Frame under a point, -1 where there is none."""
        column = int((point.x() - self.left) // self.pitch) if point.x() >= self.left else -1
        row = int((point.y() - 4.0) // (self.row_height + GUTTER)) if point.y() >= 4.0 else -1
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return -1
        frame = self.first_of(row) + column
        inside = frame < self.count and self.place(frame) == (row, column)
        return frame if inside and self.cell(frame).contains(point) else -1


def grid_geometry(
    grid: ImageGrid, width: float, line_height: float, lines: int, ratio: float = 1.0, label: float = 0.0
) -> GridGeometry:
    """Fit a result into a width: its own number of columns while pictures stay readable, fewer otherwise.

    Parameters
    ----------
    label : width of the widest label in px; named pictures in rows get as much, up to `LABELLED`.
    """
    height, across = grid.frames.images.shape[1:3]
    left = LEGEND if width >= ROOMY else 0.0
    width -= left
    # Rows that mean something stay rows, with smaller pictures if need be.
    least = LEAST_IN_ROWS if grid.row_labels or grid.changes is not None else LEAST
    if grid.row_labels:
        least = max(least, min(label - GUTTER, LABELLED))
    columns = max(1, min(grid.columns, len(grid.frames), int(width // (least + GUTTER)) or 1))
    if grid.row_labels and columns < grid.columns:
        columns = -(-grid.columns // -(-grid.columns // columns))  # as many in every block
    pitch = min(width / columns, LARGEST + GUTTER)
    edge = crisp_edge(max(least, pitch - GUTTER), max(height, across), ratio)
    scale = edge / max(height, across)
    return GridGeometry(
        columns=columns,
        count=len(grid.frames),
        frame_width=across * scale,
        frame_height=height * scale,
        pitch=pitch,
        line_height=line_height,
        lines=lines,
        originals=grid.originals is not None,
        left=left,
        head=line_height + 2.0 if grid.row_labels else 0.0,
        maps=grid.changes is not None,
        full=grid.columns if grid.row_labels and columns < grid.columns else 0,
    )
