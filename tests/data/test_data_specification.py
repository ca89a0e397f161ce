"""Specifications and plain paths."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentstudio import data
from latentstudio.data.specification import NAMED_SOURCES, PATH_SOURCES
from latentstudio.errors import UserError

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("olivetti", ("olivetti", "", {})),
        ("faces?n=2000&size=64", ("faces", "", {"n": "2000", "size": "64"})),
        ("folder:/a b/c?size=64&color=grey", ("folder", "/a b/c", {"size": "64", "color": "grey"})),
        ("zip:C:\\data\\x.zip", ("zip", "C:\\data\\x.zip", {})),
        ("samples:my-model?n=400", ("samples", "my-model", {"n": "400"})),
        ("folder:/what%3F 100%25", ("folder", "/what? 100%", {})),
        ("  digits ", ("digits", "", {})),
    ],
)
def test_parts(spec: str, parts: tuple[str, str, dict[str, str]]) -> None:
    assert data.parse_spec(spec) == parts


@given(argument=texts.map(str.strip), options=st.dictionaries(texts.filter(bool), texts, max_size=3))
def test_format_and_parse_are_inverse(argument: str, options: dict[str, str]) -> None:
    stripped = {key: value.strip() for key, value in options.items()}
    assert data.parse_spec(data.format_spec("folder", argument, stripped)) == ("folder", argument, stripped)


def test_every_source_is_in_the_table_but_samples() -> None:
    assert {*NAMED_SOURCES, *PATH_SOURCES} - set(data.DATASETS) == {"samples"}
    assert {name for name, source in data.DATASETS.items() if source.needs_path} == set(PATH_SOURCES)


@pytest.mark.parametrize(
    ("files", "source"),
    [
        (["a.png", "b.png"], "folder"),
        (["img_align_celeba/000001.png"], "celeba"),
        (["Img/img_align_celeba/000001.png"], "celeba"),
        (["25_0_2_20170116174525125.png", "4_1_0_20161221193016140.png", "notes.png"], "utkface"),
    ],
)
def test_folders_are_recognised(tmp_path: Path, files: list[str], source: str) -> None:
    for name in files:
        picture(tmp_path / "what? 5%" / name)
    assert data.parse_spec(str(tmp_path / "what? 5%"))[:2] == (source, str(tmp_path / "what? 5%"))
    spec = data.canonical_spec(str(tmp_path / "what? 5%"))
    assert data.parse_spec(spec)[:2] == (source, str(tmp_path / "what? 5%"))
    assert data.canonical_spec(spec) == spec


def test_path_with_options(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    opened = data.open_dataset(f"{tmp_path}?size=16&color=grey")
    assert opened.image_shape == (16, 16, 1)
    assert data.open_dataset(opened.spec).digest == opened.digest


def test_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert data.canonical_spec("photos") == f"folder:{tmp_path / 'photos'}"


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("olivety", "olivetti"),
        ("", "accepted are"),
        ("/no/such/place", "no file or folder"),
        ("faces?n=", "n="),
        ("faces?n=0", "from 1"),
        ("faces?n=1e3", "whole number"),
        ("faces?n=²", "whole number"),
        ("faces?n=99999999999999999999", "whole number"),
        ("faces?size=100000", "1024"),
        ("faces?colour=grey", "n, size"),
        ("faces?n", "options"),
        ("digits?size=9", "none"),
        ("olivetti:here", "takes none"),
        ("folder:/no/such/place", "no folder"),
        ("zip:/no/such/place.zip", "no archive"),
        ("idx:/no/such/place", "no IDX"),
        ("celeba:", "none given"),
        ("utkface:/no/such/place", "no folder"),
        ("samples:my-model?n=4", "model"),
    ],
)
def test_refusals_name_what_would_do(spec: str, word: str) -> None:
    with pytest.raises(UserError, match=word):
        data.open_dataset(spec)


def test_a_file_that_is_no_dataset(tmp_path: Path) -> None:
    picture(tmp_path / "one.png")
    with pytest.raises(UserError, match=r"one\.png is not a dataset"):
        data.open_dataset(str(tmp_path / "one.png"))


def test_damaged_gzip_is_no_dataset(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(b"\x1f\x8b\x08nonsense that is not a stream")
    with pytest.raises(UserError, match="not a dataset"):
        data.parse_spec(str(path))
