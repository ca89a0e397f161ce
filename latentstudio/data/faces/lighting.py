"""Light: shadows and occlusion found in the depth map, then the shading of the painted planes."""

from __future__ import annotations

import math

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane

Vector = tuple[float, float, float]


def light_direction(f: Face) -> Vector:
    """Return the unit vector from the face to the key light, in scene axes."""
    a, e = math.radians(f.light_azimuth), math.radians(f.light_elevation)
    return math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)


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
    for reach in (0.05, 0.085, 0.13, 0.19, 0.27):
        down, right = _steps(frame, reach * light[0], reach * light[1])
        rows, from_rows = _slices(depth.shape[0], down)
        cols, from_cols = _slices(depth.shape[1], right)
        over = depth[from_rows, from_cols] - depth[rows, cols]
        over -= reach * light[2] + 0.012
        over *= 1.0 / (0.25 * reach + 0.012)
        np.clip(over, 0.0, 1.0, out=over)
        np.maximum(shade[rows, cols], over, out=shade[rows, cols])
    return shade


def occlusion(frame: Frame) -> Plane:
    """Return how much ambient light each sample loses to nearer surroundings, 0 to 1."""
    depth = frame.depth
    total = np.zeros_like(depth)
    rings = ((0.045, 0.0, 0.5), (0.11, 22.5, 0.5))
    for radius, start, weight in rings:
        for turn in range(5):
            angle = math.radians(start + 72.0 * turn)
            down, right = _steps(frame, radius * math.sin(angle), radius * math.cos(angle))
            rows, from_rows = _slices(depth.shape[0], down)
            cols, from_cols = _slices(depth.shape[1], right)
            over = depth[from_rows, from_cols] - depth[rows, cols]
            over *= 1.0 / (1.6 * radius)
            np.clip(over, -0.25, 1.0, out=over)
            over *= weight / 2.5
            total[rows, cols] += over
    np.clip(total, 0.0, 1.0, out=total)
    return total


def _soften(plane: Plane, frame: Frame, radius: float) -> Plane:
    """Return a plane averaged over a small square of the given radius in scene units."""
    n = max(1, round(radius / frame.step))
    out = plane
    for axis in (0, 1):
        count = out.shape[axis]
        total = out.copy()
        for shift in (-n, n):
            put, get = _slices(count, shift)
            at = [slice(None), slice(None)]
            at[axis] = put
            src = [slice(None), slice(None)]
            src[axis] = get
            total[tuple(at)] += out[tuple(src)]
        out = total * (1.0 / 3.0)
    return out


def shade(f: Face, frame: Frame) -> Plane:
    """Light the painted planes and return the picture in linear light, shape (3, n, n).

    The key light wraps around the terminator, furthest in red, as light that scatters under skin
    does; a fill from above and from the far side keeps the shadows open.
    """
    light = light_direction(f)
    nx, ny, nz = frame.normal
    facing = (light[0]) * nx + light[1] * ny + light[2] * nz
    free = 1.0 - 0.82 * _soften(cast_shadow(frame, light), frame, 0.016)
    hidden = _soften(occlusion(frame), frame, 0.016)
    open_sky = 1.0 - 0.85 * hidden
    fill = (0.75 + 0.25 * ny) * open_sky
    rim = np.maximum((-0.8 * light[0]) * nx - 0.55 * nz + 0.25, 0.0)
    warm = f.light_warmth
    key = (1.10 + 0.08 * warm, 1.02, 0.95 - 0.12 * warm)
    ambient = 0.2 + 0.14 * f.ambient
    sky = (ambient * 0.92, ambient * 0.97, ambient * 1.1)
    picture = np.empty_like(frame.albedo)
    for c, wrap in enumerate((0.32, 0.20, 0.15)):
        lit = np.maximum((facing + wrap) * (1.0 / (1.0 + wrap)), 0.0)
        lit *= free
        lit *= key[c]
        lit += (sky[c]) * fill
        lit += ((0.25, 0.3, 0.38)[c]) * rim * open_sky
        picture[c] = lit * frame.albedo[c]
    picture += _sheen(frame, light, facing, free)
    for (rows, cols), mask, colour in frame.glow:
        part = picture[:, rows, cols]
        part += mask * (np.array(colour, dtype=np.float32).reshape(3, 1, 1) - part)
    return picture


def _sheen(frame: Frame, light: Vector, facing: Plane, free: Plane) -> Plane:
    """Return the soft reflection of the key light, weighted by each sample's gloss."""
    hx, hy, hz = light[0], light[1], light[2] + 1.0
    norm = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz)
    nx, ny, nz = frame.normal
    spot: Plane = (hx * norm) * nx + (hy * norm) * ny + (hz * norm) * nz
    np.maximum(spot, 0.0, out=spot)
    for _ in range(4):
        spot *= spot
    spot *= frame.gloss
    spot *= 0.3 * free
    spot *= np.clip(facing * 2.0, 0.0, 1.0)
    return spot
