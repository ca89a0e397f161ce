"""Caches: budgets in bytes, and arrays on disk that are verified."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.figures.readouts import DatasetCodes
from latentstudio.results import Curve, Line
from latentstudio.studio.cache import ByteCache, ResultCache, nbytes
from latentstudio.studio.codes_cache import ArrayStore, codes_key, read_codes, write_codes


def curve(points: int) -> Curve:
    values = np.zeros(points)
    return Curve(lines=(Line("a", values, values.copy()),), x_label="x", y_label="y")


def test_size_of_a_result_is_that_of_its_arrays() -> None:
    small, large = nbytes(curve(0)), nbytes(curve(10_000))
    assert large - small == 2 * 8 * 10_000
    assert nbytes({"a": [b"x" * 1000]}) > 1000


def test_least_recently_used_goes_first() -> None:
    cache = ResultCache(3 * nbytes(curve(1000)))
    for name in "abc":
        cache.put(name, curve(1000))
    assert cache.get("a") is not None
    cache.put("d", curve(1000))
    assert [name in cache for name in "abcd"] == [True, False, True, True]
    assert cache.get("b") is None


def test_larger_than_the_budget_is_not_kept_and_replaces_nothing_but_itself() -> None:
    cache: ByteCache[str] = ByteCache(100)
    cache.put("a", "a", 60)
    cache.put("b", "b", 101)
    assert cache.get("a") == "a"
    cache.put("a", "A", 101)
    assert (len(cache), cache.used_bytes) == (0, 0)
    cache.put("c", "c", 10)
    cache.clear()
    assert (len(cache), cache.used_bytes) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=50))
def test_budget_holds_whatever_happens(actions: list[tuple[int, int]]) -> None:
    cache: ByteCache[int] = ByteCache(100)
    sizes: dict[int, int] = {}
    for key, size in actions:
        cache.put(key, size, size)
        sizes[key] = size
        assert cache.get(key) == size
        assert cache.used_bytes == sum(sizes[k] for k in cache.keys_by_age()) <= 100


def summary(n: int = 5, density: bool = True) -> DatasetCodes:
    rng = np.random.default_rng(n)
    return DatasetCodes(
        indices=np.arange(n, dtype=np.int64),
        norms=rng.random(n),
        log_probs=rng.random(n) if density else None,
        features=rng.random((n, 3)).astype(np.float32),
        mean_code=rng.random(4),
        mean_image=rng.random((1, 2, 2)),
        planned=n,
        total=9,
    )


@pytest.mark.parametrize("density", [True, False])
def test_summary_comes_back_from_disk(tmp_path: Path, density: bool) -> None:
    store, key = ArrayStore(tmp_path), codes_key("model", "data")
    assert read_codes(store, key) is None
    written = summary(density=density)
    write_codes(store, key, written)
    found = read_codes(ArrayStore(tmp_path), key)
    for name in ("indices", "norms", "features", "mean_code", "mean_image"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert (found.log_probs is None) is not density
    assert (found.planned, found.total, found.fraction) == (5, 9, 1.0)
    assert read_codes(store, codes_key("model", "other data")) is None


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def damage_flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.find(np.arange(5, dtype=np.int64).tobytes())
    content[place + 8] ^= 0xFF
    path.write_bytes(content)


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_swap(path: Path) -> None:
    """Another key's content under this key's name."""
    store = ArrayStore(path.parent)
    write_codes(store, "other", summary(3))
    store.path("other").replace(path)


def damage_rows(path: Path) -> None:
    store = ArrayStore(path.parent)
    arrays = store.read(codes_key("model", "data"))
    store.write(codes_key("model", "data"), arrays | {"norms": arrays["norms"][:2]})


def damage_pickle(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, key=np.array([print], dtype=object))


@pytest.mark.parametrize("damage", [damage_cut, damage_flip, damage_empty, damage_swap, damage_rows, damage_pickle])
def test_damaged_file_counts_as_absent_and_is_replaced(tmp_path: Path, damage) -> None:
    store, key = ArrayStore(tmp_path), codes_key("model", "data")
    write_codes(store, key, summary())
    damage(store.path(key))
    assert read_codes(store, key) is None
    write_codes(store, key, summary())
    assert read_codes(store, key) is not None


def test_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = ArrayStore(tmp_path / "file" / "codes")
    write_codes(store, "key", summary())
    assert read_codes(store, "key") is None


def test_oldest_files_make_room(tmp_path: Path) -> None:
    import os

    store = ArrayStore(tmp_path, budget_bytes=28_000)
    for age, key in enumerate(("old", "used", "new")):
        store.write(key, {"a": np.zeros(1000)})
        os.utime(store.path(key), (age, age))
    assert store.read("old") is not None  # used just now, so the next in age goes
    store.write("newest", {"a": np.zeros(1000)})
    assert [store.path(key).exists() for key in ("old", "used", "new", "newest")] == [True, False, True, True]
