"""The sample grid of a picture and the planes that the layers of a face are painted into.

Several faces are drawn at once. A plane has the shape (B, h, w), one (h, w) for each face; a number that
belongs to each face has the shape (B, 1, 1), and a colour (3, B, 1, 1) or, if all share it, (3, 1, 1, 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# In single precision throughout: plain numbers that they are combined with do not widen them.
Plane = NDArray[np.floating[Any]]
Level = Plane | float
Rows = NDArray[np.intp]

FAR = -1.5
"""Depth of the background, in scene units (half the picture's width), towards the viewer."""


def clamp(values: Plane) -> Plane:
    """Limit values to [0, 1] in place and return them."""
    np.maximum(values, 0.0, out=values)
    return np.minimum(values, 1.0, out=values)


def edge(distance: Plane, width: Level) -> Plane:
    """Return the coverage, 0 to 1, of points at a signed distance inside an edge of a given width."""
    out = distance * (1.0 / width)
    out += 0.5
    return clamp(out)


def smooth(values: Plane, start: Level, end: Level) -> Plane:
    """Return the cubic step that is 0 at ``start`` and 1 at ``end`` (which may be the smaller)."""
    t = clamp((values - start) * (1.0 / (end - start)))
    out = t * -2.0
    out += 3.0
    out *= t
    out *= t
    return out


def bump(x: Plane, y: Plane, centre: tuple[Level, Level], radii: tuple[Level, Level]) -> Plane:
    """Return the Gaussian ``exp(-((x - cx) / rx)^2 - ((y - cy) / ry)^2)``."""
    p = x - centre[0]
    p *= 1.0 / radii[0]
    q = y - centre[1]
    q *= 1.0 / radii[1]
    p *= p
    q *= q
    p += q
    np.negative(p, out=p)
    return np.asarray(np.exp(p, out=p))


def bell_curve(values: Plane, inverse_width: Level) -> Plane:
    """Return ``exp(-(values * inverse_width)^2)``."""
    out = values * inverse_width
    out *= out
    np.negative(out, out=out)
    return np.asarray(np.exp(out, out=out))


def vectors(x: Plane, y: Plane, z: Plane) -> Plane:
    """Stack three planes, broadcast to one shape, as an array of vectors of shape (3, B, h, w)."""
    return np.stack(np.broadcast_arrays(x, y, z))


def column(colour: Sequence[float] | Plane) -> Plane:
    """Return a colour as an array of shape (3, 1, 1, 1), or (3, B, 1, 1) as it is, to be broadcast over planes."""
    return colour if isinstance(colour, np.ndarray) else np.array(colour, dtype=np.float32).reshape(3, 1, 1, 1)


def coloured(colour: Sequence[float] | Plane, shape: tuple[int, ...]) -> Plane:
    """Return planes (3, B, h, w) of one colour."""
    out = np.empty((3, *shape), dtype=np.float32)
    out[:] = column(colour)
    return out


def tint(target: Plane, mask: Plane, colour: Sequence[float] | Plane) -> None:
    """Blend ``colour`` into ``target`` (3, B, h, w), in place, by a mask (B, h, w)."""
    gap = column(colour) - target
    gap *= mask
    target += gap


HALF = 0.88
MIDDLE = -0.04


@dataclass(frozen=True)
class Window:
    """A box of samples for each face, all of one size: first row and column, shape (B,) or, if shared, (1,)."""

    top: Rows
    left: Rows
    height: int
    width: int

    def within(self, outer: Window) -> Window:
        """Return this window relative to another, moved and cut so as to lie within it."""
        height, width = min(self.height, outer.height), min(self.width, outer.width)
        top = np.clip(self.top - outer.top, 0, outer.height - height)
        return Window(top, np.clip(self.left - outer.left, 0, outer.width - width), height, width)

    def slices(self, count: int) -> list[tuple[int, slice, slice]]:
        """Return each face's number, rows and columns."""
        tops, lefts = self.top.tolist(), self.left.tolist()
        tops, lefts = (v * count if len(v) == 1 else v for v in (tops, lefts))
        h, w = self.height, self.width
        return [(i, slice(r, r + h), slice(c, c + w)) for i, (r, c) in enumerate(zip(tops, lefts, strict=True))]

    def gather(self, planes: Plane) -> Plane:
        """Return a copy of the window's samples, shape (P, B, height, width), of planes (P, B, H, W)."""
        count = planes.shape[1]
        out = np.empty((len(planes), count, self.height, self.width), dtype=np.float32)
        for i, rows, cols in self.slices(count):
            out[:, i] = planes[:, i, rows, cols]
        return out

    def scatter(self, samples: Plane, planes: Plane) -> None:
        """Write samples (P, B, height, width) into the window of planes (P, B, H, W)."""
        for i, rows, cols in self.slices(planes.shape[1]):
            planes[:, i, rows, cols] = samples[:, i]


@dataclass
class Surface:
    """One layer's samples within its window: planes of shape (B, h, w), colours and normals (3, B, h, w)."""

    window: Window
    mask: Plane
    albedo: Plane
    normal: Plane
    depth: Plane
    gloss: Level = 0.0


@dataclass
class Frame:
    """The planes of ``count`` pictures that have ``samples`` samples on a side.

    The scene is drawn for coordinates from -1 to 1, x to the right and y upwards; the picture shows the
    square of half-width `HALF` around (0, `MIDDLE`), so that the face fills it as in aligned crops. Colours
    are linear light. ``planes`` (9, count, n, n) holds albedo, normal, depth, gloss and cover.
    """

    samples: int
    count: int
    x: Plane = field(init=False)
    y: Plane = field(init=False)
    step: float = field(init=False)
    planes: Plane = field(init=False)

    def __post_init__(self) -> None:
        n = self.samples
        self.step = 2.0 * HALF / n
        self.x = ((np.arange(n) + 0.5) * self.step - HALF).astype(np.float32)
        self.y = np.float32(MIDDLE) - self.x
        self.planes = np.zeros((9, self.count, n, n), dtype=np.float32)
        self.normal[2] = 1.0
        self.depth[:] = FAR

    @property
    def albedo(self) -> Plane:
        """Colours, shape (3, count, n, n)."""
        return np.asarray(self.planes[0:3])

    @property
    def normal(self) -> Plane:
        """Unit normals, shape (3, count, n, n)."""
        return np.asarray(self.planes[3:6])

    @property
    def depth(self) -> Plane:
        """Depths towards the viewer, shape (count, n, n)."""
        return np.asarray(self.planes[6])

    @property
    def gloss(self) -> Plane:
        """Strengths of the reflection, shape (count, n, n)."""
        return np.asarray(self.planes[7])

    @property
    def cover(self) -> Plane:
        """Shares of the samples that are not background, shape (count, n, n)."""
        return np.asarray(self.planes[8])

    def window(self, left: Level, bottom: Level, width: float, height: float) -> Window:
        """Return the windows that hold boxes of one size, in scene units; a box may reach out of the picture."""
        top, rows = self._place(MIDDLE - (bottom + height), height)
        first, columns = self._place(left, width)
        return Window(top, first, rows, columns)

    def _place(self, low: Level, extent: float) -> tuple[Rows, int]:
        """Return the first samples of stretches that start at ``low`` and how many samples they all have.

        What reaches out of the picture is cut off where all the faces share the stretch; else it is moved inside.
        """
        size = min(math.ceil(extent / self.step) + 1, self.samples)
        first = np.floor((np.asarray(low, dtype=np.float64).reshape(-1) + HALF) / self.step)
        if not isinstance(low, np.ndarray):
            size = min(size, self.samples - int(first[0]))
        return np.clip(first, 0, self.samples - size).astype(np.intp), size

    def grid(self, window: Window) -> tuple[Plane, Plane]:
        """Return x, shape (B, 1, w), and y, shape (B, h, 1), of a window's samples."""
        x = self.x[window.left[:, None] + np.arange(window.width)]
        y = self.y[window.top[:, None] + np.arange(window.height)]
        return x[:, None, :], y[:, :, None]

    def paint(self, layer: Surface, faces: Rows) -> None:
        """Composite a layer of some of the faces over what is there."""
        mask, window = layer.mask, layer.window
        stack = np.empty((9, *mask.shape), dtype=np.float32)
        chosen = faces.tolist()
        places = window.slices(len(chosen))
        for i, rows, cols in places:
            stack[:, i] = self.planes[:, chosen[i], rows, cols]
        pairs = ((stack[0:3], layer.albedo), (stack[3:6], layer.normal), (stack[6], layer.depth),
                 (stack[7], layer.gloss), (stack[8], 1.0))  # fmt: skip
        for there, value in pairs:
            gap = value - there
            gap *= mask
            there += gap
        for i, rows, cols in places:
            self.planes[:, chosen[i], rows, cols] = stack[:, i]
