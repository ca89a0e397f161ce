"""The two lines of one space: through the class means, and through zero and the mean of one class; and values on them.

With d = mu_with - mu_without the opposite projection of z is <z, d> / |d|, and the zero projection <z, mu_with> /
|mu_with|. Both are fitted on one half of the images. Scores of that half on its own lines lie too far apart, by
sqrt(D (1/n1 + 1/n0)) for pure noise, so thresholds are set with scores in which no image has a part in its own line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentstudio.stats.streaming import PowerSums

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Space = Literal["latent", "image"]
OPPOSITE, ZERO = 0, 1
NAMES = ("opposite", "zero")
_FOLDS = 5


@dataclass
class Lines:
    """Sums of the half of the fit, then both lines, then the values of all images on them.

    Attributes
    ----------
    space : ``"latent"`` or ``"image"`` ; size : number of components D.
    first : bool (n,), the half of the fit ; present : bool (n,), who has the property.
    estimator : of the opposite line, one of `stats.directions.ESTIMATORS`.
    units : float32 (2, D), opposite and zero.
    values : float64 (2, n), NaN where not known yet ; fair : float64 (2, n), of the half of the fit, without own part.
    """

    space: Space
    size: int
    first: Bools
    present: Bools
    estimator: str
    units: NDArray[np.float32] = field(init=False)
    values: Floats = field(init=False)
    fair: Floats = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.present)
        self.units = np.zeros((2, self.size), dtype=np.float32)
        self.values, self.fair = np.full((2, n), np.nan), np.full((2, n), np.nan)
        self._with, self._without = PowerSums.empty(self.size), PowerSums.empty(self.size)
        self._kept: list[NDArray[np.float32]] = []
        self._rows: list[NDArray[np.int64]] = []

    @property
    def counts(self) -> tuple[int, int]:
        """Images with and without the property that the lines are fitted on."""
        return self._with.count, self._without.count

    @property
    def lengths(self) -> tuple[float, float]:
        """Lengths of mu_with - mu_without and of mu_with."""
        difference = self._with.mean - self._without.mean
        return float(np.linalg.norm(difference)), float(np.linalg.norm(self._with.mean))

    def add(self, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Count images of the half of the fit: rows (k,), values (k, D), finite."""
        present = self.present[rows]
        if present.any():
            self._with = self._with.add(values[present])
        if not present.all():
            self._without = self._without.add(values[~present])
        if self.estimator != "mean_difference":
            self._kept.append(values.astype(np.float32))
            self._rows.append(rows)

    def fit(self) -> Iterator[float]:
        """Find the lines; yields the share that is done. The half of the fit has been counted."""
        from latentstudio.stats.directions import estimate

        normal: Floats = self._with.mean - self._without.mean
        if self.estimator != "mean_difference":
            matrix, rows = np.concatenate(self._kept), np.concatenate(self._rows)
            self._kept = []
            normal = estimate(matrix, self.present[rows], self.estimator)[0]
            yield 1 / (_FOLDS + 1)
            for done, fold in enumerate(_folds(self.present[rows]), 2):
                inner = self.present[rows[~fold]]
                if inner.any() and not inner.all():
                    vector = estimate(matrix[~fold], inner, self.estimator)[0]
                    self.fair[OPPOSITE, rows[fold]] = matrix[fold] @ _unit(vector)
                yield done / (_FOLDS + 1)
        self.units = np.stack([_unit(normal), _unit(self._with.mean)])

    def project(self, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Put images on both lines: rows (k,), values (k, D), finite."""
        z = values.astype(np.float64)
        self.values[:, rows] = self.units.astype(np.float64) @ z.T
        fitted = self.first[rows]
        if fitted.any():
            self._project_fairly(rows[fitted], z[fitted])

    def _project_fairly(self, rows: NDArray[np.int64], z: Floats) -> None:
        """Scores on means that leave the image itself out: (n mu - z) / (n - 1) instead of mu."""
        present = self.present[rows]
        n1, n0 = self.counts
        on_with, on_without = z @ self._with.mean, z @ self._without.mean
        square = np.einsum("nd,nd->n", z, z)
        other_with = _without_own(on_with, square, n1, present)
        other_without = _without_own(on_without, square, n0, ~present)
        difference, length = self.lengths
        if length > 0:
            self.fair[ZERO, rows] = other_with / length
        if self.estimator == "mean_difference" and difference > 0:
            self.fair[OPPOSITE, rows] = (other_with - other_without) / difference


def _without_own(on_mean: Floats, square: Floats, count: int, member: Bools) -> Floats:
    """Inner products (k,) with the mean of the others; NaN for a member that has no others."""
    if count < 2:
        return np.where(member, np.nan, on_mean)
    return np.where(member, (count * on_mean - square) / (count - 1), on_mean)


def _unit(vector: Floats) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 0 else np.zeros_like(vector)).astype(np.float32)


def _folds(present: Bools) -> Iterator[Bools]:
    """Five parts, each with its share of both classes."""
    place = np.zeros(len(present), dtype=np.int64)
    for side in (present, ~present):
        place[side] = np.arange(int(side.sum())) % _FOLDS
    for fold in range(_FOLDS):
        yield place == fold
