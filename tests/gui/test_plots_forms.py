"""Forms made from controls: every kind makes the round trip, gestures end once, panels follow."""

import gc
import weakref
from dataclasses import dataclass

import numpy as np
import pytest
from fakes import code, frames, image, world
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from latentstudio.analyses import ANALYSES
from latentstudio.controls import Control, control, controls
from latentstudio.errors import UserError
from latentstudio.gui.panels.analysis import AnalysisPanel
from latentstudio.gui.panels.operation import OperationPanel
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.fields import ChoiceField, NumberField, TextField, field_of, numbers_of
from latentstudio.gui.widgets.form import ParameterForm
from latentstudio.gui.widgets.plain_box import RealBox
from latentstudio.gui.widgets.track_slider import TrackSlider
from latentstudio.operations import OPERATIONS
from latentstudio.results import Distribution, Histogram, ImageGrid, Sheet
from latentstudio.studio.document import Panel

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@dataclass(frozen=True)
class Everything:
    """One parameter of each kind."""

    steps: int = control(9, "Steps", "int", minimum=2, maximum=65, help="How many.")
    seed: int = control(0, "Seed", "int", minimum=0, maximum=2**31 - 1)
    share: float = control(0.5, "Share", "float", minimum=0.0, maximum=1.0)
    free: float = control(1.0, "Free", "float")
    mark: bool = control(False, "Mark", "bool")
    what: str = control("a", "What", "choice", choices=("a", "b"), choice_labels=("First", "Second"))
    many: str = control("x1", "Many", "choice", choices=tuple(f"x{i}" for i in range(12)))
    some: tuple[str, ...] = control(("a",), "Some", "choices", choices=("a", "b", "c"))
    words: str = control("", "Words", "text", advanced=True)
    numbers: tuple[int, ...] = control((1, 2), "Numbers", "ints", minimum=0)


OTHERS = {
    "steps": 17, "seed": 123_456_789, "share": 0.125, "free": -2.5, "mark": True, "what": "b", "many": "x7",
    "some": ("a", "c"), "words": "identity", "numbers": (3, 5, 8),
}  # fmt: skip


@pytest.fixture
def form(qtbot) -> ParameterForm:
    form = ParameterForm(controls(Everything))
    qtbot.addWidget(form)
    form.resize(300, 500)
    form.show()
    return form


def test_values_make_the_round_trip_in_silence(form) -> None:
    told: list = []
    form.changed.connect(lambda *got: told.append(got))
    defaults = {c.name: c.default for c in controls(Everything)}
    assert form.values() == defaults
    form.set_values(OTHERS)
    assert form.values() == OTHERS
    form.set_values({})
    assert form.values() == defaults
    assert told == []


def test_lists_from_json_are_shown_as_tuples(form) -> None:
    form.set_values({"some": ["b"], "numbers": [4]})
    assert form.values()["some"] == ("b",)
    assert form.values()["numbers"] == (4,)


@pytest.mark.parametrize("name", OTHERS)
def test_every_kind_tells_what_the_person_chose(form, qtbot, name: str) -> None:
    told, ends = [], []
    form.changed.connect(lambda *got: told.append(got))
    form.settled.connect(lambda: ends.append(1))
    _choose(form.fields[name], OTHERS[name], qtbot)
    assert told[-1] == (name, OTHERS[name])
    assert ends, "the gesture has ended, so the next change is a step of its own"
    assert form.values()[name] == OTHERS[name]


def _choose(field, value, qtbot) -> None:
    if isinstance(field, NumberField):
        field.box.setValue(value)
    elif isinstance(field, ChoiceField) and field.chips is not None:
        field.chips.chips[field.control.choices.index(value)].click()
    elif isinstance(field, ChoiceField):
        field.list.setCurrentIndex(field.list.findData(value))
        field.list.activated.emit(field.list.currentIndex())
    elif isinstance(field, TextField):
        field.line.setText(", ".join(map(str, value)) if isinstance(value, tuple) else value)
        field.line.editingFinished.emit()
    elif isinstance(value, tuple):
        for choice in set(value) - set(field.value()):
            field.chips.chips[field.control.choices.index(choice)].click()
    else:
        field.box.click()


def test_few_controls_are_open_and_the_rest_is_folded(form) -> None:
    folded = [name for name, field in form.fields.items() if not field.isVisible()]
    assert sorted(folded) == ["many", "numbers", "some", "what", "words"]
    form.fold.click()
    assert all(field.isVisible() for field in form.fields.values())


def test_every_field_has_a_name(form) -> None:
    for name, field in form.fields.items():
        proxy = field.focusProxy()
        assert proxy is not None, name
        assert proxy.accessibleName()


def test_wide_ranges_are_typed_and_narrow_ones_slid(form) -> None:
    assert form.fields["seed"].slider is None
    assert form.fields["free"].slider is None
    assert form.fields["steps"].slider is not None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("", ()), ("3", (3,)), ("1, 5-8", (1, 5, 6, 7, 8)), ("2 4,6", (2, 4, 6)), ("-3", (-3,)), ("-2-1", (-2, -1, 0, 1))],
)
def test_lists_of_numbers_are_read(text: str, numbers: tuple[int, ...]) -> None:
    assert numbers_of(text, "Numbers") == numbers


@pytest.mark.parametrize("text", ["one", "1.5", "8-5", "1-", "1;2", "0-99999999"])
def test_what_is_no_list_is_refused_by_name(text: str) -> None:
    with pytest.raises(UserError, match="Numbers"):
        numbers_of(text, "Numbers")


def test_a_wrong_text_is_marked_and_not_told(form) -> None:
    told: list = []
    form.changed.connect(lambda *got: told.append(got))
    field = form.fields["numbers"]
    for text in ("1, two", "-5"):
        field.line.setText(text)
        field.line.editingFinished.emit()
        assert field.line.property("wrong")
        assert field.line.toolTip()
    assert told == []
    field.set_value((9,))
    assert not field.line.property("wrong")


def test_real_numbers_are_shown_without_trailing_noughts(qtbot) -> None:
    box = RealBox()
    qtbot.addWidget(box)
    box.setDecimals(4)
    box.setRange(-10, 10)
    for value, text in ((0.5, "0.5"), (0.0, "0"), (-1.25, "−1.25"), (0.12344, "0.1234")):
        box.setValue(value)
        assert box.text() == text
    for text, value in (("0,25", 0.25), ("-3", -3.0), ("−0.5", -0.5)):
        box.lineEdit().setText(text)
        box.interpretText()
        assert box.value() == value
    box.lineEdit().setText("99")
    box.interpretText()
    assert -10 <= box.value() <= 10


# The slider.


@pytest.fixture
def slider(qtbot) -> TrackSlider:
    slider = TrackSlider(0.0, 2.0, 1.0)
    qtbot.addWidget(slider)
    slider.resize(217, 22)
    slider.show()
    return slider


def mouse(slider, kind: QEvent.Type, x: float) -> None:
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
    at = QPointF(x, 11)
    QApplication.sendEvent(slider, QMouseEvent(kind, at, slider.mapToGlobal(at), LEFT, held, NONE))


def test_a_drag_moves_many_times_and_settles_once(slider) -> None:
    moved, settled = [], []
    slider.moved.connect(moved.append)
    slider.settled.connect(lambda: settled.append(1))
    mouse(slider, QEvent.Type.MouseButtonPress, slider.x_of(0.5))
    for value in (0.6, 0.7, 0.8):
        mouse(slider, QEvent.Type.MouseMove, slider.x_of(value))
    assert settled == []
    mouse(slider, QEvent.Type.MouseButtonRelease, slider.x_of(0.8))
    assert moved == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert settled == [1]


def test_double_click_goes_to_the_default(slider) -> None:
    slider.set_real(0.25)
    mouse(slider, QEvent.Type.MouseButtonDblClick, slider.x_of(0.25))
    assert slider.real == 1.0


def test_wheel_and_keys(slider, qtbot) -> None:
    settled: list = []
    slider.settled.connect(lambda: settled.append(1))
    assert slider.step == pytest.approx(0.02)

    def wheel(delta: int, modifiers=NONE) -> None:
        event = QWheelEvent(
            QPointF(9, 9), QPointF(9, 9), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, modifiers,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(slider, event)

    wheel(120)
    assert slider.real == pytest.approx(1.02)
    wheel(60)
    assert slider.real == pytest.approx(1.02), "half a notch waits for the other half"
    wheel(60)
    wheel(-120, Qt.KeyboardModifier.ShiftModifier)
    assert slider.real == pytest.approx(0.84)
    for key, value in (
        (Qt.Key.Key_Right, 0.86), (Qt.Key.Key_Left, 0.84), (Qt.Key.Key_PageUp, 1.04), (Qt.Key.Key_Home, 0.0),
        (Qt.Key.Key_Left, 0.0), (Qt.Key.Key_End, 2.0), (Qt.Key.Key_Backspace, 1.0),
    ):  # fmt: skip
        qtbot.keyClick(slider, key)
        assert slider.real == pytest.approx(value)
    before = len(settled)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: len(settled) > before)


def test_whole_numbers_stay_whole(qtbot) -> None:
    slider = TrackSlider(2, 65, 9, whole=True)
    qtbot.addWidget(slider)
    slider.resize(300, 22)
    mouse(slider, QEvent.Type.MouseButtonPress, slider.x_of(20.4))
    mouse(slider, QEvent.Type.MouseButtonRelease, slider.x_of(20.4))
    assert slider.real == 20.0
    assert slider.value() == 18


def test_the_wheel_over_a_field_without_the_keyboard_changes_nothing(form) -> None:
    box = form.fields["seed"].box
    event = QWheelEvent(
        QPointF(9, 9), QPointF(9, 9), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NONE,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    box.clearFocus()
    QApplication.sendEvent(box, event)
    assert box.value() == 0


def test_chips_keep_at_least_one(qtbot) -> None:
    chips = ToggleChips(("a", "b"), ("A", "B"))
    qtbot.addWidget(chips)
    chips.set_chosen(("a",))
    told: list = []
    chips.changed.connect(told.append)
    chips.chips[0].click()
    chips.chips[1].click()
    chips.chips[0].click()
    assert told == [("a", "b"), ("b",)]
    single = ToggleChips(("a", "b"), ("A", "B"), single=True)
    qtbot.addWidget(single)
    single.set_chosen(("a",))
    single.chips[0].click()
    assert single.chosen == ("a",)
    qtbot.keyClick(single.chips[1], Qt.Key.Key_Return)
    assert single.chosen == ("b",)


@pytest.mark.parametrize("plugin", [*OPERATIONS.values(), *ANALYSES.values()], ids=lambda p: p.__name__)
def test_every_operation_and_analysis_has_a_form(qtbot, plugin) -> None:
    form = ParameterForm(controls(plugin))
    qtbot.addWidget(form)
    assert form.values() == {c.name: c.default for c in controls(plugin)}


def test_a_field_shows_the_default_for_none(qtbot) -> None:
    field = field_of(Control("n", "N", "int", 7, 0, 10))
    qtbot.addWidget(field)
    field.set_value(3)
    field.set_value(None)
    assert field.value() == 7


# Panels.


@pytest.fixture
def made(qtbot):
    """Make a panel of any kind on a toy world."""
    controllers = []

    def make(panel: Panel, results=None):
        controller, engine = world(panel)
        engine.results.update(results or {})
        cls = OperationPanel if panel.kind == "operation" else AnalysisPanel
        widget = cls(controller, panel.id)
        qtbot.addWidget(widget)
        widget.resize(800, 420)
        widget.show()
        QApplication.processEvents()
        controllers.append(controller)
        return widget, controller, engine

    yield make
    for controller in controllers:
        controller.close()


def test_samples_follow_their_form(made) -> None:
    panel, controller, _ = made(Panel(id="samples-1", kind="operation", name="sample"))
    assert len(panel.result.result.frames) == 16
    panel.form.fields["count"].box.setValue(5)
    QApplication.processEvents()
    assert controller.document.panel("samples-1").params == {"count": 5}
    assert len(panel.result.result.frames) == 5
    controller.undo()
    QApplication.processEvents()
    assert panel.form.fields["count"].value() == 16
    view = panel.result.parts[0]
    view.activated.emit(3)
    assert np.array_equal(controller.document.current.values(), code(3))


def test_a_slot_for_many_adds_and_forgets(made) -> None:
    panel, controller, _ = made(Panel(id="mean-1", kind="operation", name="mean"))
    group = panel.slots[0]
    group.dropped.emit((image(1), image(2)))
    group.dropped.emit((image(2), image(3)))
    assert controller.document.panel("mean-1").slots["group"] == (image(1), image(2), image(3))
    assert group.caption() == "3 pictures"
    group.cleared.emit()
    assert controller.document.panel("mean-1").slots == {}


def test_a_prototype_selects_its_class_and_is_dragged_as_a_code(made, qtbot, monkeypatch) -> None:
    classes = (np.array([], dtype=np.int64), np.array([1, 4, 6]))
    grid = ImageGrid(
        frames(np.stack([code(2), code(9)])), 2, ("zero code", "smiling"), row_labels=("Prototypes",), members=classes
    )
    panel, controller, _ = made(
        Panel(id="prototypes-1", kind="analysis", name="prototypes"), {"prototypes": Sheet((grid,), title="x")}
    )
    view = panel.result.parts[0]
    qtbot.mouseClick(view, LEFT, NONE, view.frame_rect(1).center().toPoint())
    assert controller.document.selection == (1, 4, 6)
    assert view.chosen == {1}
    assert np.array_equal(controller.document.current.values(), code(9))
    controller.undo()
    QApplication.processEvents()
    carried: list = []
    monkeypatch.setattr(
        "latentstudio.gui.widgets.frame_actions.start_drag", lambda widget, inputs, pixels: carried.extend(inputs)
    )
    view.drag_started.emit(1)
    assert np.array_equal(carried[0].values(), code(9))
    assert carried[0].label == "Prototypes, smiling"


def histogram() -> Distribution:
    values = np.array([0.5, 1.5, 1.6, 2.5])
    edges = np.arange(4.0)
    counts = np.histogram(values, edges)[0].astype(float)
    return Distribution((Histogram("all", edges, counts, "data", values, np.array([4, 5, 6, 7])),), "norm")


def test_a_brush_selects_in_the_document_and_the_selection_comes_back(made) -> None:
    panel, controller, _ = made(Panel(id="norms-1", kind="analysis", name="norms"), {"norms": histogram()})
    panel.result.parts[0].set_brush(1.2, 1.3)
    assert controller.document.selection == (5, 6)
    QApplication.processEvents()
    assert panel.result.parts[0].selection.tolist() == [5, 6]
    assert panel.restrict.text() == "Restrict to the selection (2)"
    controller.undo()
    assert panel.result.parts[0].selection.tolist() == []


def test_pictures_in_an_analysis_can_be_inspected(made) -> None:
    grid = ImageGrid(frames(np.stack([code(2), code(3)])), 2, ("first", "second"))
    panel, controller, _ = made(
        Panel(id="norms-1", kind="analysis", name="norms"), {"norms": Sheet((histogram(), grid))}
    )
    panel.result.parts[1].activated.emit(1)
    assert np.array_equal(controller.document.current.values(), code(3))
    assert controller.document.current.label == "second"


def test_restricting_follows_the_selection_and_can_be_undone(made) -> None:
    panel, controller, engine = made(Panel(id="norms-1", kind="analysis", name="norms"), {"norms": histogram()})
    controller.select((5, 6))
    panel.restrict.click()
    QApplication.processEvents()
    assert controller.document.panel("norms-1").follow_selection
    assert engine.requests[-1][1].recipe.selection == (5, 6)
    controller.undo()
    assert not panel.restrict.isChecked()


def test_narrow_panels_stack_their_form(made) -> None:
    panel, _, _ = made(Panel(id="samples-1", kind="operation", name="sample"))
    assert panel.form.mapTo(panel, QPoint()).y() < 40
    side = panel.result.mapTo(panel, QPoint()).x()
    panel.resize(400, 600)
    QApplication.processEvents()
    assert side > 200
    assert panel.result.mapTo(panel, QPoint()).x() < 20


@pytest.mark.parametrize(
    "panel",
    [Panel(id="p", kind="operation", name="sample"), Panel(id="p", kind="analysis", name="norms")],
    ids=["operation", "analysis"],
)
def test_nothing_is_left_behind(qtbot, panel: Panel) -> None:
    controller, engine = world(panel)
    engine.results["norms"] = histogram()
    cls = OperationPanel if panel.kind == "operation" else AnalysisPanel
    before = set(QApplication.topLevelWidgets())
    widget = cls(controller, "p")
    widget.show()
    QApplication.processEvents()
    gone = weakref.ref(widget)
    widget.close()
    widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del widget
    gc.collect()
    assert gone() is None
    controller.select((1,))
    QApplication.processEvents()
    assert set(QApplication.topLevelWidgets()) <= before
    controller.close()
