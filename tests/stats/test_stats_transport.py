import math

import numpy as np
import pytest
import scipy.stats
import torch

from latentstudio.stats.norms import norm_law
from latentstudio.stats.transport import matched, normal_spread, uniform_sum_cdf

N = 20_000


def _draws(prior: str, inputs: int, size: int = 8, n: int = N) -> torch.Tensor:
    generator = torch.Generator().manual_seed(11)
    if prior == "uniform":
        return torch.rand(inputs, n, size, generator=generator, dtype=torch.float64) * 2 - 1
    return torch.randn(inputs, n, size, generator=generator, dtype=torch.float64)


WEIGHTS = {
    "midpoint": (0.5, 0.5),
    "third": (2 / 3, 1 / 3),
    "four points": (0.12, 0.28, 0.18, 0.42),
    "vicinity": (1.0, 0.5),
    "analogy": (1.0, 1.0, -1.0),
    "extrapolated": (-0.25, 1.25),
    "ten points": (0.1,) * 10,
}


@pytest.mark.parametrize("prior", ["standard_normal", "uniform"])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS.keys())
def test_matched_sum_follows_the_prior(prior: str, weights: tuple[float, ...]) -> None:
    z = _draws(prior, len(weights))
    y = sum(w * v for w, v in zip(weights, z, strict=True))
    mapped = matched(prior, y, weights).numpy()
    law = scipy.stats.norm() if prior == "standard_normal" else scipy.stats.uniform(-1, 2)
    for component in mapped.T:
        assert scipy.stats.kstest(component, law.cdf).pvalue > 0.01 / 8
    norms = np.linalg.norm(mapped, axis=1)
    # The uniform law of the norm is itself drawn from 50,000 values, so the test is of two samples there.
    sizes = math.sqrt(N) if prior == "standard_normal" else math.sqrt(N * 50_000 / (N + 50_000))
    assert scipy.stats.kstest(norms, norm_law(prior, 8).cdf).statistic < 1.63 / sizes


@pytest.mark.parametrize("prior", ["standard_normal", "uniform"])
def test_unmatched_midpoint_does_not_follow_the_prior(prior: str) -> None:
    """The same test must be able to fail: without the map the midpoint is refused."""
    z = _draws(prior, 2)
    y = ((z[0] + z[1]) / 2).numpy()
    law = scipy.stats.norm() if prior == "standard_normal" else scipy.stats.uniform(-1, 2)
    assert scipy.stats.kstest(y[:, 0], law.cdf).pvalue < 1e-6


def test_random_walk_stays_uniform_and_normal() -> None:
    for prior in ("standard_normal", "uniform"):
        z = _draws(prior, 11, size=4)
        walk = z[0]
        for step in z[1:]:
            walk = matched(prior, walk + 0.5 * step, (1.0, 0.5))
        law = scipy.stats.norm() if prior == "standard_normal" else scipy.stats.uniform(-1, 2)
        assert scipy.stats.kstest(walk[:, 0].numpy(), law.cdf).pvalue > 0.01
    # Correlation with the start after k steps is (1 + eps^2)^(-k/2), here .328.
    z = _draws("standard_normal", 11, size=4)
    walk = z[0]
    for step in z[1:]:
        walk = matched("standard_normal", walk + 0.5 * step, (1.0, 0.5))
    correlation = np.corrcoef(z[0].flatten(), walk.flatten())[0, 1]
    assert correlation == pytest.approx(1.25 ** (-5), abs=0.02)


def test_two_equal_uniforms_have_the_triangular_law() -> None:
    y = torch.linspace(-1, 1, 401, dtype=torch.float64)
    exact = torch.where(y < 0, (1 + y).square() / 2, 1 - (1 - y).square() / 2)
    assert torch.allclose(uniform_sum_cdf(y, (0.5, 0.5)), exact, atol=1e-12, rtol=0)


def test_two_unequal_uniforms_have_the_trapezoidal_law() -> None:
    y = np.linspace(-1, 1, 301)
    law = scipy.stats.trapezoid(0.35, 0.65, loc=-1, scale=2)
    ours = uniform_sum_cdf(torch.from_numpy(y), (0.65, 0.35)).numpy()
    assert np.abs(ours - law.cdf(y)).max() < 1e-12


@pytest.mark.parametrize("weights", [(0.25,) * 4, (0.7, 0.5, 0.1), (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)])
def test_cdf_agrees_with_monte_carlo(weights: tuple[float, ...]) -> None:
    n = 200_000
    u = np.random.default_rng(5).uniform(-1, 1, (n, len(weights)))
    statistic = scipy.stats.kstest(
        u @ np.array(weights), lambda y: uniform_sum_cdf(torch.from_numpy(y), weights).numpy()
    )
    assert statistic.statistic < 1.63 / math.sqrt(n)


def test_grid_and_closed_form_agree() -> None:
    """The grid serves where the closed form would lose digits; at ordinary weights both must give the same."""
    from latentstudio.stats.transport import _convolved

    weights = (0.6, 0.5, 0.2)
    grid, cdf = _convolved(weights)
    y = torch.linspace(-1.3, 1.3, 997, dtype=torch.float64)
    assert np.abs(np.interp(y.numpy(), grid, cdf) - uniform_sum_cdf(y, weights).numpy()).max() < 1e-6


@pytest.mark.parametrize("small", [1e-3, 1e-6, 1e-9, 1e-12])
def test_cdf_is_continuous_towards_a_single_input(small: float) -> None:
    y = torch.linspace(-1, 1, 201, dtype=torch.float64)
    mapped = matched("uniform", y * (1 - small), (1 - small, small))
    assert float((mapped - y).abs().max()) < 2 * small + 2e-6


def test_a_single_weight_returns_the_code_itself() -> None:
    y = torch.tensor([0.3, -0.7, 1.0], dtype=torch.float64)
    for prior in ("standard_normal", "uniform"):
        assert torch.equal(matched(prior, y, (0.0, 1.0)), y)


def test_correlated_inputs_use_the_gram_matrix() -> None:
    """Analogy with z2 = z1 returns z3 exactly; the difference of two means of m codes has spread sqrt(1 + 2/m)."""
    z1, z3 = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    same = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    weights = (-1.0, 1.0, 1.0)
    assert torch.allclose(matched("standard_normal", z3 + z1 - z1, weights, same), z3, atol=1e-15)
    mean = (1.0, *(0.1,) * 10, *(-0.1,) * 10)
    assert normal_spread(mean) == pytest.approx(math.sqrt(1 + 2 / 10))


def test_map_is_the_optimal_transport_of_the_sample() -> None:
    """Against POT's exact one-dimensional solver: sorted values go to sorted values."""
    ot = pytest.importorskip("ot")
    n = 400
    for prior in ("standard_normal", "uniform"):
        z = _draws(prior, 3, size=1, n=n)
        y = (0.5 * z[0] + 0.5 * z[1])[:, 0].numpy()
        target = z[2][:, 0].numpy()
        plan = ot.emd_1d(y, target)
        exact = n * plan @ target
        ours = matched(prior, torch.from_numpy(y), (0.5, 0.5)).numpy()
        inner = (np.argsort(np.argsort(y)) > n * 0.05) & (np.argsort(np.argsort(y)) < n * 0.95)
        assert np.abs(exact - ours)[inner].max() < 0.35
        assert np.corrcoef(exact, ours)[0, 1] > 0.99
        assert np.all(np.diff(ours[np.argsort(y)]) >= 0)


def test_impossible_weights_are_refused() -> None:
    y = torch.zeros(3)
    with pytest.raises(ValueError, match="not zero"):
        matched("uniform", y, (0.0, 0.0))
    with pytest.raises(ValueError, match="does not vary"):
        matched("standard_normal", y, (1.0, -1.0), torch.ones(2, 2))
    with pytest.raises(ValueError, match="mixture"):
        matched("mixture", y, (0.5, 0.5))
