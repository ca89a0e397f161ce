"""The solid head: its measures, its pose, and where each line of sight meets it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Window, bump, smooth

SCALE = 0.98
"""Scene units per unit of the head's own frame."""
EYE_LEVEL = 0.05
"""Height of the middle between the eyes in the picture, in scene units."""
FOLLOW = 0.85
"""How far the picture is aligned on the eyes: 1 would keep their middle still under any pose."""


@dataclass(frozen=True)
class Build:
    """The measures of a head, in its own frame: x to its left hand's side in the picture's right, y up, z ahead."""

    half_width: float
    half_height: float
    half_depth: float
    jaw: float
    eye_x: float
    eye_half: float
    eye_z: float
    brow_y: float
    nose_y: float
    nose_half: float
    nose_out: float
    mouth_y: float
    mouth_half: float
    chin_y: float

    @classmethod
    def of(cls, f: Face) -> Build:
        """Derive the measures from the shape factors (and what expression does to them)."""
        height = 0.735 + 0.035 * f.face_length
        nose_y = -0.235 - 0.025 * f.nose_length
        return cls(
            half_width=0.5 + 0.028 * f.head_width + 0.016 * f.chubby,
            half_height=height,
            half_depth=0.6,
            jaw=0.035 + 0.05 * f.jaw + 0.12 * (f.chubby - 0.3),
            eye_x=0.2 + 0.014 * f.eye_spacing,
            eye_half=0.114 + 0.012 * f.eye_size,
            eye_z=0.42,
            brow_y=0.135 + 0.022 * f.brow_raise,
            nose_y=nose_y,
            nose_half=0.082 + 0.02 * f.nose_width,
            nose_out=0.15 + 0.035 * f.nose_point,
            mouth_y=0.5 * (nose_y - height) + 0.085,
            mouth_half=0.155 + 0.018 * f.mouth_width + 0.03 * max(f.smile, 0.0),
            chin_y=-height,
        )


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
        axes = ((first[i]) * p + second[i] * q for i in range(3))
        ox, oy, oz = axes
        return ox, oy, oz

    def to_view(self, normal: tuple[Plane, Plane, Plane]) -> Plane:
        """Turn unit vectors of the head's frame into the scene's, shape (3, h, w)."""
        nx, ny, nz = normal
        return np.stack([(r[0]) * nx + r[1] * ny + r[2] * nz for r in self.turn])


def relief(f: Face, build: Build, x: Plane, y: Plane) -> Plane:
    """Return how far the face stands out of its smooth base, in head units, at (x, y) of the head's frame."""
    side = np.abs(x)
    ny, nh = build.nose_y, build.nose_half
    run = smooth(y, 0.06, ny + 0.03)
    fall = smooth(y, ny - 0.05, ny + 0.015)
    spread = 0.042 + (nh - 0.042) * 0.62 * run * run
    lean = x / spread
    out: Plane = (build.nose_out) * run * fall * np.exp(-lean * lean)
    out += 0.05 * bump(side, y, (0.82 * nh, ny + 0.012), (0.036, 0.036))
    smile = max(f.smile, 0.0)
    ex, my, mh = build.eye_x, build.mouth_y, build.mouth_half
    parts = (
        (-0.062, (ex, 0.015), (0.105, 0.07)),
        (0.036, (ex, 0.0), (0.078, 0.045)),
        (0.026, (ex - 0.02, build.brow_y + 0.005), (0.14, 0.05)),
        (0.035 + 0.035 * f.cheekbones + 0.03 * smile, (0.285, -0.13 + 0.02 * smile), (0.11, 0.1)),
        (0.045, (0.0, my + 0.01), (0.16, 0.12)),
        (0.026 + 0.01 * f.lips, (0.0, my + 0.03), (0.75 * mh, 0.026)),
        (0.034 + 0.012 * f.lips, (0.0, my - 0.038), (0.6 * mh, 0.03)),
        (-0.022, (0.0, my - 0.095), (0.12, 0.03)),
        (-0.02, (mh + 0.02, my + 0.03 * smile), (0.035, 0.04)),
        (0.05, (0.0, build.chin_y + 0.1), (0.13, 0.085)),
        (-0.02, (0.43, 0.17), (0.07, 0.14)),
    )
    for height, centre, radii in parts:
        out += (height) * bump(side, y, centre, radii)
    return out


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


def crown_width(y: Plane) -> Plane:
    """Return by what factor a skull is wider at a height than an ellipsoid would be there."""
    return 1.0 + 0.2 * smooth(y, 0.08, 0.66)


def _cross(f: Face, build: Build, x: Plane, y: Plane, detail: bool) -> tuple[Plane, Plane, Plane]:
    """Return the half width, the half depth and the middle z of the head's section at the points (x, y)."""
    low = np.exp(-np.square((y + 0.47) * (1 / 0.19)))
    tip = np.exp(-np.square((y - (build.chin_y + 0.04)) * (1 / 0.17)))
    width = (build.half_width) * (crown_width(y) + build.jaw * low - 0.07 * tip)
    sink = (y + 0.62) * (1 / 0.36)
    sink = np.exp(-sink * sink)
    depth = (build.half_depth) * (1.0 - 0.24 * sink)
    middle = 0.21 * sink - 0.1
    if detail:
        middle = middle + relief(f, build, x, y)
    return width, depth, middle


def meet(f: Face, build: Build, pose: Pose, frame: Frame, window: Window) -> Skin:
    """Find the front of the head along each line of sight of a window.

    The base is an ellipsoid whose width and middle vary with height and whose middle is moved
    ahead by the relief, so that the crossing solves a quadratic whose coefficients depend on the
    crossing; three rounds settle them.
    """
    ox, oy, oz = pose.origins(frame, window)
    dx, dy, dz = ((v) for v in pose.turn[2])
    ih = 1.0 / build.half_height
    t = np.full(ox.shape, 0.4, dtype=np.float32)
    x, y = ox + t * dx, oy + t * dy
    inside = t
    for turn in range(4):
        width, thick, middle = _cross(f, build, x, y, detail=turn > 0)
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
