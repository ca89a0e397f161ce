"""Linear classifiers of codes or pictures: ridge-penalised logistic regression, several labels over one sample.

Rows have thousands of components and samples hundreds of rows, so the regression is done on the scores of the rows in
their own span, which has the same solution as the one on all components. The span is found once for all labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Weight of the squared norm of the weights, relative to the mean squared norm of the centred rows.
_RIDGE = 1.0


@dataclass(frozen=True)
class LinearClassifier:
    """The probability of a label is ``1 / (1 + exp(-score))`` with ``score = <weights, row> + bias``.

    Attributes
    ----------
    weights : float64 (D,).
    """

    weights: Floats
    bias: float

    def score(self, rows: NDArray[Any]) -> Floats:
        """Scores (n,) of rows (n, D); 0 is even odds."""
        scores: Floats = rows.astype(np.float64, copy=False) @ self.weights + self.bias
        return scores


def probability(scores: Floats) -> Floats:
    """Probabilities (n,) that scores (n,) stand for; scores beyond any float give 0 and 1."""
    from scipy.special import expit

    answer: Floats = np.asarray(expit(scores), dtype=np.float64)
    return answer


class Span:
    """Rows (n, D) in an orthogonal basis of their own span, in which classifiers are fitted.

    Parameters
    ----------
    rows : float (n, D), finite.
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._mean: Floats = rows.mean(axis=0, dtype=np.float64)
        self._centred = rows - self._mean.astype(rows.dtype)
        gram = (self._centred @ self._centred.T).astype(np.float64)
        self._scale = max(float(np.trace(gram)) / max(len(gram), 1), 0.0)
        values, vectors = np.linalg.eigh(gram)
        kept = values > 1e-7 * max(float(values[-1]), 1e-300)
        self._roots, self._vectors = np.sqrt(values[kept]), vectors[:, kept]

    @property
    def _scores(self) -> Floats:
        """Coordinates of the rows, float64 (n, r), scaled to a mean squared norm of 1."""
        return np.asarray(self._vectors * (self._roots / np.sqrt(self._scale)), dtype=np.float64)

    @property
    def _flat(self) -> bool:
        """Whether the rows are all alike."""
        return self._scale <= 0 or not len(self._roots)

    def classifier(self, known: NDArray[np.bool_], present: NDArray[np.bool_]) -> LinearClassifier:
        """Fit a label, balanced in its classes: the rows in which it is `known` (n,), and where it is `present` (n,).

        Rows that are all alike give a classifier that always says even odds.
        """
        if self._flat:
            return LinearClassifier(np.zeros(len(self._mean)), 0.0)
        fit = _regression(self._scores[known], present[known])
        inner = self._vectors @ (fit.coef_[0] / self._roots)
        weights = np.asarray(inner @ self._centred, dtype=np.float64) / np.sqrt(self._scale)
        return LinearClassifier(weights, float(fit.intercept_[0] - weights @ self._mean))

    def calibrated(self, known: NDArray[np.bool_], present: NDArray[np.bool_], seed: int) -> LinearClassifier:
        """Fit a label as `classifier` does, with scores stretched so that their probabilities mean what they say.

        The penalty squeezes probabilities towards one half. The stretch is a logistic regression on the scores of rows
        that were left out of the fit, each half by the other (Platt, 1999); classes count alike. A class that has only
        one row is left as it is.
        """
        plain = self.classifier(known, present)
        rows = np.flatnonzero(known)
        if self._flat or min(int(present[rows].sum()), int((~present[rows]).sum())) < 2:
            return plain
        fold = np.zeros(len(rows), dtype=np.bool_)
        generator = np.random.default_rng((seed, 2))
        for side in (present[rows], ~present[rows]):
            members = generator.permutation(np.flatnonzero(side))
            fold[members[: len(members) // 2]] = True
        scores, left_out = self._scores[rows], np.empty(len(rows))
        for fitted in (fold, ~fold):
            part = _regression(scores[fitted], present[rows][fitted])
            left_out[~fitted] = part.decision_function(scores[~fitted])
        spread = float(left_out.std())
        if spread <= 0:
            return plain
        line = _regression(left_out[:, None] / spread, present[rows], 100.0)
        stretch = max(float(line.coef_[0, 0]) / spread, 1e-6)
        return LinearClassifier(stretch * plain.weights, stretch * plain.bias + float(line.intercept_[0]))


def _regression(rows: Floats, present: NDArray[np.bool_], weight: float = 1 / _RIDGE) -> Any:
    """Fit a logistic regression, balanced in its classes."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=weight, class_weight="balanced", max_iter=1000).fit(rows, present)


def within_deviation(scores: Floats, present: NDArray[np.bool_]) -> float:
    """Standard deviation of scores (n,) about the mean of their own class, pooled over both; NaN below three rows."""
    sides = [scores[present], scores[~present]]
    free = sum(max(len(side) - 1, 0) for side in sides)
    if free < 1:
        return float("nan")
    squares = sum(float(np.square(side - side.mean()).sum()) for side in sides if len(side))
    return float(np.sqrt(squares / free))
