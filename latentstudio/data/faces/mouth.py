"""The mouth: two lips, what shows between them when it opens, and the nostrils above."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Frame, Plane, Window, bump, coloured, edge, smooth, tint
from latentstudio.data.faces.head import Pose, Skin
from latentstudio.data.faces.palette import lip_colour, mix, scale, skin_colour


def mouth_window(build: Build, pose: Pose, frame: Frame) -> Window:
    """Return the window that holds the nose's base and the mouth."""
    x, y, _ = pose.project(0.0, build.mouth_y + 0.04, 0.45)
    return frame.window(x - 0.3, y - 0.22, 0.6, 0.46)


def paint_mouth(f: Face, build: Build, skin: Skin) -> None:
    """Draw the lips and the open mouth into the colour and gloss of a part of the skin, in place."""
    half = build.mouth_half
    x = skin.x / half
    y = (skin.y - build.mouth_y) / half
    paint, shine = skin.albedo, skin.gloss
    blur = max(skin.step * 1.3, 0.004) / half
    square = x * x
    bow = 1.0 - square
    arc = np.sqrt(np.maximum(bow, 0.0))
    seam = (0.50 * f.smile) * square * (1.0 - 0.25 * square) - (0.17 * f.smile)
    gap = (0.52 * f.mouth_open) * bow
    full = 1.0 + 0.38 * f.lips
    smile = np.maximum(f.smile, 0.0)
    cupid = 1.0 - 0.22 * np.exp(-square * (1 / 0.03))
    top_seam, low_seam = seam + 0.22 * gap, seam - 0.78 * gap
    top = top_seam + (0.25 * full - 0.06 * smile) * bow * cupid
    low = low_seam - (0.36 * full - 0.07 * smile) * bow * arc
    lips = edge(np.minimum(top - y, y - low) - 0.02, np.maximum(blur, 0.06)) * (square < 1.0)
    colour = lip_colour(f)
    under = smooth(y - low_seam, 0.03, -0.03)
    tint(paint, 0.88 * lips * (1.0 - under), scale(colour, 0.74))
    tint(paint, 0.88 * lips * under, colour)
    shine += lips * ((0.75 + 0.9 * f.lipstick) * under + 0.25 - shine)
    if (f.mouth_open > 0.02).any():
        _inside(f, skin, x, y, top_seam, low_seam, blur)
    if (f.mouth_open <= 0.02).any():
        line = smooth(np.abs(y - seam), 0.075 + 0.6 * blur, 0.0) * smooth(np.abs(x), 1.06, 0.9)
        tint(paint, (0.85 * (f.mouth_open <= 0.02)) * line, scale(colour, 0.16))
    nook = bump(np.abs(x), y, (1.0, 0.205 * f.smile), (0.08, 0.075))
    tint(paint, 0.5 * nook, scale(skin_colour(f), 0.3))


def _inside(f: Face, skin: Skin, x: Plane, y: Plane, top: Plane, low: Plane, blur: Plane) -> None:
    """Paint the cavity, the upper teeth and the tongue between the lips, where they are parted."""
    deep = coloured((0.075, 0.014, 0.014), x.shape)
    tongue = bump(x, y - low, (0.0, -0.02), (0.5, 0.16))
    tint(deep, 0.8 * tongue, (0.36, 0.10, 0.10))
    reach = 0.10 + 0.2 * f.mouth_open
    teeth = edge(y - top + reach * (1.0 - 0.35 * x * x), np.maximum(blur, 0.04))
    fade = smooth(np.abs(x), 0.98, 0.5)
    white = mix((0.80, 0.76, 0.69), (0.66, 0.56, 0.42), 0.5 * f.age)
    tint(deep, teeth * (0.25 + 0.75 * fade), white)
    deep *= 1.0 - 0.4 * smooth(top - y, 0.09, -0.02)
    hole = edge(np.minimum(top - y, y - low) - (0.3 * blur), blur) * (np.abs(x) < 1.0)
    hole *= f.mouth_open > 0.02
    tint(skin.albedo, hole, deep)
    shine = skin.gloss
    shine *= 1.0 - hole


def paint_nostrils(f: Face, build: Build, skin: Skin) -> None:
    """Draw the nostrils and the crease around the wings of the nose into a part of the skin, in place."""
    side, y = np.abs(skin.x), skin.y
    ny, nh = build.nose_y, build.nose_half
    dark = scale(skin_colour(f), 0.16)
    hole = bump(side, y, (0.52 * nh, ny - 0.026), (0.024, 0.0115))
    tint(skin.albedo, 0.8 * hole, dark)
    ring = np.sqrt(np.square(side - 0.78 * nh) + np.square((y - (ny + 0.012)) * 0.95))
    crease = smooth(np.abs(ring - 0.047), 0.018, 0.0) * smooth(side, 0.8 * nh, 1.15 * nh)
    crease *= smooth(y, ny - 0.045, ny)
    tint(skin.albedo, 0.5 * crease, scale(skin_colour(f), 0.38))
