"""The dialog of latent stores over an engine that answers when the test says so, and once over the real worker."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton
from window_kit import gate_world, settle, strip_panel, window_on

from latentstudio.data.latent_manifest import Manifest, Shard
from latentstudio.data.latent_shelf import StoreFacts, place_of
from latentstudio.gui.store_passes import StorePasses, size_words
from latentstudio.gui.stores_dialog import short_path
from latentstudio.studio.requests import Answer, Urgency
from latentstudio.studio.store_requests import (
    ClearStores,
    CodesStored,
    ListStores,
    StoreCodes,
    StoreLine,
    StoresCleared,
    StoresListed,
    StoreVerified,
    VerifyStore,
)


def manifest(**changes: object) -> Manifest:
    facts = {
        "model": "toy-model",
        "model_digest": "m",
        "snapshot": None,
        "data": "toy",
        "data_title": "Toy faces",
        "data_digest": "d",
        "rows": 12,
        "size": 4,
        "dtype": "float32",
        "density": True,
    }
    return Manifest(**(facts | changes))


def line(stored: int = 12, outdated: str = "", **changes: object) -> StoreLine:
    m = manifest(**changes)
    if stored == m.rows:
        m = manifest(**changes, shards=(Shard(0, "a", "b"),))
    state = "complete" if m.complete else "unfinished"
    return StoreLine(StoreFacts(place_of(m), m, state, 40 * stored, stored=stored), outdated)


class Scene:
    """A window with its dialog open, and the engine that it asks."""

    def __init__(self, qtbot, *lines: StoreLine, free: int = 10**9) -> None:
        self.controller, self.engine = gate_world(strip_panel(0, 8))
        self.controller.stores = StorePasses(self.controller)
        self.window = window_on(self.controller, qtbot)
        self.window.table.run("stores")
        self.dialog = self.window.data._stores
        self.tell(*lines, free=free)

    def tell(self, *lines: StoreLine, free: int = 10**9) -> None:
        self.answer("stores", StoresListed(lines, "/cache/latents", free))

    def answer(self, lane: str, payload=None, **facts) -> None:
        ticket = self.engine.tickets(lane)[-1]
        done = facts.pop("done", payload is not None)
        self.engine.say(Answer(ticket, payload, done=done, **facts))
        settle()

    def asked(self, kind: type) -> list:
        return [request for _, request in self.engine.requests if isinstance(request, kind)]

    @property
    def lane(self) -> str:
        return next(lane for lane, request in reversed(self.engine.requests) if isinstance(request, StoreCodes))

    def cells(self, row: int) -> list[str]:
        table = self.dialog.table
        return [table.item(row, column).text() for column in range(table.columnCount())]

    def select(self, row: int) -> None:
        self.dialog.table.clearSelection()
        self.dialog.table.selectRow(row)


def test_a_pass_is_started_shows_how_far_it_is_and_ends(qtbot):
    scene = Scene(qtbot)
    form, status = scene.dialog.form, scene.window.status
    assert "12 images, under toy-model" in form.what.text()
    assert f"need {size_words(12 * (4 * 4 + 24))}" in form.note.text()
    form.numbers.setCurrentIndex(1)
    assert f"need {size_words(12 * (4 * 2 + 24))}" in form.note.text()
    form.numbers.setCurrentIndex(0)
    scene.window.table.run("encode-all")
    qtbot.keyClick(form.encode, Qt.Key.Key_Space)
    (request,) = scene.asked(StoreCodes)
    assert (request.model.name, request.data.spec, request.dtype, request.folder) == ("toy-model", "toy", "float32", "")
    assert scene.engine.urgencies[scene.lane] is Urgency.BACKGROUND
    assert scene.lane not in scene.controller.unsettled, "a screenshot does not wait for a pass"
    scene.answer(scene.lane, fraction=0.25, message="Encoding: 3 of 12 images · 9 a second · 1 s left")
    scene.tell(line(stored=2))
    assert scene.cells(0) == ["toy-model", "Toy faces", "3 of 12", "float32", "80 bytes", "9 a second · 1 s left"]
    assert "25 %" in status.passes.text()
    assert "1 running" in status.jobs.toolTip()
    assert not form.encode.isEnabled()
    scene.select(0)
    assert scene.dialog.stop.isEnabled()
    assert not scene.dialog.clear.isEnabled()
    assert not scene.dialog.clear_all.isEnabled()
    scene.answer(scene.lane, CodesStored("/cache/latents/x", 12, 12, 480))
    scene.tell(line())
    assert scene.cells(0)[2:] == ["12", "float32", "480 bytes", "Complete"]
    assert "are stored: 12 images" in scene.window.messages.text
    assert status.passes.text() == ""
    assert "All images are stored" in form.note.text()
    assert not form.encode.isEnabled()
    assert scene.dialog.clear.isEnabled()
    scene.window.close()


def test_a_pass_is_stopped_and_resumed(qtbot):
    scene = Scene(qtbot, line(stored=5))
    assert "5 images are stored" in scene.dialog.form.note.text()
    assert scene.dialog.form.encode.text() == "Resume"
    scene.select(0)
    assert not scene.dialog.stop.isEnabled()
    scene.dialog.resume.click()
    scene.answer(scene.lane, fraction=0.5, message="Encoding: 6 of 12 images")
    assert scene.cells(0)[2] == "6 of 12"
    assert not scene.dialog.resume.isEnabled()
    scene.dialog.form.start()
    scene.dialog.resume.click()
    assert len(scene.asked(StoreCodes)) == 1, "the same pass is not started twice"
    lane = scene.lane
    scene.dialog.stop.click()
    settle()
    assert scene.engine.cancelled[-1] == lane
    assert scene.controller.stores.all()[0].state == "cancelled"
    scene.tell(line(stored=6))
    assert scene.cells(0)[2:] == ["6 of 12", "float32", "240 bytes", "Stopped"]
    assert scene.dialog.resume.isEnabled()
    scene.window.close()


def test_the_jobs_panel_lists_passes_and_stops_them(qtbot):
    scene = Scene(qtbot)
    scene.dialog.form.encode.click()
    scene.window.show_jobs()
    qtbot.waitUntil(lambda: scene.window.area.docks["jobs"].panel is not None)
    panel = scene.window.area.docks["jobs"].panel
    scene.answer(scene.lane, fraction=0.5, message="Encoding: 6 of 12 images")
    ((number, row),) = panel.rows.items()
    assert row.bar.value() == 500
    assert row.words.text() == "Encoding: 6 of 12 images"
    row.stop.click()
    settle()
    assert scene.engine.cancelled[-1].startswith("store:")
    assert "stopped" in row.time.text()
    assert "goes on from there" in row.words.text()
    panel.clear.click()
    assert not panel.rows
    assert scene.controller.stores.all() == ()
    assert number < 0
    scene.window.close()


def test_a_failure_is_told_and_leaves_the_store_to_be_resumed(qtbot):
    scene = Scene(qtbot)
    scene.dialog.form.encode.click()
    scene.answer(scene.lane, done=True, error="Cannot write the latent store /x: No space left on device; 6 are kept.")
    scene.tell(line(stored=6))
    assert "No space left on device" in scene.window.messages.text
    assert scene.controller.stores.all()[0].state == "failed"
    assert scene.dialog.form.encode.text() == "Resume"
    assert scene.dialog.form.encode.isEnabled()
    scene.window.close()


def test_pictures_that_could_not_be_read_are_told(qtbot):
    scene = Scene(qtbot)
    scene.dialog.form.encode.click()
    scene.answer(scene.lane, CodesStored("/x", 12, 12, 480, "1 image cannot be read and is left out: 04.png"))
    assert "04.png" in scene.window.messages.text
    scene.window.close()


def test_verification_shows_progress_and_verdict_and_a_damaged_store_is_mended(qtbot):
    scene = Scene(qtbot, line())
    folder = str(scene.dialog.table.lines[0].facts.folder)
    scene.select(0)
    assert not scene.dialog.resume.isEnabled()
    scene.dialog.check.click()
    assert scene.asked(VerifyStore) == [VerifyStore(folder)]
    lane = f"store:verify:{folder}"
    assert scene.engine.urgencies[lane] is Urgency.BACKGROUND
    scene.answer(lane, message="Verifying: 40 % of 0.5 MB")
    assert scene.cells(0)[-1] == "Verifying: 40 % of 0.5 MB"
    scene.answer(lane, StoreVerified(folder, (), 480))
    assert scene.cells(0)[-1] == "Complete · every file is sound"
    scene.dialog.check.click()
    scene.answer(lane, StoreVerified(folder, ("codes.npy is damaged: its checksum is wrong.",), 480))
    assert scene.cells(0)[-1] == "codes.npy is damaged: its checksum is wrong. Resume to mend it."
    scene.dialog.resume.click()
    assert len(scene.asked(StoreCodes)) == 1
    scene.answer(scene.lane, CodesStored(folder, 12, 12, 480))
    scene.tell(line())
    assert scene.cells(0)[-1] == "Complete"
    scene.window.close()


@pytest.mark.parametrize("everything", [False, True])
def test_clearing_asks_first(qtbot, everything: bool):
    scene = Scene(qtbot, line(), line(dtype="float16"))
    scene.select(1)
    button = scene.dialog.clear_all if everything else scene.dialog.clear
    button.click()
    box = scene.dialog.findChild(QMessageBox)
    assert ("these 2 stores" if everything else "this store") in box.text()
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
    box.button(QMessageBox.StandardButton.Cancel).click()
    settle()
    assert not scene.asked(ClearStores)
    button.click()
    box = scene.dialog.findChildren(QMessageBox)[-1]
    next(b for b in box.findChildren(QPushButton) if b.text() == "Clear").click()
    settle()
    chosen = scene.dialog.table.lines if everything else scene.dialog.table.lines[1:]
    assert scene.asked(ClearStores) == [ClearStores(tuple(str(item.facts.folder) for item in chosen))]
    listed = len(scene.asked(ListStores))
    scene.answer("stores-clear", StoresCleared(480, 1, ("/x is being written already.",)))
    assert len(scene.asked(ListStores)) == listed + 1
    assert "1 store cleared, 480 bytes freed. /x is being written already." in scene.window.messages.text
    scene.tell()
    assert scene.dialog.empty.isVisible()
    assert scene.dialog.total.text().startswith("No stores")
    scene.window.close()


def test_stores_that_are_outdated_damaged_or_in_parts_say_so(qtbot):
    broken = StoreLine(StoreFacts(Path("/cache/latents/b"), None, "damaged", 9, "manifest.json is damaged."))
    scene = Scene(qtbot, broken, line(3, "The model toy-model has changed since."), line(2, part=(2, 2), shard_rows=5))
    states = [scene.cells(row)[-1] for row in range(3)]
    assert sorted(states) == ["Stopped", "The model toy-model has changed since.", "manifest.json is damaged."]
    for row, state in enumerate(states):
        scene.select(row)
        assert scene.dialog.resume.isEnabled() == (state == "Stopped")
        assert scene.dialog.clear.isEnabled()
        assert scene.dialog.check.isEnabled() == (not state.startswith("manifest"))
    part = states.index("Stopped")
    assert scene.cells(part)[1:3] == ["Toy faces, part 2 of 2", "2 of 5"]
    scene.select(part)
    scene.dialog.resume.click()
    assert scene.asked(StoreCodes)[0].folder == str(scene.dialog.table.lines[part].facts.folder)
    assert "Nothing is stored yet" in scene.dialog.form.note.text(), "none of these is what Encode would fill"
    scene.window.close()


def test_what_is_in_the_way_of_encoding_is_said(qtbot):
    scene = Scene(qtbot, free=100)
    assert "where 100 bytes are free" in scene.dialog.form.note.text()
    assert not scene.dialog.form.encode.isEnabled()
    catalogue = scene.controller.catalogue
    blind = changed(catalogue.models["toy-model"], abilities=("decode", "sample"))
    scene.controller.set_catalogue(replace(catalogue, models={"toy-model": blind}))
    scene.dialog.form.refresh()
    assert "choose a model that can encode" in scene.dialog.form.note.text()
    scene.dialog.form.start()
    assert not scene.asked(StoreCodes)
    scene.window.close()


def test_sizes_are_written_in_decimal_units():
    found = [size_words(s) for s in (512, 4096, 3_210_000, 9_960_000_000)]
    assert found == ["512 bytes", "4 kB", "3.2 MB", "9.96 GB"]


def test_paths_at_home_are_short():
    assert short_path(str(Path.home() / ".cache" / "latents")) == str(Path("~") / ".cache" / "latents")
    assert short_path("/cache/latents") == "/cache/latents"
