import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from latentstudio.stats.classifiers import Span, probability, within_deviation
from latentstudio.stats.intervals import of_columns


def test_the_classifier_is_the_regression_on_all_components() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 9)) + 0.5
    present = rows[:, 0] + 0.7 * rng.normal(size=60) > 0.9
    known = np.arange(60) % 5 > 0
    made = Span(rows).classifier(known, present)
    centred = rows - rows.mean(axis=0)
    scale = np.sqrt(np.square(centred).sum(axis=1).mean())
    plain = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000, tol=1e-8)
    plain.fit(centred[known] / scale, present[known])
    np.testing.assert_allclose(made.score(rows), plain.decision_function(centred / scale), atol=2e-3)
    np.testing.assert_allclose(probability(made.score(rows)), plain.predict_proba(centred / scale)[:, 1], atol=1e-3)


def slope(scores: np.ndarray, present: np.ndarray) -> float:
    """Log-odds of the truth per unit of score: 1 where probabilities mean what they say."""
    return float(LogisticRegression(C=1e6).fit(scores[:, None], present).coef_[0, 0])


def test_calibrated_probabilities_mean_what_they_say() -> None:
    rng = np.random.default_rng(3)
    present = np.arange(20_400) % 2 == 0
    rows = rng.normal(size=(20_400, 300))
    rows[:, :5] += np.where(present, 0.5, -0.5)[:, None]
    fitted = np.arange(20_400) < 400
    span, everything = Span(rows[fitted]), np.ones(400, dtype=bool)
    fresh = rows[~fitted], present[~fitted]
    plain = span.classifier(everything, present[fitted])
    made = span.calibrated(everything, present[fitted], seed=0)
    assert slope(plain.score(fresh[0]), fresh[1]) > 1.8
    assert slope(made.score(fresh[0]), fresh[1]) == pytest.approx(1, abs=0.35)
    cosine = made.weights @ plain.weights / np.linalg.norm(made.weights) / np.linalg.norm(plain.weights)
    assert cosine == pytest.approx(1)


def test_more_components_than_rows_and_rows_all_alike() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(12, 300)).astype(np.float32)
    present = np.arange(12) < 6
    rows[present, 3] += 20
    everything = np.ones(12, dtype=bool)
    assert ((Span(rows).classifier(everything, present).score(rows) > 0) == present).all()
    alike = Span(np.ones((12, 300))).classifier(everything, present)
    np.testing.assert_array_equal(probability(alike.score(rows)), 0.5)


def test_the_deviation_within_classes_is_pooled() -> None:
    scores = np.array([1.0, 3.0, 10.0, 14.0])
    present = np.array([False, False, True, True])
    assert within_deviation(scores, present) == pytest.approx(np.sqrt((2 + 8) / 2))
    assert np.isnan(within_deviation(scores[:1], present[:1]))


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(2).normal(3, 2, size=(400, 2))
    values[:, 1] = np.nan
    low, high = of_columns(values, seed=0)
    error = values[:, 0].std() / 20
    assert low[0] == pytest.approx(values[:, 0].mean() - 1.96 * error, abs=0.25 * error)
    assert high[0] == pytest.approx(values[:, 0].mean() + 1.96 * error, abs=0.25 * error)
    assert np.isnan(low[1])
    again = of_columns(values, seed=0)
    np.testing.assert_array_equal(low, again[0])
