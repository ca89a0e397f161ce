"""Folders of pictures."""

import os
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio import data
from latentstudio.data.files import natural_key, scan
from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError


def write(path: Path, value: int | tuple[int, int, int] = 100, size: tuple[int, int] = (20, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(value, int) else "RGB", size, value).save(path)


def test_order_is_natural_and_names_are_relative(tmp_path: Path) -> None:
    for name in ("face_10.png", "face_2.png", "Face_1.png", "b/x.png", "b/c/y.png"):
        write(tmp_path / name)
    found = data.open_dataset(f"folder:{tmp_path}")
    ids = [found.image_id(row) for row in range(len(found))]
    assert ids == ["b/c/y.png", "b/x.png", "Face_1.png", "face_2.png", "face_10.png"]
    assert isinstance(found, ImageSet)


def test_mixed_sizes_and_colours_come_in_one_shape(tmp_path: Path) -> None:
    write(tmp_path / "1.png", 50, (200, 100))
    write(tmp_path / "2.png", (250, 0, 0), (30, 90))
    found = data.open_dataset(f"folder:{tmp_path}?size=32")
    images = found.images([1, 0])
    assert images.shape == (2, 32, 32, 3)
    assert (images[0] == (250, 0, 0)).all()
    assert (images[1] == 50).all()
    assert found.picture(0).shape == (100, 200, 1)
    grey = data.open_dataset(f"folder:{tmp_path}?color=grey")
    assert grey.images([1]).shape == (1, 64, 64, 1)
    assert grey.images([1])[0, 0, 0, 0] == round(0.299 * 250)


def test_grey_folders_are_grey(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    write(tmp_path / "2.jpg")
    assert data.open_dataset(str(tmp_path)).image_shape == (64, 64, 1)
    assert data.open_dataset(f"folder:{tmp_path}?color=rgb").image_shape == (64, 64, 3)


def test_hidden_files_and_strangers_are_left_out(tmp_path: Path) -> None:
    for name in ("1.png", ".hidden.png", "._1.png", ".thumbnails/2.png", "__MACOSX/3.png"):
        write(tmp_path / name)
    (tmp_path / "read me.txt").write_text("hello")
    assert len(data.open_dataset(str(tmp_path))) == 1


def test_broken_pictures_spoil_only_themselves(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    (tmp_path / "2.png").write_text("a letter")
    (tmp_path / "3.png").touch()
    found = data.open_dataset(str(tmp_path))
    assert len(found) == 3
    assert found.images([0]).shape == (1, 64, 64, 1)
    for row, name in ((1, "2.png"), (2, "3.png")):
        with pytest.raises(UserError, match=name):
            found.images([0, row])
        with pytest.raises(UserError, match=name):
            found.picture(row)


def test_deleted_picture_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    found = data.open_dataset(str(tmp_path))
    (tmp_path / "1.png").unlink()
    with pytest.raises(UserError, match=r"1\.png"):
        found.images([0])


@pytest.mark.parametrize("row", [-1, 1, 10**12])
def test_indices_outside_are_refused(tmp_path: Path, row: int) -> None:
    write(tmp_path / "1.png")
    found = data.open_dataset(str(tmp_path))
    for ask in (lambda: found.images([row]), lambda: found.picture(row), lambda: found.image_id(row)):
        with pytest.raises(UserError, match="0 to 0"):
            ask()


def test_attributes_and_splits(tmp_path: Path) -> None:
    write(tmp_path / "x.png")
    write(tmp_path / "y.png")
    (tmp_path / "attributes.csv").write_text("file,smiling,split\ny.png,1,test\nx.png,0,train\nz.png,1,train\n")
    found = data.open_dataset(str(tmp_path))
    np.testing.assert_array_equal(found.attributes["smiling"].values, [0, 1])
    assert found.splits is not None
    np.testing.assert_array_equal(found.splits, [0, 2])
    assert "1 of 3 rows" in found.notes[0]


def test_wrong_columns_stop_the_opening(tmp_path: Path) -> None:
    write(tmp_path / "x.png")
    (tmp_path / "attributes.csv").write_text("colour,age\nred,3\n")
    with pytest.raises(UserError, match=r"attributes\.csv has the columns colour, age"):
        data.open_dataset(str(tmp_path))


def test_subfolders_are_a_category_or_the_persons(tmp_path: Path) -> None:
    for name in ("ann/1.png", "ann/2.png", "bob/1.png", "bob/2.png"):
        write(tmp_path / name)
    found = data.open_dataset(str(tmp_path))
    assert [found.attributes["folder"].text(row) for row in range(4)] == ["ann", "ann", "bob", "bob"]
    assert found.attributes.identity is None
    persons = data.open_dataset(f"{tmp_path}?identity=folder").attributes.identity
    assert persons is not None
    np.testing.assert_array_equal(persons, [0, 0, 1, 1])


def test_digest_follows_the_content(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    first = data.open_dataset(str(tmp_path)).digest
    assert data.open_dataset(str(tmp_path)).digest == first
    write(tmp_path / "1.png", 101, (21, 10))
    second = data.open_dataset(str(tmp_path)).digest
    write(tmp_path / "2.png")
    third = data.open_dataset(str(tmp_path)).digest
    (tmp_path / "attributes.csv").write_text("file,a\n1.png,1\n")
    assert len({first, second, third, data.open_dataset(str(tmp_path)).digest}) == 4


def test_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(UserError, match="holds no pictures"):
        data.open_dataset(str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "dead.png").symlink_to(tmp_path / "nothing")
    assert sorted(name for name, _, _ in scan(tmp_path)) == ["a/1.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_named_like_a_picture_does_not_block(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    os.mkfifo(tmp_path / "2.png")
    assert len(data.open_dataset(str(tmp_path))) == 1


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user without all rights")
def test_unlistable_folder_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    (tmp_path / "a").chmod(0)
    with pytest.raises(UserError, match="Cannot list"):
        data.open_dataset(str(tmp_path))


def test_names_of_any_alphabet(tmp_path: Path) -> None:
    for name in ("Gesicht ä.png", "顔.png", "%41?.png" if sys.platform != "win32" else "%41.png"):
        write(tmp_path / name)
    found = data.open_dataset(str(tmp_path))
    assert len(found.images(range(len(found)))) == 3


def test_natural_order_is_total() -> None:
    orders = {tuple(sorted(order, key=natural_key)) for order in permutations(["a2", "a10", "A2", "a02", "a1"])}
    assert len(orders) == 1
    assert sorted(["a10", "a9"], key=natural_key) == ["a9", "a10"]


def test_opening_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        write(tmp_path / f"{number}.png")
    opened: list[object] = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda *args, **kwargs: opened.append(args) or real(*args, **kwargs))
    assert len(data.open_dataset(f"folder:{tmp_path}?color=rgb")) == 300
    assert opened == []
    assert len(data.open_dataset(f"folder:{tmp_path}")) == 300
    assert 0 < len(opened) <= 16, "color=auto looks at the headers of a few files"
