"""What opening and dropping files does, whichever kind they are."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from fakes import image
from PIL import Image
from window_kit import gate_world, settle, strip_panel

from latentstudio.figures.recipe import CodeInput, Figure, ModelRef, Recipe
from latentstudio.gui import edits
from latentstudio.gui.opening import Kind, kind_of, take_photo
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.session import Session


@pytest.fixture
def controller(qapp):
    made, _ = gate_world(strip_panel(0, 8))
    return made


@pytest.fixture
def said(controller):
    """Every message, as (text, kind)."""
    messages = []
    controller.message.connect(lambda text, kind: messages.append((text, kind)))
    return messages


def test_a_session_opens_and_says_what_is_missing(controller, said, tmp_path):
    other = Session(Document(data="", model="no-such-model", panels=(strip_panel(1, 2),)))
    path = other.save(tmp_path / "other.latentstudio")
    controller.open_path(path)
    assert controller.document.model == "no-such-model"
    assert controller.session.path == path
    assert any("no-such-model" in text for text, _ in said)
    assert "no-such-model" in controller.view("strip-1").reason, "the rest is open, and the strip says why it is empty"


def test_a_newer_session_is_refused_and_the_old_one_stays(controller, said, tmp_path):
    path = tmp_path / "new.latentstudio"
    path.write_text(json.dumps({"schema": 99}))
    before = controller.document
    controller.open_path(path)
    assert controller.document == before
    assert said[-1][1] == "error"
    assert "newer" in said[-1][0]


def test_a_figure_brings_back_its_panels_in_one_undoable_step(controller, tmp_path):
    code = CodeInput.of(np.arange(4, dtype=np.float32), "left")
    recipe = Recipe(
        kind="operation",
        name="interpolate",
        params={"steps": 5},
        model=ModelRef(name="toy-model", digest="m", snapshot=100),
        inputs={"a": (code,), "b": (image(3),)},
    )
    other = Recipe(kind="operation", name="sample", model=ModelRef(name="toy-model", digest="m"))
    path = tmp_path / "figure.json"
    path.write_bytes(msgspec.json.encode(Figure(rows=((recipe,), (other,)))))
    before = controller.document
    controller.open_path(path)
    strip = controller.document.panel("strip-1")
    assert strip.slots == {"a": (code,), "b": (image(3),)}
    assert strip.params == {"steps": 5}
    assert controller.document.snapshot == 100
    assert controller.document.active == "strip-1"
    assert controller.document.panel("samples-1").model == "toy-model", "a recipe of another snapshot is pinned"
    assert controller.undo() == "Reopen figure.json"
    assert controller.document == before


def test_two_strips_of_one_figure_get_two_panels():
    recipes = tuple(
        (Recipe(kind="operation", name="interpolate", inputs={"a": (image(i),)}, params={}),) for i in (1, 2)
    )
    document = edits.reopen(Document(panels=(strip_panel(),)), Figure(rows=recipes))
    assert [panel.id for panel in document.panels] == ["strip-1", "strip-2"]
    assert document.panel("strip-2").slots["a"][0].index == 2


def test_a_figure_of_a_selection_selects_it_again():
    recipe = Recipe(kind="analysis", name="norms", selection=(4, 2))
    document = edits.reopen(Document(), Figure(rows=((recipe,),)))
    assert document.selection == (4, 2)
    assert document.panels[0].follow_selection


def test_a_photo_asks_for_the_eyes_and_goes_to_the_first_free_slot(qapp, qtbot, tmp_path):
    controller, _ = gate_world(strip_panel(0))
    path = tmp_path / "me.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    with qtbot.waitSignal(controller.photo_dropped) as asked:
        controller.open_path(path)
    assert asked.args == [str(path), "strip-1", "b"]
    take_photo(controller, np.zeros((8, 8, 1), np.uint8), "me.png", "strip-1", "b")
    photo = controller.document.panel("strip-1").slots["b"][0]
    assert photo.label == "me.png"
    assert controller.document.current == photo


def test_with_both_slots_taken_a_photo_goes_to_the_inspector(controller, qtbot, tmp_path):
    path = tmp_path / "me.jpg"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    with qtbot.waitSignal(controller.photo_dropped) as asked:
        controller.open_path(path)
    assert asked.args == [str(path), "", ""]


def test_folders_and_archives_are_datasets(qapp, tmp_path):
    controller, engine = gate_world(strip_panel())
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    controller.open_path(tmp_path)
    lane = engine.requests[-1][0]
    assert lane.startswith("dataset:folder:")
    engine.open(engine.tickets(lane)[0])
    settle()
    assert controller.document.data.startswith("folder:")


def test_a_broken_model_folder_is_a_sentence(controller, said, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert kind_of(tmp_path) is Kind.MODEL
    controller.open_path(tmp_path)
    assert said[-1][1] == "error"
    assert controller.document.model == "toy-model"


@pytest.mark.parametrize("name", ["notes.txt", "gone.latentstudio", "empty.json", "text.svg"])
def test_what_cannot_be_opened_changes_nothing(controller, said, tmp_path, name):
    path = tmp_path / name
    if not name.startswith("gone"):
        path.write_text("{}" if name.endswith("json") else "hello")
    before = controller.document
    controller.open_path(path)
    assert controller.document is before
    assert said
    assert said[-1][1] == "error"
    assert name.split(".")[0] in said[-1][0]


def test_adding_panels_numbers_them(controller):
    assert controller.add_panel("operation", "interpolate") == "strip-2"
    assert controller.add_panel("operation", "sample") == "samples-1"
    assert controller.add_panel("analysis", "norms") == "norms-1"
    assert controller.session.undo_label.startswith("Add ")
    controller.undo()
    assert [panel.id for panel in controller.document.panels] == ["strip-1", "strip-2", "samples-1"]


def test_a_new_panel_begins_with_the_picture_that_is_inspected(controller):
    controller.inspect(image(7))
    edited, norms = controller.add_panel("operation", "attribute"), controller.add_panel("analysis", "norms")
    assert controller.document.panel(edited).slots == {"images": (image(7),)}
    assert controller.document.panel(norms).slots == {}


def test_parameters_at_their_default_are_not_kept(controller):
    controller.set_param("strip-1", "steps", 5)
    assert controller.document.panel("strip-1").params == {"steps": 5}
    assert controller.session.undo_label == "Change steps"
    controller.set_param("strip-1", "steps", 9)
    assert controller.document.panel("strip-1").params == {}


def test_swapping_moves_an_empty_slot_too():
    panel = Panel(id="s", kind="operation", name="interpolate", slots={"a": (image(1),)})
    swapped = edits.swap_slots(Document(panels=(panel,)), "s").panel("s")
    assert swapped.slots == {"b": (image(1),)}


def test_kinds_are_told_by_name_and_place(tmp_path):
    assert kind_of(tmp_path) is Kind.DATASET
    assert kind_of(Path("x.latentstudio")) is Kind.SESSION
    assert kind_of(Path("x.PDF")) is Kind.FIGURE
    assert kind_of(Path("x.JPG")) is Kind.PICTURE
    assert kind_of(Path("x.zip")) is Kind.DATASET
    assert kind_of(Path("t10k-images-idx3-ubyte")) is Kind.DATASET
    assert kind_of(Path("x.exe")) is Kind.UNKNOWN
