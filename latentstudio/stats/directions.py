"""Directions that tell two classes of codes apart: difference of means, logistic regression, shrunk discriminant.

A direction is a vector d such that z + d moves a code as far along it as the class means lie apart: for a unit normal u
of whatever estimator, d = <u, mean_with - mean_without> u. So alpha = 1 means the same for all three, and for the
difference of means d is that difference itself.

Codes have thousands of components and samples hundreds of images, so everything that would need a matrix of components
by components goes through the Gram matrix of the images instead, which is exact.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentstudio.stats.classifiers import Span
from latentstudio.stats.norms import length_of_noise

Floats = NDArray[np.float64]
Estimator = Literal["mean_difference", "logistic", "lda"]
ESTIMATORS: tuple[str, ...] = ("mean_difference", "logistic", "lda")
ESTIMATOR_LABELS: tuple[str, ...] = ("Difference of means", "Logistic regression", "Linear discriminant")

_QUANTILES = 1001
_BLOCK = 256


@dataclass(frozen=True)
class Wish:
    """A direction of the data set under the model that an operation or analysis asks for.

    Attributes
    ----------
    spec : words of `data.attribute_spec` ; estimator : one of `ESTIMATORS`.
    images : most images that it is estimated from, a seeded sample with as many of each class as there are; 0 for all.
    seed : draws the sample and the halves of the test.
    """

    spec: str
    estimator: str = "mean_difference"
    images: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Direction:
    """A direction and what is known of it.

    Attributes
    ----------
    words, without : what the two classes are called.
    vector : float64 (D,), the step of alpha = 1.
    mean_with, mean_without : float64 (D,) class means.
    counts : images with and without the property.
    share : share of those with it among all of whom it is known.
    projections : float64 (n,), ascending: each code of the sample on the unit direction that is found without it (see
        `left_out_projections`); of more than 1,001 images, that many quantiles. These and the vectors are rounded to
        float32, so that a sealed direction is the same direction.
    auc : area under the ROC curve of images that the direction was not fitted on (fitted on one half, tested on the
        other); NaN where a half lacks a class.
    noise : length that the difference of means of as many draws of N(0, I) would have, sqrt(D (1/n1 + 1/n0)).
    notes : sentences about the sample.
    """

    words: str
    without: str
    vector: Floats
    mean_with: Floats
    mean_without: Floats
    counts: tuple[int, int]
    share: float
    projections: Floats
    auc: float
    notes: tuple[str, ...] = ()

    @property
    def length(self) -> float:
        """Length of the step of alpha = 1."""
        return float(np.linalg.norm(self.vector))

    @property
    def unit(self) -> Floats:
        """Unit vector (D,); zeros when the direction has no length."""
        length = self.length
        return self.vector / length if length > 0 else np.zeros_like(self.vector)

    @property
    def noise(self) -> float:
        """Length of a difference of means that pure noise of the prior would give."""
        return length_of_noise(len(self.vector), self.counts)

    def quantile_of(self, codes: NDArray[Any]) -> Floats:
        """Percentile in [0, 100] of codes (n, D) among the sample's projections, (n,)."""
        found = codes.astype(np.float64, copy=False) @ self.unit
        below = np.searchsorted(self.projections, found, side="left")
        upto = np.searchsorted(self.projections, found, side="right")
        percentile: Floats = 50.0 * (below + upto) / max(len(self.projections), 1)
        return percentile

    def at_quantile(self, percent: float) -> float:
        """Projection below which `percent` of the sample lie, straight between the sample's own values."""
        return float(np.percentile(self.projections, percent))


def fit_direction(
    codes: NDArray[Any], labels: Floats, estimator: str, seed: int, words: tuple[str, str], share: float
) -> Direction:
    """Estimate a direction from codes (n, D) and labels (n,) of 0 and 1, and its AUC on images held out of the fit.

    Parameters
    ----------
    seed : draws the halves of the test.
    """
    present = labels == 1
    vector, with_mean, without_mean = estimate(codes, present, estimator)
    length = np.linalg.norm(vector)
    unit = vector / length if length > 0 else vector
    counts = (int(present.sum()), int((~present).sum()))
    auc = held_out_auc(codes, present, estimator, seed)
    projections = np.sort(left_out_projections(codes, present, estimator, seed, unit))
    if len(projections) > _QUANTILES:
        projections = np.percentile(projections, np.linspace(0, 100, _QUANTILES))
    kept = tuple(_rounded(values) for values in (vector, with_mean, without_mean))
    return Direction(*words, kept[0], kept[1], kept[2], counts, share, _rounded(projections), auc)


def _rounded(values: NDArray[Any]) -> Floats:
    return values.astype(np.float32).astype(np.float64)


def estimate(codes: NDArray[Any], present: NDArray[np.bool_], estimator: str) -> tuple[Floats, Floats, Floats]:
    """Return the step of alpha = 1, the mean with and the mean without, each float64 (D,).

    Raises
    ------
    ValueError
        There is no such estimator.
    """
    with_mean: Floats = codes[present].mean(axis=0, dtype=np.float64)
    without_mean = codes[~present].mean(axis=0, dtype=np.float64)
    difference = with_mean - without_mean
    if estimator == "mean_difference":
        return difference, with_mean, without_mean
    if estimator == "logistic":
        normal = _logistic_normal(codes, present)
    elif estimator == "lda":
        normal = _discriminant_normal(codes, present, difference)
    else:
        raise ValueError(f"there is no estimator '{estimator}'")
    length = np.linalg.norm(normal)
    if length == 0:
        return np.zeros_like(difference), with_mean, without_mean
    unit = normal / length
    return float(unit @ difference) * unit, with_mean, without_mean


def _logistic_normal(codes: NDArray[Any], present: NDArray[np.bool_]) -> Floats:
    """Normal of the ridge-penalised logistic regression, balanced in the classes."""
    return Span(codes).classifier(np.ones(len(codes), dtype=np.bool_), present).weights


def _discriminant_normal(codes: NDArray[Any], present: NDArray[np.bool_], difference: Floats) -> Floats:
    """Normal of the linear discriminant with the covariance within classes shrunk by Ledoit and Wolf (2004).

    With a = g tr(S)/D and b = (1 - g)/n the covariance is a I + b X'X, and Woodbury's identity gives
    (a I + b X'X)^-1 d = (d - X' (a/b I + X X')^-1 X d) / a.
    """
    within = codes.astype(np.float64)
    for side in (present, ~present):
        within[side] -= within[side].mean(axis=0)
    n, size = within.shape
    gram = within @ within.T
    shrinkage = ledoit_wolf_of_gram(gram, size)
    a, b = shrinkage * float(np.trace(gram)) / (n * size), (1 - shrinkage) / n
    if a <= 0:
        return np.asarray(difference, dtype=np.float64)
    if b <= 0:
        return np.asarray(difference / a, dtype=np.float64)
    inner = np.linalg.solve(gram + a / b * np.eye(n), within @ difference)
    return np.asarray((difference - within.T @ inner) / a, dtype=np.float64)


def ledoit_wolf_of_gram(gram: Floats, size: int) -> float:
    """Shrinkage of Ledoit and Wolf (2004) towards a multiple of the identity, from the Gram matrix (n, n).

    The estimator needs the trace of the sample covariance S = X'X/n, the squared Frobenius norm of S, which is that of
    the Gram matrix over n squared, and the sum of fourth powers of the rows' norms. Rows must be centred.
    """
    n = len(gram)
    squares = np.diag(gram)
    mu = float(squares.sum()) / (n * size)
    frobenius = float(np.square(gram).sum()) / n**2
    delta = (frobenius - size * mu**2) / size
    beta = (float(np.square(squares).sum()) / n - frobenius) / (size * n)
    return min(max(beta, 0.0), delta) / delta if delta > 0 else 1.0


def held_out_auc(codes: NDArray[Any], present: NDArray[np.bool_], estimator: str, seed: int) -> float:
    """Fit on one half of codes (n, D) and score the other, then the other way round; mean area under the ROC curve.

    NaN where a half lacks a class.
    """
    first = halves(present, seed)
    found = []
    for fitted in (first, ~first):
        tested = present[~fitted]
        if present[fitted].sum() < 1 or (~present[fitted]).sum() < 1 or not tested.any() or tested.all():
            return float("nan")
        vector = estimate(codes[fitted], present[fitted], estimator)[0]
        found.append(auc_of(codes[~fitted] @ vector.astype(codes.dtype), tested))
    return float(np.mean(found))


def left_out_projections(
    codes: NDArray[Any], present: NDArray[np.bool_], estimator: str, seed: int, unit: Floats
) -> Floats:
    """Projections (n,) of codes (n, D) as those of images that had no part in finding the direction.

    With more components than images a code lies far along a direction that it helped to find: the sample falls into two
    clusters, and every other image between them, whatever it shows. For the difference of means each image is left out
    in turn, d - (x - m) / (n - 1) for its own class, in closed form; for the other estimators each half is projected on
    the direction of the other half. Directions turn about the mean of the sample, so that all count from one place.
    """
    mean = codes.mean(axis=0, dtype=np.float64)
    answer = np.empty(len(codes))
    if estimator == "mean_difference" and min(present.sum(), (~present).sum()) > 1:
        means = {side: codes[present == side].mean(axis=0, dtype=np.float64) for side in (True, False)}
        step = means[True] - means[False]
        for start in range(0, len(codes), _BLOCK):
            rows = slice(start, start + _BLOCK)
            own = present[rows]
            away = codes[rows] - np.where(own[:, None], means[True], means[False])
            share = np.where(own, 1.0 / (present.sum() - 1), -1.0 / ((~present).sum() - 1))
            found = step - share[:, None] * away
            answer[rows] = np.einsum("nd,nd->n", codes[rows] - mean, found)
            answer[rows] /= np.maximum(np.linalg.norm(found, axis=1), 1e-300)
        return np.asarray(answer + unit @ mean, dtype=np.float64)
    first = halves(present, seed)
    for fitted in (first, ~first):
        if present[fitted].sum() < 1 or (~present[fitted]).sum() < 1:
            return np.asarray(codes @ unit.astype(codes.dtype, copy=False), dtype=np.float64)
        vector = estimate(codes[fitted], present[fitted], estimator)[0]
        length = np.linalg.norm(vector)
        part = vector / length if length > 0 else vector
        answer[~fitted] = (codes[~fitted] - mean) @ part
    return np.asarray(answer + unit @ mean, dtype=np.float64)


def halves(present: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Split images (n,) into two halves with as many of each class; True is the first half."""
    generator = np.random.default_rng(seed)
    first = np.zeros(len(present), dtype=np.bool_)
    for side in (present, ~present):
        rows = generator.permutation(np.flatnonzero(side))
        first[rows[: (len(rows) + 1) // 2]] = True
    return first


def auc_of(scores: NDArray[Any], present: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of scores (n,): the share of pairs in the right order, ties counting half."""
    from scipy.stats import rankdata

    n1, n0 = int(present.sum()), int((~present).sum())
    if not n1 or not n0:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[present].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def orthogonalised(vector: Floats, others: Floats) -> Floats:
    """What is left of `vector` (D,) when its shadow on the span of `others` (k, D) is taken away."""
    if not len(others):
        return vector
    basis, triangle = np.linalg.qr(others.T)
    kept = np.abs(np.diag(triangle)) > 1e-12 * max(float(np.abs(triangle).max()), 1e-300)
    basis = basis[:, kept]
    left: Floats = vector - basis @ (basis.T @ vector)
    return left


def amounts_to_reach(steps: Floats, units: Floats, code: Floats, targets: Floats) -> Floats:
    """Amounts a (k,) such that code + a @ steps has the projections `targets` (k,) on `units` (k, D).

    Solved for all directions at once, since a step (k, D) along one also moves the projection on another that is not
    perpendicular to it. Directions that coincide share the step (least squares).
    """
    answer = np.linalg.lstsq(units @ steps.T, targets - units @ code, rcond=1e-9)[0]
    return np.asarray(answer, dtype=np.float64)
