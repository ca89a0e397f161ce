"""Where a value lies within a sample."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def percentile_of(values: Floats, sample: Floats) -> Floats:
    """Share of the finite `sample` below each value, in percent; ties count half; NaN where there is no answer."""
    values = np.asarray(values, dtype=np.float64)
    known = np.sort(sample[np.isfinite(sample)])
    if not len(known):
        return np.full(values.shape, np.nan)
    below = np.searchsorted(known, values, side="left")
    up_to = np.searchsorted(known, values, side="right")
    return np.where(np.isnan(values), np.nan, 50.0 * (below + up_to) / len(known))


def central_range(sample: Floats, share: float = 0.95) -> tuple[float, float] | None:
    """Range that holds the central `share` of the finite values; None when there are none."""
    known = sample[np.isfinite(sample)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
