"""The strip panel against a toy model whose answers are exact: drops, undo, paths, slider, stale answers, clean-up."""

import gc
import weakref

import numpy as np
import pytest
from fakes import SPEC, code, image, picture, strip_panel, world
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput
from latentstudio.gui import dragging
from latentstudio.gui.panels.strip import StripPanel
from latentstudio.gui.widgets.slot_binding import pick
from latentstudio.studio.requests import RunRecipe

COPY, LEFT, NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def send_enter(widget: QWidget, mime: QMimeData, at: QPoint) -> None:
    # The event borrows `mime`, which therefore lives in this frame.
    QApplication.sendEvent(widget, QDragEnterEvent(at, COPY, mime, LEFT, NONE))


def send_drop(widget: QWidget, mime: QMimeData, at: QPoint) -> bool:
    send_enter(widget, mime, at)
    event = QDropEvent(QPointF(at), COPY, mime, LEFT, NONE)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.fixture
def made(qtbot):
    """Make a panel on a toy world, and take both away again."""
    controllers = []

    def make(*args, persons: bool = True, **params):
        controller, engine = world(strip_panel(*args, **params), persons=persons)
        panel = StripPanel(controller, "strip-1")
        qtbot.addWidget(panel)
        panel.resize(900, 460)
        panel.show()
        QApplication.processEvents()
        controllers.append(controller)
        return panel, controller, engine

    yield make
    for controller in controllers:
        controller.close()


def runs(engine) -> list:
    return [request.recipe for _, request in engine.requests if isinstance(request, RunRecipe)]


def test_an_empty_panel_says_what_to_do_first(made) -> None:
    panel, _, engine = made()
    assert panel.view.strip is None
    assert panel.slot_a.accessibleName() == "Slot A: empty"
    assert not panel.scrub.isVisible()
    assert runs(engine) == []


def test_two_true_drops_fill_the_strip(made) -> None:
    panel, controller, engine = made()
    assert send_drop(panel.slot_a, dragging.mime_of((image(0),)), QPoint(30, 30))
    assert send_drop(panel.slot_b, dragging.mime_of((image(8),)), QPoint(30, 30))
    QApplication.processEvents()
    assert controller.document.panel("strip-1").slots == {"a": (image(0),), "b": (image(8),)}
    shown = panel.view.strip
    assert shown is not None
    assert len(runs(engine)) == 1
    assert np.array_equal(shown.frames.codes[4], (code(0) + code(8)) / 2)
    assert np.array_equal(panel.slot_a.pixels[0], picture(0))
    assert panel.words.words == "toy data; toy model"
    controller.undo()
    QApplication.processEvents()
    assert panel.slot_b.inputs == ()
    assert panel.slot_a.inputs == (image(0),)


def test_two_faces_dropped_beside_the_slots_fill_both_in_one_step(made) -> None:
    panel, controller, _ = made()
    at = panel.rect().center()
    send_enter(panel, dragging.mime_of((image(1), image(2))), at)
    assert (panel.slot_a.words, panel.slot_b.words) != ("", "")
    assert send_drop(panel, dragging.mime_of((image(1), image(2))), at)
    assert controller.document.panel("strip-1").slots == {"a": (image(1),), "b": (image(2),)}
    assert (panel.slot_a.words, panel.slot_b.words) == ("", "")
    controller.undo()
    assert controller.document.panel("strip-1").slots == {}


def test_a_face_dropped_beside_the_slots_goes_to_the_empty_or_nearer_end(made) -> None:
    panel, controller, _ = made(4)
    left, right = QPoint(60, 300), QPoint(panel.width() - 60, 300)
    assert send_drop(panel, dragging.mime_of((image(5),)), left), "A is full, so B takes it"
    assert controller.document.panel("strip-1").slots["b"] == (image(5),)
    assert send_drop(panel, dragging.mime_of((image(6),)), left)
    assert send_drop(panel, dragging.mime_of((image(7),)), right)
    assert controller.document.panel("strip-1").slots == {"a": (image(6),), "b": (image(7),)}
    other = QMimeData()
    other.setUrls([QUrl.fromLocalFile("/folder")])
    assert not send_drop(panel, other, left), "folders are for the window"


def test_what_hovers_is_said_in_the_line_below(made) -> None:
    panel, _, _ = made(0, 8)
    send_enter(panel.slot_b, dragging.mime_of((image(3),)), QPoint(20, 20))
    assert panel.words.words == "Drop to replace B"


def test_several_paths_are_stacked_and_share_columns(made) -> None:
    panel, controller, _ = made(0, 8)
    panel.controls.paths.chips[2].click()
    QApplication.processEvents()
    assert controller.document.panel("strip-1").params["paths"] == ["linear", "spherical"]
    assert panel.view.strip.row_labels == ("Linear", "Spherical")
    assert panel.curve.values().shape == (2, 9)
    for column in range(9):
        middle = panel.view.frame_rect(column).center().x()
        assert panel.view.frame_rect(9 + column).center().x() == middle
        assert panel.curve.point(1, column).x() == middle
    left = panel.scrub.track.geometry().left()
    assert left + panel.scrub.track.x_of(1.0) == pytest.approx(panel.view.frame_rect(8).center().x())


def test_the_last_path_cannot_be_switched_off(made) -> None:
    panel, controller, _ = made(0, 8)
    panel.controls.paths.chips[0].click()
    assert panel.controls.paths.chosen == ("linear",)
    assert "paths" not in controller.document.panel("strip-1").params


def test_a_dragged_slider_is_one_step_of_undo(made) -> None:
    panel, controller, _ = made(0, 8)
    field = panel.controls.fields["steps"]
    for value in (10, 11, 12):
        field.slider._choose(float(value), over=False)
    field.slider.settled.emit()
    field.slider._choose(20.0, over=True)
    assert controller.document.panel("strip-1").params["steps"] == 20
    controller.undo()
    assert controller.document.panel("strip-1").params["steps"] == 12
    controller.undo()
    assert "steps" not in controller.document.panel("strip-1").params


def test_scrubbing_shows_frames_of_the_strip_at_once_and_asks_for_others(made) -> None:
    panel, _, engine = made(0, 8)
    before = len(runs(engine))
    panel.scrub.track._choose(0.25, over=True)
    assert np.array_equal(panel.preview.frames.codes[0], code(0) + 0.25 * (code(8) - code(0)))
    assert len(runs(engine)) == before, "that frame is on the strip already"
    panel.scrub.track._choose(0.3, over=True)
    QApplication.processEvents()
    assert runs(engine)[-1].params["at"] == 0.3
    np.testing.assert_allclose(panel.preview.frames.codes[0], code(0) + 0.3 * (code(8) - code(0)), rtol=1e-6)
    made_here = panel._input_of_preview(0)
    assert made_here.label == "Linear 0.3"
    np.testing.assert_allclose(made_here.values(), panel.preview.frames.codes[0])


def test_the_slider_follows_extrapolation(made) -> None:
    panel, _, _ = made(0, 8, extrapolate=0.5)
    assert (panel.scrub.field.minimum(), panel.scrub.field.maximum()) == (-0.5, 1.5)
    panel.scrub.field.setValue(1.25)
    assert panel.scrub.position == 1.25
    assert np.array_equal(panel.preview.frames.codes[0], code(0) + 1.25 * (code(8) - code(0)))


def test_old_frames_stay_dimmed_until_new_ones_come(made) -> None:
    panel, controller, engine = made(0, 8)
    old = panel.view.strip
    engine.held = True
    controller.set_slot("strip-1", "a", (image(3),))
    QApplication.processEvents()
    assert panel.view.strip is old
    assert panel.view.stale
    assert panel.hairline.fraction < 1
    engine.release()
    QApplication.processEvents()
    assert not panel.view.stale
    assert panel.hairline.fraction == 1.0
    assert np.array_equal(panel.view.strip.frames.codes[0], code(3))


def test_a_frame_becomes_an_end_with_its_picture(made) -> None:
    panel, controller, _ = made(0, 8)
    menu = panel.actions_of_strip.menu(4)
    words = {action.text().split("\t")[0]: action for action in menu.actions()}
    words["Use as A"].trigger()
    QApplication.processEvents()
    (item,) = controller.document.panel("strip-1").slots["a"]
    assert isinstance(item, CodeInput)
    assert np.array_equal(item.values(), (code(0) + code(8)) / 2)
    assert item.label == "Linear 0.5"
    assert panel.slot_a.pixels[0] is not None
    assert panel.slot_a.pixels[0][0, 0, 0] == 10 + 15 * 4


def test_a_frame_dragged_onto_a_slot_is_that_code(made, monkeypatch) -> None:
    panel, controller, _ = made(0, 8)
    carried: list = []
    monkeypatch.setattr(
        "latentstudio.gui.widgets.frame_actions.start_drag",
        lambda widget, inputs, pixels: carried.append(dragging.mime_of(inputs, pixels)),
    )
    panel.view.drag_started.emit(6)
    send_drop(panel.slot_b, carried[0], QPoint(30, 30))
    (item,) = controller.document.panel("strip-1").slots["b"]
    np.testing.assert_allclose(item.values(), code(0) + 0.75 * (code(8) - code(0)))


def test_clicks_inspect_and_hover_previews(made, qtbot) -> None:
    panel, controller, _ = made(0, 8)
    at = panel.view.frame_rect(2).center().toPoint()
    qtbot.mouseMove(panel.view, at)
    assert controller.hovered.label == "Linear 0.25"
    qtbot.mouseClick(panel.view, LEFT, pos=at)
    assert controller.document.current.label == "Linear 0.25"
    qtbot.mouseClick(panel.slot_a, LEFT, pos=QPoint(40, 40))
    assert controller.document.current == image(0)


def test_the_card_names_the_nearest_image_and_gets_its_picture(made) -> None:
    panel, _, _ = made(0, 8)
    actions = panel.actions_of_strip
    first = actions.facts(3)
    assert first.nearest_title == "nearest: toy-3"
    QApplication.processEvents()
    assert np.array_equal(actions.facts(3).nearest, picture(3))
    assert dict(first.lines)["norm"].text == f"{np.linalg.norm([3, 4, 0, 2]):.2f}"


def test_buttons_swap_and_draw_pairs(made) -> None:
    panel, controller, _ = made(0, 8)
    panel.controls.buttons["swap"].click()
    assert controller.document.panel("strip-1").slots == {"a": (image(8),), "b": (image(0),)}
    panel.controls.buttons["same"].click()
    a, b = (controller.document.panel("strip-1").slots[name][0].index for name in "ab")
    assert a != b
    assert a // 3 == b // 3
    panel.controls.buttons["other"].click()
    a, b = (controller.document.panel("strip-1").slots[name][0].index for name in "ab")
    assert a // 3 != b // 3


def test_without_persons_pairs_of_persons_are_greyed_out(made) -> None:
    panel, _, _ = made(persons=False)
    assert panel.controls.buttons["any"].isEnabled()
    assert not panel.controls.buttons["same"].isEnabled()
    assert not panel.slot_a.knows_persons


def test_picks_keep_their_promise() -> None:
    from fakes import facts

    random = np.random.default_rng(0)
    for _ in range(20):
        assert pick(facts(), "same", image(4), random).index in (3, 5)
        assert pick(facts(), "other", image(4), random).index not in (3, 4, 5)
    with pytest.raises(UserError, match="no image of 'Toy faces'"):
        pick(facts(), "same", None, random)
    with pytest.raises(UserError, match="who is in its pictures"):
        pick(facts(persons=False), "other", image(4), random)


def test_a_failure_keeps_the_last_picture_and_says_why(made) -> None:
    panel, controller, engine = made(0, 8)
    old = panel.view.strip
    engine.held = True
    controller.set_slot("strip-1", "a", (image(3),))
    ticket, _ = next((t, r) for t, r in engine._waiting if t.lane == "panel:strip-1")
    from latentstudio.studio.requests import Answer

    for listener in engine.listeners:
        listener(Answer(ticket, done=True, error="The machine ran out of memory."))
    QApplication.processEvents()
    assert panel.view.strip is old
    assert (panel.words.words, panel.words.kind) == ("The machine ran out of memory.", "error")


def test_the_panel_with_the_keyboard_is_the_active_one(qtbot) -> None:
    controller, _ = world(strip_panel(0, 8), replace(strip_panel(2, 5), id="strip-2"))
    host = QWidget()
    qtbot.addWidget(host)
    panels = [StripPanel(controller, name, host) for name in ("strip-1", "strip-2")]
    host.show()
    host.activateWindow()
    for panel in reversed(panels):
        panel.slot_a.setFocus()
        qtbot.waitUntil(lambda p=panel: controller.document.active == p.panel_id)
    assert not controller.session.can_undo, "where the keyboard is, is no action"
    controller.close()


def test_a_removed_panel_does_not_disturb_its_widget(made) -> None:
    panel, controller, _ = made(0, 8)
    controller.remove_panel("strip-1")
    panel.refresh()
    controller.undo()
    QApplication.processEvents()
    assert panel.view.strip is not None


def test_two_panels_do_not_answer_for_each_other(qtbot) -> None:
    controller, _ = world(strip_panel(0, 8), replace(strip_panel(2, 5), id="strip-2"))
    panels = [StripPanel(controller, name) for name in ("strip-1", "strip-2")]
    for panel in panels:
        qtbot.addWidget(panel)
        panel.show()
    QApplication.processEvents()
    assert [int(p.view.strip.frames.codes[0, 0]) for p in panels] == [0, 2]
    assert [p.slot_b.inputs[0].index for p in panels] == [8, 5]
    assert panels[0].slot_a.inputs[0].dataset == SPEC
    controller.close()


def test_nothing_is_left_behind(qtbot) -> None:
    controller, _ = world(strip_panel(0, 8))
    before = set(QApplication.topLevelWidgets())
    panel = StripPanel(controller, "strip-1")
    panel.show()
    QApplication.processEvents()
    panel.view.card_wanted.emit(3)
    panel.actions_of_strip.menu(3).close()
    gone = weakref.ref(panel)
    panel.close()
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del panel
    gc.collect()
    assert gone() is None
    controller.set_param("strip-1", "steps", 5)
    QApplication.processEvents()
    assert set(QApplication.topLevelWidgets()) <= before
    controller.close()


def test_the_curve_and_the_place_of_the_slider_belong_to_the_session(made, qtbot) -> None:
    panel, controller, engine = made(0, 8, extrapolate=0.5)
    before = len(runs(engine))
    panel.quantity.chips[2].click()
    panel.scrub.field.setValue(1.25)
    document = controller.document
    assert document.panel("strip-1").view == {"quantity": "percentile", "position": 1.25}
    assert controller.session.undo_label == "Move along the path to 1.25"
    assert len(runs(engine)) == before, "looking computes nothing but the one frame that the strip has already"

    again, _ = world(document.panel("strip-1"))
    reopened = StripPanel(again, "strip-1")
    qtbot.addWidget(reopened)
    reopened.show()
    QApplication.processEvents()
    assert reopened.curve.quantity == "percentile"
    assert reopened.quantity.chosen == ("percentile",)
    assert reopened.scrub.position == 1.25, "beyond B only once the strip is there"
    again.close()

    controller.undo()
    assert panel.scrub.position == 0.5
    controller.undo()
    assert panel.curve.quantity == "norm"
    assert controller.document.panel("strip-1").view == {}


def test_a_drag_of_the_slider_is_one_step(made) -> None:
    panel, controller, _ = made(0, 8)
    track = panel.scrub.track
    track.setSliderDown(True)
    for place in (0.55, 0.61, 0.7):
        track._choose(place, over=False)
    assert not controller.session.can_undo
    track.setSliderDown(False)
    track._choose(0.7, over=True)
    assert controller.session.undo_label == "Move along the path to 0.7"
    controller.undo()
    assert not controller.session.can_undo
