"""Thumbnails: right pictures, bounded memory, a disk cache that damage cannot harm."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio import data, paths
from latentstudio.data import thumbnails
from latentstudio.data.arrays import ArraySet
from latentstudio.data.imageset import AttributeTable
from latentstudio.data.thumbnails import ThumbnailCache
from latentstudio.errors import UserError


class Counting(ArraySet):
    """A dataset that counts the images it is asked for; image k is grey k."""

    def __init__(self, size: int, edge: int = 16) -> None:
        pixels = np.broadcast_to(np.arange(size, dtype=np.uint8)[:, None, None, None], (size, edge, edge, 1)).copy()
        super().__init__("toy", "Toy", pixels, AttributeTable(size))
        self.asked: list[int] = []

    def images(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        self.asked += [int(index) for index in indices]
        return super().images(indices)


def shards() -> list[Path]:
    return sorted((paths.cache_home() / "thumbnails").glob("*/*/*.thumbs"))


def test_order_repeats_and_shape() -> None:
    found, failed = ThumbnailCache(Counting(200)).batch([7, 3, 7, 199], 32)
    assert found.shape == (4, 32, 32, 3)
    assert found[:, 5, 5, 1].tolist() == [7, 3, 7, 199]
    assert failed == {}
    assert ThumbnailCache(Counting(2)).batch([], 32)[0].shape == (0, 32, 32, 3)


def test_memory_spares_the_dataset_and_keeps_its_budget() -> None:
    source = Counting(100)
    cache = ThumbnailCache(source, memory_bytes=10 * 16 * 16 * 3)
    cache.batch(range(5), 16)
    cache.batch(range(5), 16)
    assert source.asked == [0, 1, 2, 3, 4]
    cache.batch(range(20, 60), 16)
    assert cache._held <= 10 * 16 * 16 * 3
    source.asked.clear()
    cache.batch([59, 0], 16)
    assert source.asked == [0], "the newest are kept, the oldest are forgotten"


def test_disk_serves_the_next_program() -> None:
    source = Counting(600)
    first, _ = ThumbnailCache(source, on_disk=True).batch([0, 255, 256, 599], 16)
    source.asked.clear()
    second, _ = ThumbnailCache(source, on_disk=True).batch([599, 256, 255, 0], 16)
    np.testing.assert_array_equal(first[::-1], second)
    assert source.asked == []
    assert len(shards()) == 3


def test_datasets_in_memory_leave_no_files() -> None:
    ThumbnailCache(data.open_dataset("digits")).batch([0, 1], 16)
    assert shards() == []


def test_damaged_shards_are_made_again() -> None:
    source = Counting(10)
    expected, _ = ThumbnailCache(source, on_disk=True).batch(range(10), 16)
    (shard,) = shards()
    content = shard.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, len(content), dtype=np.uint8).tobytes()
    one_byte = bytearray(content)
    one_byte[4 * 256 + 100] ^= 1
    for damage in (b"", content[:500], content[:3000], noise, bytes(one_byte)):
        shard.write_bytes(damage)
        found, failed = ThumbnailCache(source, on_disk=True).batch(range(10), 16)
        np.testing.assert_array_equal(found, expected)
        assert failed == {}
    source.asked.clear()
    ThumbnailCache(source, on_disk=True).batch(range(10), 16)
    assert source.asked == [], "what was damaged is stored again"


def test_unwritable_cache_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LATENTSTUDIO_CACHE", str(tmp_path / "file"))
    found, failed = ThumbnailCache(Counting(4), on_disk=True).batch([3], 16)
    assert found[0, 0, 0, 0] == 3
    assert failed == {}


def test_broken_pictures_are_blank_and_explained(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (200, 0, 0)).save(tmp_path / "1.jpg", quality=98)
    (tmp_path / "2.jpg").write_text("a letter")
    Image.new("L", (20, 20), 40).save(tmp_path / "3.png")
    cache = ThumbnailCache(data.open_dataset(f"folder:{tmp_path}?color=rgb"))
    for _ in range(2):
        found, failed = cache.batch([0, 1, 2], 48)
        assert np.abs(found[0].astype(int) - (200, 0, 0)).max() <= 6
        assert (found[1] == 128).all()
        assert (found[2] == 40).all()
        assert list(failed) == [1]
        assert "2.jpg" in failed[1]


def test_indices_outside_are_explained() -> None:
    found, failed = ThumbnailCache(Counting(3)).batch([1, 7], 16)
    assert found[0, 0, 0, 0] == 1
    assert "0 to 2" in failed[7]


@pytest.mark.parametrize("edge", [0, -5, 7, 513, 10**9])
def test_senseless_edges_are_refused(edge: int) -> None:
    with pytest.raises(UserError, match="8 to 512"):
        ThumbnailCache(Counting(3)).batch([0], edge)


def test_grey_dataset_of_colour_pictures_shows_grey(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), (250, 0, 0)).save(tmp_path / "1.png")
    found, _ = ThumbnailCache(data.open_dataset(f"folder:{tmp_path}?color=grey")).batch([0], 16)
    assert (found == 75).all()


def test_many_threads_see_the_same_pictures() -> None:
    source = Counting(256)
    caches = [ThumbnailCache(source, memory_bytes=20_000, on_disk=True) for _ in range(2)]
    gate = threading.Barrier(6)
    wrong: list[str] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        gate.wait(10)
        for _ in range(15):
            rows = rng.integers(0, 256, 12)
            found, failed = caches[seed % 2].batch(rows, 16)
            if failed or found[:, 3, 3, 0].tolist() != rows.tolist():
                wrong.append(f"{seed}: {rows}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert all(cache._held <= 20_000 for cache in caches)


def test_old_shards_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    source = Counting(600)
    ThumbnailCache(source, on_disk=True).batch([0, 300, 599], 16)
    oldest = shards()[1]
    os.utime(oldest, (1, 1))
    total = sum(path.stat().st_size for path in shards())
    monkeypatch.setattr(thumbnails, "DISK_BYTES", total - 1)
    ThumbnailCache(source, on_disk=True)
    assert oldest not in shards()
    assert len(shards()) == 2


def test_thumbnails_of_drawn_faces_are_their_images() -> None:
    faces = data.open_dataset("faces?n=3&size=32")
    found, _ = ThumbnailCache(faces).batch([2, 0], 32)
    np.testing.assert_array_equal(found, faces.images([2, 0]))
