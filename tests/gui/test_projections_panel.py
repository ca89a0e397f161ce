"""The panel of projections: bars select faces, the marker moves the face, one step of undo for each gesture."""

import numpy as np
import pytest
from fakes import SPEC, WIDTH, code, frames, image, world
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from latentstudio.figures.inspect import Inspection
from latentstudio.figures.recipe import FigureStyle
from latentstudio.gui.figures import figure_of
from latentstudio.gui.makers import MAKERS
from latentstudio.gui.markers import Move, moved, on_line, percentile_of, values_on
from latentstudio.gui.panels.analysis import AnalysisPanel
from latentstudio.gui.panels.projections import ProjectionsPanel
from latentstudio.results import Axis, Distribution, Histogram, ImageGrid, Line, Sheet, Table
from latentstudio.studio.document import Panel, document_from_json, document_to_json
from latentstudio.studio.requests import Answer, RunRecipe

EDGES = np.linspace(-2.0, 14.0, 17)
UNIT = np.array([1, 0, 0, 0], np.float32)
OTHER = np.array([0.6, 0.8, 0, 0], np.float32)
PIXELS = np.full(64, 1 / 8, np.float32)


def pair(name: str, space: str, unit: np.ndarray, values: np.ndarray) -> list[Distribution]:
    """Histograms of twelve toy images by class and of all of them."""
    axis = Axis(name, space, unit)
    members = np.arange(12)
    sides = [
        Histogram(words, EDGES, np.histogram(values[side], EDGES)[0].astype(float), role, values[side], members[side])
        for words, role, side in (("with", "data", members % 2 == 0), ("without", "other", members % 2 == 1))
    ]
    whole = Histogram("data set", EDGES, np.histogram(values, EDGES)[0].astype(float), "data", values, members)
    line = Line("threshold", np.array([5.0, 5.0]), np.array([0.0, 3.0]), "reference")
    return [
        Distribution(tuple(sides), name, references=(line,), title=f"{name} {space} by class", caption="c", axis=axis),
        Distribution((whole,), name, title=f"{name} {space} of all", caption="c", axis=axis),
    ]


def sheet() -> Sheet:
    codes = np.stack([code(i) for i in range(12)]).astype(float)
    grey = (10 + 15 * np.arange(12)) / 127.5 - 1
    parts = [
        *pair("opposite", "latent", UNIT, codes @ UNIT),
        *pair("zero", "latent", OTHER, codes @ OTHER),
        *pair("opposite", "image", PIXELS, grey * 8),
        Table(("space",), (("latent",),), title="Discrimination", caption="c"),
    ]
    return Sheet(tuple(parts), title="Projections", caption="toy data; toy model")


def inspection(index: int) -> Inspection:
    """What the engine would say of a toy image."""
    one = frames(code(index)[None])
    return Inspection(
        image=one.images[0].copy(),
        original=one.images[0].copy(),
        error=0.0,
        code=code(index),
        norm=float(one.norm[0]),
        log_prob=float(one.log_prob[0]),
        prior_percentile=50.0,
        data_percentile=None,
        profile=code(index).astype(float),
        nearest=(),
        attributes={},
        label=f"toy-{index}",
    )


def panel_of(**changes) -> Panel:
    fields = {"params": {"attribute": "with"}, **changes}
    return Panel(id="projections-1", kind="analysis", name="projections", **fields)


@pytest.fixture(autouse=True)
def _every_move_counts():
    """A hand moves the mouse slowly, a test does not; pyqtgraph drops moves that follow each other too fast."""
    import pyqtgraph as pg

    before = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", -1)
    yield
    pg.setConfigOption("mouseRateLimit", before)


@pytest.fixture
def made(qtbot):
    """Make a panel over a toy world with a face in the inspector, and take both away again."""
    controllers = []

    def make(face: int | None = 4, **changes):
        controller, engine = world(panel_of(**changes))
        engine.results["projections"] = sheet()
        panel = MAKERS["analysis"](controller, "projections-1")
        qtbot.addWidget(panel)
        panel.resize(1000, 620)
        panel.show()
        QApplication.processEvents()
        engine.run = answering(engine.run)
        if face is not None:
            inspect(controller, face)
        controllers.append(controller)
        return panel, controller, engine

    yield make
    for controller in controllers:
        controller.close()


def answering(run):
    """The toy decodes codes exactly: the picture's grey level is the first number."""

    def answer(recipe):
        if recipe.name != "reconstruct":
            return run(recipe)
        return ImageGrid(frames(np.stack([item.values() for item in recipe.inputs["images"]])), 8, caption="toy")

    return answer


def inspect(controller, index: int) -> None:
    controller.inspect(image(index))
    controller._probe.inspection = inspection(index)
    controller.inspection_changed.emit(controller.inspection)
    QApplication.processEvents()


def drag(qtbot, plot, start: float, to: float) -> None:
    """A true drag with the mouse from one value to another, above the bars, where the marker's handle is."""
    surface = plot.surface
    port = surface.viewport()
    seen: list[QPointF] = []

    def at_rest() -> bool:
        seen.append(surface.pixel_of(to, 0.0))
        fitted = surface.limits()[1] > 10 and port.visibleRegion().boundingRect().height() > 100
        return fitted and seen[-3:].count(seen[-1]) == 3

    qtbot.waitUntil(at_rest)
    high = surface.limits()[3]
    first, last = (surface.pixel_of(x, 0.6 * high) for x in (start, to))
    begin, end = (QPoint(round(p.x()), round(p.y())) for p in (first, last))
    qtbot.mouseMove(port, begin)
    QApplication.processEvents()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=begin)
    for step in range(1, 9):
        at = QPointF(begin) + (QPointF(end) - QPointF(begin)) * step / 8
        qtbot.mouseMove(port, at.toPoint())
        QApplication.processEvents()
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)
    QApplication.processEvents()


def decoded(engine) -> list:
    """Codes that were asked for under the hand."""
    asked = [request.recipe for lane, request in engine.requests if lane == "hand" and isinstance(request, RunRecipe)]
    return [recipe.inputs["images"][0].values() for recipe in asked]


# --- pure functions


def test_a_moved_code_has_the_projection_and_nothing_else_changed() -> None:
    axis = Axis("opposite", "latent", OTHER)
    start = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    there = moved(axis, start, 7.5)
    assert on_line(axis, there, None) == pytest.approx(7.5)
    across = np.array([[0.8, -0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(across @ there, across @ start, rtol=1e-6)


def test_pictures_are_projected_as_the_model_sees_them() -> None:
    axis = Axis("zero", "image", np.full(4, 0.5, np.float32), factor=4)
    picture = np.full((8, 8, 1), 255, np.uint8)
    assert on_line(axis, code(0), picture) == pytest.approx(2.0)
    assert on_line(axis, code(0), None) is None
    assert on_line(axis, code(0), np.zeros((6, 6, 1), np.uint8)) is None
    assert on_line(Axis("zero", "latent", np.ones(5, np.float32)), code(0), None) is None, "of another model"


def test_moves_are_read_from_views_and_damaged_ones_are_none() -> None:
    move = Move("with", "zero", 2.5)
    assert Move.of_view(move.to_view(), "with") == move
    for value in (None, "x", ["with", "zero"], ["with", 3, 2.5], ["with", "zero", float("nan")], ["other", "zero", 1]):
        assert Move.of_view(value, "with") is None


def test_percentiles_are_of_the_histogram_of_all_images() -> None:
    values = values_on(sheet(), Axis("opposite", "latent", UNIT))
    assert values.tolist() == list(range(12))
    assert percentile_of(values, 3.0) == pytest.approx(100 * 3.5 / 12)
    assert np.isnan(percentile_of(np.zeros(0), 1.0))


# --- the panel


def test_projections_have_a_panel_of_their_own_and_other_analyses_the_plain_one(qtbot, made) -> None:
    panel, _, _ = made()
    assert isinstance(panel, ProjectionsPanel)
    controller, _ = world(Panel(id="norms-1", kind="analysis", name="norms"))
    other = MAKERS["analysis"](controller, "norms-1")
    qtbot.addWidget(other)
    assert type(other) is AnalysisPanel
    controller.close()


def test_without_a_face_there_is_no_marker_and_a_hint(made) -> None:
    panel, _, _ = made(face=None)
    assert all(plot.marker.at is None for plot in panel._plots)
    assert panel.mover.preview.describe(0).startswith("Click a face")
    assert not panel.mover.field.isVisible()


def test_the_face_is_marked_on_every_line_and_follows_the_inspector(made) -> None:
    panel, controller, _ = made(face=4)
    places = [plot.marker.at for plot in panel._plots]
    latent = [4.0, 4.0, 0.6 * 4 + 0.8 * 5, 0.6 * 4 + 0.8 * 5]
    assert places[:4] == pytest.approx(latent, rel=1e-6)
    assert places[4] == pytest.approx(8 * ((10 + 60) / 127.5 - 1), rel=1e-5)
    inspect(controller, 7)
    assert panel._plots[0].marker.at == pytest.approx(7.0)
    assert "7.00" in panel.mover.words.text()
    assert panel.mover.preview.count == 1


def test_a_true_drag_moves_the_code_and_is_one_step_of_undo(qtbot, made) -> None:
    panel, controller, engine = made(face=4)
    plot = panel._plots[0]
    drag(qtbot, plot, 4.0, 9.0)
    stored = controller.document.panel("projections-1").view["move"]
    assert stored[:2] == ["with", "opposite"]
    assert stored[2] == pytest.approx(9.0, abs=0.25)
    codes = decoded(engine)
    assert len(codes) >= 3, "decoded live, not only at the end"
    assert codes[-1][0] == pytest.approx(stored[2], rel=1e-6)
    np.testing.assert_array_equal(codes[-1][1:], code(4)[1:])
    assert panel.mover.preview.count == 2
    assert panel._plots[2].marker.at == pytest.approx(0.6 * stored[2] + 0.8 * 5, rel=1e-5), "on the other line too"
    assert plot.brush is None, "the marker was dragged, not a brush"
    assert controller.document.selection == ()
    assert controller.undo() == "Move the face along with"
    assert controller.document.panel("projections-1").view == {}
    assert plot.marker.at == pytest.approx(4.0)
    assert panel.mover.preview.count == 1
    controller.redo()
    assert plot.marker.at == pytest.approx(stored[2])


def test_a_brush_selects_exactly_the_faces_of_its_bars_everywhere(qtbot, made) -> None:
    panel, controller, _ = made(face=None)
    plot = panel._plots[1]
    drag(qtbot, plot, 6.2, 8.8)
    assert sorted(controller.document.selection) == [6, 7, 8]
    assert sorted(panel._plots[2].selection.tolist()) == [6, 7, 8]
    assert panel._plots[2]._chosen, "drawn in the other histograms"


def test_arrow_keys_move_the_marker_and_home_brings_it_back(qtbot, made) -> None:
    panel, controller, _ = made(face=4)
    plot = panel._plots[0]
    for _ in range(3):
        qtbot.keyClick(plot.surface, Qt.Key.Key_Right)
    qtbot.keyClick(plot.surface, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    step = 16 / 200
    assert plot.marker.at == pytest.approx(4 + 3 * step - 10 * step)
    plot.marker.settled.emit()
    assert controller.document.panel("projections-1").view["move"][2] == pytest.approx(4 - 7 * step)
    qtbot.keyClick(plot.surface, Qt.Key.Key_Home)
    assert plot.marker.at == pytest.approx(4.0)


def test_a_typed_percentile_moves_the_face_there(qtbot, made) -> None:
    panel, controller, engine = made(face=2)
    panel.mover.field.setValue(50.0)
    assert controller.document.panel("projections-1").view["move"] == ["with", "opposite", 5.5]
    assert decoded(engine)[-1][0] == pytest.approx(5.5)
    panel.mover.button.click()
    assert controller.document.panel("projections-1").view == {}


def test_pixels_have_no_code_to_move(qtbot, made) -> None:
    panel, controller, _ = made(face=4)
    plot = panel._plots[4]
    assert not plot.marker.line.movable
    qtbot.keyClick(plot.surface, Qt.Key.Key_Right)
    assert controller.document.panel("projections-1").view == {}


def test_another_face_is_moved_to_the_same_place_and_another_attribute_forgets_it(made) -> None:
    panel, controller, engine = made(face=4, view={"move": ["with", "opposite", 9.0]})
    assert panel._plots[0].marker.at == pytest.approx(9.0)
    inspect(controller, 2)
    assert decoded(engine)[-1].tolist() == [9.0, *code(2)[1:].tolist()]
    controller.set_param("projections-1", "attribute", "without")
    assert panel._plots[0].marker.at == pytest.approx(2.0)
    controller.undo()
    assert panel._plots[0].marker.at == pytest.approx(9.0)


def test_a_saved_session_brings_the_move_back(made) -> None:
    _, controller, _ = made(face=4)
    controller.set_view("projections-1", "move", ["with", "zero", 3.0], "Move")
    again = document_from_json(document_to_json(controller.document))
    assert again.panel("projections-1").view == {"move": ["with", "zero", 3.0]}


def test_the_exported_figure_holds_the_face_and_its_moved_code_and_brings_both_back(made) -> None:
    _, controller, _ = made(face=4, view={"move": ["with", "opposite", 9.0]})
    figure = figure_of(controller, ["projections-1"], FigureStyle())
    assert [[recipe.name for recipe in row] for row in figure.rows] == [["projections"], ["reconstruct"]]
    source, there = figure.rows[1][0].inputs["images"]
    assert source == image(4)
    assert there.values().tolist() == [9.0, *code(4)[1:].tolist()]
    assert "with" in there.label
    fresh, _ = world(Panel(id="norms-1", kind="analysis", name="norms"))
    fresh.reopen(figure)
    again = fresh.document
    assert [panel.name for panel in again.panels] == ["norms", "projections"], "no panel for the moved face"
    assert again.panel("projections-1").view == {"move": ["with", "opposite", 9.0]}
    assert (again.current, again.active) == (image(4), "projections-1")
    fresh.close()
    controller.set_view("projections-1", "move", None, "Back")
    assert len(figure_of(controller, ["projections-1"], FigureStyle()).rows) == 1


def test_the_marker_can_go_beyond_the_bars_but_not_out_of_sight(qtbot, made) -> None:
    panel, _, _ = made(face=11)
    marker = panel._plots[0].marker
    for _ in range(30):
        qtbot.keyClick(panel._plots[0].surface, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert marker.at == pytest.approx(14 + 8)
    assert len(UNIT) == WIDTH
    assert SPEC == "toy"


def test_plots_stand_in_pairs_where_there_is_room(made) -> None:
    panel, _, _ = made(face=4)
    first, second, third = (plot.mapTo(panel, QPoint(0, 0)) for plot in panel._plots[:3])
    assert first.y() == second.y() < third.y()
    panel.resize(700, 620)
    QApplication.processEvents()
    first, second = (plot.mapTo(panel, QPoint(0, 0)) for plot in panel._plots[:2])
    assert first.y() < second.y()


def test_an_attribute_nobody_has_is_said_and_the_last_plots_stay_dimmed(made) -> None:
    panel, controller, engine = made()
    shown = panel.result.result
    assert shown is not None
    engine.held = True
    controller.set_param("projections-1", "attribute", "empty")
    ticket = next(t for t, r in engine._waiting if t.lane == "panel:projections-1")
    sentence = "No image is empty, so there is nothing to compare with; choose another attribute."
    for listener in engine.listeners:
        listener(Answer(ticket, done=True, error=sentence))
    QApplication.processEvents()
    assert panel.result.result is shown
    assert panel.result._fade is not None
    assert (panel.words.words, panel.words.kind) == (sentence, "error")
    engine.held = False
    controller.undo()
    QApplication.processEvents()
    assert panel.result._fade is None
    assert panel.words.kind != "error"
