import numpy as np
import pytest
import scipy.stats

from latentstudio.stats.norms import expected_counts, norm_law, typical_set


@pytest.mark.parametrize("size", [1, 2, 64, 100, 12_288, 196_608])
def test_chi_law_agrees_with_scipy(size: int) -> None:
    law, chi = norm_law("standard_normal", size), scipy.stats.chi(size)
    p = np.linspace(0.001, 0.999, 41)
    assert np.allclose(law.quantile(p), chi.ppf(p), rtol=1e-7)
    assert np.allclose(law.cdf(law.quantile(p)), p, atol=1e-10)
    assert law.mean() == pytest.approx(chi.mean(), rel=1e-6)


def test_typical_set_of_glow_holds_the_published_norm() -> None:
    """METHODS: sqrt(256 * 256 * 3) = 443.405 with a standard deviation of 0.707."""
    low, high = typical_set(norm_law("standard_normal", 196_608))
    assert low == pytest.approx(443.404 - 1.96 * 0.7071, abs=0.01)
    assert high == pytest.approx(443.404 + 1.96 * 0.7071, abs=0.01)


@pytest.mark.parametrize("size", [1, 2, 6, 100, 255, 256, 1000])
def test_uniform_law_agrees_with_independent_draws(size: int) -> None:
    law = norm_law("uniform", size)
    draws = np.linalg.norm(np.random.default_rng(99).uniform(-1, 1, (20_000, size)), axis=1)
    worst = scipy.stats.kstest(draws, law.cdf).statistic
    assert worst < 1.63 / np.sqrt(20_000) + 1.63 / np.sqrt(50_000)
    assert law.mean() == pytest.approx(draws.mean(), rel=5e-3)


def test_uniform_law_in_one_dimension_is_flat() -> None:
    law = norm_law("uniform", 1)
    x = np.linspace(0, 1, 11)
    assert np.abs(law.cdf(x) - x).max() < 0.01


@pytest.mark.parametrize("prior", ["standard_normal", "uniform"])
def test_typical_set_holds_95_percent(prior: str) -> None:
    law = norm_law(prior, 64)
    low, high = typical_set(law)
    assert float(law.cdf(high) - law.cdf(low)) == pytest.approx(0.95, abs=1e-4)


def test_nan_norm_stays_nan() -> None:
    for prior, size in (("standard_normal", 8), ("uniform", 8), ("uniform", 300)):
        assert np.isnan(norm_law(prior, size).cdf(np.array([np.nan]))[0])


def test_expected_counts_sum_to_n() -> None:
    law = norm_law("standard_normal", 20)
    centres = np.arange(0.05, 12, 0.1)
    assert expected_counts(law, centres, 0.1, 400).sum() == pytest.approx(400, rel=1e-9)


def test_unknown_prior_is_refused() -> None:
    with pytest.raises(ValueError, match="mixture"):
        norm_law("mixture", 3)
