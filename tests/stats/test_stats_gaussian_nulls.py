"""The closed forms against simulation and SciPy."""

import numpy as np
import pytest
import scipy.stats

from latentstudio.stats.gaussian_nulls import (
    MeanNormNull,
    MomentNull,
    ks_bound,
    ks_distance,
    ks_p_value,
    own_mean_law,
    simulated_mean_norms,
)
from latentstudio.stats.norms import ChiLaw


@pytest.mark.parametrize(("size", "n"), [(3, 7), (40, 25)])
def test_the_norm_of_the_mean_follows_its_law(size: int, n: int) -> None:
    null, norms = MeanNormNull(size, n), simulated_mean_norms(size, n, range(800))
    assert norms.mean() == pytest.approx(null.expected(), rel=0.03)
    assert scipy.stats.kstest(norms, null.cdf).pvalue > 0.01
    low, high = null.interval()
    assert np.mean((norms > low) & (norms < high)) == pytest.approx(0.95, abs=0.03)
    assert null.p_value(high) == pytest.approx(0.025)
    assert np.array_equal(simulated_mean_norms(size, n, range(3, 5)), norms[3:5])


def test_published_nulls_of_the_norm_of_the_mean() -> None:
    """At N = 196,608: 14.0 for n = 1000, 2.56 for 30,000 and 0.985 for 202,599."""
    for n, expected in ((1000, 14.02), (30_000, 2.56), (202_599, 0.985)):
        assert MeanNormNull(196_608, n).expected() == pytest.approx(expected, abs=5e-3)


def test_projecting_on_ones_own_mean() -> None:
    size, n = 300, 50
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        draws = rng.standard_normal((n, size))
        mean = draws.mean(axis=0)
        found.append(draws @ mean / np.linalg.norm(mean))
    expected, spread = own_mean_law(size, n)
    assert np.mean(found) == pytest.approx(expected, abs=0.01)
    assert np.std(found) == pytest.approx(spread, abs=0.01)


@pytest.mark.parametrize("n", [8, 40])
def test_moments_of_moments(n: int) -> None:
    draws = np.random.default_rng(1).standard_normal((n, 100_000))
    null = MomentNull(n)
    for found, (mean, spread) in (
        (draws.mean(0), null.mean()),
        (draws.var(0, ddof=1), null.variance()),
        (scipy.stats.skew(draws), null.skewness()),
        (scipy.stats.kurtosis(draws), null.excess_kurtosis()),
    ):
        assert found.mean() == pytest.approx(mean, abs=0.01)
        assert found.std() == pytest.approx(spread, rel=0.02)


def test_kolmogorov_smirnov_agrees_with_scipy() -> None:
    values = np.random.default_rng(2).chisquare(12, 60) ** 0.5
    expected = scipy.stats.kstest(values, scipy.stats.chi(12).cdf)
    assert ks_distance(values, ChiLaw(12)) == pytest.approx(expected.statistic)
    assert ks_p_value(expected.statistic, 60) == pytest.approx(expected.pvalue, abs=0.01)
    assert ks_bound(60) == pytest.approx(scipy.stats.kstwo(60).ppf(0.95), rel=0.01)
    far = np.append(values, np.inf)
    assert ks_distance(far, ChiLaw(12)) == pytest.approx(scipy.stats.kstest(np.append(values, 1e9), "chi", (12,))[0])
    assert np.isnan(ks_distance(np.array([]), ChiLaw(12)))
