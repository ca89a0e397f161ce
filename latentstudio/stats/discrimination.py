"""How well scores tell two classes apart: halves that share no person, thresholds, and bootstrap intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.stats.directions import halves
from latentstudio.stats.intervals import central

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Weights that are drawn between two yields.
_WEIGHTS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Halves:
    """A split for fitting and showing.

    Attributes
    ----------
    first : bool (n,), images that directions are fitted on ; by_person : whether no person is in both halves.
    """

    first: Bools
    by_person: bool


def split_halves(present: Bools, identity: NDArray[np.int64] | None, seed: int) -> Halves:
    """Split images into two halves with about as many of each class, and no person in both where that is possible.

    Pictures of one person resemble each other whatever they are labelled, so a split that has a person on both sides
    calls memory of the person knowledge of the attribute. It is by images where persons are not known, or where one
    half would lack a class (a single person has the attribute).

    Parameters
    ----------
    present : bool (n,), who has the property ; identity : int64 (n,), -1 where not known, or None.
    """
    if identity is not None and (identity >= 0).any():
        first = _by_person(present, _own_where_unknown(identity), seed)
        if all((side & part).any() for side in (present, ~present) for part in (first, ~first)):
            return Halves(first, True)
    return Halves(halves(present, seed), False)


def _own_where_unknown(identity: NDArray[np.int64]) -> NDArray[np.int64]:
    """Group numbers 0..K-1 (n,); an image of an unknown person is a group of its own."""
    groups = identity.copy()
    unknown = np.flatnonzero(groups < 0)
    groups[unknown] = groups.max(initial=0) + 1 + np.arange(len(unknown))
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _by_person(present: Bools, groups: NDArray[np.int64], seed: int) -> Bools:
    """Give persons in turn to the half that lacks more of what they bring, those with most pictures first."""
    size = int(groups.max(initial=-1)) + 1
    with_it = np.bincount(groups[present], minlength=size)
    without = np.bincount(groups[~present], minlength=size)
    order = np.random.default_rng(seed).permutation(size)
    order = order[np.argsort(-(with_it + without)[order], kind="stable")]
    totals = np.maximum(np.array([with_it.sum(), without.sum()], dtype=np.float64), 1.0)
    given = np.zeros((2, 2))
    first = np.zeros(size, dtype=np.bool_)
    for group in order:
        brings = np.array([with_it[group], without[group]]) / totals
        imbalance = [float(np.square(given[0] - given[1] + sign * brings).sum()) for sign in (1, -1)]
        half = 0 if imbalance[0] <= imbalance[1] else 1
        given[half] += brings
        first[group] = half == 0
    return first[groups]


def best_threshold(scores: Floats, present: Bools) -> float:
    """Threshold of scores (n,) above which images count as having the property: most right, both classes alike.

    Half-way between two scores; the middle one of equally good ones. NaN when a class has no finite score.
    """
    known = np.isfinite(scores)
    values, labels = scores[known], present[known]
    n1, n0 = int(labels.sum()), int((~labels).sum())
    if not n1 or not n0:
        return float("nan")
    distinct, place = np.unique(values, return_inverse=True)
    with_it = np.bincount(place[labels], minlength=len(distinct)) / n1
    without = np.bincount(place[~labels], minlength=len(distinct)) / n0
    # Cut k lies below distinct[k]; cut len(distinct) above all.
    right = np.concatenate([[0.0], np.cumsum(without)]) + 1 - np.concatenate([[0.0], np.cumsum(with_it)])
    best = np.flatnonzero(right >= right.max() - 1e-12)
    cut = int(best[len(best) // 2])
    if cut == 0:
        return float(np.nextafter(distinct[0], -np.inf))
    if cut == len(distinct):
        return float(distinct[-1])
    return float((distinct[cut - 1] + distinct[cut]) / 2)


def accuracy_of(scores: Floats, present: Bools, threshold: float) -> float:
    """Mean over both classes of the share of scores (n,) that `threshold` gets right: 0.5 by chance, in any mixture.

    NaN where a class is missing or there is no threshold.
    """
    if not present.any() or present.all() or not np.isfinite(threshold):
        return float("nan")
    over = scores > threshold
    return float((over[present].mean() + (~over[~present]).mean()) / 2)


@dataclass(frozen=True)
class Resampled:
    """Bootstrap repeats of several scores of the same images, drawn together.

    Attributes
    ----------
    auc, accuracy : float64 (repeats, scores), NaN for repeats that lack a class.
    """

    auc: Floats
    accuracy: Floats

    def interval(self, values: Floats, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval of repeats (r,); NaN when fewer than two are known."""
        return central(values, level)


def bootstrap(
    scores: Floats, present: Bools, thresholds: Floats, groups: NDArray[np.int64] | None, repeats: int, seed: int
) -> Iterator[Resampled]:
    """Yield growing sets of bootstrap repeats, the last one complete (Efron, 1979).

    Images are drawn with replacement, or all images of persons that are: pictures of one person are no independent
    draws. All scores see the same draws, so that differences between them have intervals too. Areas and accuracies are
    sums over weights, without the resampled sets being made.

    Parameters
    ----------
    scores : float64 (scores, n), finite ; present : bool (n,) ; thresholds : float64 (scores,).
    groups : int64 (n,) person of each image, -1 where unknown; None draws images.
    """
    n = scores.shape[1]
    persons = np.arange(n) if groups is None else _own_where_unknown(groups)
    count = int(persons.max(initial=-1)) + 1
    generator = np.random.default_rng([seed, 1])
    ranked = [_Ranked.of(row, present, threshold) for row, threshold in zip(scores, thresholds, strict=True)]
    auc = np.empty((0, len(scores)))
    accuracy = np.empty((0, len(scores)))
    step = max(1, _WEIGHTS_AT_ONCE // max(n * max(len(scores), 1), 1))
    for start in range(0, repeats, step):
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=min(step, repeats - start))
        weights = drawn[:, persons].astype(np.float64)
        made = [r.measure(weights) for r in ranked]
        auc = np.concatenate([auc, np.stack([m[0] for m in made], axis=1)])
        accuracy = np.concatenate([accuracy, np.stack([m[1] for m in made], axis=1)])
        yield Resampled(auc, accuracy)
    if not repeats:
        yield Resampled(auc, accuracy)


@dataclass(frozen=True)
class _Ranked:
    """One score in ascending order: where equal values begin, who has the property, who lies over the threshold."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    present: Floats
    over: Floats
    judged: bool

    @staticmethod
    def of(scores: Floats, present: Bools, threshold: float) -> "_Ranked":
        order = np.argsort(scores, kind="stable")
        ascending = scores[order]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(ascending) > 0]))
        over = (ascending > threshold).astype(np.float64)
        return _Ranked(order, starts, present[order].astype(np.float64), over, bool(np.isfinite(threshold)))

    def measure(self, weights: Floats) -> tuple[Floats, Floats]:
        """Area and accuracy under weights (repeats, n), each (repeats,)."""
        sorted_weights = weights[:, self.order]
        with_it, without = sorted_weights * self.present, sorted_weights * (1 - self.present)
        n1, n0 = with_it.sum(axis=1), without.sum(axis=1)
        a1 = np.add.reduceat(with_it, self.starts, axis=1)
        a0 = np.add.reduceat(without, self.starts, axis=1)
        below = np.cumsum(a0, axis=1) - a0
        known = (n1 > 0) & (n0 > 0)
        pairs = np.where(known, n1 * n0, np.nan)
        auc = (a1 * (below + a0 / 2)).sum(axis=1) / pairs
        if not self.judged:
            return auc, np.full(len(auc), np.nan)
        right1 = (with_it @ self.over) / np.where(known, n1, np.nan)
        right0 = (without @ (1 - self.over)) / np.where(known, n0, np.nan)
        return auc, (right1 + right0) / 2
