"""Colours: authored as display values from 0 to 255 and handed out as linear light, shape (3, B, 1, 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Level, Plane, column

_SKIN = ((250, 222, 206), (243, 203, 178), (228, 177, 143), (200, 143, 107), (152, 100, 72), (103, 66, 50))
_HAIR = ((26, 22, 23), (60, 40, 31), (104, 70, 45), (158, 112, 66), (214, 174, 112), (238, 214, 164))
_IRIS = ((62, 38, 24), (92, 58, 32), (116, 92, 48), (86, 112, 78), (84, 124, 152), (112, 140, 158))


Colour = Sequence[float] | Plane


def linear(display: Plane) -> Plane:
    """Return display values (0 to 255) as linear light (0 to 1), under a display gamma of 2."""
    return np.asarray(np.square(np.maximum(display, 0.0) * (1.0 / 255.0)))


def mix(a: Colour, b: Colour, amount: Level) -> Plane:
    """Return the blend of two colours: ``a`` at amount 0, ``b`` at amount 1."""
    first = column(a)
    return np.asarray(first + (column(b) - first) * amount)


def scale(colour: Colour, factor: Level | Sequence[float]) -> Plane:
    """Return a colour times a factor, or times one for each channel."""
    return np.asarray(column(colour) * (column(factor) if isinstance(factor, Sequence) else factor))


def _ramp(stops: Sequence[Sequence[float]], position: Plane) -> Plane:
    table = np.array(stops, dtype=np.float32)
    at = np.clip(position, 0.0, 1.0) * (len(stops) - 1)
    low = np.minimum(at.astype(np.intp), len(stops) - 2)
    return mix(np.moveaxis(table[low], -1, 0), np.moveaxis(table[low + 1], -1, 0), at - low.astype(np.float32))


def skin_colour(f: Face) -> Plane:
    """Return the skin's colour in linear light: tone from pale to deep, undertone from cool to warm."""
    if "skin" not in f.known:
        f.known["skin"] = linear(_ramp(_SKIN, f.skin_tone) + column((2.0, 3.0, -7.0)) * f.undertone)
    return f.known["skin"]


def hair_colour(f: Face) -> Plane:
    """Return the hair's colour in linear light: pigment, redness, then gray."""
    if "hair" not in f.known:
        base = mix(_ramp(_HAIR, f.hair_light), (134, 62, 34), 0.55 * f.hair_red * (f.hair_light > 0.1))
        f.known["hair"] = linear(mix(base, (172, 170, 168), 0.92 * f.gray))
    return f.known["hair"]


def iris_colour(f: Face) -> Plane:
    """Return the iris's colour in linear light."""
    return linear(_ramp(_IRIS, f.iris * (1.0 - 0.6 * f.skin_tone)))


def lip_colour(f: Face) -> Plane:
    """Return the lips' colour in linear light: the skin reddened, then any lipstick."""
    paint = linear(column((178, 34, 56)) + column((0, 30, 0)) * f.undertone)
    return mix(scale(skin_colour(f), (0.80, 0.50, 0.53)), paint, 0.8 * f.lipstick)


def dyed(hue: Plane, saturation: Level, value: Level) -> Plane:
    """Return a colour of given hue (0 to 1 around the circle), saturation and value, in linear light."""
    sector = np.mod(column((5.0, 3.0, 1.0)) + 6.0 * np.mod(hue, 1.0), 6.0)
    pale = np.clip(np.minimum(sector, 4.0 - sector), 0.0, 1.0)
    return linear(255.0 * value * (1.0 - saturation * pale))
