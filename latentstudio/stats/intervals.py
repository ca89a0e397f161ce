"""Percentile bootstrap intervals (Efron, 1979), with a random seed."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 1000


def resampled(count: int, seed: int, times: int = RESAMPLES) -> NDArray[np.int64]:
    """Return `times` draws of `count` rows with replacement, int64 (times, count)."""
    return np.random.default_rng(seed).integers(0, count, (times, count))


def central(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the ends of the central `level` of values that are finite; NaN when fewer than two are."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def of_mean(values: Floats, seed: int, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of the finite values (n,) and the ends of its interval; NaN ends for fewer than two."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    if len(known) == 1:
        return float(known[0]), float("nan"), float("nan")
    return float(known.mean()), *central(known[resampled(len(known), seed)].mean(axis=1), level)


def of_rows(
    statistic: Callable[[NDArray[np.int64]], float], count: int, seed: int, times: int = RESAMPLES
) -> tuple[float, float]:
    """Return the interval of a statistic of rows 0..count-1, each of whose resamples is given as their numbers."""
    if count < 2:
        return float("nan"), float("nan")
    return central(np.array([statistic(rows) for rows in resampled(count, seed, times)]))
