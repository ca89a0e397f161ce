"""The corruption panel against a toy whose answers are exact: brush, ranking, ticks, keyboard, undo, stale answers."""

import numpy as np
import pytest
from fakes import code, frames, image, world
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_kit import gate_world, settle

from latentstudio.controls import Control
from latentstudio.figures.recipe import Figure, Recipe
from latentstudio.gui import edits
from latentstudio.gui.makers import MAKERS
from latentstudio.gui.panels.corruption import CorruptionPanel
from latentstudio.gui.widgets.part_fields import PartField, PartsField
from latentstudio.gui.widgets.region import Grid
from latentstudio.results import Changes, Heatmap, ImageGrid, Measure, Partial, Sheet, Table
from latentstudio.studio.document import Panel
from latentstudio.studio.requests import Answer, RunRecipe

EDGE = 8
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
FACE = Panel(id="corrupt-1", kind="operation", name="corrupt", slots={"face": (image(5),)})


def corrupted(recipe: Recipe) -> ImageGrid:
    """One row of frames; the map of frame k is k everywhere."""
    count = 1 + len(recipe.params["magnitudes"])
    made = frames(np.stack([code(5 + k) for k in range(count)]))
    maps = np.full((count, EDGE, EDGE), np.nan)
    maps[1:] = np.arange(1, count)[:, None, None]
    measures = (Measure("changed, %", np.where(np.arange(count) > 0, 12.5, np.nan)),)
    labels = ("face", *(f"= {m:g}" for m in recipe.params["magnitudes"]))
    return ImageGrid(made, count, labels, changes=Changes(maps, 8.0), measures=measures, caption="toy corruption")


def ranked(recipe: Recipe) -> Sheet:
    """Components 0 to 3 in an order that depends on the first painted pixel; each has a map of its own number."""
    first = recipe.params["region"][0]
    order = [(first + k) % 4 for k in range(4)]
    rows = tuple((k + 1, c, "code", 4.0 - k, 1.0, 50.0, 2.0) for k, c in enumerate(order))
    maps = np.stack([np.full((EDGE, EDGE), float(c)) for c in order])
    return Sheet((Table(("rank",), rows), Heatmap(maps, tuple(map(str, order)))), caption="toy ranking")


def answer_of(recipe: Recipe):
    return corrupted(recipe) if recipe.name == "corrupt" else ranked(recipe)


@pytest.fixture
def made(qtbot):
    """Make a panel on a toy world, and take both away again."""
    controllers = []

    def make(panel: Panel = FACE, size: tuple[int, int] = (1000, 620)):
        controller, engine = world(panel)
        engine.run = answer_of
        widget = CorruptionPanel(controller, panel.id)
        qtbot.addWidget(widget)
        widget.resize(*size)
        widget.show()
        QApplication.processEvents()
        controllers.append(controller)
        return widget, controller, engine

    yield make
    for controller in controllers:
        controller.close()


def asked(engine, name: str) -> list[Recipe]:
    return [r.recipe for _, r in engine.requests if isinstance(r, RunRecipe) and r.recipe.name == name]


def centre(widget: CorruptionPanel, pixel: int) -> QPoint:
    return widget.picture.box(pixel).center().toPoint()


def drag(widget: CorruptionPanel, pixels: list[int], keys: Qt.KeyboardModifier = NONE) -> None:
    """Press on the first pixel, go through the others, let go on the last, as a hand does."""
    picture = widget.picture
    points = [centre(widget, p) for p in pixels]
    QTest.mousePress(picture, LEFT, keys, points[0])
    for point in points[1:]:
        at = QPointF(point)
        move = QMouseEvent(QEvent.Type.MouseMove, at, picture.mapToGlobal(at), LEFT, LEFT, keys)
        QApplication.sendEvent(picture, move)
    QTest.mouseRelease(picture, LEFT, keys, points[-1])
    settle()


def params(controller) -> dict:
    return controller.document.panel("corrupt-1").params


def tick(widget: CorruptionPanel, row: int) -> None:
    """Click on the box of a row."""
    item = widget.list.item(row)
    rect = widget.list.visualItemRect(item)
    QTest.mouseClick(widget.list.viewport(), LEFT, NONE, QPoint(rect.left() + 10, rect.center().y()))
    settle()


# --- painting


def test_the_decoded_face_is_what_is_painted_on(made) -> None:
    widget, _, engine = made()
    assert np.array_equal(widget.picture._picture, widget.result.result.frames.images[0])
    assert (widget.picture.grid.height, widget.picture.grid.width) == (EDGE, EDGE)
    assert asked(engine, "sensitivity") == []
    assert widget.list.rows == ()


def test_a_true_click_finds_the_components_of_that_place(made) -> None:
    widget, controller, engine = made()
    widget.picture.set_brush(0)
    drag(widget, [21])
    assert params(controller) == {"region": [21], "which": "region"}
    assert asked(engine, "sensitivity")[-1].params["region"] == [21]
    assert asked(engine, "corrupt")[-1].params["which"] == "region"
    assert [row.component for row in widget.list.rows] == [1, 2, 3, 0]
    assert [row.moves for row in widget.list.rows] == [4.0, 3.0, 2.0, 1.0]
    assert "row 2, column 5" in widget.said.text()
    controller.undo()
    settle()
    assert params(controller) == {}
    assert widget.picture.region == ()
    assert widget.list.rows == ()


def test_a_stroke_is_one_step_and_keys_add_and_take_away(made) -> None:
    widget, controller, _ = made()
    widget.picture.set_brush(0)
    drag(widget, [8, 11, 27])
    assert params(controller)["region"] == [8, 9, 10, 11, 19, 27]
    drag(widget, [40, 41], SHIFT)
    assert params(controller)["region"] == [8, 9, 10, 11, 19, 27, 40, 41]
    drag(widget, [9, 10], CTRL)
    assert params(controller)["region"] == [8, 11, 19, 27, 40, 41]
    for before in ([8, 9, 10, 11, 19, 27, 40, 41], [8, 9, 10, 11, 19, 27]):
        controller.undo()
        settle()
        assert list(widget.picture.region) == before
    drag(widget, [0])
    assert params(controller)["region"] == [0], "a plain press begins anew"
    widget.clear.click()
    settle()
    assert "region" not in params(controller)
    assert "which" not in params(controller)


def test_while_the_hand_paints_nothing_is_asked_and_escape_gives_up(made) -> None:
    widget, controller, engine = made()
    QTest.mousePress(widget.picture, LEFT, NONE, centre(widget, 9))
    assert widget.picture.region != ()
    assert "region" not in params(controller)
    assert asked(engine, "sensitivity") == []
    QTest.keyClick(widget.picture, Qt.Key.Key_Escape)
    assert widget.picture.region == ()
    QTest.mouseRelease(widget.picture, LEFT, NONE, centre(widget, 9))
    settle()
    assert "region" not in params(controller)


def test_everything_works_by_keyboard(made) -> None:
    widget, controller, _ = made()
    picture = widget.picture
    picture.setFocus()
    picture.set_brush(0)
    QTest.keyClick(picture, Qt.Key.Key_Return)
    assert params(controller)["region"] == [4 * EDGE + 4], "the cursor begins in the middle"
    QTest.keyClick(picture, Qt.Key.Key_Right)
    QTest.keyClick(picture, Qt.Key.Key_Space)
    assert params(controller)["region"] == [36, 37]
    QTest.keyClick(picture, Qt.Key.Key_Up, SHIFT)
    QTest.keyClick(picture, Qt.Key.Key_BracketRight)
    assert widget.brush.value() == picture.brush == 1
    QTest.keyClick(picture, Qt.Key.Key_Return)
    assert params(controller)["region"] == sorted(Grid(EDGE, EDGE).dab(5, 1)) == [4, 5, 6, 13]
    assert "cursor in row 0, column 5" in picture.accessibleDescription()
    QTest.keyClick(picture, Qt.Key.Key_Backspace)
    assert "region" not in params(controller)
    QTest.keyClick(picture, Qt.Key.Key_Return)
    QTest.keyClick(picture, Qt.Key.Key_Delete)
    assert "region" not in params(controller)
    settle()
    QTest.keyClick(picture, Qt.Key.Key_Return)
    settle()
    widget.list.setFocus()
    widget.list.setCurrentRow(2)
    QTest.keyClick(widget.list, Qt.Key.Key_Space)
    settle()
    assert params(controller)["components"] == [widget.list.rows[2].component]


def test_a_brush_is_round_and_a_stroke_has_no_gaps() -> None:
    grid = Grid(9, 9)
    assert grid.dab(40, 0) == {40}
    assert grid.dab(40, 1) == {31, 39, 40, 41, 49}
    assert grid.dab(0, 1) == {0, 1, 9}
    assert grid.stroke(0, 80, 0) == {k * 10 for k in range(9)}
    assert grid.number(-3, 99) == 8


# --- choosing components


def test_ticks_choose_components_for_both_sets(made) -> None:
    widget, controller, engine = made()
    widget.picture.set_brush(0)
    drag(widget, [21])
    tick(widget, 0)
    tick(widget, 2)
    assert params(controller)["components"] == [1, 3]
    assert params(controller)["which"] == "chosen"
    widget.sets.chips[1].click()
    tick(widget, 1)
    assert params(controller)["second"] == [2]
    assert asked(engine, "corrupt")[-1].params["components"] == [1, 3]
    assert asked(engine, "corrupt")[-1].params["second"] == [2]
    widget.sets.chips[0].click()
    checked = [widget.list.item(k).checkState() == Qt.CheckState.Checked for k in range(4)]
    assert checked == [True, False, True, False]
    drag(widget, [22])
    assert params(controller)["which"] == "chosen", "painting does not throw away what was chosen by hand"
    tick(widget, [row.component for row in widget.list.rows].index(1))
    tick(widget, [row.component for row in widget.list.rows].index(3))
    assert "components" not in params(controller)
    assert params(controller)["which"] == "region"
    for _ in range(2):
        controller.undo()
    settle()
    assert params(controller)["components"] == [1, 3]


def test_a_chosen_component_stays_in_the_list_without_a_place(made) -> None:
    widget, controller, _ = made(Panel(**{**_fields(FACE), "params": {"which": "chosen", "components": [2]}}))
    assert [row.component for row in widget.list.rows] == [2]
    tick(widget, 0)
    assert widget.list.rows == ()
    assert params(controller) == {}


def _fields(panel: Panel) -> dict:
    return {name: getattr(panel, name) for name in panel.__struct_fields__}


def test_the_current_row_shows_what_its_component_moves(made) -> None:
    widget, _, _ = made()
    drag(widget, [21])
    widget.list.setCurrentRow(1)
    component = widget.list.rows[1].component
    assert np.array_equal(widget.picture._overlay, np.full((EDGE, EDGE), float(component)))
    drag(widget, [30])
    current = widget.list.current
    expected = None if current < 0 else np.full((EDGE, EDGE), float(current))
    assert (widget.picture._overlay is None) == (expected is None)


def test_what_is_missing_is_a_hint_and_no_error(made) -> None:
    widget, controller, _ = made()
    troubles: list[str] = []
    controller.message.connect(lambda words, _kind: troubles.append(words))
    widget.form.fields["which"].changed.emit("chosen")
    settle()
    assert "tick some in the list" in widget.result.hint.text()
    widget.form.fields["which"].changed.emit("region")
    settle()
    assert "paint in the picture" in widget.result.hint.text()
    assert troubles == []
    assert widget.picture._picture is not None, "the face on the slot can be painted on"


# --- answers, visibility, reopening


def test_an_answer_for_an_older_place_is_never_shown(qtbot) -> None:
    controller, engine = gate_world(FACE)
    engine.run = answer_of
    widget = CorruptionPanel(controller, "corrupt-1")
    qtbot.addWidget(widget)
    widget.resize(1000, 620)
    widget.show()
    settle()
    for ticket in engine.tickets("panel:corrupt-1"):
        engine.open(ticket)
    settle()
    widget.picture.set_brush(0)
    drag(widget, [1])
    drag(widget, [2])
    old, new = engine.tickets("place:corrupt-1")
    assert not widget.list.isEnabled()
    engine.open(old)
    settle()
    assert widget.list.rows == ()
    assert widget.ranking.waiting
    engine.open(new)
    settle()
    assert [row.component for row in widget.list.rows] == [2, 3, 0, 1]
    assert widget.list.isEnabled()
    drag(widget, [3])
    (*_, newest) = engine.tickets("place:corrupt-1")
    assert widget.list.rows == (), "the list of another place is not left standing"
    engine.say(Answer(newest, Partial(0.5, None, "Finding the components"), 0.5))
    settle()
    assert widget.ranking.waiting
    engine.say(Answer(newest, error="The model is gone."))
    settle()
    assert widget.said.text() == "The model is gone."
    controller.close()


def test_a_hidden_panel_asks_for_nothing(made) -> None:
    widget, controller, engine = made()
    widget.hide()
    controller.edit("Paint", lambda d: edits.set_param(d, "corrupt-1", "region", (5,), ()))
    settle()
    assert asked(engine, "sensitivity") == []
    widget.show()
    settle()
    assert [r.params["region"] for r in asked(engine, "sensitivity")] == [[5]]


def test_a_reopened_figure_brings_place_and_sets_back(made) -> None:
    widget, controller, engine = made()
    widget.picture.set_brush(0)
    drag(widget, [21, 23])
    tick(widget, 0)
    recipe = asked(engine, "corrupt")[-1]
    before = dict(params(controller))
    for _ in range(2):
        controller.undo()
    settle()
    assert widget.picture.region == ()
    controller.reopen(Figure(rows=((recipe,),)))
    settle()
    assert widget.picture.region == (21, 22, 23)
    shown = params(controller)
    assert {name: shown[name] for name in before} == before
    first = [row.component for row in widget.list.rows].index(before["components"][0])
    assert widget.list.item(first).checkState() == Qt.CheckState.Checked


def test_maps_of_change_stand_under_their_frames(made) -> None:
    widget, _, _ = made()
    view = widget.result.parts[0]
    grid = widget.result.result
    geometry = view._geometry
    assert set(view._tints) == {1, 2, 3, 4}
    for frame in range(5):
        assert geometry.map_rect(frame).top() >= geometry.line_rect(frame, geometry.lines - 1).bottom()
        assert geometry.map_rect(frame).bottom() <= geometry.cell(frame).bottom() + 0.5
    assert "changed, % 12.5" in view.describe(1)
    assert grid.changes.span == (0.0, 4.0)
    settle(20)
    image_of = view.grab().toImage()
    inside = view._geometry.map_rect(4).center().toPoint()
    assert image_of.pixelColor(inside * view.devicePixelRatioF()).name() == "#f0f921", "the largest change is brightest"


@pytest.mark.parametrize("size", [(1000, 620), (900, 300), (480, 700)])
def test_nothing_overlaps_at_any_size(made, size: tuple[int, int]) -> None:
    widget, _, _ = made(size=size)
    settle()
    content, view = widget.side.widget(), widget.side.viewport()
    assert content.width() <= view.width(), "the column has no horizontal scroll bar"
    assert not widget.side.geometry().intersects(widget.result.geometry())
    inside = (widget.slots[0], widget.picture, widget.brush, widget.sets, widget.list, widget.form)
    boxes = [QRect(w.mapTo(content, QPoint(0, 0)), w.size()) for w in inside]
    for k, box in enumerate(boxes):
        assert content.rect().contains(box)
        for other in boxes[k + 1 :]:
            assert not box.intersects(other)


def test_the_window_makes_this_panel_for_corruptions() -> None:
    from latentstudio.gui.dock_area import _OWN_PANELS

    assert _OWN_PANELS["corrupt"] in MAKERS


# --- fields of parts


def test_the_form_offers_the_parts_of_the_model(made) -> None:
    widget, _, _ = made()
    field = widget.form.fields["parts"]
    assert isinstance(field, PartsField)
    assert [chip.text() for chip in field.chips.chips] == ["all", "code"]


def test_all_and_single_parts_exclude_each_other(qtbot) -> None:
    field = PartsField(Control("parts", "Parts", "parts", ("all",)))
    qtbot.addWidget(field)
    field.set_parts({"level_1": (0, 2), "level_2": (2, 4)})
    told: list = []
    field.changed.connect(told.append)
    for chip, expected in ((2, ("level_2",)), (1, ("level_1", "level_2")), (0, ("all",))):
        field.chips.chips[chip].click()
        assert told[-1] == field.value() == field.chips.chosen == expected
    field.set_value(["level_2"])
    assert field.chips.chosen == ("level_2",)
    assert len(told) == 3


def test_a_part_of_another_model_is_shown_and_can_be_left(made) -> None:
    widget, controller, _ = made()
    field = widget.form.fields["parts"]
    controller.set_param("corrupt-1", "parts", ("level_7",))
    settle()
    assert "level 7 (none)" in [chip.text() for chip in field.chips.chips]
    assert "no part 'level_7' of its code; there are code, and all" in widget.result.hint.text()
    field.chips.chips[0].click()
    settle()
    assert "parts" not in params(controller)
    assert "level 7 (none)" not in [chip.text() for chip in field.chips.chips]


def test_one_part_is_chosen_from_a_list(qtbot) -> None:
    field = PartField(Control("part", "Part", "part", "all"))
    qtbot.addWidget(field)
    field.set_parts({"level_1": (0, 2), "level_2": (2, 4)})
    told: list = []
    field.changed.connect(told.append)
    field.list.setCurrentIndex(2)
    field.list.activated.emit(2)
    assert told == ["level_2"]
    assert field.value() == "level_2"
    field.set_value("level_9")
    assert field.list.currentText() == "level 9 (none)"
    field.set_value(None)
    assert field.value() == "all"
    assert told == ["level_2"]
