"""Light: shadows and occlusion found in the depth map, then the shading of the painted planes."""

from __future__ import annotations

import math

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Rows, Window, column

Vector = tuple[Plane, Plane, Plane]
Glow = tuple[Rows, Window, Plane]
"""A patch of light: which faces have it, where, and how much of it covers each sample."""
GLOW = (0.95, 0.96, 1.0)


def light_direction(f: Face) -> Vector:
    """Return the unit vector from each face to the key light, in scene axes."""
    a, e = np.radians(f.light_azimuth), np.radians(f.light_elevation)
    return np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)


def _slices(count: int, shift: int) -> tuple[slice, slice]:
    """Return where to write and where to read so that sample i reads sample i + shift."""
    if shift >= 0:
        return slice(0, count - shift), slice(shift, count)
    return slice(-shift, count), slice(0, count + shift)


def _steps(frame: Frame, dx: float, dy: float) -> tuple[int, int]:
    """Return a displacement in scene units as (rows, columns) of samples."""
    limit = frame.samples - 1
    down = min(max(round(-dy / frame.step), -limit), limit)
    return down, min(max(round(dx / frame.step), -limit), limit)


def cast_shadow(frame: Frame, light: Vector) -> Plane:
    """Return how much of the key light each sample loses to what stands in its way, 0 to 1.

    From each sample the depth map is looked up at a few distances towards the light, and compared
    with the height of the ray there; the penumbra widens with the distance.
    """
    depth = frame.depth
    shade = np.zeros_like(depth)
    over = np.empty_like(depth)
    towards = list(zip(*(v.reshape(-1).tolist() for v in light), strict=True))
    for reach in (0.05, 0.085, 0.13, 0.19, 0.27):
        sharpness = 1.0 / (0.25 * reach + 0.012)
        for i, (x, y, _) in enumerate(towards):
            down, right = _steps(frame, reach * x, reach * y)
            rows, from_rows = _slices(depth.shape[1], down)
            cols, from_cols = _slices(depth.shape[2], right)
            if down or right:
                over[i].fill(-1.0)
            np.subtract(depth[i, from_rows, from_cols], depth[i, rows, cols], out=over[i, rows, cols])
        over -= reach * light[2] + 0.012
        over *= sharpness
        np.maximum(shade, over, out=shade)
    return np.minimum(shade, 1.0, out=shade)


def occlusion(frame: Frame) -> Plane:
    """Return how much ambient light each sample loses to nearer surroundings, 0 to 1."""
    depth = frame.depth
    total = np.zeros_like(depth)
    rings = ((0.045, 0.0, 0.5), (0.11, 22.5, 0.5))
    for radius, start, weight in rings:
        for turn in range(5):
            angle = math.radians(start + 72.0 * turn)
            down, right = _steps(frame, radius * math.sin(angle), radius * math.cos(angle))
            rows, from_rows = _slices(depth.shape[1], down)
            cols, from_cols = _slices(depth.shape[2], right)
            over = depth[:, from_rows, from_cols] - depth[:, rows, cols]
            over *= weight / (2.5 * 1.6 * radius)
            np.maximum(over, -0.25 * weight / 2.5, out=over)
            np.minimum(over, weight / 2.5, out=over)
            total[:, rows, cols] += over
    np.maximum(total, 0.0, out=total)
    return np.minimum(total, 1.0, out=total)


def _soften(plane: Plane, frame: Frame, radius: float) -> Plane:
    """Return planes averaged over a small square of the given radius in scene units."""
    n = max(1, round(radius / frame.step))
    total = plane.copy()
    total[:, n:] += plane[:, :-n]
    total[:, :-n] += plane[:, n:]
    out = total.copy()
    out[:, :, n:] += total[:, :, :-n]
    out[:, :, :-n] += total[:, :, n:]
    out *= 1.0 / 9.0
    return out


def shade(f: Face, frame: Frame, light: Vector, glows: list[Glow]) -> Plane:
    """Light the painted planes and return the pictures in linear light, shape (3, B, n, n).

    The key light wraps around the terminator, furthest in red, as light that scatters under skin
    does; a fill from above and from the far side keeps the shadows open. The frame's normals and
    colours are used up.
    """
    nx, ny, nz = frame.normal
    facing: Plane = light[0] * nx
    facing += light[1] * ny
    facing += light[2] * nz
    free = _soften(cast_shadow(frame, light), frame, 0.016)
    free *= -0.82
    free += 1.0
    open_sky = _soften(occlusion(frame), frame, 0.016)
    open_sky *= -0.85
    open_sky += 1.0
    sheen = _sheen(frame, light, facing, free)
    rim: Plane = (-0.8 * light[0]) * nx
    rim -= 0.55 * nz
    rim += 0.25
    np.maximum(rim, 0.0, out=rim)
    rim *= open_sky
    fill = 0.25 * ny
    fill += 0.75
    fill *= open_sky
    warm = f.light_warmth
    key = (1.10 + 0.08 * warm, 1.02, 0.95 - 0.12 * warm)
    ambient = 0.2 + 0.14 * f.ambient
    sky = (ambient * 0.92, ambient * 0.97, ambient * 1.1)
    picture = frame.albedo
    for c, wrap in enumerate((0.32, 0.20, 0.15)):
        lit = facing + wrap
        np.maximum(lit, 0.0, out=lit)
        lit *= free
        lit *= key[c] * (1.0 / (1.0 + wrap))
        lit += sky[c] * fill
        lit += (0.25, 0.3, 0.38)[c] * rim
        picture[c] *= lit
        picture[c] += sheen
    for faces, window, spot in glows:
        chosen = faces.tolist()
        for i, rows, cols in window.slices(len(chosen)):
            part = picture[:, chosen[i], rows, cols]
            part += spot[i] * (column(GLOW)[:, 0] - part)
    return picture


def _sheen(frame: Frame, light: Vector, facing: Plane, free: Plane) -> Plane:
    """Return the soft reflection of the key light, weighted by each sample's gloss."""
    hx, hy, hz = light[0], light[1], light[2] + 1.0
    norm = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz)
    nx, ny, nz = frame.normal
    spot: Plane = (hx * norm) * nx
    spot += (hy * norm) * ny
    spot += (hz * norm) * nz
    np.maximum(spot, 0.0, out=spot)
    for _ in range(4):
        spot *= spot
    spot *= frame.gloss
    spot *= free
    ahead = facing * 2.0
    np.maximum(ahead, 0.0, out=ahead)
    np.minimum(ahead, 1.0, out=ahead)
    ahead *= 0.3
    spot *= ahead
    return spot
