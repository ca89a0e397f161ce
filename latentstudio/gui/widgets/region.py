"""Places of a picture as sets of pixel numbers (row * width + column), painted with a round brush."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """The pixels of a picture: what lies where, and what a brush touches."""

    height: int
    width: int

    def number(self, row: int, column: int) -> int:
        """Number of a pixel; places outside belong to the nearest pixel inside."""
        row, column = min(max(row, 0), self.height - 1), min(max(column, 0), self.width - 1)
        return row * self.width + column

    def place(self, pixel: int) -> tuple[int, int]:
        """Row and column of a pixel."""
        return divmod(pixel, self.width)

    def dab(self, pixel: int, radius: int) -> frozenset[int]:
        """Pixels under a round brush of `radius` px around a pixel; radius 0 is the pixel alone."""
        row, column = self.place(pixel)
        rows, columns = np.ogrid[0 : self.height, 0 : self.width]
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= (radius + 0.25) ** 2
        return frozenset(np.flatnonzero(inside).tolist())

    def stroke(self, start: int, end: int, radius: int) -> frozenset[int]:
        """Pixels under a brush that is drawn straight from one pixel to another."""
        (r0, c0), (r1, c1) = self.place(start), self.place(end)
        steps = max(abs(r1 - r0), abs(c1 - c0), 1)
        touched: set[int] = set()
        for t in range(steps + 1):
            row, column = round(r0 + (r1 - r0) * t / steps), round(c0 + (c1 - c0) * t / steps)
            touched |= self.dab(self.number(row, column), radius)
        return frozenset(touched)

    def words(self, region: frozenset[int]) -> str:
        """Say in a few words what is painted."""
        if not region:
            return "no place painted"
        if len(region) == 1:
            row, column = self.place(next(iter(region)))
            return f"pixel in row {row}, column {column}"
        return f"{len(region):,} pixels painted"
