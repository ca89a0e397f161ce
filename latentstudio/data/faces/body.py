"""Behind and below the face: background, neck, shoulders, clothes and what is worn at the neck."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Surface, bell_curve, coloured, edge, smooth, tint, vectors
from latentstudio.data.faces.palette import dyed, mix, scale, skin_colour

NECK_HALF = 0.235


def lean(f: Face) -> Plane:
    """Return how far the neck follows the head's turn, in scene units to the right."""
    return -0.0012 * f.yaw


def paint_background(f: Face, frame: Frame) -> Plane:
    """Return the backdrop in linear light, shape (3, B, n, n): a softly lit wall, brighter behind the head."""
    value = 0.3 + 0.55 * f.background_light
    light = dyed(f.background_hue, 0.10 + 0.16 * (1.0 - f.background_light), value)
    dark = dyed(f.background_hue + 0.03, 0.3, 0.52 * value)
    side = np.where(f.light_azimuth > 0, np.float32(-0.3), np.float32(0.3))
    away = np.square(frame.x - side) + np.square(frame.y[:, None] - 0.25)
    spread = smooth(np.sqrt(away), 0.15, 1.75)
    out = (dark - light) * spread
    out += light
    return np.asarray(out)


def neck(f: Face, frame: Frame) -> Surface:
    """Return the neck: an upright cylinder that widens into the shoulders."""
    window = frame.window(-0.62, -1.0, 1.24, 0.8)
    x, y = frame.grid(window)
    half = (NECK_HALF + 0.018 * f.jaw + 0.02 * f.chubby) + 2.7 * np.square(np.maximum(-0.7 - y, 0.0))
    u = (x - lean(f)) / half
    nz = np.maximum(1.0 - u * u, 0.0)
    nz *= 0.96
    nz += 0.04
    np.sqrt(nz, out=nz)
    side = np.abs(u)
    mask = edge((1.0 - side) * half, 1.5 * frame.step)
    u *= 0.95
    normal = vectors(u, np.full_like(u, 0.12), nz)
    albedo = coloured(scale(skin_colour(f), 0.93), u.shape)
    side += 0.35 * (y + 0.75) - 0.28
    cords = bell_curve(side, 1 / 0.09)
    cords *= 0.16
    tint(albedo, cords, scale(skin_colour(f), 0.5))
    return Surface(window, mask, albedo, normal, 0.24 * nz - 0.28, 0.1)


def cloth_colour(f: Face) -> Plane:
    """Return the clothes' colour in linear light."""
    return dyed(f.cloth_hue, 0.5 - 0.3 * f.cloth_light, 0.24 + 0.6 * f.cloth_light)


def clothes(f: Face, frame: Frame) -> Surface:
    """Return the garment: shoulders, with a round neckline or, under a tie, a shirt's collar."""
    window = frame.window(-1.0, -1.0, 2.0, 0.4)
    x, y = frame.grid(window)
    u = x - 0.6 * lean(f)
    side = np.abs(u)
    broad = 0.06 * f.jaw
    shoulder = (-0.715 + broad * 0.2) - 0.16 * smooth(side, 0.2, 0.95) - (
        0.55) * np.square(np.maximum(side - (0.55 + broad), 0.0))  # fmt: skip
    scoop = np.sqrt(np.square(u * (1 / 0.31)) + np.square((y + 0.725) * (1 / 0.165)))
    scoop -= 1.0
    scoop *= 0.16
    below = np.minimum(shoulder - y, scoop)
    mask = edge(below, 1.6 * frame.step)
    tilt = smooth(below, 0.22, 0.0)
    nx = np.clip(u * 0.75, -0.8, 0.8)
    ny = 0.1 + 0.5 * tilt
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.05))
    colour = cloth_colour(f)
    albedo = coloured(colour, below.shape)
    band = smooth(np.abs(scoop - 0.022), 0.028, 0.016)
    tint(albedo, 0.35 * band, scale(colour, 0.45))
    if (f.necktie > 0).any():
        _shirt_and_tie(f, frame, albedo, side, y)
    depth = -0.3 + 0.2 * nz + 0.05 * tilt - 0.25 * side * side
    return Surface(window, mask, albedo, vectors(nx, ny, nz), depth, 0.04)


def _shirt_and_tie(f: Face, frame: Frame, albedo: Plane, side: Plane, y: Plane) -> None:
    """Turn the garment, where a tie is worn, into a jacket over a white shirt with a knotted tie."""
    blur = 1.5 * frame.step
    worn = (f.necktie > 0).astype(np.float32)
    opening = edge(0.33 + 0.55 * (y + 0.78) - side, blur) * worn
    tint(albedo, opening, (0.80, 0.81, 0.84))
    wing = np.abs(side - 0.2 - 0.7 * (y + 0.86))
    tint(albedo, 0.5 * smooth(wing, 0.02, 0.0) * opening, (0.4, 0.42, 0.48))
    tie = dyed(f.cloth_hue + 0.45, 0.65, 0.32 + 0.3 * (1.0 - f.cloth_light))
    knot = edge(np.minimum(0.07 + 0.3 * (y + 0.88) - side, -0.83 - y), blur)
    tint(albedo, knot * worn, tie)
    blade = edge(np.minimum(0.05 - 0.35 * (y + 0.94) - side, -0.935 - y), blur)
    tint(albedo, blade * worn, scale(tie, 0.8))


def necklace(f: Face, frame: Frame) -> Surface:
    """Return a string of beads around the base of the neck."""
    window = frame.window(-0.4, -0.97, 0.8, 0.35)
    x, y = frame.grid(window)
    u = (x - lean(f)) * (1.0 / 0.285)
    line = -0.66 - 0.175 * np.sqrt(np.maximum(1.0 - u * u, 0.0))
    turn = np.arcsin(np.clip(u, -1.0, 1.0)) * (26.0 / np.pi)
    along = (turn - np.round(turn)) * 0.036
    across = y - line
    radius = 0.019
    r2 = (along * along + across * across) / (radius * radius)
    mask = edge((1.0 - np.sqrt(r2)) * radius, 1.5 * frame.step) * (np.abs(u) < 0.985)
    nx, ny = np.clip(along / radius, -1, 1) * 0.8, np.clip(across / radius, -1, 1) * 0.8
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.05))
    gold = (f.cloth_hue > 0.5).astype(np.float32)
    colour = mix((0.88, 0.85, 0.80), (0.75, 0.50, 0.16), gold)
    albedo = coloured(mix(colour, (0.8, 0.75, 0.7), 0.1), r2.shape)
    level = np.zeros_like(r2)
    return Surface(window, mask.astype(np.float32), albedo, vectors(nx, ny, nz), level, 1.4)
