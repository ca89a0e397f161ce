import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.stats.frechet import frechet_between, frechet_distance, root
from latentstudio.stats.moments import Moments
from latentstudio.stats.percentiles import central_range, percentile_of


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.booleans(), st.integers(0, 1000))
def test_moments_in_chunks_equal_those_of_the_whole(sizes: list[int], cross: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(1e6 + rng.standard_normal((sum(sizes), 4)))
    found, start = Moments.empty(4, cross), 0
    for size in sizes:
        found = found.add(values[start : start + size])
        start += size
    assert found.count == len(values)
    if len(values) < 2:
        assert bool(found.variance().isnan().all())
        return
    expected = np.cov(values.numpy().T) if cross else values.numpy().var(axis=0, ddof=1)
    assert np.allclose(found.mean.numpy(), values.numpy().mean(axis=0), rtol=1e-12)
    assert np.allclose(found.variance().numpy(), expected, atol=1e-8)


def test_merging_is_symmetric() -> None:
    values = torch.randn(50, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    a, b = Moments.of(values[:13], cross=True), Moments.of(values[13:], cross=True)
    assert torch.allclose(a.merge(b).squares, b.merge(a).squares)
    assert torch.allclose(a.merge(b).mean, values.mean(dim=0))


def test_root_squares_to_the_matrix() -> None:
    values = torch.randn(40, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    matrix = values.T @ values
    assert torch.allclose(root(matrix) @ root(matrix), matrix)


def test_frechet_agrees_with_scipy_sqrtm() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4000, 8)), rng.standard_normal((4000, 8)) @ rng.standard_normal((8, 8)) + 0.3
    covariances = np.cov(a.T), np.cov(b.T)
    cross = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * cross)
    ours = frechet_between(Moments.of(torch.from_numpy(a), cross=True), Moments.of(torch.from_numpy(b), cross=True))
    assert ours == pytest.approx(expected, rel=1e-8)


def test_frechet_closed_forms() -> None:
    eye, zero = torch.eye(5), torch.zeros(5)
    assert frechet_distance(zero, eye, zero + 2, eye) == pytest.approx(20.0)
    assert frechet_distance(zero, 4 * eye, zero, 9 * eye) == pytest.approx(5.0)
    values = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    few = Moments.of(values, cross=True)
    assert frechet_between(few, few) == pytest.approx(0.0, abs=1e-6)


def test_percentiles_agree_with_scipy() -> None:
    import scipy.stats

    sample = np.array([1.0, 2.0, 2.0, 3.0, np.nan, np.inf])
    for value in (0.0, 1.0, 2.0, 2.5, 9.0):
        expected = scipy.stats.percentileofscore(sample[:4], value, kind="mean")
        assert percentile_of(np.array([value]), sample)[0] == pytest.approx(expected)
    assert np.isnan(percentile_of(np.array([np.nan]), sample)).all()
    assert np.isnan(percentile_of(np.array([1.0]), np.array([np.nan]))).all()


def test_central_range_leaves_out_what_is_not_finite() -> None:
    values = np.concatenate([np.linspace(0, 1, 1001), [np.nan, -np.inf]])
    assert central_range(values) == pytest.approx((0.025, 0.975))
    assert central_range(np.array([np.nan])) is None
