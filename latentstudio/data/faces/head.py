"""The solid head: its measures, its pose, and where each line of sight meets it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentstudio.data.faces.build import Build, Relief
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Window, smooth

SCALE = 0.96
"""Scene units per unit of the head's own frame."""
EYE_LEVEL = 0.03
"""Height of the middle between the eyes in the picture, in scene units."""
FOLLOW = 0.85
"""How far the picture is aligned on the eyes: 1 would keep their middle still under any pose."""


@dataclass(frozen=True)
class Pose:
    """A turn of the head and the shift that keeps its eyes in place."""

    turn: tuple[tuple[float, float, float], ...]
    shift: tuple[float, float]

    @classmethod
    def of(cls, f: Face, build: Build) -> Pose:
        """Return the pose of a face: yaw about y, then pitch about x, then roll in the picture."""
        a, b, c = (math.radians(v) for v in (f.yaw, f.pitch, f.roll))
        ca, sa, cb, sb, cc, sc = math.cos(a), math.sin(a), math.cos(b), math.sin(b), math.cos(c), math.sin(c)
        across = (ca, 0.0, sa)
        up = (-sb * sa, cb, sb * ca)
        ahead = (-cb * sa, -sb, cb * ca)
        first = tuple(cc * p + sc * q for p, q in zip(across, up, strict=True))
        second = tuple(-sc * p + cc * q for p, q in zip(across, up, strict=True))
        turn = ((first[0], first[1], first[2]), (second[0], second[1], second[2]), ahead)
        z = build.eye_z * SCALE
        return cls(turn, (-FOLLOW * z * first[2], EYE_LEVEL - FOLLOW * z * second[2]))

    def project(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """Return the scene coordinates (x, y, depth) of a point of the head's frame."""
        p, q, r = (SCALE * (row[0] * x + row[1] * y + row[2] * z) for row in self.turn)
        return p + self.shift[0], q + self.shift[1], r

    def origins(self, frame: Frame, window: Window) -> tuple[Plane, Plane, Plane]:
        """Return, in the head's frame, where each sample's line of sight crosses depth 0; each (h, w)."""
        x, y = frame.grid(window)
        p = (x - self.shift[0]) * (1.0 / SCALE)
        q = (y - self.shift[1]) * (1.0 / SCALE)
        first, second = self.turn[0], self.turn[1]
        axes = (first[i] * p + second[i] * q for i in range(3))
        ox, oy, oz = axes
        return ox, oy, oz

    def to_view(self, normal: tuple[Plane, Plane, Plane]) -> Plane:
        """Turn unit vectors of the head's frame into the scene's, shape (3, h, w)."""
        nx, ny, nz = normal
        return np.stack([(r[0]) * nx + r[1] * ny + r[2] * nz for r in self.turn])


@dataclass
class Skin:
    """The visible front of the head: where each sample meets it, in the head's frame, and how it lies."""

    window: Window
    step: float
    x: Plane
    y: Plane
    z: Plane
    depth: Plane
    mask: Plane
    normal: Plane

    def part(self, part: Window) -> Skin:
        """Return the samples within ``part`` of this window, as views."""
        normal = self.normal[:, part[0], part[1]]
        x, y, z = self.x[part], self.y[part], self.z[part]
        return Skin(part, self.step, x, y, z, self.depth[part], self.mask[part], normal)


def crown_width(y: Plane) -> Plane:
    """Return by what factor a skull is wider at a height than an ellipsoid would be there."""
    return 1.0 + 0.2 * smooth(y, 0.08, 0.66)


def _cross(build: Build, relief: Relief | None, x: Plane, y: Plane) -> tuple[Plane, Plane, Plane]:
    """Return the half width, the half depth and the middle z of the head's section at the points (x, y)."""
    low = np.exp(-np.square((y + 0.47) * (1 / 0.19)))
    tip = np.exp(-np.square((y - (build.chin_y + 0.04)) * (1 / 0.17)))
    width = (build.half_width) * (crown_width(y) + build.jaw * low - 0.07 * tip)
    sink = (y + 0.62) * (1 / 0.36)
    sink = np.exp(-sink * sink)
    depth = (build.half_depth) * (1.0 - 0.24 * sink)
    middle = 0.21 * sink - 0.1
    if relief is not None:
        middle = middle + relief.at(x, y)
    return width, depth, middle


def meet(f: Face, build: Build, pose: Pose, frame: Frame, window: Window) -> Skin:
    """Find the front of the head along each line of sight of a window.

    The base is an ellipsoid whose width and middle vary with height and whose middle is moved
    ahead by the relief, so that the crossing solves a quadratic whose coefficients depend on the
    crossing; three rounds settle them, the first of them without the relief.
    """
    ox, oy, oz = pose.origins(frame, window)
    dx, dy, dz = ((v) for v in pose.turn[2])
    ih = 1.0 / build.half_height
    t = np.full(ox.shape, 0.4, dtype=np.float32)
    x, y = ox + t * dx, oy + t * dy
    inside = t
    relief = Relief.of(f, build, 0.75 * frame.step / SCALE)
    for known in (None, relief, relief):
        width, thick, middle = _cross(build, known, x, y)
        ia, ib = 1.0 / width, 1.0 / thick
        ex, ey, ez = dx * ia, dy * ih, dz * ib
        px, py, pz = ox * ia, oy * ih, (oz - middle) * ib
        square = ex * ex + (ey * ey + ez * ez)
        half = px * ex + py * ey + pz * ez
        rest = px * px + py * py + pz * pz - 1.0
        inside = half * half - square * rest
        t = (np.sqrt(np.maximum(inside, 0.0)) - half) / square
        x, y = ox + t * dx, oy + t * dy
    z = oz + t * dz
    depth = t * SCALE
    mask = np.clip(inside / square * (0.25 * SCALE / frame.step) + 0.5, 0.0, 1.0)
    return Skin(window, frame.step, x, y, z, depth, mask, slope_normals(depth, frame.step))


def slope_normals(depth: Plane, step: float) -> Plane:
    """Return unit normals, shape (3, h, w), of a depth map by central differences over ``step``."""
    normal = np.empty((3, *depth.shape), dtype=np.float32)
    scale = -0.5 / step
    np.subtract(depth[:, 2:], depth[:, :-2], out=normal[0, :, 1:-1])
    np.subtract(depth[:-2], depth[2:], out=normal[1, 1:-1])
    normal[0, :, 0], normal[0, :, -1] = normal[0, :, 1], normal[0, :, -2]
    normal[1, 0], normal[1, -1] = normal[1, 1], normal[1, -2]
    normal[:2] *= scale
    np.clip(normal[:2], -4.0, 4.0, out=normal[:2])
    length = 1.0 / np.sqrt(1.0 + normal[0] * normal[0] + normal[1] * normal[1])
    normal[:2] *= length
    normal[2] = length
    return normal
