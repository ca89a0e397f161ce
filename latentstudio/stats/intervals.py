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
    """Return the ends of the central `level` of the finite values of (n,); NaN when there are fewer than two."""
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


def of_columns(values: Floats, seed: int, repeats: int = RESAMPLES) -> tuple[Floats, Floats]:
    """Percentile interval, 95 %, of the mean over the first axis of values (n, ...), by resampling rows with a seed.

    All columns are resampled together. Values that are not finite count as missing; where all are, so are the ends.
    """
    n = len(values)
    flat = values.reshape(n, -1)
    known = np.isfinite(flat)
    filled = np.where(known, flat, 0.0)
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(n, np.full(n, 1 / n), size=repeats).astype(np.float64)
    counts = weights @ known.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (weights @ filled) / counts
    low, high = np.full(flat.shape[1], np.nan), np.full(flat.shape[1], np.nan)
    some = known.any(axis=0)
    low[some], high[some] = np.nanpercentile(means[:, some], [2.5, 97.5], axis=0)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])
