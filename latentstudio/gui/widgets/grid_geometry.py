"""Where the cells of a scrolled grid lie: plain arithmetic, no painting."""

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect

GUTTER = 4


@dataclass(frozen=True)
class GridGeometry:
    """A grid of square cells in a viewport.

    Attributes
    ----------
    width, height : size of the viewport in px; edge : edge of a cell in px; count : number of cells; scroll : px that
        are scrolled away at the top.
    """

    width: int
    height: int
    edge: int
    count: int
    scroll: int

    @property
    def pitch(self) -> int:
        """Distance from one cell to the next, px."""
        return self.edge + GUTTER

    @property
    def columns(self) -> int:
        """Number of cells side by side, at least one."""
        return max(1, (self.width - GUTTER) // self.pitch)

    @property
    def content_height(self) -> int:
        """Height of the whole grid, px."""
        return -(-self.count // self.columns) * self.pitch + GUTTER

    @property
    def left(self) -> int:
        """Left edge of the first column, px; the columns stand in the middle."""
        return GUTTER + max(0, (self.width - GUTTER - self.columns * self.pitch) // 2)

    def cell(self, place: int) -> QRect:
        """Rectangle of a cell in viewport coordinates."""
        row, column = divmod(place, self.columns)
        top = GUTTER + row * self.pitch - self.scroll
        return QRect(self.left + column * self.pitch, top, self.edge, self.edge)

    def place_at(self, point: QPoint) -> int:
        """Place of the cell under a point, -1 for none."""
        x, y = point.x() - self.left, point.y() - GUTTER + self.scroll
        if x < 0 or y < 0 or x % self.pitch >= self.edge or y % self.pitch >= self.edge:
            return -1
        column, row = x // self.pitch, y // self.pitch
        place = row * self.columns + column
        return place if column < self.columns and place < self.count else -1

    def places_on_screen(self) -> range:
        """Places of the cells that are at least partly visible."""
        first = max(0, (self.scroll - GUTTER) // self.pitch) * self.columns
        last = ((self.scroll + self.height) // self.pitch + 1) * self.columns
        return range(min(first, self.count), min(last, self.count))

    def places_in(self, band: QRect) -> list[int]:
        """Places of the visible cells that a rectangle touches."""
        return [place for place in self.places_on_screen() if self.cell(place).intersects(band)]

    def scroll_to(self, place: int, centre: bool) -> int:
        """Scroll value that brings a cell on screen, unchanged when it is there already."""
        top = (place // self.columns) * self.pitch
        if centre:
            return top - self.height // 2 + self.pitch // 2
        if top < self.scroll:
            return top
        if top + self.pitch + GUTTER > self.scroll + self.height:
            return top + self.pitch + GUTTER - self.height
        return self.scroll
