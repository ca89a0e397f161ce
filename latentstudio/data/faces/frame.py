"""The sample grid of a picture and the planes that the layers of a face are painted into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# In single precision throughout: plain numbers that they are combined with do not widen them.
Plane = NDArray[np.floating[Any]]
Window = tuple[slice, slice]
Colour = tuple[float, float, float]

FAR = -1.5
"""Depth of the background, in scene units (half the picture's width), towards the viewer."""


def clamp(values: Plane) -> Plane:
    """Limit values to [0, 1] in place and return them."""
    np.maximum(values, 0.0, out=values)
    return np.minimum(values, 1.0, out=values)


def edge(distance: Plane, width: float) -> Plane:
    """Return the coverage, 0 to 1, of points at a signed distance inside an edge of a given width."""
    out = distance * (1.0 / width)
    out += 0.5
    return clamp(out)


def smooth(values: Plane, start: float, end: float) -> Plane:
    """Return the cubic step that is 0 at ``start`` and 1 at ``end`` (which may be the smaller)."""
    factor = 1.0 / (end - start)
    t = values * factor
    t -= start * factor
    clamp(t)
    out = t * -2.0
    out += 3.0
    out *= t
    out *= t
    return out


def bump(x: Plane, y: Plane, centre: tuple[float, float], radii: tuple[float, float]) -> Plane:
    """Return the Gaussian ``exp(-((x - cx) / rx)^2 - ((y - cy) / ry)^2)``."""
    p = (x - centre[0]) * (1.0 / radii[0])
    q = (y - centre[1]) * (1.0 / radii[1])
    p *= p
    q *= q
    out: Plane = np.negative(p + q)
    return np.asarray(np.exp(out, out=out))


def vectors(x: Plane, y: Plane, z: Plane) -> Plane:
    """Stack three planes, broadcast to one shape, as an array of vectors of shape (3, h, w)."""
    return np.stack(np.broadcast_arrays(x, y, z))


def column(colour: Sequence[float]) -> Plane:
    """Return a colour as an array of shape (3, 1, 1), to be broadcast over planes."""
    return np.array(colour, dtype=np.float32).reshape(3, 1, 1)


def tint(target: Plane, mask: Plane, colour: Sequence[float] | Plane) -> None:
    """Blend ``colour`` into ``target`` (3, h, w), in place, by a mask (h, w)."""
    paint = colour if isinstance(colour, np.ndarray) else column(colour)
    target += mask * (paint - target)


HALF = 0.88
MIDDLE = -0.04


@dataclass
class Surface:
    """One layer's samples within its window: all planes have the window's shape (h, w)."""

    window: Window
    mask: Plane
    albedo: Plane
    normal: Plane
    depth: Plane
    gloss: Plane | float = 0.0


@dataclass
class Frame:
    """The planes of a picture that has ``samples`` samples on a side.

    The scene is drawn for coordinates from -1 to 1, x to the right and y upwards; the picture shows the
    square of half-width `HALF` around (0, `MIDDLE`), so that the face fills it as in aligned crops. Colours
    are linear light.
    """

    samples: int
    x: Plane = field(init=False)
    y: Plane = field(init=False)
    step: float = field(init=False)
    albedo: Plane = field(init=False)
    normal: Plane = field(init=False)
    depth: Plane = field(init=False)
    gloss: Plane = field(init=False)
    cover: Plane = field(init=False)
    glow: list[tuple[Window, Plane, Colour]] = field(default_factory=list)

    def __post_init__(self) -> None:
        n = self.samples
        self.step = 2.0 * HALF / n
        centres = ((np.arange(n) + 0.5) * self.step - HALF).astype(np.float32)
        self.x, self.y = centres[None, :], np.float32(MIDDLE) - centres[:, None]
        self.albedo = np.zeros((3, n, n), dtype=np.float32)
        self.normal = np.zeros((3, n, n), dtype=np.float32)
        self.normal[2] = 1.0
        self.depth = np.full((n, n), FAR, dtype=np.float32)
        self.gloss = np.zeros((n, n), dtype=np.float32)
        self.cover = np.zeros((n, n), dtype=np.float32)

    def window(self, left: float, right: float, bottom: float, top: float) -> Window:
        """Return the slices (rows, columns) of the samples within a box in scene coordinates."""

        def cut(low: float, high: float) -> slice:
            first = int(np.floor((low + HALF) / self.step))
            last = int(np.ceil((high + HALF) / self.step))
            first = min(max(first, 0), self.samples - 2)
            return slice(first, min(max(last, first + 2), self.samples))

        return cut(MIDDLE - top, MIDDLE - bottom), cut(left, right)

    def grid(self, window: Window) -> tuple[Plane, Plane]:
        """Return x, shape (1, w), and y, shape (h, 1), of a window's samples."""
        return self.x[:, window[1]], self.y[window[0], :]

    def paint(self, layer: Surface) -> None:
        """Composite a layer over what is there."""
        rows, cols = layer.window
        mask = layer.mask
        for plane, value in ((self.albedo, layer.albedo), (self.normal, layer.normal)):
            part = plane[:, rows, cols]
            part += mask * (value - part)
        for flat, level in ((self.depth, layer.depth), (self.gloss, layer.gloss), (self.cover, 1.0)):
            piece = flat[rows, cols]
            piece += mask * (level - piece)
