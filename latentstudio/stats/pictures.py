"""Differences between pictures as a person sees them."""

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
