"""Preferences, recent files, autosave and recovery."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from latentstudio.errors import UserError
from latentstudio.paths import state_home
from latentstudio.studio.autosave import Autosave
from latentstudio.studio.defaults import document_for_model, welcome_document
from latentstudio.studio.document import Document
from latentstudio.studio.recent import LIMIT, Recent
from latentstudio.studio.session import Session
from latentstudio.studio.settings import Settings, settings_path


def selecting(*indices: int):
    return lambda d: msgspec.structs.replace(d, selection=indices)


def test_settings_round_trip() -> None:
    assert Settings.load() == Settings()
    wanted = Settings(theme="dark", engine="thread", device="cuda", layouts={"wide": "AAAA"}, export_dpi=600)
    wanted.save()
    assert Settings.load() == wanted


def test_settings_of_a_newer_version_are_read_as_far_as_known() -> None:
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text('{"theme": "light", "hologram": true}')
    assert Settings.load() == Settings(theme="light")


@pytest.mark.parametrize("text", ["{", '{"theme": "pink"}', "\x00"])
def test_damaged_settings_are_set_aside(text: str) -> None:
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(text)
    assert Settings.load() == Settings()
    assert settings_path().with_name("settings.json.damaged").read_text() == text
    Settings().save()
    assert settings_path().exists()


def test_recent_files_newest_first_without_those_that_are_gone(tmp_path: Path) -> None:
    recent = Recent()
    files = [tmp_path / f"{i}.latentstudio" for i in range(LIMIT + 3)]
    for file in files:
        file.write_text("x")
        recent.add(file)
    recent.add(files[5])
    files[-1].unlink()
    shown = Recent().files
    assert shown[0] == files[5]
    assert len(shown) == LIMIT - 1
    assert files[-1] not in shown
    recent.remove(files[5])
    assert files[5] not in recent.files
    recent.add_dataset("olivetti")
    recent.add_dataset("faces")
    recent.add_dataset("olivetti")
    assert recent.datasets == ["olivetti", "faces"]
    recent.clear()
    assert (recent.files, recent.datasets) == ([], [])


def test_recent_survives_damage_and_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "recent.json").write_text("[")
    assert Recent(tmp_path / "recent.json").files == []
    (tmp_path / "file").write_text("x")
    Recent(tmp_path / "file" / "recent.json").add(tmp_path)


def test_autosave_writes_what_is_unsaved_and_cleans_up() -> None:
    session = Session()
    autosave = Autosave(session)
    assert autosave.write() is None
    session.edit("Select", selecting(1))
    path = autosave.write()
    assert path is not None
    assert Autosave.read(path).document.selection == (1,)
    assert autosave.write() is None
    session.edit("Select", selecting(2))
    assert autosave.write() == path
    assert Autosave.read(path).document.selection == (2,)
    autosave.close()
    assert list(autosave.folder.iterdir()) == []


def test_saving_removes_the_autosave(tmp_path: Path) -> None:
    session = Session()
    autosave = Autosave(session)
    session.edit("Select", selecting(1))
    path = autosave.write()
    session.save(tmp_path / "a.latentstudio")
    assert autosave.write() is None
    assert not path.exists()
    session.edit("Select", selecting(2))
    assert Autosave.read(autosave.write()).path == tmp_path / "a.latentstudio"
    autosave.close()


def test_autosave_of_a_living_program_is_not_offered_but_that_of_a_dead_one_is() -> None:
    script = """
        import sys, os, msgspec
        from latentstudio.studio.autosave import Autosave
        from latentstudio.studio.session import Session
        session = Session()
        session.edit("Select", lambda d: msgspec.structs.replace(d, selection=(4, 2)))
        autosave = Autosave(session)
        print(autosave.write(), flush=True)
        sys.stdin.readline()
        os._exit(9)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        path = Path(other.stdout.readline().strip())
        autosave = Autosave(Session())
        assert path.exists()
        assert autosave.recoverable() == []
        other.stdin.write("die\n")
        other.stdin.flush()
        other.wait(30)
    assert autosave.recoverable() == [path]
    recovered = Autosave.read(path)
    session = Session()
    session.reset(recovered.document, recovered.path, unsaved=True)
    assert session.dirty
    assert session.document.selection == (4, 2)
    Autosave.discard(path)
    assert autosave.recoverable() == []
    assert list(autosave.folder.iterdir()) == []


def test_damaged_autosave_is_refused_with_its_name() -> None:
    path = state_home() / "autosave" / "1-x.autosave"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert Autosave(Session()).recoverable() == [path]
    with pytest.raises(UserError, match=r"1-x\.autosave"):
        Autosave.read(path)


def test_autosave_that_fails_keeps_the_last_good_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    autosave = Autosave(session)
    session.edit("Select", selecting(1))
    path = autosave.write()
    session.edit("Select", selecting(2))
    full = os.open("/dev/full", os.O_WRONLY) if Path("/dev/full").exists() else None
    if full is None:
        pytest.skip("needs /dev/full")
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.mkstemp", lambda prefix, dir: (full, f"{dir}/{prefix}x"))
        with pytest.raises(UserError, match="No space left"):
            autosave.write()
    assert Autosave.read(path).document.selection == (1,)
    assert autosave.write() == path
    autosave.close()


def test_autosave_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    session = Session()
    session.edit("Select", selecting(1))
    with pytest.raises(UserError, match="Cannot write"):
        Autosave(session, tmp_path / "file" / "autosave").write()


def test_welcome_prefers_what_works_offline_and_olivetti_once_it_is_open() -> None:
    from test_studio_resolve import facts, model

    from latentstudio.studio.catalogue import Catalogue

    nothing = welcome_document(Catalogue())
    assert (nothing.model, nothing.data) == ("", "faces")
    faces = msgspec.structs.replace(model("faces-realnvp"), dataset="faces?n=2000&size=64")
    olivetti = msgspec.structs.replace(model("olivetti-realnvp"), dataset="olivetti")
    catalogue = Catalogue(models={m.name: m for m in (olivetti, faces)})
    first = welcome_document(catalogue)
    assert (first.model, first.data, first.active) == ("faces-realnvp", "faces", "strip-1")
    ends = [first.panel("strip-1").slots[slot][0] for slot in "ab"]
    assert ends[0] != ends[1]
    assert {end.dataset for end in ends} == {first.data}
    later = welcome_document(catalogue.with_dataset(facts("olivetti", 400)))
    assert (later.model, later.data) == ("olivetti-realnvp", "olivetti")
    own = welcome_document(Catalogue(models={"mine": model("mine")}))
    assert own.model == "mine"


def test_every_welcome_panel_resolves_once_the_data_is_open() -> None:
    from test_studio_resolve import facts, model

    from latentstudio.figures.recipe import Recipe
    from latentstudio.studio.catalogue import Catalogue
    from latentstudio.studio.resolve import resolve

    catalogue = Catalogue(models={"faces-realnvp": model("faces-realnvp")}).with_dataset(facts("faces", 300))
    document = welcome_document(catalogue)
    assert len(document.panels) >= 6
    for panel in document.panels:
        assert isinstance(resolve(document, panel.id, catalogue), Recipe)


def test_another_model_keeps_the_data_and_drops_the_snapshot() -> None:
    from test_studio_resolve import model

    changed = document_for_model(Document(data="olivetti", model="a", snapshot=7), model("m"))
    assert (changed.data, changed.model, changed.model_digest, changed.snapshot) == ("olivetti", "m", "digest-m", None)
    assert document_for_model(Document(), model("m")).data == "faces"
