"""The colour of the skin: its own variation, make-up, brows, facial hair and lines of age."""

from __future__ import annotations

import numpy as np

from latentstudio.data.faces.build import Build
from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Plane, bell_curve, bump, smooth, tint
from latentstudio.data.faces.head import Skin
from latentstudio.data.faces.palette import hair_colour, mix, scale, skin_colour
from latentstudio.data.faces.strands import strand_noise


def paint_skin(f: Face, build: Build, skin: Skin) -> None:
    """Colour the bare skin: ruddier on cheeks and nose, darker in the sockets, lined by smiling and age."""
    base = skin_colour(f)
    albedo = skin.albedo
    albedo[:] = base
    side = np.abs(skin.x)
    red = bump(side, skin.y, (0.25, -0.17), (0.15, 0.13))
    red *= 0.16 + 0.6 * f.blush
    nose = bump(side, skin.y, (0.0, build.nose_y + 0.02), (0.09, 0.07))
    nose *= 0.25
    red += nose
    tint(albedo, red, scale(base, (0.97, 0.62, 0.6)))
    socket = bump(side, skin.y, (build.eye_x, 0.01), (0.14, 0.075))
    socket *= 0.35
    tint(albedo, socket, scale(base, 0.62))
    if (f.eye_shadow > 0.0).any():
        lid = bump(side, skin.y, (build.eye_x + 0.02, 0.06), (0.12, 0.04))
        lid *= 0.75 * f.eye_shadow
        tint(albedo, lid, mix(scale(base, 0.3), (0.10, 0.04, 0.09), 0.5))
    _lines(f, build, skin, side)


def _lines(f: Face, build: Build, skin: Skin, side: Plane) -> None:
    """Darken the folds that smiling and age draw: beside the mouth, under the eyes, across the brow."""
    dark = scale(skin_colour(f), 0.45)
    old = np.maximum(0.0, (f.age - 0.55) / 0.45)
    smile = np.maximum(f.smile, 0.0)
    top, low = build.nose_y + 0.02, build.mouth_y - 0.02
    along = skin.y - top
    along *= 1.0 / (low - top)
    path = along * (build.mouth_half + (0.055 - 0.105))
    path += 0.105
    near = bell_curve(side - path, 1 / 0.016)
    near *= smooth(along, -0.05, 0.35)
    near *= smooth(along, 1.25, 0.7)
    near *= np.minimum(0.75, 0.12 + 0.3 * smile + 0.4 * old)
    tint(skin.albedo, near, dark)
    if (old > 0.0).any():
        bag = bell_curve(skin.y + 0.075 - np.square(side - build.eye_x) * 4.0, 1 / 0.012)
        bag *= bump(side, skin.y, (build.eye_x, -0.07), (0.08, 0.06))
        bag *= 0.55 * old
        wave = np.cos((skin.y + 0.2 * skin.x * skin.x) * (2 * np.pi / 0.062))
        np.maximum(wave, 0.0, out=wave)
        wave *= wave
        wave *= wave
        wave *= bump(side, skin.y, (0.0, 0.3), (0.24, 0.09))
        wave *= 0.4 * old
        bag += wave
        tint(skin.albedo, bag, dark)


def paint_brows(f: Face, build: Build, skin: Skin) -> None:
    """Draw both eyebrows into a part of the skin: tapered, arched, with hairs that lean outwards."""
    side = np.abs(skin.x)
    s = (side - (build.eye_x - 0.115)) * (1 / 0.24)
    rise = 0.02 + 0.02 * f.brow_arch
    line = (build.brow_y - 0.01) + (4.0 * rise) * s * (1.08 - s) - 0.012 * s * s
    thick = (0.026 + 0.012 * f.brow_thickness) * (1.0 - 0.55 * smooth(s, 0.35, 1.05))
    off = skin.y - line
    hairs = strand_noise(s * 1.3 + off * 9.0, 60.0, f.strands)
    fade = smooth(s, -0.06, 0.12) * smooth(s, 1.06, 0.85)
    mask = smooth(np.abs(off) - thick, 0.012, -0.014) * fade * (0.86 + 0.3 * hairs)
    colour = mix(scale(hair_colour(f), 0.6), scale(skin_colour(f), 0.12), 0.4)
    tint(skin.albedo, np.clip(mask, 0.0, 0.95), colour)


def has_beard(f: Face) -> bool:
    """Say whether any of the faces has facial hair."""
    kinds = (f.beard, f.goatee, f.mustache, f.sideburns, f.stubble)
    return any(bool((kind > 0.0).any()) for kind in kinds)


def paint_beard(f: Face, build: Build, skin: Skin) -> None:
    """Draw stubble, mustache, goatee, beard and sideburns into a part of the skin, which they make dull."""
    side = np.abs(skin.x)
    my, mh = build.mouth_y, build.mouth_half
    grain = strand_noise(skin.x * 1.0 + 0.35 * skin.y * skin.x, 55.0, f.strands)
    fringe = 0.013 * grain
    hidden = np.zeros_like(side)
    # The beard's upper border runs from before the ear down along the cheek and in to the mouth.
    cheek = (my - 0.02) + 1.7 * np.square(np.maximum(side - 0.08, 0.0)) + fringe
    ahead = smooth(skin.z, -0.09, 0.02)
    jaw = smooth(skin.y - cheek, 0.03, -0.05) * ahead
    if (f.beard > 0.0).any():
        hidden = np.maximum(hidden, f.beard * jaw)
    if (f.sideburns > 0.0).any():
        burn = smooth(side + fringe, 0.385, 0.425) * smooth(skin.y, -0.3, -0.2) * smooth(skin.y, 0.16, 0.06)
        hidden = np.maximum(hidden, f.sideburns * burn * ahead)
    if (f.goatee > 0.0).any():
        chin = np.square(side * (1 / (0.92 * mh)))
        chin += np.square((skin.y - (build.chin_y + 0.08) + fringe) * (1 / 0.17))
        hidden = np.maximum(hidden, f.goatee * smooth(chin, 1.25, 0.75))
    if (f.mustache > 0.0).any():
        arc = (my + 0.075) - 2.4 * side * side
        thick = 0.04 * (1.0 - 0.5 * smooth(side, 0.0, mh + 0.04))
        body = smooth(np.abs(skin.y - arc + fringe) - thick, 0.014, -0.014)
        body *= smooth(side, mh + 0.05, mh - 0.01) * (0.72 + 0.28 * smooth(side, 0.0, 0.02))
        hidden = np.maximum(hidden, f.mustache * body)
    hidden *= 0.93 + 0.1 * grain
    np.clip(hidden, 0.0, 0.96, out=hidden)
    colour = scale(hair_colour(f), 0.72) * (1.0 + 0.45 * grain)
    if (f.stubble > 0.0).any():
        lip = bump(side, skin.y, (0.0, my + 0.07), (mh, 0.04))
        shade = scale(mix(skin_colour(f), hair_colour(f), 0.35), 0.5)
        tint(skin.albedo, (0.5 * f.stubble) * np.maximum(jaw, lip), shade)
    tint(skin.albedo, hidden, colour)
    gloss = skin.gloss
    gloss *= 1.0 - 0.8 * hidden
