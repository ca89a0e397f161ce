"""Binary attributes and continuous factors: what can be said of a face from the factors that drew it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.faces.factors import Factors

Test = Callable[[Factors], NDArray[np.bool_]]


def _hair_shows(f: Factors) -> NDArray[np.bool_]:
    return np.asarray(f.baldness < 0.5, dtype=np.bool_)


def _crown_shows(f: Factors) -> NDArray[np.bool_]:
    return np.asarray(_hair_shows(f) & (f.hat < 0.5), dtype=np.bool_)


def _bearded(f: Factors) -> NDArray[np.bool_]:
    return np.asarray((f.beard > 0) | (f.goatee > 0), dtype=np.bool_)


def _colour_shows(f: Factors) -> NDArray[np.bool_]:
    """Hair that keeps its pigment and is not hidden: under a hat only hair that falls below it shows."""
    seen = (f.hat < 0.5) | (f.hair_length > 0.2)
    return np.asarray(_hair_shows(f) & seen & (f.gray < 0.5), dtype=np.bool_)


# ``Male`` and ``Attractive`` are left out: nothing that is drawn stands for them. ``Blurry`` is never true here.
_TESTS: dict[str, Test] = {
    "5_o_Clock_Shadow": lambda f: (f.stubble > 0) & (f.beard == 0),
    "Arched_Eyebrows": lambda f: f.brow_arch > 0.25,
    "Bags_Under_Eyes": lambda f: f.age > 0.75,
    "Bald": lambda f: (f.baldness >= 0.5) & (f.hat < 0.5),
    "Bangs": lambda f: (f.bangs > 0) & _crown_shows(f),
    "Big_Lips": lambda f: f.lips > 0.2,
    "Big_Nose": lambda f: f.nose_width + f.nose_point > 0.35,
    "Black_Hair": lambda f: _colour_shows(f) & (f.hair_light < 0.14),
    "Blond_Hair": lambda f: _colour_shows(f) & (f.hair_light > 0.66),
    "Brown_Hair": lambda f: _colour_shows(f) & (f.hair_light >= 0.14) & (f.hair_light < 0.5),
    "Bushy_Eyebrows": lambda f: f.brow_thickness > 0.35,
    "Chubby": lambda f: f.chubby > 0.62,
    "Eyeglasses": lambda f: f.glasses > 0.5,
    "Goatee": lambda f: f.goatee > 0,
    "Gray_Hair": lambda f: (f.gray >= 0.5) & _hair_shows(f) & ((f.hat < 0.5) | (f.hair_length > 0.2)),
    "Heavy_Makeup": lambda f: (f.lipstick > 0) & (f.eye_shadow > 0),
    "High_Cheekbones": lambda f: f.cheekbones > 0.2,
    "Mouth_Slightly_Open": lambda f: f.mouth_open > 0.1,
    "Mustache": lambda f: f.mustache > 0,
    "Narrow_Eyes": lambda f: (f.eye_size < -0.3) | ((f.eye_open > 0) & (f.eye_open < 0.82)),
    "No_Beard": lambda f: ~_bearded(f) & (f.stubble == 0) & (f.mustache == 0),
    "Oval_Face": lambda f: (f.face_length > 0.05) & (f.jaw < 0.1) & (f.chubby < 0.5),
    "Pale_Skin": lambda f: f.skin_tone < 0.1,
    "Pointy_Nose": lambda f: (f.nose_point > 0.2) & (f.nose_width < 0.1),
    "Receding_Hairline": lambda f: (f.recession > 0.55) & (f.bangs == 0) & _crown_shows(f),
    "Rosy_Cheeks": lambda f: f.blush > 0.35,
    "Sideburns": lambda f: f.sideburns > 0,
    "Smiling": lambda f: f.smile > 0.3,
    "Straight_Hair": lambda f: (f.waves < 0.2) & _crown_shows(f),
    "Wavy_Hair": lambda f: (f.waves > 0.5) & _crown_shows(f),
    "Wearing_Earrings": lambda f: f.earrings > 0,
    "Wearing_Hat": lambda f: f.hat > 0.5,
    "Wearing_Lipstick": lambda f: f.lipstick > 0,
    "Wearing_Necklace": lambda f: (f.necklace > 0) & (f.necktie == 0),
    "Wearing_Necktie": lambda f: f.necktie > 0,
    "Young": lambda f: f.age < 0.55,
    # What follows has no counterpart in CelebA's list.
    "Long_Hair": lambda f: (f.hair_length > 0.45) & _hair_shows(f),
    "Red_Hair": lambda f: _colour_shows(f) & (f.hair_red > 0.2) & (f.hair_light > 0.2),
    "Dark_Skin": lambda f: f.skin_tone > 0.7,
    "Strong_Jaw": lambda f: f.jaw > 0.35,
    "Eyes_Closed": lambda f: f.eye_open == 0,
    "Raised_Eyebrows": lambda f: f.brow_raise > 0.3,
    "Turned_Left": lambda f: f.yaw < -10.0,
    "Turned_Right": lambda f: f.yaw > 10.0,
    "Looking_Up": lambda f: f.pitch > 5.0,
    "Looking_Down": lambda f: f.pitch < -5.0,
    "Gaze_Left": lambda f: (f.gaze < -0.3) & (f.eye_open > 0),
    "Gaze_Right": lambda f: (f.gaze > 0.3) & (f.eye_open > 0),
    "Lit_From_Left": lambda f: f.light_azimuth < -20.0,
    "Lit_From_Right": lambda f: f.light_azimuth > 20.0,
    "Lit_From_Above": lambda f: f.light_elevation > 40.0,
    "Bright_Background": lambda f: f.background_light > 0.6,
    "Light_Clothes": lambda f: f.cloth_light > 0.6,
}

ATTRIBUTE_NAMES: tuple[str, ...] = tuple(_TESTS)
"""Names of the binary attributes, CelebA's first and in its order."""

FACTOR_NAMES: tuple[str, ...] = (
    "yaw", "pitch", "roll", "gaze", "light_azimuth", "light_elevation", "light_warmth", "ambient", "smile",
    "mouth_open", "eye_open", "brow_raise", "skin_tone", "undertone", "blush", "age", "head_width", "face_length",
    "jaw", "chubby", "cheekbones", "eye_spacing", "eye_size", "eye_tilt", "iris", "brow_thickness", "brow_arch",
    "nose_width", "nose_length", "nose_point", "mouth_width", "lips", "ears", "hair_light", "hair_red", "gray",
    "waves", "hair_length", "recession", "parting", "cloth_hue", "cloth_light", "background_hue",
    "background_light",
)  # fmt: skip
"""Names of the continuous factors; those of pose and light are in degrees, see ``Traits``."""


def binary_attributes(factors: Factors) -> NDArray[np.int8]:
    """Return the attributes of N faces, 0 or 1, shape (N, len(ATTRIBUTE_NAMES))."""
    return np.stack([np.asarray(test(factors), dtype=np.int8) for test in _TESTS.values()], axis=1)


def continuous_factors(factors: Factors) -> NDArray[np.float64]:
    """Return the continuous factors of N faces, shape (N, len(FACTOR_NAMES))."""
    return np.stack([np.asarray(getattr(factors, name), dtype=np.float64) for name in FACTOR_NAMES], axis=1)
