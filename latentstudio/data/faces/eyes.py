"""The eyes: ball, iris, pupil, glint, lids and lashes."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Window, edge, smooth, tint
from latentstudio.data.faces.head import Pose, Skin
from latentstudio.data.faces.palette import iris_colour, mix, scale, skin_colour


def opening(f: Face) -> float:
    """Return how far the upper lid stands open, 0 to 1: a smile narrows the eyes a little."""
    return max(0.0, f.eye_open * (1.0 + 0.18 * f.eye_size) - 0.12 * max(f.smile, 0.0) * (f.eye_open > 0.0))


def eye_window(build: Build, pose: Pose, frame: Frame) -> Window:
    """Return the window that holds both eyes."""
    (x0, y0, _), (x1, y1, _) = (pose.project(side * build.eye_x, 0.0, build.eye_z) for side in (-1, 1))
    return frame.window(x0 - 0.19, x1 + 0.19, min(y0, y1) - 0.14, max(y0, y1) + 0.17)


def brow_window(build: Build, pose: Pose, frame: Frame) -> Window:
    """Return the window that holds both eyebrows, however they are raised."""
    ends = [pose.project(side * x, build.brow_y, z) for side in (-1, 1) for x, z in ((0.08, 0.5), (0.34, 0.36))]
    x, y, _ = zip(*ends, strict=True)
    return frame.window(min(x) - 0.06, max(x) + 0.06, min(y) - 0.14, max(y) + 0.14)


def paint_eyes(f: Face, build: Build, skin: Skin, part: Window, albedo: Plane, gloss: Plane) -> None:
    """Draw both eyes into the face's colour planes.

    Parameters
    ----------
    f, build : Face, Build
        The face and its measures.
    skin : Skin
        The visible head.
    part : tuple of slice
        The eyes' rows and columns within the skin's window.
    albedo, gloss : Plane
        The skin's colour (3, h, w) and gloss (h, w), painted in place.
    """
    half = build.eye_half
    gaze = np.sign(skin.x[part]) * (0.28 * f.gaze)
    x = (np.abs(skin.x[part]) - build.eye_x) / half
    y = skin.y[part] / half - (0.09 + 0.07 * f.eye_tilt) * x
    paint = albedo[:, part[0], part[1]]
    shine = gloss[part]
    blur = float(max(skin.step * 1.3, 0.004) / half)
    bow = 1.0 - x * x
    low = -0.27 * bow * (1.0 + 0.25 * x)
    wide = opening(f)
    high = low + wide * (0.47 * bow * (1.0 - 0.22 * x) - low)
    ball = edge(np.minimum(high - y, y - low), blur)
    _lids(f, paint, x, y, high, low, blur)
    if wide > 0.02:
        _ball(f, paint, shine, x, y, high, ball, blur, gaze)
    _lashes(f, paint, x, y, high, low, blur)


def _lids(f: Face, paint: Plane, x: Plane, y: Plane, high: Plane, low: Plane, blur: float) -> None:
    """Shade the fold above the upper lid and the rim below the lower one."""
    base = skin_colour(f)
    within = smooth(np.abs(x), 1.15, 0.8)
    fold = high + 0.2 * (1.15 - x * x)
    crease = smooth(np.abs(y - fold), 0.10 + 0.5 * blur, 0.0) * within
    tint(paint, 0.6 * crease, scale(base, 0.32))
    rim = smooth(np.abs(y - low + 0.05), 0.09 + 0.5 * blur, 0.0) * within
    tint(paint, 0.35 * rim, mix(scale(base, 0.75), (base[0], 0.5 * base[1], 0.45 * base[2]), 0.6))


def _ball(f: Face, paint: Plane, shine: Plane, x: Plane, y: Plane, high: Plane, ball: Plane, blur: float,
          gaze: Plane) -> None:  # fmt: skip
    """Paint the white, the iris and the pupil within the opening, shaded by the lid above."""
    white = np.empty_like(paint)
    white[:] = np.array([0.86, 0.83, 0.81], dtype=np.float32)[:, None, None]
    tint(white, 0.5 * smooth(np.abs(x), 0.55, 1.0), (0.62, 0.36, 0.33))
    ix, iy = x - gaze, y - 0.07
    r = np.sqrt(ix * ix + iy * iy)
    colour = iris_colour(f)
    inner = mix(scale(colour, 1.7), (0.5, 0.4, 0.25), 0.15)
    disc = edge(0.48 - r, blur)
    tint(white, disc, scale(colour, 0.3))
    tint(white, smooth(r, 0.46, 0.33), colour)
    tint(white, 0.7 * smooth(np.hypot(ix, iy + 0.16), 0.34, 0.0) * disc, inner)
    tint(white, edge(0.19 - r, blur), (0.004, 0.004, 0.005))
    shade = 1.0 - 0.55 * smooth(high - y, 0.32, -0.02)
    white *= shade
    paint += ball * (white - paint)
    shine += ball * (0.0 - shine)


def _lashes(f: Face, paint: Plane, x: Plane, y: Plane, high: Plane, low: Plane, blur: float) -> None:
    """Draw the dark line of the upper lashes, thicker outwards, and the faint one of the lower."""
    ink = mix((0.012, 0.008, 0.008), (0.05, 0.03, 0.02), 0.4 * f.gray)
    within = smooth(np.abs(x - 0.03), 1.1, 0.93)
    heavy = 0.055 + 0.05 * f.eye_shadow
    thick = heavy * (1.0 + 0.45 * x)
    upper = edge(thick - np.abs(y - high - thick * 0.4), max(blur, 0.05)) * within
    tint(paint, 0.92 * upper, ink)
    lower = edge(0.022 - np.abs(y - low), max(blur, 0.05)) * smooth(x, -0.9, 0.5)
    tint(paint, (0.35 + 0.3 * f.eye_shadow) * lower * within, ink)


def add_glints(f: Face, build: Build, pose: Pose, frame: Frame, light: tuple[float, float, float]) -> None:
    """Add the light's reflection in each open eye, on the side that the light comes from."""
    if opening(f) < 0.25:
        return
    half = build.eye_half
    for sign in (-1, 1):
        gaze = 0.28 * f.gaze * half
        x, y, _ = pose.project(sign * build.eye_x + gaze, 0.09 * half, build.eye_z)
        x, y = x + 0.018 * light[0], y + 0.012 + 0.012 * light[1]
        window = frame.window(x - 0.06, x + 0.06, y - 0.06, y + 0.06)
        px, py = frame.grid(window)
        away = np.sqrt((px - x) ** 2 + (py - y) ** 2)
        spot = edge(0.0125 - away, max(1.2 * frame.step, 0.008))
        frame.glow.append((window, spot, (0.95, 0.96, 1.0)))
