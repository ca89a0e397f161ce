"""Colours: authored as display values from 0 to 255 and handed out as linear light."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import lru_cache

from latentstudio.data.faces.factors import Face
from latentstudio.data.faces.frame import Colour

_SKIN = ((250, 222, 206), (243, 203, 178), (228, 177, 143), (200, 143, 107), (152, 100, 72), (103, 66, 50))
_HAIR = ((26, 22, 23), (60, 40, 31), (104, 70, 45), (158, 112, 66), (214, 174, 112), (238, 214, 164))
_IRIS = ((62, 38, 24), (92, 58, 32), (116, 92, 48), (86, 112, 78), (84, 124, 152), (112, 140, 158))


def linear(display: Sequence[float]) -> Colour:
    """Return display values (0 to 255) as linear light (0 to 1), under a display gamma of 2."""
    r, g, b = (max(v, 0.0) / 255.0 for v in display)
    return r * r, g * g, b * b


def mix(a: Sequence[float], b: Sequence[float], amount: float) -> Colour:
    """Return the blend of two colours: ``a`` at amount 0, ``b`` at amount 1."""
    r, g, s = (p + (q - p) * amount for p, q in zip(a, b, strict=True))
    return r, g, s


def scale(colour: Sequence[float], factor: float) -> Colour:
    """Return a colour times a factor."""
    r, g, b = (factor * v for v in colour)
    return r, g, b


def _ramp(stops: Sequence[Sequence[float]], position: float) -> Colour:
    at = min(max(position, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    return mix(stops[low], stops[low + 1], at - low)


def skin_colour(f: Face) -> Colour:
    """Return the skin's colour in linear light: tone from pale to deep, undertone from cool to warm."""
    return _skin(f.skin_tone, f.undertone)


@lru_cache(maxsize=256)
def _skin(tone: float, under: float) -> Colour:
    r, g, b = _ramp(_SKIN, tone)
    return linear((r + 2.0 * under, g + 3.0 * under, b - 7.0 * under))


def hair_colour(f: Face) -> Colour:
    """Return the hair's colour in linear light: pigment, redness, then gray."""
    return _hair(f.hair_light, f.hair_red, f.gray)


@lru_cache(maxsize=256)
def _hair(light: float, red: float, gray: float) -> Colour:
    base = mix(_ramp(_HAIR, light), (134, 62, 34), 0.55 * red * (light > 0.1))
    return linear(mix(base, (172, 170, 168), 0.92 * gray))


def iris_colour(f: Face) -> Colour:
    """Return the iris's colour in linear light."""
    return linear(_ramp(_IRIS, f.iris * (1.0 - 0.6 * f.skin_tone)))


def lip_colour(f: Face) -> Colour:
    """Return the lips' colour in linear light: the skin reddened, then any lipstick."""
    skin = skin_colour(f)
    bare = (0.80 * skin[0], 0.50 * skin[1], 0.53 * skin[2])
    paint = linear((178, 34 + 30 * f.undertone, 56))
    return mix(bare, paint, 0.8 * f.lipstick)


def dyed(hue: float, saturation: float, value: float) -> Colour:
    """Return a colour of given hue (0 to 1 around the circle), saturation and value, in linear light."""
    return linear([255.0 * v for v in colorsys.hsv_to_rgb(hue % 1.0, saturation, value)])
