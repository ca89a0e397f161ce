"""Streamed statistics against the two-pass computation in float64, for any chunking and any tree of merges."""

import tracemalloc
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.data.latent_manifest import Manifest
from latentstudio.data.latent_store import open_store
from latentstudio.data.latent_writer import LatentWriter
from latentstudio.errors import NewerVersionError, UserError
from latentstudio.stats.streaming import Covariance, LagProducts, PowerSums
from latentstudio.stats.streaming_counts import ClassSums, Extremes, FixedHistogram, Projections
from latentstudio.stats.streaming_files import KINDS, merge_named, pack, read, unpack, write

WIDTH = 5
LAGS = np.array([1, 3])
EDGES = np.linspace(-2.0, 2.0, 9)
DIRECTIONS = np.random.default_rng(5).standard_normal((2, WIDTH))

sizes_of_chunks = st.lists(st.integers(0, 25), min_size=1, max_size=7)
offsets = st.sampled_from([0.0, 1e3, -1e6, 1e8])
seeds = st.integers(0, 10_000)


def rows(seed: int, count: int, offset: float = 0.0) -> np.ndarray:
    """Skewed rows far from zero: sums of plain powers would lose all their digits here."""
    rng = np.random.default_rng(seed)
    return offset + rng.standard_normal((count, WIDTH)) + 0.3 * rng.exponential(size=(count, WIDTH))


def in_chunks(values: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    return np.split(values, np.cumsum(sizes)[:-1])


def tree(parts: list[Any], seed: int) -> Any:
    """Merge neighbours or strangers in a random order until one is left."""
    rng, parts = np.random.default_rng(seed), list(parts)
    while len(parts) > 1:
        a = parts.pop(int(rng.integers(len(parts))))
        b = parts.pop(int(rng.integers(len(parts))))
        parts.append(a.merge(b))
    return parts[0]


@settings(deadline=None)
@given(sizes_of_chunks, offsets, seeds)
def test_moments_equal_the_two_pass_computation(sizes: list[int], offset: float, seed: int) -> None:
    values = rows(seed, sum(sizes), offset)
    chunks = in_chunks(values, sizes)
    by_tree = tree([PowerSums.of(c, 4) for c in chunks], seed)
    by_pass = reduce(lambda sums, c: sums.add(c), chunks, PowerSums.empty(WIDTH, 4))
    for found in (by_tree, by_pass):
        assert (found.count, found.left_out) == (len(values), 0)
        if len(values) < 3:
            continue
        exact = values.astype(np.longdouble)
        centred = exact - exact.mean(axis=0)
        m2 = np.square(centred).mean(axis=0)
        np.testing.assert_allclose(found.mean, exact.mean(axis=0).astype(float), rtol=1e-15, atol=1e-12)
        np.testing.assert_allclose(found.variance(), (m2 * len(values) / (len(values) - 1)).astype(float), rtol=1e-6)
        np.testing.assert_allclose(found.skewness(), ((centred**3).mean(0) / m2**1.5).astype(float), atol=1e-6)
        np.testing.assert_allclose(found.excess_kurtosis(), ((centred**4).mean(0) / m2**2 - 3).astype(float), atol=2e-6)


def test_moments_agree_with_scipy() -> None:
    values = rows(1, 400)
    found = PowerSums.of(values[:150], 4).add(values[150:])
    np.testing.assert_allclose(found.variance(), values.var(axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(found.skewness(), scipy.stats.skew(values), rtol=1e-9)
    np.testing.assert_allclose(found.excess_kurtosis(), scipy.stats.kurtosis(values), rtol=1e-9)


def test_many_small_chunks_far_from_zero_keep_their_digits() -> None:
    """200,000 rows in chunks of 16 at a distance of a hundred million: the plain sum of squares would be noise."""
    rng = np.random.default_rng(0)
    values = 1e8 + rng.standard_normal((200_000, 2))
    found = PowerSums.empty(2, 4)
    for start in range(0, len(values), 16):
        found = found.add(values[start : start + 16])
    exact = (values - 1e8).astype(np.longdouble)
    centred = exact - exact.mean(axis=0)
    np.testing.assert_allclose(found.mean - 1e8, exact.mean(axis=0).astype(float), atol=1e-6)
    np.testing.assert_allclose(found.variance(), exact.var(axis=0, ddof=1).astype(float), rtol=1e-6)
    skewness = (centred**3).mean(0) / np.square(centred).mean(0) ** 1.5
    np.testing.assert_allclose(found.skewness(), skewness.astype(float), atol=1e-6)
    plain = (np.square(values).sum(axis=0) - len(values) * np.square(values.mean(axis=0))) / len(values)
    assert np.abs(plain - 1).max() > 1e-3


@settings(deadline=None)
@given(sizes_of_chunks, offsets, seeds)
def test_covariances_equal_the_two_pass_computation(sizes: list[int], offset: float, seed: int) -> None:
    values = rows(seed, sum(sizes), offset)
    chunks = in_chunks(values, sizes)
    found = tree([Covariance.of(c) for c in chunks], seed)
    again = reduce(lambda sums, c: sums.add(c), chunks, Covariance.empty(WIDTH))
    assert found.count == again.count == len(values)
    if len(values) < 2:
        assert np.isnan(found.covariance()).all()
        return
    exact = values.astype(np.longdouble)
    centred = exact - exact.mean(axis=0)
    expected = (centred.T @ centred / (len(values) - 1)).astype(float)
    np.testing.assert_allclose(found.covariance(), expected, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(again.covariance(), expected, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(found.second_moment(), values.T @ values / len(values), rtol=1e-12)


@settings(deadline=None)
@given(sizes_of_chunks, offsets, seeds)
def test_lag_correlations_equal_those_of_numpy(sizes: list[int], offset: float, seed: int) -> None:
    values = rows(seed, sum(sizes), offset)
    found = tree([LagProducts.of(c, LAGS) for c in in_chunks(values, sizes)], seed)
    if len(values) < 3:
        return
    exact = np.corrcoef((values - offset).T)
    for place, lag in enumerate(LAGS):
        np.testing.assert_allclose(found.correlations(place), np.diagonal(exact, lag), atol=1e-6)
    assert LagProducts.of(values, np.array([WIDTH + 2])).correlations(0).shape == (0,)


@settings(deadline=None)
@given(sizes_of_chunks, offsets, seeds)
def test_class_means_and_complements(sizes: list[int], offset: float, seed: int) -> None:
    values = rows(seed, sum(sizes), offset)
    labels = np.random.default_rng(seed).choice([0.0, 1.0, np.nan], (len(values), 3))
    labels[:, 2] = 1.0
    parts = [ClassSums.of(v, y) for v, y in zip(in_chunks(values, sizes), in_chunks(labels, sizes), strict=True)]
    found = tree(parts, seed)
    for side, means in ((1.0, found.means()), (0.0, found.complement_means())):
        for k in range(3):
            members = values[labels[:, k] == side]
            assert found.counts[k, int(side)] == len(members)
            if len(members):
                np.testing.assert_allclose(means[k], members.mean(axis=0), rtol=1e-13, atol=1e-6)
            else:
                assert np.isnan(means[k]).all()


def test_labels_that_are_no_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="0, 1 or NaN"):
        ClassSums.of(rows(0, 2), np.array([[0.5], [1.0]]))
    with pytest.raises(ValueError, match="one row for each"):
        ClassSums.of(rows(0, 2), np.array([[1.0]]))


special = st.sampled_from([-np.inf, np.inf, np.nan, -2.0, 2.0, 0.5, -0.5, 2.0000000001])


@settings(deadline=None)
@given(st.lists(st.one_of(st.floats(-3, 3), special), max_size=60), st.booleans(), seeds)
def test_histograms_equal_those_of_numpy(listed: list[float], even: bool, seed: int) -> None:
    edges = EDGES if even else np.array([-2.0, -1.9, 0.0, 0.5, 2.0])
    values = np.array(listed, dtype=float)
    cut = seed % (len(values) + 1)
    found = FixedHistogram.of(values[:cut], edges).merge(FixedHistogram.of(values[cut:], edges))
    known = values[~np.isnan(values)]
    np.testing.assert_array_equal(found.counts, np.histogram(known[np.isfinite(known)], edges)[0])
    assert (found.below, found.above) == ((known < -2).sum(), (known > 2).sum())
    assert found.left_out == np.isnan(values).sum()
    assert found.total == len(known)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 400), st.floats(0.01, 10), seeds)
def test_every_edge_falls_into_the_bin_that_numpy_says(bins: int, width: float, seed: int) -> None:
    edges = np.linspace(-width, 2 * width, bins + 1)
    near = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
    inside = near[(near >= edges[0]) & (near <= edges[-1])]
    np.testing.assert_array_equal(FixedHistogram.of(inside, edges).counts, np.histogram(inside, edges)[0])


def test_quantiles_of_a_histogram_are_those_of_the_values() -> None:
    values = np.random.default_rng(0).standard_normal(100_000)
    found = FixedHistogram.of(values, np.linspace(-3, 3, 1201))
    p = np.array([0.01, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(found.quantiles(p), np.quantile(values, p), atol=5e-3)
    assert found.quantiles(np.array([0.0001, 0.9999])).tolist() == [-np.inf, np.inf]
    assert np.isnan(FixedHistogram.empty(EDGES).cdf()).all()
    with pytest.raises(ValueError, match="ascend"):
        FixedHistogram.empty(np.array([0.0, 0.0]))


@settings(deadline=None)
@given(sizes_of_chunks, seeds)
def test_projections_equal_one_pass(sizes: list[int], seed: int) -> None:
    values = rows(seed, sum(sizes))
    found = tree([Projections.of(c, DIRECTIONS, EDGES) for c in in_chunks(values, sizes)], seed)
    products = values @ DIRECTIONS.T
    for k in range(2):
        inside = np.histogram(products[:, k], EDGES)[0]
        outside = [(products[:, k] < -2).sum(), (products[:, k] > 2).sum()]
        assert found.counts[k].tolist() == [outside[0], *inside, outside[1]]
    if len(values) > 1:
        np.testing.assert_allclose(found.moments.mean, products.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(found.moments.variance(), products.var(axis=0, ddof=1), rtol=1e-9)


@settings(deadline=None)
@given(sizes_of_chunks, seeds)
def test_extremes_equal_sorting_everything(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.standard_normal(sum(sizes)), 1)
    values[rng.random(len(values)) < 0.1] = np.nan
    ids = rng.permutation(len(values))
    parts = [Extremes.of(v, i, 4) for v, i in zip(in_chunks(values, sizes), in_chunks(ids, sizes), strict=True)]
    found = tree(parts, seed)
    known = sorted((v, i) for v, i in zip(values, ids, strict=True) if not np.isnan(v))
    highest = sorted(known, key=lambda pair: (-pair[0], pair[1]))
    assert list(zip(found.low, found.low_ids, strict=True)) == known[:4]
    assert list(zip(found.high, found.high_ids, strict=True)) == highest[:4]
    assert found.left_out == np.isnan(values).sum()


def counted(values: np.ndarray) -> dict[str, Any]:
    """One accumulator of every kind."""
    labels = (values[:, :1] > 0).astype(float)
    return {
        "power_sums": PowerSums.of(values, 4),
        "covariance": Covariance.of(values),
        "lag_products": LagProducts.of(values, LAGS),
        "class_sums": ClassSums.of(values, labels),
        "fixed_histogram": FixedHistogram.of(values, EDGES),
        "projections": Projections.of(values, DIRECTIONS, EDGES),
        "extremes": Extremes.of(np.append(values[1:, 0], np.inf), np.arange(len(values)), 3),
    }


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    first, second = pack(a), pack(b)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values.dtype == second[name].dtype
        np.testing.assert_array_equal(values, second[name])


def test_a_row_that_is_not_finite_is_left_out_of_every_kind() -> None:
    values = rows(3, 40)
    broken = values.copy()
    broken[7, 2], broken[11, 0] = np.nan, np.inf
    kept = np.delete(values, [7, 11], axis=0)
    whole, found = counted(kept), counted(broken)
    for name in ("power_sums", "covariance", "lag_products", "class_sums"):
        assert found[name].left_out == 2
    np.testing.assert_array_equal(found["power_sums"].m4, whole["power_sums"].m4)
    np.testing.assert_array_equal(found["covariance"].products, whole["covariance"].products)
    np.testing.assert_array_equal(found["projections"].counts, whole["projections"].counts)
    assert found["projections"].moments.left_out == 2


def test_no_kind_grows_with_the_number_of_rows() -> None:
    """Every kind keeps as many bytes, and needs as much room meanwhile, after 150 chunks as after 20."""
    chunk = rows(4, 50)

    def stream(chunks: int) -> tuple[dict[str, int], int]:
        sums = counted(chunk)
        tracemalloc.start()
        for _ in range(chunks - 1):
            sums = {name: kept.merge(counted(chunk)[name]) for name, kept in sums.items()}
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return {name: sum(v.nbytes for v in pack({name: kept}).values()) for name, kept in sums.items()}, peak

    stream(3)  # whatever is imported or cached at the first time
    few, small = stream(20)
    many, large = stream(150)
    assert few == many
    assert large < small + 20_000


def test_a_pass_over_a_latent_store_equals_the_two_pass_computation(tmp_path: Path) -> None:
    facts = {"model": "m", "model_digest": "a", "snapshot": None, "data": "d", "data_title": "D", "data_digest": "b"}
    plan = Manifest(**facts, rows=230, size=WIDTH, dtype="float32", density=False, shard_rows=64)
    codes = rows(9, plan.rows, 1e3).astype(np.float32)
    with LatentWriter(tmp_path, plan) as writer:
        list(writer.prepare())
        while block := writer.next_rows(7):
            writer.append(codes[block], None)
    labels = (np.random.default_rng(2).random((plan.rows, 3)) < 0.4).astype(float)
    sums, covariance, classes = PowerSums.empty(WIDTH, 4), Covariance.empty(WIDTH), ClassSums.empty(3, WIDTH)
    for block, values in open_store(tmp_path).chunks(33):
        sums, covariance = sums.add(values), covariance.add(values)
        classes = classes.add(values, labels[block])
    exact = codes.astype(np.float64)
    np.testing.assert_allclose(sums.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(sums.variance(), exact.var(axis=0, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(covariance.covariance(), np.cov(exact.T), rtol=1e-6, atol=1e-9)
    means = np.stack([exact[labels[:, k] == 1].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(classes.means(), means, rtol=1e-12)


def test_huge_finite_rows_are_not_taken_for_broken_ones() -> None:
    values = np.full((2, 3), 1e308)
    assert PowerSums.of(values / 1e200, 2).count == 2
    from latentstudio.stats.streaming import finite_mask

    assert finite_mask(values).all()


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_files_give_back_every_bit_and_go_on_counting(tmp_path: Path, suffix: str) -> None:
    a, b = counted(rows(1, 30)), counted(rows(2, 50))
    write(tmp_path / f"a.{suffix}", a)
    found = read(tmp_path / f"a.{suffix}")
    assert set(found) == set(KINDS)
    same(found, a)
    same(merge_named(found, b), merge_named(a, b))
    low_order = {"few": PowerSums.of(rows(1, 3), 2)}
    write(tmp_path / f"few.{suffix}", low_order)
    same(read(tmp_path / f"few.{suffix}"), low_order)


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def damage_foreign(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, pictures=np.zeros(3))


def damage_field(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **{"schema": np.array(1), "x/power_sums/mean": np.zeros(3)})


def damage_kind(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **{"schema": np.array(1), "x/dance/mean": np.zeros(3)})


def damage_text(path: Path) -> None:
    path.write_text("no archive")


@pytest.mark.parametrize("damage", [damage_cut, damage_foreign, damage_field, damage_kind, damage_text, Path.unlink])
def test_damaged_counts_are_a_sentence(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "counts.npz"
    write(path, counted(rows(1, 30)))
    damage(path)
    with pytest.raises(UserError):
        read(path)


def test_newer_counts_and_counts_that_do_not_belong_together() -> None:
    a = counted(rows(1, 9))
    with pytest.raises(NewerVersionError, match="schema 2"):
        unpack(pack(a) | {"schema": np.array(2)})
    with pytest.raises(UserError, match="cannot be merged with counts of"):
        merge_named(a, {})
    with pytest.raises(UserError, match="two ways: PowerSums, Covariance"):
        merge_named({"x": a["power_sums"]}, {"x": a["covariance"]})
    with pytest.raises(UserError, match="'x' cannot be merged: histograms with different edges"):
        merge_named({"x": a["fixed_histogram"]}, {"x": FixedHistogram.empty(EDGES * 2)})
