"""The crops of Labeled Faces in the Wild: the real ones where they are, small ones in their layout everywhere."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio.data import open_dataset
from latentstudio.errors import UserError


def write_crops(home: Path, count: int) -> None:
    folder = home / "lfw64"
    folder.mkdir()
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for number in range(count):
            stream = io.BytesIO()
            Image.fromarray(np.full((64, 64), 10 * number, np.uint8)).save(stream, "PNG")
            archive.writestr(f"images/{number:06}.png", stream.getvalue())
    rows = [f"{number:06}.png,{number // 2},{number % 2},{'' if number else 1}" for number in range(count)]
    (folder / "attributes.csv").write_text("file,identity,smiling,hat\n" + "\n".join(rows) + "\n")


def test_crops_and_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_crops(tmp_path, 6)
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(tmp_path))
    crops = open_dataset("lfw")
    assert (len(crops), crops.image_shape, crops.title) == (6, (64, 64, 1), "LFW crops")
    assert crops.images([3])[0, 0, 0, 0] == 30
    assert crops.attributes["smiling"].values.tolist() == [0, 1, 0, 1, 0, 1]
    assert crops.attributes["hat"].known.tolist() == [True, False, False, False, False, False]
    assert crops.attributes.identity is not None
    assert crops.attributes.identity.tolist() == [0, 0, 1, 1, 2, 2]


def test_absent_crops_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(tmp_path))
    with pytest.raises(UserError, match="no public download"):
        open_dataset("lfw")


@pytest.mark.realdata
def test_the_real_crops(research_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(research_data))
    crops = open_dataset("lfw")
    table = crops.attributes
    assert len(crops) == 12794
    assert (np.nansum(table["smiling"].values), np.nansum(table["eyeglasses"].values)) == (5306, 384)
    assert int(table["eyeglasses"].known.sum()) == 2000
    assert len(np.unique(table["identity"].values)) == 5616
