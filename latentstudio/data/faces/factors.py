"""The factors of a face: what they are, and how image ``k`` draws its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.data.faces.hashing import bell, mix64, uniform

T = TypeVar("T")
FloatArray = NDArray[np.float64]
Plane = NDArray[np.floating[Any]]

IMAGES_PER_IDENTITY = 20
"""Mean number of images that share an identity (10,130 identities in 202,599 images)."""


@dataclass(frozen=True)
class Traits(Generic[T]):
    """Everything that decides one picture, or (as arrays) a batch of them.

    Quantities without a unit run from 0 (absent) to 1 (full), or are deviations around 0 that
    stay within about -1 and 1; angles are in degrees. ``yaw`` > 0 turns the nose to the right of
    the picture, ``pitch`` > 0 lifts it, ``light_azimuth`` > 0 puts the light on the right.
    """

    # Shape: the same in all the images of an identity.
    head_width: T
    face_length: T
    jaw: T
    chubby: T
    cheekbones: T
    eye_spacing: T
    eye_size: T
    eye_tilt: T
    brow_thickness: T
    brow_arch: T
    nose_width: T
    nose_length: T
    nose_point: T
    mouth_width: T
    lips: T
    ears: T
    skin_tone: T
    undertone: T
    iris: T
    age: T
    hair_light: T
    hair_red: T
    gray: T
    waves: T
    hair_length: T
    bangs: T
    recession: T
    baldness: T
    parting: T
    strands: T
    # Pose, light and expression: one draw per image.
    yaw: T
    pitch: T
    roll: T
    gaze: T
    light_azimuth: T
    light_elevation: T
    light_warmth: T
    ambient: T
    smile: T
    mouth_open: T
    eye_open: T
    brow_raise: T
    # What is worn or grown, one draw per image.
    stubble: T
    mustache: T
    goatee: T
    beard: T
    sideburns: T
    blush: T
    lipstick: T
    eye_shadow: T
    glasses: T
    glasses_round: T
    hat: T
    earrings: T
    necklace: T
    necktie: T
    cloth_hue: T
    cloth_light: T
    background_hue: T
    background_light: T


class Factors(Traits[FloatArray]):
    """A batch of faces: each field is an array of shape (N,). Edit with ``dataclasses.replace``."""

    def __len__(self) -> int:
        return int(np.asarray(self.yaw).shape[0])

    def face(self) -> Face:
        """Return the N faces ready to be drawn together: single precision, each field of shape (N, 1, 1)."""
        values = np.array([getattr(self, f.name) for f in fields(self)], dtype=np.float32)
        return Face(*values[:, :, None, None])

    def take(self, rows: ArrayLike) -> Factors:
        """Return the faces of the given rows, in that order."""
        picked = np.asarray(rows)
        return Factors(**{f.name: np.asarray(getattr(self, f.name))[picked] for f in fields(self)})


class Face(Traits[Plane]):
    """Some faces that are drawn together: each field is an array of shape (B, 1, 1)."""

    @cached_property
    def known(self) -> dict[str, Plane]:
        """Colours that have been worked out already, by their names."""
        return {}

    def take(self, rows: NDArray[np.intp]) -> Face:
        """Return some of the faces."""
        return Face(*(getattr(self, f.name)[rows] for f in fields(self)))


def identity_of(indices: ArrayLike) -> NDArray[np.int64]:
    """Return the identity that each image shows.

    An image's identity is a hash of the block of ``64 * IMAGES_PER_IDENTITY`` images that it
    stands in and of its own index: each block holds 64 identities in a scrambled order, so that
    neighbours differ and an identity has about ``IMAGES_PER_IDENTITY`` images.

    Parameters
    ----------
    indices : array_like of int
        Image indices, shape (N,), non-negative.

    Returns
    -------
    NDArray[np.int64]
        Identity numbers from 0, shape (N,).
    """
    k = np.asarray(indices, dtype=np.int64)
    block = k // (64 * IMAGES_PER_IDENTITY)
    within = (mix64(k.astype(np.uint64), 1000) & np.uint64(63)).astype(np.int64)
    return np.asarray(block * 64 + within, dtype=np.int64)


def _bool(keys: NDArray[np.uint64], field: int, chance: ArrayLike) -> FloatArray:
    return np.asarray(uniform(keys, field) < np.asarray(chance, dtype=np.float64), dtype=np.float64)


def _some(keys: NDArray[np.uint64], field: int, chance: ArrayLike) -> FloatArray:
    """Return 0 with probability ``1 - chance``, else a strength between 0.55 and 1."""
    u = uniform(keys, field)
    limit = np.asarray(chance, dtype=np.float64)
    return np.where(u < limit, 0.55 + 0.45 * u / np.maximum(limit, 1e-9), 0.0)


def _draw_shape(key: NDArray[np.uint64]) -> dict[str, FloatArray]:
    """Draw the factors that belong to an identity; ``sturdy`` couples jaw, brows, hair and beard."""
    names = ("head_width", "face_length", "cheekbones", "eye_spacing", "eye_size", "eye_tilt", "nose_width",
             "nose_length", "nose_point", "mouth_width", "ears", "undertone", "parting")  # fmt: skip
    out = {name: bell(key, i) / 3.0 for i, name in enumerate(names)}
    sturdy = uniform(key, 40)
    lean = 2.0 * sturdy - 1.0
    out["jaw"] = np.clip(bell(key, 20) / 4.0 + 0.4 * lean, -1, 1)
    out["chubby"] = np.clip(0.35 + 0.26 * bell(key, 21), 0, 1)
    out["brow_thickness"] = np.clip(bell(key, 22) / 4.0 + 0.4 * lean, -1, 1)
    out["brow_arch"] = np.clip(bell(key, 23) / 4.0 - 0.3 * lean, -1, 1)
    out["lips"] = np.clip(bell(key, 24) / 3.5 - 0.25 * lean, -1, 1)
    out["skin_tone"] = uniform(key, 25) ** 1.25
    out["iris"] = uniform(key, 26)
    out["age"] = uniform(key, 27)
    tone = out["skin_tone"]
    fair = np.clip(1.2 - 1.6 * tone, 0.0, 1.0)
    out["hair_light"] = uniform(key, 28) * (0.22 + 0.78 * fair)
    out["hair_red"] = np.clip(bell(key, 29) / 3.0, 0, 1) * (0.3 + 0.7 * fair)
    out["gray"] = np.clip((out["age"] - 0.62) * 3.2 + bell(key, 30) / 4.0, 0, 1) * (out["age"] > 0.5)
    out["waves"] = np.clip(uniform(key, 31) * 1.25 - 0.15, 0, 1)
    long_chance = np.where(sturdy > 0.5, 0.1, 0.85)
    is_long = uniform(key, 32) < long_chance
    out["hair_length"] = np.where(is_long, 0.45 + 0.55 * uniform(key, 33), 0.28 * uniform(key, 34))
    out["bangs"] = _some(key, 35, np.where(is_long, 0.28, 0.12))
    out["recession"] = np.where(is_long, 0.15, 1.0) * uniform(key, 36) * (0.35 + 0.65 * out["age"])
    out["baldness"] = _bool(key, 37, np.where(is_long, 0.0, 0.05 + 0.2 * (out["age"] > 0.6)))
    out["strands"] = uniform(key, 38)
    out["sturdy"] = sturdy
    return out


def _draw_scene(key: NDArray[np.uint64]) -> dict[str, FloatArray]:
    """Draw pose, light, expression and surroundings, which belong to the image alone."""
    return {
        "yaw": 15.0 * bell(key, 100),
        "pitch": 6.5 * bell(key, 101),
        "roll": 2.5 * bell(key, 102),
        "gaze": bell(key, 103) / 3.0,
        "light_azimuth": 140.0 * uniform(key, 104) - 70.0,
        "light_elevation": 60.0 * uniform(key, 105),
        "light_warmth": bell(key, 106) / 3.0,
        "ambient": uniform(key, 107),
        "smile": np.clip(1.3 * uniform(key, 108) - 0.25, -0.2, 1.0),
        "mouth_open": np.clip(1.5 * uniform(key, 109) - 0.6, 0.0, 1.0),
        "eye_open": np.where(uniform(key, 110) < 0.04, 0.0, 0.78 + 0.22 * uniform(key, 111)),
        "brow_raise": bell(key, 112) / 3.0,
        "blush": np.clip(1.6 * uniform(key, 113) - 0.8, 0.0, 1.0),
        "glasses": _bool(key, 114, 0.15),
        "glasses_round": uniform(key, 115),
        "hat": _bool(key, 116, 0.08),
        "cloth_hue": uniform(key, 117),
        "cloth_light": uniform(key, 118),
        "background_hue": uniform(key, 119),
        "background_light": uniform(key, 120),
    }


def draw_factors(indices: ArrayLike) -> Factors:
    """Draw the factors of the images with the given indices.

    Parameters
    ----------
    indices : array_like of int
        Image indices, shape (N,), non-negative, in any order.

    Returns
    -------
    Factors
        Arrays of shape (N,); row ``i`` depends on ``indices[i]`` alone.
    """
    k = np.atleast_1d(np.asarray(indices, dtype=np.int64))
    if k.ndim != 1 or (k.size and int(k.min()) < 0):
        raise ValueError("image indices must be a flat array of non-negative integers")
    key = mix64(k.astype(np.uint64), 7)
    shape = _draw_shape(mix64(identity_of(k).astype(np.uint64), 8))
    sturdy = shape.pop("sturdy")
    scene = _draw_scene(key)
    grows, adorns = sturdy > 0.5, sturdy <= 0.5
    beard = _some(key, 140, np.where(grows, 0.16, 0.0))
    bare = (beard == 0) & grows
    goatee = _some(key, 141, np.where(bare, 0.13, 0.0))
    mustache = np.maximum(_some(key, 142, np.where(bare, 0.13, 0.0)), 0.9 * np.maximum(beard, goatee))
    worn = {
        "beard": beard,
        "goatee": goatee,
        "mustache": mustache,
        "stubble": _some(key, 143, np.where(bare & (goatee == 0), 0.3, 0.0)),
        "sideburns": np.maximum(beard, _some(key, 144, np.where(grows & (shape["baldness"] == 0), 0.14, 0.0))),
        "lipstick": _some(key, 145, np.where(adorns, 0.55, 0.0)),
        "eye_shadow": _some(key, 146, np.where(adorns, 0.45, 0.0)),
        "earrings": _bool(key, 147, np.where(adorns, 0.4, 0.04)),
        "necklace": _bool(key, 148, np.where(adorns, 0.3, 0.03)),
        "necktie": _bool(key, 149, np.where(grows, 0.2, 0.0)),
    }
    return Factors(**shape, **scene, **worn)
