"""Behind and below the face: background, neck, shoulders, clothes and what is worn at the neck."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Surface, column, edge, smooth, tint, vectors
from latentstudio.data.faces.palette import dyed, mix, scale, skin_colour

NECK_HALF = 0.235


def lean(f: Face) -> float:
    """Return how far the neck follows the head's turn, in scene units to the right."""
    return -0.0012 * f.yaw


def paint_background(f: Face, frame: Frame) -> Plane:
    """Return the backdrop in linear light, shape (3, n, n): a softly lit wall, brighter behind the head."""
    value = 0.3 + 0.55 * f.background_light
    light = dyed(f.background_hue, 0.10 + 0.16 * (1.0 - f.background_light), value)
    dark = dyed(f.background_hue + 0.03, 0.3, 0.52 * value)
    side = -0.3 if f.light_azimuth > 0 else 0.3
    away = np.square(frame.x - side) + np.square(frame.y - 0.25)
    spread = smooth(np.sqrt(away), 0.15, 1.75)
    return column(light) + spread * (column(dark) - column(light))


def neck(f: Face, frame: Frame) -> Surface:
    """Return the neck: an upright cylinder that widens into the shoulders."""
    window = frame.window(-0.62, 0.62, -1.0, -0.2)
    x, y = frame.grid(window)
    half = (NECK_HALF + 0.018 * f.jaw + 0.02 * f.chubby) + 0.9 * np.square(
        np.maximum(-0.7 - y, 0.0)) * 3.0  # fmt: skip
    u = (x - (lean(f))) / half
    out = np.maximum(1.0 - u * u, 0.0)
    nz = np.sqrt(out * 0.96 + 0.04)
    mask = edge((1.0 - np.abs(u)) * half, 1.5 * frame.step)
    normal = vectors(u * 0.95, np.full_like(u, 0.12), nz)
    albedo = np.empty((3, *u.shape), dtype=np.float32)
    albedo[:] = column(scale(skin_colour(f), 0.93))
    cords = np.exp(-np.square((np.abs(u) - 0.28 + 0.35 * (y + 0.75)) * (1 / 0.09)))
    tint(albedo, 0.16 * cords, scale(skin_colour(f), 0.5))
    return Surface(window, mask, albedo, normal, 0.24 * nz - 0.28, 0.1)


def cloth_colour(f: Face) -> tuple[float, float, float]:
    """Return the clothes' colour in linear light."""
    return dyed(f.cloth_hue, 0.5 - 0.3 * f.cloth_light, 0.24 + 0.6 * f.cloth_light)


def clothes(f: Face, frame: Frame) -> Surface:
    """Return the garment: shoulders, with a round neckline or, under a tie, a shirt's collar."""
    window = frame.window(-1.0, 1.0, -1.0, -0.6)
    x, y = frame.grid(window)
    u = x - (0.6 * lean(f))
    side = np.abs(u)
    broad = 0.06 * f.jaw
    shoulder = (-0.715 + broad * 0.2) - 0.16 * smooth(side, 0.2, 0.95) - (
        0.55) * np.square(np.maximum(side - (0.55 + broad), 0.0))  # fmt: skip
    scoop = 0.16 * (np.hypot(u * (1 / 0.31), (y + 0.725) * (1 / 0.165)) - 1.0)
    below = np.minimum(shoulder - y, scoop)
    mask = edge(below, 1.6 * frame.step)
    tilt = smooth(below, 0.22, 0.0)
    nx = np.clip(u * 0.75, -0.8, 0.8)
    ny = 0.1 + 0.5 * tilt
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.05))
    colour = cloth_colour(f)
    albedo = np.empty((3, *below.shape), dtype=np.float32)
    albedo[:] = column(colour)
    band = smooth(np.abs(scoop - 0.022), 0.028, 0.016)
    tint(albedo, 0.35 * band, scale(colour, 0.45))
    if f.necktie > 0:
        _shirt_and_tie(f, frame, albedo, u, y)
    depth = -0.3 + 0.2 * nz + 0.05 * tilt - 0.25 * side * side
    return Surface(window, mask, albedo, vectors(nx, ny, nz), depth, 0.04)


def _shirt_and_tie(f: Face, frame: Frame, albedo: Plane, u: Plane, y: Plane) -> None:
    """Turn the garment into a jacket over a white shirt with a knotted tie."""
    blur = 1.5 * frame.step
    side = np.abs(u)
    opening = edge(0.33 + 0.55 * (y + 0.78) - side, blur)
    tint(albedo, opening, (0.80, 0.81, 0.84))
    wing = np.abs(side - 0.2 - 0.7 * (y + 0.86))
    tint(albedo, 0.5 * smooth(wing, 0.02, 0.0) * opening, (0.4, 0.42, 0.48))
    tie = dyed(f.cloth_hue + 0.45, 0.65, 0.32 + 0.3 * (1.0 - f.cloth_light))
    knot = edge(np.minimum(0.07 + 0.3 * (y + 0.88) - side, -0.83 - y), blur)
    tint(albedo, knot, tie)
    blade = edge(np.minimum(0.05 - 0.35 * (y + 0.94) - side, -0.935 - y), blur)
    tint(albedo, blade, scale(tie, 0.8))


def necklace(f: Face, frame: Frame) -> Surface:
    """Return a string of beads around the base of the neck."""
    window = frame.window(-0.4, 0.4, -0.97, -0.62)
    x, y = frame.grid(window)
    u = (x - (lean(f))) * (1.0 / 0.285)
    line = -0.66 - 0.175 * np.sqrt(np.maximum(1.0 - u * u, 0.0))
    turn = np.arcsin(np.clip(u, -1.0, 1.0)) * (26.0 / np.pi)
    along = (turn - np.round(turn)) * 0.036
    across = y - line
    radius = 0.019
    r2 = (along * along + across * across) / (radius * radius)
    mask = edge((1.0 - np.sqrt(r2)) * radius, 1.5 * frame.step) * (np.abs(u) < 0.985)
    nx, ny = np.clip(along / radius, -1, 1) * 0.8, np.clip(across / radius, -1, 1) * 0.8
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.05))
    gold = f.cloth_hue > 0.5
    colour = (0.75, 0.50, 0.16) if gold else (0.88, 0.85, 0.80)
    albedo = np.empty((3, *r2.shape), dtype=np.float32)
    albedo[:] = column(mix(colour, (0.8, 0.75, 0.7), 0.1))
    level = np.full_like(r2, 0.0)
    return Surface(window, mask.astype(np.float32), albedo, vectors(nx, ny, nz), level, 1.4)
