import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from latentstudio.stats.directions import (
    ESTIMATORS,
    amounts_to_reach,
    auc_of,
    estimate,
    fit_direction,
    halves,
    ledoit_wolf_of_gram,
    left_out_projections,
    orthogonalised,
)


def _classes(n: int = 120, size: int = 30, shift: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    present = rng.random(n) < 0.4
    codes = rng.standard_normal((n, size)) * np.linspace(0.5, 2.0, size)
    codes[present, 3] += shift
    return codes, present


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_difference_of_means_is_that() -> None:
    codes, present = _classes()
    vector, with_mean, without_mean = estimate(codes, present, "mean_difference")
    np.testing.assert_allclose(with_mean, codes[present].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(without_mean, codes[~present].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(vector, with_mean - without_mean, atol=1e-12)


@pytest.mark.parametrize("size", [12, 300])
def test_shrinkage_of_the_gram_matrix_is_that_of_the_components(size: int) -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((80, size)) * rng.uniform(0.2, 3.0, size)
    rows -= rows.mean(axis=0)
    _, expected = ledoit_wolf(rows, assume_centered=True)
    assert ledoit_wolf_of_gram(rows @ rows.T, size) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [10, 200])
def test_the_discriminant_inverts_the_shrunk_covariance(size: int) -> None:
    codes, present = _classes(size=size)
    within = codes.copy()
    for side in (present, ~present):
        within[side] -= within[side].mean(axis=0)
    covariance, _ = ledoit_wolf(within, assume_centered=True)
    expected = np.linalg.solve(covariance, codes[present].mean(axis=0) - codes[~present].mean(axis=0))
    assert _cosine(estimate(codes, present, "lda")[0], expected) == pytest.approx(1.0, abs=1e-9)


def test_the_discriminant_is_fishers_when_images_are_many() -> None:
    codes, present = _classes(n=6000, size=8)
    expected = LinearDiscriminantAnalysis(solver="lsqr").fit(codes, present).coef_[0]
    assert _cosine(estimate(codes, present, "lda")[0], expected) > 0.999


@pytest.mark.parametrize("size", [10, 200])
def test_logistic_regression_in_the_span_is_the_one_in_the_components(size: int) -> None:
    codes, present = _classes(size=size)
    centred = codes - codes.mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=1).mean())
    fit = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000, tol=1e-8).fit(centred / scale, present)
    assert _cosine(estimate(codes, present, "logistic")[0], fit.coef_[0]) > 0.99999


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_step_of_one_spans_the_class_means(estimator: str) -> None:
    codes, present = _classes()
    vector, with_mean, without_mean = estimate(codes, present, estimator)
    unit = vector / np.linalg.norm(vector)
    assert unit @ (without_mean + vector) == pytest.approx(unit @ with_mean)
    assert _cosine(vector, with_mean - without_mean) > 0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_held_out_area_is_a_half_for_labels_without_meaning(estimator: str) -> None:
    rng = np.random.default_rng(5)
    found = []
    for seed in range(8):
        codes, labels = rng.standard_normal((200, 400)), (rng.random(200) < 0.5).astype(float)
        direction = fit_direction(codes, labels, estimator, seed, ("a", "b"), 0.5)
        found.append(direction.auc)
    # The mean of 8 areas of 100 tested images a side has a standard error of about 0.02; in-sample it would be 1.
    assert abs(np.mean(found) - 0.5) < 0.06


def test_the_area_under_the_curve_counts_ties_half() -> None:
    scores = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 3.0])
    present = np.array([False, False, True, False, True, True])
    assert auc_of(scores, present) == pytest.approx(roc_auc_score(present, scores))
    assert np.isnan(auc_of(scores, np.ones(6, dtype=bool)))


def test_halves_share_both_classes() -> None:
    present = np.arange(41) % 4 == 0
    first = halves(present, 3)
    assert present[first].sum() - present[~first].sum() in (0, 1)
    assert (~present)[first].sum() - (~present)[~first].sum() in (0, 1)


def test_what_is_left_is_perpendicular_also_to_others_that_coincide() -> None:
    rng = np.random.default_rng(2)
    vector, other = rng.standard_normal(20), rng.standard_normal(20)
    left = orthogonalised(vector, np.stack([other, 2 * other, rng.standard_normal(20)]))
    assert abs(left @ other) < 1e-10
    assert np.linalg.norm(orthogonalised(other, np.stack([other]))) < 1e-10 * np.linalg.norm(other)
    np.testing.assert_array_equal(orthogonalised(vector, np.empty((0, 20))), vector)


def test_amounts_reach_both_targets_though_the_directions_lean_on_each_other() -> None:
    rng = np.random.default_rng(3)
    steps = rng.standard_normal((2, 9)) + 1.0
    units = steps / np.linalg.norm(steps, axis=1)[:, None]
    code = rng.standard_normal(9)
    amounts = amounts_to_reach(steps, units, code, np.array([2.5, -1.0]))
    np.testing.assert_allclose(units @ (code + amounts @ steps), [2.5, -1.0], atol=1e-10)


def test_percentiles_and_quantiles_are_each_others_inverse() -> None:
    codes, present = _classes(n=400)
    direction = fit_direction(codes, present.astype(float), "mean_difference", 0, ("yes", "no"), 0.4)
    for percent in (5.0, 50.0, 95.0):
        code = direction.unit * direction.at_quantile(percent)
        assert direction.quantile_of(code[None])[0] == pytest.approx(percent, abs=0.5)
    expected = np.percentile(codes @ direction.unit, 30)
    assert direction.at_quantile(30) == pytest.approx(expected, abs=0.3)


def test_every_projection_is_on_a_direction_found_without_it() -> None:
    codes, present = _classes(n=20, size=12)
    unit = estimate(codes, present, "mean_difference")[0]
    unit /= np.linalg.norm(unit)
    found = left_out_projections(codes, present, "mean_difference", 0, unit)
    for row in range(20):
        others = np.arange(20) != row
        alone = estimate(codes[others], present[others], "mean_difference")[0]
        expected = (codes[row] - codes.mean(axis=0)) @ alone / np.linalg.norm(alone) + codes.mean(axis=0) @ unit
        assert found[row] == pytest.approx(expected)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_new_images_spread_over_all_percentiles_also_with_more_components_than_images(estimator: str) -> None:
    codes, present = _classes(n=2100, size=800, shift=4.0)
    fitted = np.arange(2100) < 100
    direction = fit_direction(codes[fitted], present[fitted].astype(float), estimator, 0, ("yes", "no"), 0.4)
    places = direction.quantile_of(codes[~fitted])
    # Quartiles of 2,000 new images against a sample of 100; in the sample's own projections all would be near 60.
    assert np.percentile(places, [25, 50, 75]) == pytest.approx([25, 50, 75], abs=14)
    own = 100 * np.searchsorted(np.sort(codes[fitted] @ direction.unit), codes[~fitted] @ direction.unit) / 100
    assert np.ptp(np.percentile(own, [10, 90])) < np.ptp(np.percentile(places, [10, 90])) / 2


def test_the_noise_of_a_difference_is_that_of_draws() -> None:
    rng = np.random.default_rng(4)
    codes, labels = rng.standard_normal((300, 2000)), (np.arange(300) < 60).astype(float)
    direction = fit_direction(codes, labels, "mean_difference", 0, ("yes", "no"), 0.2)
    assert direction.noise == pytest.approx(np.sqrt(2000 * (1 / 60 + 1 / 240)))
    assert direction.length == pytest.approx(direction.noise, rel=0.05)
