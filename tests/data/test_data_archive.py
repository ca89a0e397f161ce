"""Zips of pictures."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio import data
from latentstudio.data import archive
from latentstudio.errors import UserError


def png(value: int = 100) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (16, 16), value).save(stream, "PNG")
    return stream.getvalue()


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


TABLE = b"file,identity,smiling\n000000.png,3,1\n000001.png,5,\n"


def test_table_beside(tmp_path: Path) -> None:
    path = zipped(tmp_path / "images.zip", {"images/000001.png": png(7), "images/000000.png": png(5)})
    (tmp_path / "attributes.csv").write_bytes(TABLE)
    for spec in (str(path), str(tmp_path), f"zip:{path}", f"zip:{tmp_path}"):
        found = data.open_dataset(spec)
        assert found.image_shape == (64, 64, 1)
        assert [found.image_id(row) for row in range(2)] == ["images/000000.png", "images/000001.png"]
        assert found.images([1, 0])[:, 0, 0, 0].tolist() == [7, 5]
        np.testing.assert_array_equal(found.attributes["smiling"].values, [1, np.nan])
        assert found.attributes["identity"].categories == ("3", "5")


def test_table_inside_and_strangers(tmp_path: Path) -> None:
    files = {"set/000000.png": png(), "set/000001.png": png(), "set/attributes.csv": TABLE, "set/read me.txt": b"x"}
    files |= {"__MACOSX/set/._000000.png": b"x", "set/.hidden.png": b"x"}
    found = data.open_dataset(str(zipped(tmp_path / "mine.zip", files)))
    assert len(found) == 2
    assert found.attributes["identity"].categories == ("3", "5")
    assert found.title == "mine"


def test_digest_follows_pixels_and_labels(tmp_path: Path) -> None:
    digests = set()
    for value, table in ((1, b""), (2, b""), (2, TABLE)):
        path = zipped(tmp_path / "x.zip", {"000000.png": png(value), "000001.png": png()})
        (tmp_path / "attributes.csv").write_bytes(table) if table else None
        digests.add(data.open_dataset(f"zip:{path}").digest)
    assert len(digests) == 3


def test_damaged_member_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"good.png": png(), "bad.png": png(9)}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as source:
        offset = source.getinfo("bad.png").header_offset
    content[offset + 60] ^= 0xFF
    path.write_bytes(content)
    found = data.open_dataset(f"zip:{path}")
    assert found.images([1]).shape == (1, 64, 64, 1)
    with pytest.raises(UserError, match=r"bad\.png"):
        found.images([0])


def test_encrypted_member_is_a_sentence(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.png": png()}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png.*cannot be unpacked"):
        data.open_dataset(f"zip:{path}").images([0])


def test_inflating_member_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 1 << 20)
    path = zipped(tmp_path / "x.zip", {"a.png": bytes(3 << 20)})
    assert path.stat().st_size < 10_000
    with pytest.raises(UserError, match="larger than 1 MiB"):
        data.open_dataset(f"zip:{path}?color=grey").images([0])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"hello"])
def test_files_that_are_no_archives(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(UserError, match="zip"):
        data.open_dataset(f"zip:{path}")


def test_truncated_archive(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.png": png()})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="not a readable zip"):
        data.open_dataset(f"zip:{path}")


def test_archive_without_pictures_and_folder_of_two(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.txt": b"hello"})
    with pytest.raises(UserError, match="holds no pictures"):
        data.open_dataset(f"zip:{path}")
    zipped(tmp_path / "y.zip", {"a.png": png()})
    with pytest.raises(UserError, match="2 zip archives"):
        data.open_dataset(f"zip:{tmp_path}")


@pytest.mark.realdata
def test_labeled_faces_in_the_wild(research_data: Path) -> None:
    found = data.open_dataset(str(research_data / "lfw64"))
    assert len(found) == 12_794
    assert found.image_shape == (64, 64, 1)
    persons = found.attributes.identity
    assert persons is not None
    counts = np.bincount(persons)
    assert (len(counts), (counts >= 10).sum(), (counts >= 20).sum()) == (5_616, 151, 59)
    smiling = found.attributes["smiling"]
    assert smiling.kind == "binary"
    assert ((smiling.values == 1).sum(), (smiling.values == 0).sum()) == (5_306, 6_713)
    assert (~found.attributes["expression"].known).sum() == 36
    assert found.attributes["eyeglasses"].known.sum() == 2_000
    assert len(found.attributes.group("eyeglasses")) == 384
    assert found.notes == ()
    images = found.images([0, 6_000, 12_793])
    with zipfile.ZipFile(research_data / "lfw64" / "images.zip") as source:
        raw = np.asarray(Image.open(io.BytesIO(source.read("images/006000.jpg"))))
    np.testing.assert_array_equal(images[1, ..., 0], raw)
