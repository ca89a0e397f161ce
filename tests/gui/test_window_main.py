"""The main window: menus, docks, layouts, palette, drops, title, and how it ends."""

import time
from pathlib import Path

import numpy as np
import pytest
from fakes import image
from msgspec.structs import replace
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QMessageBox, QTabBar
from window_kit import drop_on, gate_world, settle, strip_panel, window_on

from latentstudio.gui.command_palette import Command, ranked, score
from latentstudio.gui.dragging import mime_of
from latentstudio.gui.drops import drop_words
from latentstudio.gui.shortcut_sheet import ShortcutSheet, sections
from latentstudio.studio.autosave import Autosave
from latentstudio.studio.document import Panel, document_to_json
from latentstudio.studio.requests import Answer, EngineStatus
from latentstudio.studio.session import Session
from latentstudio.studio.settings import Settings

SAMPLES = Panel(id="samples-1", kind="operation", name="sample")
NORMS = Panel(id="norms-1", kind="analysis", name="norms")


@pytest.fixture
def window(qtbot):
    """A window with a strip and two panels behind tabs."""
    controller, engine = gate_world(strip_panel(0, 8), SAMPLES, NORMS)
    made = window_on(controller, qtbot)
    made.engine = engine
    yield made
    made.close()
    settle()


def names_on_screen(window):
    return {name for name, dock in window.area.docks.items() if dock.on_screen}


def test_the_first_scene_has_everything_in_its_place(window):
    assert names_on_screen(window) == {"browser", "strip-1", "samples-1", "inspector"}
    docks = window.area.docks
    browser, strip, samples, inspector = (docks[n].geometry() for n in ("browser", "strip-1", "samples-1", "inspector"))
    assert browser.right() < strip.left() < strip.right() < inspector.left()
    assert strip.bottom() < samples.top()
    assert strip.width() > browser.width() > 250
    assert window.width() == 1366
    assert window.height() == 768


def test_the_window_can_be_as_small_as_a_netbook(window):
    window.resize(1024, 600)
    settle()
    assert (window.width(), window.height()) == (1024, 600)


def test_hidden_tabs_are_neither_built_nor_computed(window):
    lanes = [lane for lane, _ in window.engine.requests]
    assert "panel:norms-1" not in lanes
    assert window.area.docks["norms-1"].panel is None
    window.area.docks["norms-1"].bring_up()
    settle()
    assert "panel:norms-1" in [lane for lane, _ in window.engine.requests]
    assert window.area.docks["norms-1"].panel is not None
    assert not window.area.docks["samples-1"].on_screen


def test_every_action_has_words_a_tip_and_a_shortcut_of_its_own(window):
    shortcuts = []
    for name, action in window.table.actions.items():
        assert action.text(), name
        assert action.toolTip(), name
        shortcuts += [key.toString() for key in action.shortcuts()]
        spec = window.table.specs[name]
        if spec.shortcut and name not in ("undo", "redo"):
            assert QKeySequence(spec.shortcut).toString() in action.toolTip()
    assert len(shortcuts) == len(set(shortcuts))
    for wanted in ("Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+S", "Ctrl+O", "Ctrl+E", "Ctrl+C", "Ctrl+K", "F1", "F11"):
        assert wanted in shortcuts


def test_every_button_in_sight_has_a_name_for_screen_readers(window):
    bare = [
        button
        for button in window.findChildren(QAbstractButton)
        if not (button.text() or button.accessibleName() or button.toolTip() or isinstance(button.parent(), QTabBar))
        and button.isVisible()
        and not button.objectName().startswith("qt_")
    ]
    assert not [type(button).__name__ for button in bare]


def test_undo_names_what_it_takes_back(window):
    undo = window.table.actions["undo"]
    assert not undo.isEnabled()
    window.controller.swap_slots("strip-1")
    assert undo.text() == "&Undo swap A and B"
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.controller.document.panel("strip-1").slots["a"] == (image(0),)
    assert window.table.actions["redo"].text() == "&Redo swap A and B"
    QTest.keyClick(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert window.controller.document.panel("strip-1").slots["a"] == (image(8),)


def test_the_title_says_what_is_unsaved(window, tmp_path):
    assert not window.isWindowModified()
    window.controller.swap_slots("strip-1")
    assert window.isWindowModified()
    window.controller.session.save(tmp_path / "mine.latentstudio")
    assert not window.isWindowModified()
    assert "mine.latentstudio" in window.windowTitle()


def test_maximising_hides_the_others_and_brings_them_back(window):
    before = names_on_screen(window)
    window.area.maximise("strip-1")
    settle()
    assert names_on_screen(window) == {"strip-1"}
    assert window.area.docks["strip-1"].width() > 1200
    window.area.maximise("strip-1")
    settle()
    assert names_on_screen(window) == before


def test_a_double_click_on_a_title_maximises(window):
    title = window.area.docks["strip-1"].titleBarWidget()
    QTest.mouseDClick(title, Qt.MouseButton.LeftButton, pos=QPoint(60, 10))
    settle()
    assert window.area.maximised == "strip-1"
    window.table.run("maximise")
    settle()
    assert not window.area.maximised


def test_a_double_click_on_a_tab_maximises(window):
    bars = [bar for bar in window.findChildren(QTabBar) if bar.count() > 1 and bar.isVisible()]
    places = {bars[0].tabText(i): i for i in range(bars[0].count())}
    centre = bars[0].tabRect(places[window.area.docks["samples-1"].windowTitle()]).center()
    QTest.mouseDClick(bars[0], Qt.MouseButton.LeftButton, pos=centre)
    settle()
    assert window.area.maximised == "samples-1"


def test_closed_panels_come_back_by_the_menu_and_by_reset(window):
    window.area.docks["inspector"].close()
    settle()
    assert "inspector" not in names_on_screen(window)
    window.menus.panels.aboutToShow.emit()
    titles = {action.text(): action for action in window.menus.panels.actions()}
    titles["Inspector"].trigger()
    settle()
    assert "inspector" in names_on_screen(window)
    window.area.docks["browser"].setFloating(True)
    window.area.reset()
    settle()
    assert not window.area.docks["browser"].isFloating()


def test_a_layout_is_saved_with_its_name_and_used_again(window):
    window.area.docks["inspector"].close()
    settle()
    window.remember(layouts={"wide": window.area.state()})
    assert Settings.load().layouts["wide"]
    window.area.reset()
    settle()
    window.views.use_layout("wide")
    settle()
    assert "inspector" not in names_on_screen(window)
    assert not window.area.restore("bm90IGEgbGF5b3V0")
    assert not window.area.restore("ä")


def test_a_session_carries_its_layout(window, tmp_path):
    window.area.docks["inspector"].close()
    settle()
    window.note_layout()
    path = window.controller.session.save(tmp_path / "laid.latentstudio")
    assert not window.controller.session.can_undo, "arranging panels is no action to undo"
    window.area.reset()
    settle()
    window.controller.open_path(path)
    settle()
    assert "inspector" not in names_on_screen(window)


def test_panels_are_added_and_removed_with_undo(window):
    window.table.run("add-reconstruct")
    settle()
    assert "reconstruct-1" in names_on_screen(window)
    window.controller.undo()
    settle()
    assert "reconstruct-1" not in window.area.docks
    assert "Reconstruct" not in " ".join(d.windowTitle() for d in window.findChildren(QDockWidget) if d.isVisible())


def test_the_palette_finds_by_a_few_letters_and_runs(window):
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.views.palette
    assert palette.isVisible()
    QTest.keyClicks(palette.line, "swap")
    assert palette.found.item(0).text() == "Swap A and B"
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.controller.session.undo_label == "Swap A and B"
    assert not palette.isVisible()


def test_the_palette_leaves_by_escape_and_does_nothing(window):
    window.views.show_palette()
    QTest.keyClick(window.views.palette.line, Qt.Key.Key_Down)
    QTest.keyClick(window.views.palette.line, Qt.Key.Key_Escape)
    assert not window.views.palette.isVisible()
    assert not window.controller.session.can_undo


def test_starts_of_words_count_more_than_letters_within():
    commands = [Command(text, "File", "", lambda: None) for text in ("Next axis flip", "Export figure", "Reset layout")]
    assert ranked(commands, "exf")[0].text == "Export figure"
    assert ranked(commands, "zzz") == []
    assert ranked(commands, "") == commands
    assert score("ab", "ba") is None


def test_the_shortcut_sheet_lists_the_table(window):
    found = sections(window.table)
    assert ("F1", "Shortcuts") in found["Help"]
    assert any("Esc" in keys for keys, _ in found["Pictures"])
    window.table.run("shortcuts")
    sheet = window.findChild(ShortcutSheet)
    assert sheet.isVisible()
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_a_session_dropped_on_the_window_opens(window, tmp_path):
    document = window.controller.document.with_panel(strip_panel(3, 4))
    path = Session(document).save(tmp_path / "dropped.latentstudio")
    assert drop_on(window, path)
    assert window.controller.document.panel("strip-1").slots["a"][0].index == 3


def test_a_photo_dropped_on_the_window_is_read_in_the_engine(window, tmp_path):
    window.controller.clear_slot("strip-1", "b")
    path = tmp_path / "me.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    asked = []
    window.controller.photo_dropped.connect(lambda *words: asked.append(words))
    assert drop_on(window, path)
    assert asked == [(str(path), "strip-1", "b")]
    window.engine.say(Answer(window.engine.tickets("photo")[-1], np.zeros((40, 40, 3), np.uint8), 1.0, done=True))
    settle()
    assert window.photos.dialog.isVisible(), "the person marks the eyes"
    window.photos.dialog.accept()
    assert window.controller.document.panel("strip-1").slots["b"][0].label == "me.png"


def test_a_dragged_picture_dropped_beside_every_slot_is_inspected(window):
    mime = mime_of([image(4)])
    mime.setUrls([QUrl.fromLocalFile("/somewhere/toy-4.png")])  # what other programs take
    assert drop_words(mime) == "Inspect this picture"
    assert drop_on(window, mime=mime)
    assert window.controller.document.current == image(4)


def test_what_cannot_be_used_is_refused_while_it_hovers(window, tmp_path):
    bad = tmp_path / "notes.txt"
    bad.write_text("hello")
    assert not drop_on(window, bad)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    assert drop_words(mime) == "Open this dataset"


def test_messages_count_repeats_and_errors_outlast_information(window):
    say = window.controller.message.emit
    say("Saved.", "info")
    assert window.messages.text == "Saved."
    say("No such file.", "error")
    say("No such file.", "error")
    assert window.messages.text == "No such file.  (2 times)"
    say("Saved.", "info")
    assert window.messages.text.startswith("No such file."), "mere information does not push an error aside"
    window.messages.hide()
    say("Saved.", "info")
    assert window.messages.text == "Saved."
    window.resize(700, 500)
    settle()
    assert window.rect().contains(window.messages.geometry())


def test_the_status_bar_tells_device_and_selection(window):
    window.controller.status_changed.emit(EngineStatus("process", "cpu", 1, 300 << 20, ("toy-model",)))
    assert window.status.device.text() == "CPU · engine process"
    assert window.status.memory.text() == "300 MiB"
    window.controller.select([1, 2, 3])
    assert window.status.count.text() == "3 of 12 images selected"


def test_closing_in_the_middle_of_work_takes_no_time(window):
    assert window.controller.lanes.busy
    began = time.perf_counter()
    window.close()
    assert time.perf_counter() - began < 1.0
    assert window.engine.closed
    assert not window.isVisible()
    for ticket in window.engine.tickets("panel:strip-1"):
        window.engine.open(ticket)
    settle()


def test_unsaved_work_is_asked_about_and_cancel_stays(qtbot, monkeypatch, tmp_path):
    controller, engine = gate_world(strip_panel(0, 8))
    window = window_on(controller, qtbot, autosave=Autosave(controller.session, tmp_path / "auto"))
    controller.swap_slots("strip-1")
    window.autosave()
    assert list((tmp_path / "auto").glob("*.autosave"))
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Discard]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    assert not window.close()
    assert not engine.closed
    assert window.close()
    assert engine.closed
    assert not list((tmp_path / "auto").glob("*.autosave")), "a session that was closed needs no recovery"


def test_a_session_left_by_a_crash_is_offered_and_recovered(qtbot, tmp_path):
    lost = Session(strip_document := gate_world(strip_panel(0, 8))[0].document)
    keeper = Autosave(lost, tmp_path / "auto")
    lost.edit("Swap", lambda d: d.with_panel(strip_panel(5, 6)))
    keeper.write()
    keeper._lock.close()  # what the system does when a program dies
    controller, _ = gate_world(strip_panel(0, 8))
    window = window_on(controller, qtbot, autosave=Autosave(controller.session, tmp_path / "auto"))
    window.offer_recovery()
    assert "unexpectedly" in window.messages.text
    window.messages.findChildren(QAbstractButton)
    button = next(b for b in window.messages.findChildren(QAbstractButton) if b.text() == "Recover")
    button.click()
    assert controller.document.panel("strip-1").slots["a"][0].index == 5
    assert controller.session.dirty
    assert controller.document != strip_document
    controller.session.save(tmp_path / "kept.latentstudio")
    window.close()


def test_geometry_and_theme_are_remembered(qtbot, tmp_path):
    controller, _ = gate_world(strip_panel(0, 8))
    window = window_on(controller, qtbot, autosave=Autosave(controller.session, tmp_path / "auto"))
    window.resize(760, 600)
    settle()
    window.views.set_theme("light")
    window.close()
    kept = Settings.load()
    assert kept.theme == "light"
    controller, _ = gate_world(strip_panel(0, 8))
    again = window_on(controller, qtbot, settings=kept)
    assert (again.width(), again.height()) == (760, 600)
    again.views.set_theme("dark")
    again.close()


def test_recent_files_are_listed_and_opened(window, tmp_path):
    path = Session(window.controller.document.with_panel(strip_panel(7, 8))).save(tmp_path / "old.latentstudio")
    window.recent.add(path)
    window.menus.recent.aboutToShow.emit()
    action = next(a for a in window.menus.recent.actions() if a.text() == "old.latentstudio")
    action.trigger()
    assert window.controller.document.panel("strip-1").slots["a"][0].index == 7
    assert Path(action.toolTip()) == path


def test_a_saved_session_leaves_nothing_to_recover(qtbot, tmp_path):
    controller, _ = gate_world(strip_panel(0, 8))
    window = window_on(controller, qtbot, autosave=Autosave(controller.session, tmp_path / "auto"))
    controller.swap_slots("strip-1")
    window.autosave()
    assert list((tmp_path / "auto").glob("*.autosave"))
    controller.session.save(tmp_path / "kept.latentstudio")
    assert not list((tmp_path / "auto").glob("*.autosave"))
    window.close()


def test_a_session_knows_its_model_and_data_again(qtbot, tmp_path):
    controller, engine = gate_world(strip_panel(0, 8))
    window = window_on(controller, qtbot)
    controller.swap_slots("strip-1")
    assert window.files._write(tmp_path / "one.latentstudio")
    assert (controller.document.model_digest, controller.document.data_digest) == ("m", "d")
    assert not controller.session.dirty
    assert not any(kept.document.data_digest == "" for kept in controller.session._past)
    window.close()

    changed, engine = gate_world(strip_panel(0, 8), data="grown", data_digest="as it was")
    again = window_on(changed, qtbot)
    engine.open(engine.tickets("dataset:grown")[-1])
    settle()
    assert "has changed since this session was saved" in again.messages.text
    again.close()


def test_messages_keep_to_the_middle_and_leave_the_keyboard_alone(window):
    middle = window.area.working_area()
    assert middle.left() > window.area.docks["browser"].geometry().right()
    window.messages.say("One sentence that is long enough to be wide. " * 4, "warning")
    assert middle.contains(window.messages.geometry())
    window.controller.activate("strip-1")
    offered, _ = window.messages.offer("Shall we?", "Yes", "No")
    QTest.mouseClick(offered, Qt.MouseButton.LeftButton)
    settle()
    assert not window.messages.isVisible()
    assert window.controller.document.active == "strip-1"


def test_a_session_without_a_layout_brings_its_active_panel_to_the_front(window, tmp_path):
    document = replace(window.controller.document, active="norms-1", layout="")
    path = tmp_path / "scene.latentstudio"
    path.write_bytes(document_to_json(document))
    window.controller.open_path(path)
    settle()
    assert "norms-1" in names_on_screen(window)
    assert "samples-1" not in names_on_screen(window)


def test_f6_walks_the_keyboard_through_the_panels(window):
    window.activateWindow()
    settle()
    seen = []
    for _ in range(5):
        window.table.actions["next-panel"].trigger()
        settle()
        seen.append(window.area.current())
    assert seen == ["browser", "strip-1", "samples-1", "browser", "strip-1"], "the inspector has nothing to show"
    window.table.actions["last-panel"].trigger()
    assert window.area.current() == seen[-2]


def test_a_floated_panel_stands_aside_of_where_it_was(window):
    strip = window.area.docks["strip-1"]
    before = strip.mapToGlobal(QPoint(0, 0))
    strip.toggle_float()
    settle()
    assert strip.isFloating()
    assert strip.pos() != before
    strip.toggle_float()
    settle()
    assert not strip.isFloating()
