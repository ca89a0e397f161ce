"""IDX files."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from latentstudio import data
from latentstudio.errors import UserError


def idx(values: np.ndarray, kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, kind, values.ndim, *values.shape) + values.tobytes()


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 5, 7), dtype=np.uint8)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "names", [("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"), ("a-images.idx3-ubyte", "a-labels.idx1-ubyte")]
)
def test_images_with_labels(tmp_path: Path, packed: bool, names: tuple[str, str]) -> None:
    suffix, pack = (".gz", gzip.compress) if packed else ("", bytes)
    (tmp_path / (names[0] + suffix)).write_bytes(pack(idx(images(12))))
    (tmp_path / (names[1] + suffix)).write_bytes(pack(idx(np.arange(12, dtype=np.uint8) % 10)))
    for spec in (str(tmp_path), str(tmp_path / (names[0] + suffix)), f"idx:{tmp_path}"):
        found = data.open_dataset(spec)
        assert found.image_shape == (5, 7, 1)
        np.testing.assert_array_equal(found.images([3, 1])[..., 0], images(12)[[3, 1]])
        assert found.attributes["label"].categories == tuple("0123456789")
        np.testing.assert_array_equal(found.attributes.group("label", 1), [1, 11])


def test_both_parts_make_one_set_with_its_split(tmp_path: Path) -> None:
    for name, count in (("t10k", 3), ("train", 5)):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(images(count, count)))
    found = data.open_dataset(str(tmp_path))
    assert found.splits is not None
    np.testing.assert_array_equal(found.splits, [0] * 5 + [2] * 3)
    np.testing.assert_array_equal(found.images([0])[0, ..., 0], images(5, 5)[0])
    assert "label" not in found.attributes
    assert len(found.notes) == 2


def test_the_same_file_packed_and_unpacked_counts_once(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images(4)))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images(4))))
    assert len(data.open_dataset(str(tmp_path))) == 4


def test_colour_images(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    (tmp_path / "images-idx4-ubyte").write_bytes(idx(values))
    np.testing.assert_array_equal(data.open_dataset(str(tmp_path)).images([0, 1]), values)


WHOLE = idx(images(12))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not an IDX file"),
        (b"\0\0", "not an IDX file"),
        (b"hello world", "not an IDX file"),
        (WHOLE[:-1], "should hold 420 bytes.*419"),
        (WHOLE + b"\0", "more"),
        (WHOLE[:9], "ends within its header"),
        (idx(images(2).astype(np.float32), 0x0D), "type 0x0d"),
        (idx(np.zeros(4, np.uint8)), "shape"),
        (idx(np.zeros((0, 4, 4), np.uint8)), "shape"),
        (idx(np.zeros((2, 4, 4, 2), np.uint8)), "shape"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 2**31), "claims"),
        (gzip.compress(WHOLE)[:-20], "cannot be read"),
        (gzip.compress(WHOLE)[:12] + b"garbage" * 9, "cannot be read"),
        (gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 1, 4, 4) + bytes(50_000_000)), "more"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "x-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(UserError, match=word) as caught:
        data.open_dataset(f"idx:{path}")
    assert str(path) in str(caught.value)


def test_labels_of_another_number(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(WHOLE)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(11, np.uint8)))
    with pytest.raises(UserError, match="12 images"):
        data.open_dataset(str(tmp_path))


def test_parts_of_different_sizes_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no IDX images"):
        data.open_dataset(f"idx:{tmp_path}")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(WHOLE)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((1, 9, 9), np.uint8)))
    with pytest.raises(UserError, match="5 x 7 and 9 x 9"):
        data.open_dataset(str(tmp_path))


@pytest.mark.realdata
def test_mnist(research_data: Path) -> None:
    folder = research_data / "mnist10k"
    packed = folder / "t10k-images-idx3-ubyte.gz"
    assert hashlib.md5(packed.read_bytes()).hexdigest() == "9fb629c4189551a2d022fa330f9573f3"
    found = data.open_dataset(str(folder))
    assert len(found) == 10_000
    assert found.image_shape == (28, 28, 1)
    raw = gzip.decompress(packed.read_bytes())[16:]
    assert found.images(range(10_000)).tobytes() == raw
    label = found.attributes["label"]
    assert [label.text(row) for row in range(10)] == list("7210414959")
    assert np.bincount(label.values.astype(int)).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
