"""Session files: relative paths, round trips, missing things, old files, full disks."""

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_studio_resolve import CATALOGUE, facts, model

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, ImageInput, Input, PixelsInput
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Browser, Document, Panel, document_from_json, document_to_json
from latentstudio.studio.session import Session
from latentstudio.studio.session_files import missing, read_session, spec_path, write_session

OLD = Path(__file__).parent / "old"

names = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
codes = st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(
    lambda v: CodeInput.of(np.array(v, dtype=np.float32), "label", "origin")
)
inputs = st.one_of(
    st.builds(ImageInput, dataset=names, index=st.integers(0, 10**6), id=names),
    st.builds(PixelsInput, png=names, label=names),
    codes,
)
panels = st.builds(
    Panel,
    id=names,
    kind=st.sampled_from(["operation", "analysis"]),
    name=names,
    params=st.dictionaries(
        names, st.one_of(st.integers(-5, 5), st.booleans(), names, st.lists(names, max_size=2)), max_size=3
    ),
    slots=st.dictionaries(names, st.lists(inputs, max_size=2).map(tuple), max_size=2),
    model=st.none() | names,
    snapshot=st.none() | st.integers(0, 10**6),
    data=st.none() | names,
    follow_selection=st.booleans(),
)
documents = st.builds(
    Document,
    data=names,
    model=names,
    snapshot=st.none() | st.integers(0, 10**6),
    panels=st.lists(panels, max_size=3).map(tuple),
    browser=st.builds(Browser, search=names, filters=st.dictionaries(names, names, max_size=2), sort=names),
    selection=st.lists(st.integers(0, 10**6), max_size=5).map(tuple),
    named_selections=st.dictionaries(names, st.lists(st.integers(0, 9), max_size=3).map(tuple), max_size=2),
    current=st.none() | inputs,
    layout=names,
)


@settings(max_examples=80)
@given(documents)
def test_every_document_survives_json(document: Document) -> None:
    again = document_from_json(document_to_json(document))
    assert again == document
    assert document_to_json(again) == document_to_json(document)


def photos(spec: str) -> Document:
    shown: tuple[Input, ...] = (ImageInput(dataset=spec, index=1, id="b.png"),)
    panel = Panel(id="strip-1", kind="operation", name="interpolate", slots={"a": shown}, data=spec)
    return Document(data=spec, panels=(panel,), current=shown[0])


def test_data_near_the_session_is_relative_and_moves_with_it(tmp_path: Path) -> None:
    home = tmp_path / "study"
    (home / "photos").mkdir(parents=True)
    spec = f"folder:{home / 'photos'}?size=64"
    write_session(home / "a.latentstudio", photos(spec))
    text = (home / "a.latentstudio").read_text()
    assert str(tmp_path) not in text
    assert text.count('"folder:photos?size=64"') == 4
    home.rename(tmp_path / "moved")
    moved = read_session(tmp_path / "moved" / "a.latentstudio")
    assert moved == photos(f"folder:{tmp_path / 'moved' / 'photos'}?size=64")


def test_beside_the_session_folder_is_near_and_elsewhere_is_not(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "study"
    home.mkdir(parents=True)
    write_session(home / "a.latentstudio", photos(f"zip:{tmp_path / 'deep' / 'p.zip'}"))
    assert '"zip:../p.zip"' in (home / "a.latentstudio").read_text()
    far = os.path.abspath(os.sep + os.path.join("elsewhere", "p.zip"))
    write_session(home / "b.latentstudio", photos(f"zip:{far}"))
    assert read_session(home / "b.latentstudio") == photos(f"zip:{far}")
    assert "elsewhere" in (home / "b.latentstudio").read_text()
    assert ".." not in (home / "b.latentstudio").read_text()


def test_odd_characters_in_paths_survive(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100%"
    folder.mkdir()
    spec = f"folder:{tmp_path}/what%3F 100%25?color=grey"
    write_session(tmp_path / "a.latentstudio", photos(spec))
    again = read_session(tmp_path / "a.latentstudio")
    assert again.data == spec
    assert spec_path(again.data) == str(folder)


def test_model_given_by_folder_is_relative_too(tmp_path: Path) -> None:
    document = Document(model=str(tmp_path / "run 7"), panels=(Panel(id="a", kind="operation", name="x", model="m"),))
    write_session(tmp_path / "a.latentstudio", document)
    assert str(tmp_path) not in (tmp_path / "a.latentstudio").read_text()
    # A bare folder name would read as the name of a model.
    assert read_session(tmp_path / "a.latentstudio") == document


def test_old_file_still_opens_with_everything_in_it() -> None:
    document = read_session(OLD / "first.latentstudio")
    spec = f"folder:{OLD / 'photos'}?size=64"
    assert (document.data, document.model, document.snapshot) == (spec, "olivetti-realnvp", 500)
    strip = document.panel("strip-1")
    assert strip.params == {"paths": ["linear", "spherical"], "steps": 7}
    assert strip.slots["a"] == (ImageInput(dataset=spec, index=3, id="ann.png"),)
    assert strip.slots["b"][0].values().tolist() == [1.0, 2.0]
    assert document.panel("norms-1").follow_selection
    assert document.browser == Browser(search="ann", filters={"Smiling": "yes"}, sort="-norm", thumbnail=96)
    assert (document.selection, document.named_selections) == ((3, 1), {"smiles": (1, 2)})
    assert isinstance(document.current, PixelsInput)


def test_session_with_missing_data_and_model_opens_with_the_rest_and_says_so() -> None:
    session = Session()
    session.open(OLD / "first.latentstudio")
    sentences = missing(session.document, CATALOGUE)
    assert len(sentences) == 2
    assert any("olivetti-realnvp" in s and "not here" in s for s in sentences)
    assert any("photos" in s and "not there any more" in s for s in sentences)
    assert len(session.document.panels) == 2


def test_what_has_changed_since_is_said() -> None:
    document = Document(data="faces", data_digest="old", model="m", model_digest="digest-m")
    assert missing(document, CATALOGUE) == (
        "The dataset 'Faces' has changed since this session was saved; check the images.",
    )
    newer = Document(data="faces", data_digest="digest-faces", model="m", model_digest="old")
    assert "'m' has changed" in missing(newer, CATALOGUE)[0]
    assert missing(Document(data="zip:/gone.zip"), CATALOGUE) == ("There is no file or folder /gone.zip.",)
    assert missing(Document(), CATALOGUE) == ()


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", '{"data": 5}', '{"panels": [{"id": 1}]}', '{"surprise": 1}', "\x00\xff"]
)
def test_damaged_session_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.latentstudio"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"bad\.latentstudio"):
        read_session(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_keeps_the_old_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.latentstudio"
    session = Session()
    session.save(path)
    before = path.read_bytes()
    session.edit("Select", lambda d: msgspec.structs.replace(d, selection=(1,)))
    monkeypatch.setattr("tempfile.mkstemp", lambda prefix, dir: (os.open("/dev/full", os.O_WRONLY), f"{dir}/{prefix}x"))
    with pytest.raises(UserError, match=r"Cannot write .*a\.latentstudio: No space left"):
        session.save(path)
    assert path.read_bytes() == before
    assert session.dirty
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.latentstudio"]


def test_catalogue_grows_without_changing() -> None:
    start = Catalogue()
    grown = start.with_model(model()).with_problem("zip:/a", "Gone.").with_dataset(facts("zip:/a"), "/a")
    assert not start.models
    assert set(grown.datasets) == {"zip:/a", "/a"}
    assert not grown.problems
    assert grown.model_ref("m", 5).digest == "digest-m"
    assert grown.model_ref("gone").digest == ""
    assert grown.data_ref("/a").spec == "zip:/a"
