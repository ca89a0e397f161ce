"""What leaves the window: figures, clipboard, scripts, selections, animations."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from fakes import SIZE, frames
from PIL import Image
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from window_kit import gate_world, settle, strip_panel, window_on

from latentstudio.errors import UserError
from latentstudio.figures.recipe import FigureStyle, figure_from_json
from latentstudio.gui.export_dialog import ExportDialog
from latentstudio.gui.figures import FIGURE_MIME, figure_of
from latentstudio.gui.status_bar import device_name, sampled_note
from latentstudio.results import Curve, ImageGrid, Partial, Sheet
from latentstudio.studio.document import Panel
from latentstudio.studio.requests import Answer, RenderFigure, RunRecipe
from latentstudio.studio.settings import Settings


@pytest.fixture
def window(qtbot):
    controller, engine = gate_world(strip_panel(0, 8), Panel(id="samples-1", kind="operation", name="sample"))
    made = window_on(controller, qtbot)
    made.engine = engine
    yield made
    made.close()
    settle()


def png() -> bytes:
    """A small true PNG."""
    out = io.BytesIO()
    Image.fromarray(np.full((20, 60, 3), 200, np.uint8)).save(out, "PNG")
    return out.getvalue()


def dialog_on(window, qtbot):
    dialog = ExportDialog(window.controller, Settings(export_dpi=600), "strip-1", window)
    dialog.settings_changed.connect(window.remember_export)
    qtbot.addWidget(dialog)
    dialog.show()
    settle()
    return dialog


def test_the_preview_is_drawn_by_the_engine_at_screen_resolution(window, qtbot):
    dialog = dialog_on(window, qtbot)
    ticket = window.engine.tickets("export-preview")[-1]
    request = window.engine.request(ticket)
    assert isinstance(request, RenderFigure)
    assert request.path is None
    assert request.figure.style.dpi < 600 == dialog.figure().style.dpi
    window.engine.say(Answer(ticket, png(), 1.0, done=True))
    settle()
    assert dialog.preview.filled
    dialog.figure_page.readouts.setChecked(False)
    qtbot.waitUntil(lambda: len(window.engine.tickets("export-preview")) == 2)
    assert not window.engine.request(window.engine.tickets("export-preview")[-1]).figure.style.readouts
    dialog.reject()


def test_the_figure_holds_the_recipe_and_the_form(window, qtbot):
    dialog = dialog_on(window, qtbot)
    page = dialog.figure_page
    page.width_mm.setValue(89)
    assert page.preset.currentData() == 89.0
    page.theme.setCurrentIndex(page.theme.findData("dark"))
    page.title.setText("From 0 to 8")
    figure = dialog.figure()
    assert (figure.style.width_mm, figure.style.theme, figure.title) == (89.0, "dark", "From 0 to 8")
    assert figure.rows[0][0].name == "interpolate"
    assert figure.program.startswith("LatentStudio ")
    page.content.setCurrentIndex(1)
    assert [row[0].name for row in dialog.figure().rows] == ["interpolate", "sample"]
    dialog.reject()


def test_writing_keeps_the_dialog_until_it_is_done_and_errors_in_it(window, qtbot, tmp_path):
    dialog = dialog_on(window, qtbot)
    dialog.write_to(tmp_path / "figure")
    ticket = window.engine.tickets("export")[-1]
    assert window.engine.request(ticket).path == str(tmp_path / "figure.png")
    window.engine.say(Answer(ticket, error="Cannot write figure.png: no space left on device.", done=True))
    settle()
    assert dialog.isVisible()
    assert "no space left" in dialog.note.text()
    dialog.write_to(tmp_path / "figure.pdf")
    ticket = window.engine.tickets("export")[-1]
    assert window.engine.request(ticket).format == "pdf"
    window.engine.open(ticket)
    settle()
    assert not dialog.isVisible()
    assert window.messages.text.startswith("Exported figure.pdf")
    assert Settings.load().export_dpi == 600


def test_cancelling_stops_drawing(window, qtbot):
    dialog = dialog_on(window, qtbot)
    dialog.write_to(Path("x.png"))
    dialog.reject()
    assert {"export", "export-preview"} <= set(window.engine.cancelled)


def test_nothing_to_export_is_a_sentence(qtbot):
    controller, _ = gate_world(strip_panel())
    window = window_on(controller, qtbot)
    window.table.run("export")
    assert "nothing to export" in window.messages.text
    with pytest.raises(UserError, match="Drop a face on A"):
        figure_of(controller, ["strip-1"], FigureStyle())
    window.close()


def test_copy_puts_picture_and_recipe_on_the_clipboard_and_paste_reopens(window):
    window.controller.activate("strip-1")
    window.table.run("copy")
    window.engine.say(Answer(window.engine.tickets("copy")[-1], png(), 1.0, done=True))
    settle()
    mime = QGuiApplication.clipboard().mimeData()
    assert mime.hasImage()
    assert bytes(mime.data("image/png").data())[:4] == b"\x89PNG"
    figure = figure_from_json(mime.text())
    assert figure.rows[0][0].inputs["b"][0].index == 8
    assert mime.hasFormat(FIGURE_MIME)
    window.controller.clear_slot("strip-1", "b")
    window.table.run("paste")
    assert window.controller.document.panel("strip-1").slots["b"][0].index == 8
    assert window.controller.session.undo_label == "Reopen copied figure"


def test_text_that_is_no_recipe_is_refused_in_words(window):
    QGuiApplication.clipboard().setText("hello")
    before = window.controller.document
    window.table.run("paste")
    assert window.controller.document is before
    assert "clipboard" in window.messages.text


def test_scripts_are_copied_and_name_the_model(window):
    window.table.run("copy-python")
    python = QGuiApplication.clipboard().text()
    compile(python, "copied", "exec")
    assert "toy-model" in python
    window.table.run("copy-command")
    assert QGuiApplication.clipboard().text().startswith("latentstudio ")


def test_a_selection_becomes_a_table_with_ids_and_labels(window, tmp_path):
    window.controller.select([5, 2])
    window.exports.write_selection(tmp_path / "chosen.csv")
    rows = list(csv.DictReader((tmp_path / "chosen.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == ["toy-5", "toy-2"]
    assert rows[0]["identity"] == "q"


def test_a_selection_as_npz_has_the_codes(window, tmp_path):
    window.controller.select([5, 2])
    window.exports.write_selection(tmp_path / "chosen.npz")
    ticket = window.engine.tickets("selection")[-1]
    request = window.engine.request(ticket)
    assert isinstance(request, RunRecipe)
    assert [item.index for item in request.recipe.inputs["images"]] == [5, 2]
    codes = np.arange(8, dtype=np.float32).reshape(2, 4)
    window.engine.say(Answer(ticket, Partial(1.0, ImageGrid(frames(codes), 2)), 1.0, done=True))
    settle()
    with np.load(tmp_path / "chosen.npz") as kept:
        np.testing.assert_array_equal(kept["codes"], codes)
        assert kept["indices"].tolist() == [5, 2]
        assert kept["ids"].tolist() == ["toy-5", "toy-2"]


def test_a_folder_that_cannot_be_written_is_a_sentence(window, tmp_path):
    window.controller.select([1])
    window.exports.write_selection(tmp_path / "nowhere" / "chosen.csv")
    assert "Cannot write" in window.messages.text


def test_only_paths_can_be_animated(window, qtbot):
    dialog = ExportDialog(window.controller, Settings(), "samples-1", window)
    qtbot.addWidget(dialog)
    dialog.show_animation(True)
    assert dialog.tabs.currentIndex() == 0
    dialog.reject()
    dialog = dialog_on(window, qtbot)
    dialog.show_animation(True)
    assert dialog.tabs.currentIndex() == 1
    dialog.animation_page.frames.setValue(50)
    assert "2.0 s" in dialog.animation_page.note()
    dialog.reject()


def test_an_animation_is_a_job_on_the_recipe(window, qtbot, tmp_path):
    asked = []

    class Jobs:
        running = 0

        def animate(self, recipe, path, frames, easing, ms):
            asked.append((recipe.name, path.name, frames, easing, ms))

        def all(self):
            return ()

        def close(self): ...

    window.controller.jobs = Jobs()
    dialog = dialog_on(window, qtbot)
    dialog.show_animation(True)
    dialog.write_to(tmp_path / "walk")
    assert asked == [("interpolate", "walk.gif", 60, "smooth", 40)]
    assert not dialog.isVisible()


def test_shortcuts_reach_the_dialog(window, qtbot):
    from PySide6.QtCore import Qt

    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(ExportDialog)
    assert dialog.isVisible()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_status_bar_says_when_a_view_is_a_sample():
    curve = Curve((), "x", "y", notes=("Codes of a sample of 20,000 images.",))
    assert sampled_note(Sheet((Curve((), "x", "y"), curve))).startswith("Codes of a sample")
    assert sampled_note(Curve((), "x", "y", notes=("3 values are not finite.",))) == ""
    assert device_name("cuda:1") == "GPU 1"
    assert device_name("cpu") == "CPU"


def test_all_images_are_selected_as_the_browser_shows_them(window):
    window.table.run("select-all")
    assert len(window.controller.document.selection) == SIZE
    window.controller.set_browser(search="toy-1")
    window.table.run("select-all")
    chosen = window.controller.document.selection
    assert set(chosen) == {1, 10, 11}
    assert json.dumps(chosen)
