"""The solid head: its measures, its pose, and where each line of sight meets it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentstudio.data.faces.build import Build, Relief
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Level, Plane, Rows, Window, bell_curve, edge, smooth

SCALE = 0.96
"""Scene units per unit of the head's own frame."""
EYE_LEVEL = 0.03
"""Height of the middle between the eyes in the picture, in scene units."""
FOLLOW = 0.85
"""How far the picture is aligned on the eyes: 1 would keep their middle still under any pose."""


@dataclass(frozen=True)
class Pose:
    """A turn of each head, shape (3, 3, B, 1, 1), and the shift that keeps its eyes in place, shape (2, B, 1, 1)."""

    turn: Plane
    shift: Plane

    @classmethod
    def of(cls, f: Face, build: Build) -> Pose:
        """Return the pose of each face: yaw about y, then pitch about x, then roll in the picture."""
        a, b, c = (np.radians(v) for v in (f.yaw, f.pitch, f.roll))
        ca, sa, cb, sb, cc, sc = np.cos(a), np.sin(a), np.cos(b), np.sin(b), np.cos(c), np.sin(c)
        across = np.stack([ca, np.zeros_like(ca), sa])
        up = np.stack([-sb * sa, cb, sb * ca])
        ahead = np.stack([-cb * sa, -sb, cb * ca])
        turn = np.stack([cc * across + sc * up, -sc * across + cc * up, ahead])
        z = build.eye_z * SCALE
        return cls(turn, np.stack([-FOLLOW * z * turn[0, 2], EYE_LEVEL - FOLLOW * z * turn[1, 2]]))

    def take(self, rows: Rows) -> Pose:
        """Return the poses of some of the heads."""
        return Pose(self.turn[:, :, rows], self.shift[:, rows])

    def project(self, x: Level, y: Level, z: Level) -> tuple[Plane, Plane, Plane]:
        """Return the scene coordinates (x, y, depth) of a point of each head's frame."""
        p, q, r = (SCALE * (row[0] * x + row[1] * y + row[2] * z) for row in self.turn)
        return p + self.shift[0], q + self.shift[1], r

    def origins(self, frame: Frame, window: Window) -> tuple[Plane, Plane, Plane]:
        """Return, in the head's frame, where each sample's line of sight crosses depth 0; each (B, h, w)."""
        x, y = frame.grid(window)
        p = (x - self.shift[0]) * (1.0 / SCALE)
        q = (y - self.shift[1]) * (1.0 / SCALE)
        first, second = self.turn[0], self.turn[1]
        ox, oy, oz = (first[i] * p + second[i] * q for i in range(3))
        return ox, oy, oz

    def to_view(self, normal: tuple[Plane, Plane, Plane]) -> Plane:
        """Turn unit vectors of the head's frame into the scene's, shape (3, B, h, w)."""
        nx, ny, nz = normal
        out = np.empty((3, *nx.shape), dtype=np.float32)
        for plane, row in zip(out, self.turn, strict=True):
            np.multiply(nx, row[0], out=plane)
            plane += ny * row[1]
            plane += nz * row[2]
        return out


@dataclass
class Skin:
    """The visible front of the head: where each sample meets it, in the head's frame, and its paint.

    ``planes`` (7, B, h, w) holds x, y, z, the colour's three planes and gloss, so that a part of them is cut
    out and put back in one piece.
    """

    step: float
    planes: Plane

    @property
    def x(self) -> Plane:
        """Places across the head, to the right of the picture."""
        return np.asarray(self.planes[0])

    @property
    def y(self) -> Plane:
        """Heights."""
        return np.asarray(self.planes[1])

    @property
    def z(self) -> Plane:
        """Places ahead."""
        return np.asarray(self.planes[2])

    @property
    def albedo(self) -> Plane:
        """Colours, shape (3, B, h, w)."""
        return np.asarray(self.planes[3:6])

    @property
    def gloss(self) -> Plane:
        """Strengths of the reflection."""
        return np.asarray(self.planes[6])


@dataclass
class Front:
    """How the front of a head lies: its skin, and planes of shape (B, h, w); normals (3, B, h, w)."""

    skin: Skin
    depth: Plane
    mask: Plane
    normal: Plane


def crown_width(y: Plane) -> Plane:
    """Return by what factor a skull is wider at a height than an ellipsoid would be there."""
    out = smooth(y, 0.08, 0.66)
    out *= 0.2
    out += 1.0
    return out


def _cross(build: Build, relief: Relief | None, x: Plane, y: Plane) -> tuple[Plane, Plane, Plane]:
    """Return the half width, the half depth and the middle z of the head's section at the points (x, y)."""
    width = crown_width(y)
    low = bell_curve(y + 0.47, 1 / 0.19)
    low *= build.jaw
    width += low
    tip = bell_curve(y - (build.chin_y + 0.04), 1 / 0.17)
    tip *= 0.07
    width -= tip
    width *= build.half_width
    sink = bell_curve(y + 0.62, 1 / 0.36)
    depth = sink * (-0.24 * build.half_depth)
    depth += build.half_depth
    sink *= 0.21
    sink -= 0.1
    if relief is not None:
        sink += relief.at(x, y)
    return width, depth, sink


def meet(f: Face, build: Build, pose: Pose, frame: Frame, window: Window) -> Front:
    """Find the front of the head along each line of sight of a window.

    The base is an ellipsoid whose width and middle vary with height and whose middle is moved
    ahead by the relief, so that the crossing solves a quadratic whose coefficients depend on the
    crossing; three rounds settle them, the first of them without the relief.
    """
    ox, oy, oz = pose.origins(frame, window)
    dx, dy, dz = pose.turn[2]
    ih = 1.0 / build.half_height
    skin = Skin(frame.step, np.empty((7, *ox.shape), dtype=np.float32))
    x, y, z = skin.x, skin.y, skin.z
    np.add(ox, 0.4 * dx, out=x)
    np.add(oy, 0.4 * dy, out=y)
    ey, py = dy * ih, oy * ih
    eyy, py_ey, pyy = ey * ey, py * ey, py * py - 1.0
    relief = Relief.of(f, build, 0.75 * frame.step / SCALE)
    for known in (None, relief, relief):
        width, thick, middle = _cross(build, known, x, y)
        ia, ib = 1.0 / width, 1.0 / thick
        px = ox * ia
        ia *= dx
        np.subtract(oz, middle, out=middle)
        middle *= ib
        ib *= dz
        pz, ex, ez = middle, ia, ib
        square, half, rest = ex * ex, px * ex, px * px
        square += eyy
        square += ez * ez
        half += py_ey
        half += pz * ez
        rest += pyy
        pz *= pz
        rest += pz
        rest *= square
        inside = half * half
        inside -= rest
        t = np.sqrt(np.maximum(inside, 0.0))
        t -= half
        t /= square
        np.add(ox, t * dx, out=x)
        np.add(oy, t * dy, out=y)
    np.add(oz, t * dz, out=z)
    t *= SCALE
    inside /= square
    mask = edge(inside, 4.0 * frame.step / SCALE)
    return Front(skin, t, mask, slope_normals(t, frame.step))


def slope_normals(depth: Plane, step: float) -> Plane:
    """Return unit normals, shape (3, B, h, w), of depth maps by central differences over ``step``."""
    normal = np.empty((3, *depth.shape), dtype=np.float32)
    across, up, ahead = normal
    np.subtract(depth[:, :, 2:], depth[:, :, :-2], out=across[:, :, 1:-1])
    np.subtract(depth[:, :-2], depth[:, 2:], out=up[:, 1:-1])
    across[:, :, 0], across[:, :, -1] = across[:, :, 1], across[:, :, -2]
    up[:, 0], up[:, -1] = up[:, 1], up[:, -2]
    slopes = normal[:2]
    slopes *= -0.5 / step
    np.maximum(slopes, -4.0, out=slopes)
    np.minimum(slopes, 4.0, out=slopes)
    np.multiply(across, across, out=ahead)
    ahead += up * up
    ahead += 1.0
    np.sqrt(ahead, out=ahead)
    np.reciprocal(ahead, out=ahead)
    slopes *= ahead
    return normal
