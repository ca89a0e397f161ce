"""The panel of attribute sliders over a toy engine: the hand first, one step of undo, warnings, making attributes."""

from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import SPEC, code, facts, frames, image, model_info
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from window_kit import GateEngine, settle, window_on

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.figures.recipe import CodeInput, Figure, ImageInput, Recipe
from latentstudio.figures.tables import table_of
from latentstudio.gui import edits
from latentstudio.gui.attribute_making import AttributeMaker
from latentstudio.gui.controller import Controller
from latentstudio.gui.panels.attributes import AttributesPanel
from latentstudio.gui.widgets.edit_pair import data_readouts
from latentstudio.gui.widgets.frames_of import side_by_side
from latentstudio.gui.widgets.plots.heatmap import HeatmapView
from latentstudio.gui.widgets.readouts import NAMES
from latentstudio.gui.widgets.selection_menu import SelectionMenu
from latentstudio.gui.widgets.strip_view import StripView
from latentstudio.results import Band, Heatmap, Measure, Strip
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import Answer, RunRecipe, Urgency
from latentstudio.studio.session import Session

LEFT = Qt.MouseButton.LeftButton
FAR = 4.0
"""Total amount from which the toy engine's edited codes are outside the data set."""


class EditingEngine(GateEngine):
    """Adds the sum of the amounts to the first number of the code; percentiles are ten for each unit of it."""

    def run(self, recipe: Recipe) -> Any:
        if recipe.name != "attribute":
            return super().run(recipe)
        params = recipe.params
        item = recipe.inputs["images"][0]
        start = item.values() if isinstance(item, CodeInput) else code(item.index)
        amounts = params["amounts"] or [1.0] * len(params["attributes"])
        moved = np.array(params["strengths"]) * sum(amounts)
        codes = np.stack([start + np.array([m, 0, 0, 0]) for m in moved]).astype(np.float32)
        made = frames(codes)
        made = changed(made, data_percentile=np.where(np.abs(moved) >= FAR, 100.0, 50.0))
        names = dict.fromkeys((*params["attributes"], *params["watch"]))
        measures = tuple(Measure(n, 50 + 10 * moved, "percentile", brief=n in params["attributes"]) for n in names)
        return Strip(
            frames=made,
            positions=np.array(params["strengths"]),
            row_labels=("toy-1",),
            measures=measures,
            axis="strength",
            log_prob_band=Band(-100, 0, "95 % of the data set"),
            caption="toy data",
        )


def make_world(*panels: Panel, **document: Any) -> tuple[Controller, EditingEngine]:
    engine = EditingEngine()
    columns = [Column(name, "binary", np.arange(12) % 2.0) for name in ("smile", "beard", "hat")]
    known = changed(facts(), attributes=AttributeTable(12, columns))
    catalogue = changed(Catalogue(models={"toy-model": model_info()}), datasets={SPEC: known})
    about = {"data": SPEC, "model": "toy-model", "active": panels[0].id if panels else ""} | document
    made = Document(panels=panels, **about)
    return Controller(Session(made), engine, catalogue), engine


def attribute_panel(**params: Any) -> Panel:
    return Panel(id="attribute-1", kind="operation", name="attribute", params=params, slots={"images": (image(1),)})


@pytest.fixture
def made(qtbot):
    controllers = []

    def make(**params: Any):
        document = params.pop("document", {})
        controller, engine = make_world(attribute_panel(**params), **document)
        panel = AttributesPanel(controller, "attribute-1")
        qtbot.addWidget(panel)
        panel.resize(900, 420)
        panel.show()
        settle()
        engine.open_all()
        settle()
        controllers.append(controller)
        return panel, controller, engine

    yield make
    for controller in controllers:
        controller.close()


def runs(engine: GateEngine, lane: str) -> list[Recipe]:
    return [r.recipe for name, r in engine.requests if name == lane and isinstance(r, RunRecipe)]


def drag(slider: Any, values: list[float], release: bool = True) -> None:
    """A true drag of a slider's handle over some values."""
    y = round(slider.track_y())
    places = [QPoint(round(slider.x_of(v)), y) for v in (slider.real, *values)]
    QTest.mousePress(slider, LEFT, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(slider, place)
        QApplication.sendPostedEvents()
    if release:
        QTest.mouseRelease(slider, LEFT, pos=places[-1])
    settle()


def params_of(controller: Controller) -> dict[str, Any]:
    return controller.document.panel("attribute-1").params


def test_a_drag_decodes_the_edited_face_alone_and_the_newest_amount_wins(made) -> None:
    panel, controller, engine = made(attributes=["smile", "beard"], amounts=[1.0, 0.0])
    page = panel.sliders
    before = controller.document
    slider = page.rows[0].slider
    assert page.pair.frames.codes[:, 0].tolist() == [1, 2]
    engine.requests.clear()
    drag(slider, [1.5, 2.0, 2.5], release=False)
    asked = runs(engine, "hand")
    assert len(asked) == 1, "the picture at work is brought before another one is asked for"
    assert engine.urgencies["hand"] == Urgency.HAND
    assert runs(engine, "panel:attribute-1") == []
    assert controller.document is before, "nothing is an edit before the hand lets go"
    first = engine.tickets("hand")[-1]
    engine.open(first)
    settle()
    asked = runs(engine, "hand")
    assert len(asked) == 2, "of all the amounts that came meanwhile only the newest is decoded"
    assert asked[1].params["amounts"][0] == pytest.approx(2.5, abs=0.05)
    assert all(recipe.params["strengths"] == [1.0] and len(recipe.inputs["images"]) == 1 for recipe in asked)
    engine.open(engine.tickets("hand")[-1])
    engine.open(first)
    settle()
    assert page.pair.frames.codes[1, 0] == pytest.approx(1 + 2.5, abs=0.05)
    assert page.pair.frames.codes[0, 0] == 1
    assert not page.pair.stale
    QTest.mouseRelease(slider, LEFT, pos=QPoint(round(slider.x_of(2.5)), round(slider.track_y())))
    settle()
    whole = runs(engine, "panel:attribute-1")
    assert len(whole) == 1
    assert whole[0].params["strengths"] == [0.0, 0.5, 1.0, 2.0, 3.0]
    assert params_of(controller)["amounts"][0] == pytest.approx(2.5, abs=0.05)
    assert not page.pair.stale, "the picture under the hand stays while the strip follows"


def test_a_gesture_is_one_step_of_undo(made) -> None:
    panel, controller, engine = made(attributes=["smile"], amounts=[1.0])
    page = panel.sliders
    drag(page.rows[0].slider, [0.5, -1.0, -2.0])
    engine.open_all()
    settle()
    assert page.pair.frames.codes[1, 0] == pytest.approx(-1, abs=0.05)
    assert controller.undo() == "Change amounts"
    settle()
    assert params_of(controller)["amounts"] == [1.0]
    assert page.rows[0].slider.real == 1.0
    assert page.rows[0].amount == 1.0
    assert page.pair.frames.codes[1, 0] == 2, "the cache has it"
    assert not controller.session.can_undo


def test_undo_takes_back_what_is_still_on_its_way(made) -> None:
    panel, controller, engine = made(attributes=["smile"], amounts=[1.0])
    drag(panel.sliders.rows[0].slider, [2.0])
    late = engine.tickets("hand")[-1]
    controller.undo()
    settle()
    engine.open(late)
    settle()
    assert panel.sliders.pair.frames.codes[1, 0] == 2


def test_typed_amounts_reach_beyond_the_slider(made) -> None:
    panel, controller, _ = made(attributes=["smile"], amounts=[1.0])
    row = panel.sliders.rows[0]
    row.box.setValue(7.5)
    settle()
    assert params_of(controller)["amounts"] == [7.5]
    assert row.amount == 7.5
    assert row.slider.real == 3.0


def test_readouts_warn_outside_the_range_of_the_data_set(made) -> None:
    panel, _, engine = made(attributes=["smile"], amounts=[1.0])
    page = panel.sliders
    assert page.pair.warnings() == ()
    assert page.words.words == "toy data"
    page.rows[0].box.setValue(5.0)
    settle()
    engine.open_all()
    settle()
    assert page.pair.warnings() == ("the norm is outside that of every image of the data set",)
    assert page.words.words.startswith("The norm is outside")
    norm, density = data_readouts(page.pair.frames, 1, None, page.pair.log_prob_band)
    assert (norm.unusual, density.unusual) == (True, False)
    assert not data_readouts(page.pair.frames, 0, None, None)[0].unusual
    narrow = Band(-1.0, 0.0, "95 % of the data set")
    assert data_readouts(page.pair.frames, 0, None, narrow)[1].unusual


def test_leak_bars_follow_the_hand(made) -> None:
    panel, _, engine = made(attributes=["smile"], amounts=[1.0], watch=["beard", "hat"])
    page = panel.sliders
    assert [(k.words, k.before, k.after) for k in page.bars.leaks] == [("beard", 50, 60), ("hat", 50, 60)]
    assert page.rows[0].place.text() == "50 → 60\u2009%"
    drag(page.rows[0].slider, [2.0], release=False)
    for _ in range(2):
        engine.open(engine.tickets("hand")[-1])
        settle()
    assert page.bars.leaks[0].after == pytest.approx(70, abs=0.5)
    assert "beard +20" in page.bars.accessibleDescription()
    QTest.mouseRelease(page.rows[0].slider, LEFT)


def test_the_hand_does_not_wait_for_directions_that_are_still_being_found(made) -> None:
    panel, controller, engine = made(attributes=["smile"], amounts=[1.0])
    controller.set_param("attribute-1", "watch", ["beard"])
    settle()
    engine.requests.clear()
    drag(panel.sliders.rows[0].slider, [2.0], release=False)
    assert runs(engine, "hand")[-1].params["watch"] == []
    QTest.mouseRelease(panel.sliders.rows[0].slider, LEFT)


def test_attributes_are_added_and_taken_away_in_one_step_each(made) -> None:
    panel, controller, _ = made(attributes=["smile"], amounts=[0.5])
    page, said = panel.sliders, []
    controller.message.connect(lambda words, kind: said.append(words))
    page.adder.line.setText("beard")
    QTest.keyClick(page.adder.line, Qt.Key.Key_Return)
    settle()
    assert params_of(controller) == {"attributes": ["smile", "beard"], "amounts": [0.5, 1.0]}
    assert [row.words for row in page.rows] == ["smile", "beard"]
    page.adder.line.setText("smlie")
    QTest.keyClick(page.adder.line, Qt.Key.Key_Return)
    assert said[-1].startswith("There is no attribute 'smlie'")
    assert len(page.rows) == 2
    QTest.mouseClick(page.rows[0].close_button, LEFT)
    settle()
    assert params_of(controller) == {"attributes": ["beard"], "amounts": [1.0]}
    controller.undo()
    assert params_of(controller) == {"attributes": ["smile", "beard"], "amounts": [0.5, 1.0]}


def test_the_quantile_scale_begins_where_the_edit_stands(made) -> None:
    panel, controller, _ = made(attributes=["smile"], amounts=[2.0])
    panel.sliders.scale.chips[1].click()
    settle()
    assert params_of(controller)["scale"] == "quantile"
    assert params_of(controller)["amounts"] == [70.0]
    assert panel.sliders.rows[0].slider.real == 70.0
    controller.undo()
    settle()
    assert params_of(controller) == {"attributes": ["smile"], "amounts": [2.0]}
    assert panel.sliders.rows[0].slider.real == 2.0


def test_pictures_of_less_and_more_stand_beside_every_slider(made) -> None:
    panel, _, engine = made(attributes=["smile", "beard"], amounts=[1.0, 1.0])
    asked = [runs(engine, f"direction:attribute-1:{w}")[-1] for w in ("smile", "beard")]
    assert [r.params["attributes"] for r in asked] == [["smile"], ["beard"]]
    assert all(r.params["strengths"] == [-2.0, 2.0] and r.params["amounts"] == [] for r in asked)
    engine.open_all()
    settle()
    row = panel.sliders.rows[0]
    assert row.more._pixels is not None
    assert row.more._pixels.mean() > row.less._pixels.mean()
    row.more.clicked.emit()
    settle()
    assert row.amount == 2.0


def test_the_other_page_keeps_the_panel_visible_and_belongs_to_the_document(made) -> None:
    panel, controller, _ = made(attributes=["smile"], amounts=[1.0])
    panel.sliders.pages.chips[1].click()
    settle()
    assert controller.document.panel("attribute-1").view == {"page": "strip"}
    assert controller.visible_panels == {"attribute-1"}
    assert panel.strip.isVisible()
    view = panel.strip.result.parts[0]
    assert isinstance(view, StripView)
    assert "smile" in view.describe(1)
    controller.undo()
    settle()
    assert panel.sliders.isVisible()
    assert controller.visible_panels == {"attribute-1"}


def test_the_leak_is_measured_in_a_panel_of_its_own(made) -> None:
    panel, controller, _ = made(attributes=["smile"], amounts=[1.0], watch=["beard"], estimator="lda")
    panel.sliders.leak.click()
    made_panel = controller.document.panel("attribute_leak-1")
    assert made_panel.params == {"attributes": ["smile"], "watched": ["beard"], "estimator": "lda"}
    controller.set_param("attribute-1", "estimator", "logistic")
    panel.sliders.leak.click()
    assert len(controller.document.panels) == 2
    assert controller.document.panel("attribute_leak-1").params["estimator"] == "logistic"


def test_what_is_dragged_away_is_the_edited_code(made) -> None:
    panel, _, _ = made(attributes=["smile"], amounts=[1.0])
    item = panel.sliders._input(1)
    assert item.values().tolist() == [2, 2, 0, 2]
    assert item.label == "toy-1 smile 1"
    facts_of_card = panel.sliders.actions_of_pair.facts(1)
    assert "norm" in dict(facts_of_card.lines)


def test_a_selection_becomes_an_attribute_in_one_step(made) -> None:
    panel, controller, _ = made(document={"selection": (1, 2, 5)})
    maker = AttributeMaker(controller, panel, "attribute-1")
    menu = QMenu()
    maker.fill(menu)
    assert menu.actions()[0].text() == "The selection (3) against the rest…"
    maker.make("pilots", (1, 2, 5))
    assert params_of(controller)["attributes"] == ["selection:pilots"]
    assert controller.document.named_selections == {"pilots": (1, 2, 5)}
    maker.make("sailors", (6, 7), other="pilots")
    assert params_of(controller)["attributes"][-1] == "selection:sailors|selection:pilots"
    controller.undo()
    controller.undo()
    assert controller.document.named_selections == {}
    menu.deleteLater()


def test_a_file_becomes_an_attribute(made, tmp_path: Path) -> None:
    panel, controller, _ = made()
    said: list[str] = []
    controller.message.connect(lambda words, kind: said.append(words))
    path = tmp_path / "sailors.txt"
    path.write_text("toy-3\ntoy-4\n")
    AttributeMaker(controller, panel, "attribute-1").read(path)
    assert controller.document.named_selections == {"sailors": (3, 4)}
    path.write_text("nobody\n")
    AttributeMaker(controller, panel, "attribute-1").read(path)
    assert "names 'nobody'" in said[-1]


def test_the_browser_makes_attributes_too_and_adds_a_panel_where_there_is_none(qtbot) -> None:
    controller, _ = make_world(selection=(0, 1))
    button = SelectionMenu(controller, lambda: np.arange(12))
    qtbot.addWidget(button)
    button.fill()
    texts = [action.text() for action in button.entries.actions()]
    assert "Make an attribute" in texts
    AttributeMaker(controller, button).make("two", (0, 1))
    assert controller.document.panel("attribute-1").params["attributes"] == ["selection:two"]
    controller.close()


def test_a_figure_brings_selections_sliders_and_page_back(qtbot) -> None:
    source, _ = make_world(
        attribute_panel(attributes=["selection:pilots", "smile"], amounts=[1.5, -0.5], watch=["beard"]),
        named_selections={"pilots": (1, 2)},
    )
    recipe = source.resolved(source.document.panel("attribute-1"))
    assert isinstance(recipe, Recipe)
    source.close()
    sealed = CodeInput.of(code(1), label="toy-1")
    axis = CodeInput.of(np.ones(4, np.float32), label="direction of smile")
    recipe = replace(recipe, inputs={"direction of smile": (axis,), "images": (sealed,)})
    elsewhere = Document(data="another", current=ImageInput(dataset="another", index=0))
    reopened = edits.reopen(elsewhere, Figure(rows=((recipe,),)))
    assert reopened.current == sealed, "not the direction"
    controller, engine = make_world()
    window = window_on(controller, qtbot)
    controller.reopen(Figure(rows=((recipe,),)))
    settle()
    engine.open_all()
    settle()
    assert controller.document.named_selections == {"pilots": (1, 2)}
    panel = window.area.docks["attribute-1"].content()
    assert isinstance(panel, AttributesPanel)
    assert [(row.words, row.amount) for row in panel.sliders.rows] == [("selection:pilots", 1.5), ("smile", -0.5)]
    again = controller.resolved(controller.document.panel("attribute-1"))
    assert again == replace(recipe, inputs={"images": (sealed,)})
    assert panel.sliders.slot.pixels[0] is not None
    window.close()


def test_measures_stand_under_the_frames_of_a_strip(qtbot) -> None:
    view = StripView()
    qtbot.addWidget(view)
    view.resize(700, 300)
    engine = EditingEngine()
    recipe = Recipe(
        kind="operation",
        name="attribute",
        params={"attributes": ["smile"], "watch": ["beard"], "amounts": [], "strengths": [0, 1, 2]},
        inputs={"images": (image(1),)},
    )
    view.set_strip(engine.run(recipe))
    assert view._names() == ("norm", "log p", "smile", NAMES[2])
    assert [value.text for value in view._lines(1)][2] == "60\u2009%"
    assert "beard 60\u2009%" in view.describe(1)
    assert view.layout_of_frames.lines == 4


def test_frames_that_know_less_are_joined_to_those_that_know_more() -> None:
    full, bare = frames(code(1)[None]), frames(code(2)[None])
    bare = changed(bare, data_percentile=None, nearest=None, nearest_distance=None)
    both = side_by_side(full, bare)
    assert both.data_percentile[0] == full.data_percentile[0]
    assert np.isnan(both.data_percentile[1])
    assert both.nearest.tolist() == [1, -1]
    narrow = Band(0.0, 1.0, "95 % of prior draws")
    assert not data_readouts(both, 1, narrow, None)[0].unusual, "not known yet, so nothing is claimed"
    assert data_readouts(bare, 0, narrow, None)[0].unusual


def test_a_matrix_names_its_cells(qtbot) -> None:
    view = HeatmapView()
    qtbot.addWidget(view)
    view.resize(600, 400)
    values = np.array([[[30.0, -12.0], [0.0, 25.0]]])
    matrix = Heatmap(values, ("Change",), diverging=True, row_labels=("smile", "hat"), column_labels=("smile", "hat"))
    view.set_result(matrix)
    view.show()
    settle()
    box = view.maps.box(0)
    assert box.left() > 20, "names of rows stand at the left"
    place = QPointF(box.left() + 0.75 * box.width(), box.top() + 0.25 * box.height())
    assert view.maps.value_at(place) == "Change, smile → hat: −12.00"
    assert view.maps.minimumHeight() > box.bottom() + 10, "names of columns stand below"
    table = table_of(matrix)
    assert table.columns == ("map", "row", "smile", "hat")
    assert table.rows == (("Change", "smile", 30.0, -12.0), ("Change", "hat", 0.0, 25.0))


def test_a_class_with_one_member_is_said_and_the_last_picture_stays_dimmed(made) -> None:
    panel, controller, engine = made(attributes=["smile"], amounts=[1.0])
    before = panel.sliders._strip
    assert before is not None
    assert not panel.sliders.pair.stale
    controller.set_param("attribute-1", "attributes", ["smile", "hat"])
    settle()
    sentence = "Only one image is hat; a direction needs two or more."
    lane = "panel:attribute-1"
    engine.say(Answer(engine.tickets(lane)[-1], error=sentence, done=True))
    settle()
    assert panel.sliders._strip is before
    assert panel.sliders.pair.stale
    assert (panel.sliders.words.words, panel.sliders.words.kind) == (sentence, "error")
    controller.undo()
    settle()
    assert not panel.sliders.pair.stale
    assert panel.sliders.words.kind != "error"
