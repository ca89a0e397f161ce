"""Differences between pictures as a person sees them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_RANGE = 127.5
"""Grey levels per unit of the models' pixel scale [-1, 1]."""

Floats = NDArray[np.float64]


def visible(decoded: NDArray[np.float32]) -> Floats:
    """Turn what a model answered, in [-1, 1], into the grey levels that are seen: 0..255, not finite as black."""
    clipped = np.clip(np.nan_to_num(decoded.astype(np.float64), nan=-1.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return HALF_RANGE * (clipped + 1)


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
    return halved_grey(images.mean(axis=1, dtype=np.float32), edge)


def halved_grey(grey: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
    """Halve both sides of grey pictures (n, H, W) by box averages until `edge` px fits: (n, h, w).

    A last row or column without a partner is left out, and sides of one pixel are not halved.
    """
    while max(grey.shape[1:]) > edge and min(grey.shape[1:]) > 1:
        h, w = grey.shape[1] // 2 * 2, grey.shape[2] // 2 * 2
        quarters = grey[:, :h, :w].reshape(len(grey), h // 2, 2, w // 2, 2)
        grey = quarters.mean(axis=(2, 4), dtype=np.float32)
    return np.ascontiguousarray(grey, dtype=np.float32)
