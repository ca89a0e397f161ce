"""From an action to the picture: what is asked of the engine, what is painted, and what never is."""

import numpy as np
import pytest
from fakes import code, image, strip
from PySide6.QtCore import QCoreApplication
from window_kit import GateEngine, Urgency, gate_world, settle, strip_panel, world

from latentstudio.figures.recipe import CodeInput
from latentstudio.gui.controller import Controller
from latentstudio.results import Partial, Strip
from latentstudio.studio.document import Panel
from latentstudio.studio.requests import Answer, RunRecipe

LANE = "panel:strip-1"


@pytest.fixture
def two(qapp: QCoreApplication) -> tuple[Controller, GateEngine]:
    """A visible strip between images 0 and 8 whose request waits at the gate."""
    controller, engine = gate_world(strip_panel(0, 8))
    controller.set_visible("strip-1", True)
    return controller, engine


def ends(controller: Controller) -> tuple[float, float]:
    """First number of the first and last frame on the strip: which images it lies between."""
    result = controller.view("strip-1").result
    assert isinstance(result, Strip)
    return float(result.frames.codes[0, 0]), float(result.frames.codes[-1, 0])


def test_a_drop_is_one_edit_one_request_and_one_repaint(two):
    controller, engine = two
    engine.open(engine.tickets(LANE)[-1])
    settle()
    seen = []
    controller.panel_changed.connect(lambda panel_id, view: seen.append((panel_id, view.stale, view.settled)))
    controller.set_slot("strip-1", "b", (image(5),))
    assert controller.session.undo_label == "Drop on B"
    assert seen == [("strip-1", True, False)], "the old picture stays, dimmed, while the new one is on its way"
    assert ends(controller) == (0.0, 8.0)
    engine.open(engine.tickets(LANE)[-1])
    settle()
    assert seen[-1] == ("strip-1", False, True)
    assert ends(controller) == (0.0, 5.0)
    assert engine.urgencies[LANE] is Urgency.VISIBLE


def test_an_answer_waits_for_the_event_loop(two):
    controller, engine = two
    engine.open(engine.tickets(LANE)[-1])
    assert controller.view("strip-1").result is None, "answers are queued even when they come in this thread"
    settle()
    assert controller.view("strip-1").settled


def test_stale_answers_are_never_painted(two):
    controller, engine = two
    painted = []
    controller.panel_changed.connect(lambda _id, view: painted.append(view.result))
    for last in (3, 6, 9):
        controller.set_slot("strip-1", "b", (image(last),))
    oldest, *_, newest = engine.tickets(LANE)
    for ticket in engine.tickets(LANE)[:-1]:
        engine.open(ticket)
    settle()
    assert all(result is None for result in painted)
    engine.open(newest)
    settle()
    engine.open(oldest)
    settle()
    assert ends(controller) == (0.0, 9.0)


def test_an_answer_after_the_slot_was_cleared_is_ignored(two):
    controller, engine = two
    controller.clear_slot("strip-1", "b")
    engine.open(engine.tickets(LANE)[-1])
    settle()
    view = controller.view("strip-1")
    assert view.result is None
    assert "B" in view.reason
    assert view.settled
    assert LANE in engine.cancelled


def test_partial_results_paint_early_and_the_last_one_is_cached(two):
    controller, engine = two
    ticket = engine.tickets(LANE)[-1]
    engine.open(ticket, fraction=0.4, done=False)
    settle()
    view = controller.view("strip-1")
    assert isinstance(view.result, Strip)
    assert (view.fraction, view.stale, view.settled) == (0.4, False, False)
    engine.say(Answer(ticket, None, 1.0, done=True, milliseconds=5.0))
    settle()
    assert controller.view("strip-1").settled


def test_undo_paints_from_the_cache_without_the_engine(two):
    controller, engine = two
    engine.open(engine.tickets(LANE)[-1])
    settle()
    controller.set_slot("strip-1", "b", (image(5),))
    engine.open(engine.tickets(LANE)[-1])
    settle()
    asked = len(engine.tickets(LANE))
    assert controller.undo() == "Drop on B"
    assert ends(controller) == (0.0, 8.0)
    assert controller.view("strip-1").settled
    assert controller.redo() == "Drop on B"
    assert ends(controller) == (0.0, 5.0)
    assert len(engine.tickets(LANE)) == asked


def test_an_edit_that_changes_no_recipe_asks_nothing(two):
    controller, engine = two
    engine.open(engine.tickets(LANE)[-1])
    settle()
    asked = len(engine.requests)
    repainted = []
    controller.panel_changed.connect(lambda *_: repainted.append(1))
    controller.select([1, 2])
    assert len(engine.requests) == asked
    assert not repainted


def test_hidden_panels_cost_nothing_until_they_are_seen(qapp):
    controller, engine = gate_world(strip_panel(0, 8), Panel(id="samples-1", kind="operation", name="sample"))
    assert not [lane for lane, request in engine.requests if isinstance(request, RunRecipe)]
    controller.set_visible("samples-1", True)
    assert [lane for lane, request in engine.requests if isinstance(request, RunRecipe)] == ["panel:samples-1"]
    controller.set_visible("samples-1", False)
    controller.set_param("samples-1", "seed", 7)
    assert len(engine.tickets("panel:samples-1")) == 1
    controller.set_visible("samples-1", True)
    assert engine.request(engine.tickets("panel:samples-1")[-1]).recipe.params["seed"] == 7


def test_a_model_that_raises_keeps_the_last_picture_and_says_so(two, qtbot):
    controller, engine = two
    engine.open(engine.tickets(LANE)[-1])
    settle()
    controller.set_slot("strip-1", "b", (image(5),))
    with qtbot.waitSignal(controller.message) as said:
        engine.say(Answer(engine.tickets(LANE)[-1], error="The model ran out of memory.", done=True))
    assert said.args == ["The model ran out of memory.", "error"]
    view = controller.view("strip-1")
    assert view.error == "The model ran out of memory."
    assert view.stale
    assert ends(controller) == (0.0, 8.0)
    asked = len(engine.tickets(LANE))
    controller.select([1])
    assert len(engine.tickets(LANE)) == asked, "what failed is not tried again by itself"
    controller.run_again("strip-1")
    assert len(engine.tickets(LANE)) == asked + 1
    engine.open(engine.tickets(LANE)[-1])
    settle()
    assert ends(controller) == (0.0, 5.0)
    assert not controller.view("strip-1").error


def test_a_dataset_that_is_being_opened_is_waited_for(qapp):
    controller, engine = gate_world(strip_panel(0, 8), data="toy2")
    controller.set_visible("strip-1", True)
    assert controller.view("strip-1").waiting
    assert not controller.view("strip-1").settled
    assert "dataset:toy2" in [lane for lane, _ in engine.requests]
    with pytest.raises(IndexError):
        engine.tickets(LANE)[0]
    engine.open(engine.tickets("dataset:toy2")[0])
    settle()
    assert not controller.view("strip-1").waiting
    assert len(engine.tickets(LANE)) == 1


def test_a_dataset_that_does_not_open_is_said_and_not_tried_again(qapp, qtbot):
    controller, engine = gate_world(strip_panel(0, 8), data="gone")
    with qtbot.waitSignal(controller.message) as said:
        engine.say(Answer(engine.tickets("dataset:gone")[0], error="There is no dataset 'gone'.", done=True))
    assert said.args[0] == "There is no dataset 'gone'."
    controller.select([1])
    assert len(engine.tickets("dataset:gone")) == 1
    controller.set_visible("strip-1", True)
    assert len(engine.tickets(LANE)) == 1, "a strip of images of another dataset goes on without"


def test_another_dataset_is_one_action_once_it_is_open(qapp):
    controller, engine = gate_world(strip_panel(0, 8))
    controller.select([3])
    controller.set_dataset("other")
    assert controller.document.data == "toy", "nothing changes before it is open"
    engine.open(engine.tickets("dataset:other")[0])
    settle()
    assert controller.session.undo_label == "Open dataset"
    assert controller.document.selection == ()
    controller.undo()
    assert controller.document.selection == (3,)


def test_scrubbing_asks_at_hand_urgency_and_the_newest_position_wins(two):
    controller, engine = two
    seen = []
    controller.preview_changed.connect(lambda panel_id, frames: seen.append((panel_id, frames.codes[0, 0])))
    for position in (0.25, 0.5, 0.75):
        controller.scrub("strip-1", position)
    assert engine.urgencies["hand"] is Urgency.HAND
    # A hand that moves faster than the engine decodes: the frame at work comes, then the newest, none between.
    for _ in range(2):
        engine.open(engine.tickets("hand")[-1], fraction=0.6, done=False)
        settle()
    assert seen == [("strip-1", pytest.approx(2.0)), ("strip-1", pytest.approx(6.0))]
    assert [engine.request(t).recipe.params["at"] for t in engine.tickets("hand")] == [0.25, 0.75]
    engine.open(engine.tickets("hand")[-1])
    settle()
    del seen[:-1]
    assert controller.document.panel("strip-1").params == {}, "a preview is no edit"
    controller.scrub("strip-1", 0.1)
    controller.scrub("strip-1", None)
    engine.open(engine.tickets("hand")[-1])
    settle()
    assert len(seen) == 1


def test_snapshots_under_a_moving_slider_are_one_undo_step(qapp):
    controller, _ = gate_world(strip_panel(0, 8))
    for step in (100, 500, 1000):
        controller.set_snapshot(step, merge="snapshot")
    controller.end_gesture()
    assert controller.document.snapshot == 1000
    controller.undo()
    assert controller.document.snapshot is None
    assert not controller.session.can_undo


def test_the_inspector_follows_the_document_and_ignores_stale_answers(qapp):
    controller, engine = gate_world(strip_panel(0, 8))
    shown = []
    controller.inspection_changed.connect(shown.append)
    controller.inspect(image(1))
    controller.inspect(image(2))
    first, second = engine.tickets("inspect")
    engine.open(first)
    engine.open(second)
    settle()
    assert [recipe.inputs["images"][0].index for recipe in shown] == [2]
    controller.undo()
    assert shown[-1] is None or shown[-1].inputs["images"][0].index == 1


def test_a_frame_is_given_away_as_its_code(two):
    controller, engine = two
    engine.open(engine.tickets(LANE)[-1])
    settle()
    given = controller.input_of_frame("strip-1", 4)
    assert isinstance(given, CodeInput)
    np.testing.assert_array_equal(given.values(), strip(code(0), code(8)).frames.codes[4])
    assert given.label == "Linear 0.5"
    assert "toy-model" in given.origin


def test_random_pairs_respect_persons(qapp):
    controller, _ = gate_world(strip_panel())
    for same in (True, False):
        for _ in range(20):
            controller.random_pair("strip-1", same)
            slots = controller.document.panel("strip-1").slots
            a, b = slots["a"][0].index, slots["b"][0].index
            assert a != b
            assert (a // 3 == b // 3) is same
    assert controller.session.undo_label == "Two persons"


def test_a_dataset_without_persons_is_a_sentence_not_a_crash(qtbot):
    controller, _ = world(strip_panel(), persons=False)
    with qtbot.waitSignal(controller.message) as said:
        controller.random_pair("strip-1", True)
    assert "does not say who" in said.args[0]
    controller.random_pair("strip-1", None)
    assert controller.document.panel("strip-1").slots


def test_columns_come_by_themselves_for_small_datasets_and_end_with_the_model(qapp):
    controller, engine = gate_world(strip_panel(0, 8))
    assert len(engine.tickets("columns")) == 1
    controller.select([1])
    assert len(engine.tickets("columns")) == 1
    controller.set_snapshot(100)
    assert len(engine.tickets("columns")) == 2


def test_closing_in_the_middle_of_work_is_clean(two):
    controller, engine = two
    ticket = engine.tickets(LANE)[-1]
    engine.open(ticket, fraction=0.5, done=False)
    forward = engine.listeners[0]
    controller.close()
    settle()
    assert engine.closed
    assert controller.view("strip-1").result is None, "an answer that was queued is not delivered any more"
    forward(Answer(ticket, Partial(1.0), 1.0, done=True))
    controller.close()
    settle()


def test_removing_a_panel_stops_its_work_and_undo_brings_it_back(two):
    controller, engine = two
    controller.remove_panel("strip-1")
    assert LANE in engine.cancelled
    with pytest.raises(KeyError):
        controller.view("strip-1")
    controller.undo()
    assert controller.view("strip-1").panel.id == "strip-1"


def test_selecting_knows_four_ways(qapp):
    controller, _ = gate_world(strip_panel())
    controller.select([3, 1])
    controller.select([1, 2], "add")
    assert controller.document.selection == (3, 1, 2)
    controller.select([3, 5], "toggle")
    assert controller.document.selection == (1, 2, 5)
    controller.select([1], "remove")
    assert controller.document.selection == (2, 5)
    with pytest.raises(ValueError, match="toggle"):
        controller.select([1], "sideways")
