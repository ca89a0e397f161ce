"""The eyes: ball, iris, pupil, glint, lids and lashes."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Window, coloured, edge, smooth, tint
from latentstudio.data.faces.head import Pose, Skin
from latentstudio.data.faces.lighting import Glow, Vector
from latentstudio.data.faces.palette import iris_colour, mix, scale, skin_colour


def opening(f: Face) -> Plane:
    """Return how far the upper lids stand open, 0 to 1: a smile narrows the eyes a little."""
    narrowed = 0.12 * np.maximum(f.smile, 0.0) * (f.eye_open > 0.0)
    return np.asarray(np.maximum(0.0, f.eye_open * (1.0 + 0.18 * f.eye_size) - narrowed))


def eye_window(build: Build, pose: Pose, frame: Frame) -> Window:
    """Return the window that holds both eyes."""
    (x0, y0, _), (x1, y1, _) = (pose.project(side * build.eye_x, 0.0, build.eye_z) for side in (-1, 1))
    return frame.window(0.5 * (x0 + x1) - 0.41, 0.5 * (y0 + y1) - 0.185, 0.82, 0.40)


def brow_window(build: Build, pose: Pose, frame: Frame) -> Window:
    """Return the window that holds both eyebrows, however they are raised."""
    x, y, _ = pose.project(0.0, build.brow_y, 0.43)
    return frame.window(x - 0.45, y - 0.21, 0.90, 0.42)


def paint_eyes(f: Face, build: Build, skin: Skin) -> None:
    """Draw both eyes into the colour and gloss of a part of the skin, in place."""
    half = build.eye_half
    gaze = np.sign(skin.x) * (0.28 * f.gaze)
    x = (np.abs(skin.x) - build.eye_x) / half
    y = skin.y / half - (0.09 + 0.07 * f.eye_tilt) * x
    blur = max(skin.step * 1.3, 0.004) / half
    bow = 1.0 - x * x
    low = -0.27 * bow * (1.0 + 0.25 * x)
    wide = opening(f)
    high = low + wide * (0.47 * bow * (1.0 - 0.22 * x) - low)
    ball = edge(np.minimum(high - y, y - low), blur)
    ball *= wide > 0.02
    _lids(f, skin.albedo, x, y, high, low, blur)
    _ball(f, skin, x, y, high, ball, blur, gaze)
    _lashes(f, skin.albedo, x, y, high, low, blur)


def _lids(f: Face, paint: Plane, x: Plane, y: Plane, high: Plane, low: Plane, blur: Plane) -> None:
    """Shade the fold above the upper lid and the rim below the lower one."""
    base = skin_colour(f)
    within = smooth(np.abs(x), 1.15, 0.8)
    fold = high + 0.2 * (1.15 - x * x)
    crease = smooth(np.abs(y - fold), 0.10 + 0.5 * blur, 0.0) * within
    tint(paint, 0.6 * crease, scale(base, 0.32))
    rim = smooth(np.abs(y - low + 0.05), 0.09 + 0.5 * blur, 0.0) * within
    tint(paint, 0.35 * rim, mix(scale(base, 0.75), scale(base, (1.0, 0.5, 0.45)), 0.6))


def _ball(f: Face, skin: Skin, x: Plane, y: Plane, high: Plane, ball: Plane, blur: Plane, gaze: Plane) -> None:
    """Paint the white, the iris and the pupil within the opening, shaded by the lid above."""
    white = coloured((0.86, 0.83, 0.81), x.shape)
    tint(white, 0.5 * smooth(np.abs(x), 0.55, 1.0), (0.62, 0.36, 0.33))
    ix, iy = x - gaze, y - 0.07
    across = ix * ix
    r = np.sqrt(across + iy * iy)
    colour = iris_colour(f)
    inner = mix(scale(colour, 1.7), (0.5, 0.4, 0.25), 0.15)
    disc = edge(0.48 - r, blur)
    tint(white, disc, scale(colour, 0.3))
    tint(white, smooth(r, 0.46, 0.33), colour)
    tint(white, 0.7 * smooth(np.sqrt(across + np.square(iy + 0.16)), 0.34, 0.0) * disc, inner)
    tint(white, edge(0.19 - r, blur), (0.004, 0.004, 0.005))
    white *= 1.0 - 0.55 * smooth(high - y, 0.32, -0.02)
    tint(skin.albedo, ball, white)
    shine = skin.gloss
    shine -= ball * shine


def _lashes(f: Face, paint: Plane, x: Plane, y: Plane, high: Plane, low: Plane, blur: Plane) -> None:
    """Draw the dark line of the upper lashes, thicker outwards, and the faint one of the lower."""
    ink = mix((0.012, 0.008, 0.008), (0.05, 0.03, 0.02), 0.4 * f.gray)
    within = smooth(np.abs(x - 0.03), 1.1, 0.93)
    heavy = 0.055 + 0.05 * f.eye_shadow
    thick = heavy * (1.0 + 0.45 * x)
    upper = edge(thick - np.abs(y - high - thick * 0.4), np.maximum(blur, 0.05)) * within
    tint(paint, 0.92 * upper, ink)
    lower = edge(0.022 - np.abs(y - low), np.maximum(blur, 0.05)) * smooth(x, -0.9, 0.5)
    tint(paint, (0.35 + 0.3 * f.eye_shadow) * lower * within, ink)


def glints(f: Face, build: Build, pose: Pose, frame: Frame, light: Vector) -> list[Glow]:
    """Return the light's reflection in each open eye, on the side that the light comes from."""
    rows = np.flatnonzero(opening(f) >= 0.25)
    if not len(rows):
        return []
    f, build, pose = f.take(rows), build.take(rows), pose.take(rows)
    half = build.eye_half
    out: list[Glow] = []
    for sign in (-1, 1):
        gaze = 0.28 * f.gaze * half
        x, y, _ = pose.project(sign * build.eye_x + gaze, 0.09 * half, build.eye_z)
        x, y = x + 0.018 * light[0][rows], y + 0.012 + 0.012 * light[1][rows]
        window = frame.window(x - 0.04, y - 0.04, 0.08, 0.08)
        px, py = frame.grid(window)
        away = np.sqrt((px - x) ** 2 + (py - y) ** 2)
        out.append((rows, window, edge(0.0125 - away, max(1.2 * frame.step, 0.008))))
    return out
