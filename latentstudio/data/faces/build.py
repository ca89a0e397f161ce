"""The measures of a head and the relief of its face."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Level, Plane, Rows, smooth


@dataclass(frozen=True)
class Build:
    """The measures of heads, in their own frame: x to the right of the picture, y up, z ahead; shape (B, 1, 1)."""

    half_width: Plane
    half_height: Plane
    half_depth: float
    jaw: Plane
    eye_x: Plane
    eye_half: Plane
    eye_z: float
    brow_y: Plane
    nose_y: Plane
    nose_half: Plane
    nose_out: Plane
    mouth_y: Plane
    mouth_half: Plane
    chin_y: Plane

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
            mouth_half=0.155 + 0.018 * f.mouth_width + 0.05 * np.maximum(f.smile, 0.0),
            chin_y=-height,
        )

    def take(self, rows: Rows) -> Build:
        """Return the measures of some of the heads."""
        values = [getattr(self, f.name) for f in fields(self)]
        picked: list[Any] = [v[rows] if isinstance(v, np.ndarray) else v for v in values]
        return Build(*picked)


_REACH = 0.64
_BOTTOM, _TOP = -0.9, 0.5


@dataclass(frozen=True)
class Relief:
    """How far a face stands out of its smooth base, in head units, tabulated over (abs(x), y).

    ``tables`` holds, for each cell of each face's grid, the four coefficients of bilinear interpolation,
    each flattened; a grid has ``rows`` rows of ``columns`` cells.
    """

    step: float
    columns: int
    rows: int
    tables: tuple[Plane, Plane, Plane, Plane]

    @classmethod
    def of(cls, f: Face, build: Build, step: float) -> Relief:
        """Tabulate each face's relief on a grid with the given step, in head units."""
        x = np.arange(0.0, _REACH, step, dtype=np.float32)[None, None, :]
        y = np.arange(_BOTTOM, _TOP, step, dtype=np.float32)[None, :, None]
        height = _mounds(f, build, x, y)
        height += _nose(build, x, y)
        corner, right, up = height[:, :-1, :-1], height[:, :-1, 1:], height[:, 1:, :-1]
        twist = height[:, 1:, 1:] - right
        twist -= up
        twist += corner
        planes = (corner, right - corner, up - corner, twist)
        first, second, third, fourth = (np.ascontiguousarray(p).reshape(-1) for p in planes)
        return cls(step, corner.shape[2], corner.shape[1], (first, second, third, fourth))

    def at(self, x: Plane, y: Plane) -> Plane:
        """Return the relief at points (x, y) of the heads' frames, shape (B, h, w)."""
        u = np.abs(x)
        u *= 1.0 / self.step
        v = y - _BOTTOM
        v *= 1.0 / self.step
        np.minimum(u, self.columns - 1.001, out=u)
        np.maximum(v, 0.0, out=v)
        np.minimum(v, self.rows - 1.001, out=v)
        column, row = u.astype(np.int32), v.astype(np.int32)
        u -= column
        v -= row
        row *= self.columns
        row += column
        cell = row + np.arange(len(x), dtype=np.intp)[:, None, None] * (self.rows * self.columns)
        corner, right, up, twist = (t.take(cell, mode="clip") for t in self.tables)
        twist *= v
        right += twist
        right *= u
        up *= v
        corner += right
        corner += up
        return corner


def _nose(build: Build, x: Plane, y: Plane) -> Plane:
    """Return the relief of the nose's bridge and tip on a grid (1, 1, w) by (1, h, 1)."""
    base = build.nose_y
    run = smooth(y, 0.06, base + 0.03)
    fall = smooth(y, base - 0.05, base + 0.015)
    spread = 0.042 + (build.nose_half - 0.042) * 0.62 * run * run
    out = x * (1.0 / spread)
    out *= out
    np.negative(out, out=out)
    np.exp(out, out=out)
    out *= build.nose_out * run * fall
    return np.asarray(out)


def _mounds(f: Face, build: Build, x: Plane, y: Plane) -> Plane:
    """Return the sum of the faces' other rises and hollows, each a Gaussian: (height, centre, radii)."""
    smile = np.maximum(f.smile, 0.0)
    ex, my, mh = build.eye_x, build.mouth_y, build.mouth_half
    parts: tuple[tuple[Level, ...], ...] = (
        (0.05, 0.82 * build.nose_half, build.nose_y + 0.012, 0.036, 0.036),
        (-0.062, ex, 0.015, 0.105, 0.07),
        (0.036, ex, 0.0, 0.078, 0.045),
        (0.026, ex - 0.02, build.brow_y + 0.005, 0.14, 0.05),
        (0.035 + 0.035 * f.cheekbones + 0.03 * smile, 0.285, -0.13 + 0.02 * smile, 0.11, 0.1),
        (0.045, 0.0, my + 0.01, 0.16, 0.12),
        (0.026 + 0.01 * f.lips, 0.0, my + 0.03, 0.75 * mh, 0.026),
        (0.034 + 0.012 * f.lips, 0.0, my - 0.038, 0.6 * mh, 0.03),
        (-0.022, 0.0, my - 0.095, 0.12, 0.03),
        (-0.02, mh + 0.02, my + 0.03 * smile, 0.035, 0.04),
        (0.05, 0.0, build.chin_y + 0.1, 0.13, 0.085),
        (-0.02, 0.43, 0.17, 0.07, 0.14),
    )
    table = np.empty((5, len(ex), len(parts), 1), dtype=np.float32)
    for i, part in enumerate(parts):
        for j, value in enumerate(part):
            table[j, :, i] = value[:, :, 0] if isinstance(value, np.ndarray) else value
    height, cx, cy, rx, ry = table
    across = np.exp(-np.square((x - cx) / rx))
    along = height * np.exp(-np.square((y.transpose(0, 2, 1) - cy) / ry))
    return np.asarray(along.transpose(0, 2, 1) @ across)
