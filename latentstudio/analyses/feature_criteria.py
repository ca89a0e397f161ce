"""What the criteria of the feature sheet measure: a classifier of pictures, likeness where a change lies, noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.stats.directions import auc_of, estimate, halves
from latentstudio.stats.intervals import central, resampled
from latentstudio.stats.localisation import smallest_window
from latentstudio.stats.norms import length_of_noise
from latentstudio.stats.pictures import HALF_RANGE, halved

Floats = NDArray[np.float64]
Estimate = tuple[float, float, float]
"""A value and the ends of its 95 % interval; NaN where there is none."""

WINDOW = 0.8
"""Share of the squared change that the window of a feature takes up."""
WEAK = 0.6
"""Area under the ROC curve below which a classifier of pictures says nothing."""
_RESAMPLES = 300


@dataclass(frozen=True)
class Judge:
    """A linear classifier of reduced pictures, logistic regression, fitted on one half and judged on the other.

    Attributes
    ----------
    normal : float64 (F,) ; distance : between the mean scores of both classes on the other half; NaN for one that is
        hardly better than chance.
    auc : area under the ROC curve there; NaN where a class is missing.
    """

    normal: Floats
    distance: float
    auc: float

    @staticmethod
    def of(rows: NDArray[np.float32], present: NDArray[np.bool_], seed: int) -> "Judge":
        """Fit on the first half of reduced pictures (n, F) and measure on the second; `seed` draws the halves."""
        first = halves(present, seed)
        normal = estimate(rows[first], present[first], "logistic")[0]
        scores, tested = rows[~first] @ normal, present[~first]
        if not tested.any() or tested.all():
            return Judge(normal, float("nan"), float("nan"))
        distance, auc = float(scores[tested].mean() - scores[~tested].mean()), auc_of(scores, tested)
        return Judge(normal, distance if distance > 0 and auc >= WEAK else float("nan"), auc)

    def scores(self, pictures: Floats) -> Floats:
        """Scores (n,) of pictures (n, C, H, W) in grey levels."""
        found: Floats = halved(pictures / HALF_RANGE - 1).reshape(len(pictures), -1) @ self.normal
        return found


def uniqueness(pictures: NDArray[np.float32], present: NDArray[np.bool_], change: Floats, seed: int) -> Estimate:
    """Return v0 / (v0 + v1) of the variances among the others and among members where a change lies, with its interval.

    Parameters
    ----------
    pictures : (n, h, w) ; change : (h, w), not negative. NaN where nothing changes, or nothing varies.
    """
    if not np.isfinite(change.sum()) or change.sum() <= 0:
        return float("nan"), float("nan"), float("nan")
    row, column, height, width = smallest_window(np.square(change), WINDOW)
    patches = pictures[:, row : row + height, column : column + width].reshape(len(pictures), -1).astype(np.float64)
    patches = patches - patches.mean(axis=1, keepdims=True)
    members, others = patches[present], patches[~present]

    def share(first: Floats, second: Floats) -> float:
        v1, v0 = float(first.var(axis=0).sum()), float(second.var(axis=0).sum())
        return v0 / (v0 + v1) if v0 + v1 > 0 else float("nan")

    pairs = zip(resampled(len(members), seed, _RESAMPLES), resampled(len(others), seed + 1, _RESAMPLES), strict=True)
    drawn = np.array([share(members[a], others[b]) for a, b in pairs])
    return (share(members, others), *central(drawn))


def separation(codes: NDArray[np.float32], present: NDArray[np.bool_], estimator: str, seed: int) -> float:
    """Return the area under the ROC curve of the half of the codes (n, D) that a direction was not found on."""
    first = halves(present, seed)
    vector = estimate(codes[first], present[first], estimator)[0]
    return auc_of(codes[~first] @ vector.astype(codes.dtype), present[~first])


def sampling(codes: NDArray[np.float32], present: NDArray[np.bool_], deviation: float) -> tuple[float, float]:
    """Return 1 - (noise / length)^2 of the difference of means of codes (n, D), at least 0, and length over noise.

    Parameters
    ----------
    deviation : standard deviation of one component of a prior draw.
    """
    difference = estimate(codes, present, "mean_difference")[0]
    length = float(np.linalg.norm(difference))
    noise = length_of_noise(len(difference), (int(present.sum()), int((~present).sum())), deviation)
    return (max(0.0, 1 - (noise / length) ** 2) if length > 0 else 0.0), length / noise
