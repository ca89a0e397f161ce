"""Differences between pictures as a person sees them."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

HALF_RANGE = 127.5
"""Grey levels per unit of the models' pixel scale [-1, 1]."""

Floats = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)


def visible(decoded: NDArray[np.float32]) -> Floats:
    """Turn what a model answered, (...) in [-1, 1], into the grey levels that are seen: 0..255, NaN as black."""
    clipped = np.clip(np.nan_to_num(decoded.astype(np.float64), nan=-1.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return HALF_RANGE * (clipped + 1)


def visible_if_finite(decoded: NDArray[np.float32]) -> Floats:
    """Turn pictures (n, C, H, W) into grey levels as `visible` does; NaN for those that are not finite throughout."""
    seen = visible(decoded)
    seen[~np.isfinite(decoded).all(axis=(1, 2, 3))] = np.nan
    return seen


def change_map(pictures: Floats, other: Floats) -> Floats:
    """Largest absolute difference over the channels of pictures (..., C, H, W): (..., H, W)."""
    return np.asarray(np.abs(pictures - other).max(axis=-3), dtype=np.float64)


def shrinking(height: int, width: int, edge: int) -> int:
    """Edge in px of the squares to average over so that no side is longer than `edge`; it divides both sides.

    1, no averaging, where no such number does.
    """
    return next((f for f in range(1, min(height, width) + 1) if _fits(height, width, f, edge)), 1)


def _fits(height: int, width: int, factor: int, edge: int) -> bool:
    return height % factor == 0 and width % factor == 0 and max(height, width) // factor <= edge


def shrunk(pictures: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average pictures (n, C, H, W) over squares of `factor` px: (n, C, H / factor, W / factor)."""
    if factor == 1:
        return pictures
    n, channels, height, width = pictures.shape
    squares = pictures.reshape(n, channels, height // factor, factor, width // factor, factor)
    averaged: NDArray[np.float32] = squares.mean(axis=(3, 5), dtype=np.float64).astype(np.float32)
    return averaged


def halved(images: NDArray[Any], edge: int = 32) -> NDArray[np.float32]:
    """Turn pictures (n, C, H, W) grey and halve both sides by box averages until `edge` fits: (n, h, w)."""
    return np.ascontiguousarray(halved_sides(images.mean(axis=1, dtype=np.float32), edge))


def halved_sides(pictures: NDArray[Real], edge: int) -> NDArray[Real]:
    """Halve both sides of pictures (..., H, W) by box averages until `edge` px fits: (..., h, w) of the same type.

    A last row or column without a partner is left out, and sides of one pixel are not halved.
    """
    while max(pictures.shape[-2:]) > edge and min(pictures.shape[-2:]) > 1:
        h, w = pictures.shape[-2] // 2 * 2, pictures.shape[-1] // 2 * 2
        quarters = pictures[..., :h, :w].reshape(*pictures.shape[:-2], h // 2, 2, w // 2, 2)
        pictures = quarters.mean(axis=(-3, -1), dtype=pictures.dtype)
    return pictures
