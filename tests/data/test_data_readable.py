"""Passes over a folder with broken pictures: the others are read, and what is left out is said."""

from pathlib import Path

import numpy as np
from PIL import Image

from latentstudio import data
from latentstudio.data.readable import Unreadable, read_images


def folder(root: Path, count: int, broken: tuple[int, ...]) -> data.ImageSet:
    """Grey pictures whose value is ten times their number; the broken ones are truncated."""
    for number in range(count):
        path = root / f"{number}.png"
        Image.new("L", (8, 8), 10 * number).save(path)
        if number in broken:
            path.write_bytes(path.read_bytes()[:40])
    return data.open_dataset(f"folder:{root}?size=8&color=grey")


def test_the_readable_pictures_come_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    lost = Unreadable()
    pixels, kept = read_images(folder(tmp_path, 5, (1, 3)), [4, 3, 0, 1, 2], lost)
    np.testing.assert_array_equal(kept, [True, False, True, False, True])
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], [40, 0, 20])
    assert sorted(lost.reasons) == [1, 3]
    assert lost.sentence().startswith("2 images cannot be read and are left out, the first: 3.png")


def test_a_good_chunk_is_read_at_once_and_loses_nothing(tmp_path: Path) -> None:
    lost = Unreadable()
    pixels, kept = read_images(folder(tmp_path, 3, ()), [0, 2], lost)
    assert pixels.shape == (2, 8, 8, 1)
    assert kept.all()
    assert lost.sentence() == ""


def test_nothing_readable_is_an_empty_answer(tmp_path: Path) -> None:
    lost = Unreadable()
    pixels, kept = read_images(folder(tmp_path, 2, (0, 1)), [0, 1], lost)
    assert pixels.shape == (0, 8, 8, 1)
    assert not kept.any()
    one = Unreadable({0: "0.png is empty."})
    assert one.sentence() == "1 image cannot be read and is left out: 0.png is empty."
