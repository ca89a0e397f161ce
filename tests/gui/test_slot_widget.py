"""The slot: what it takes, what it says while something hovers, and the keyboard twin of every drag."""

from pathlib import Path

import numpy as np
import pytest
from fakes import code, image, picture
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from latentstudio.errors import UserError
from latentstudio.figures.embed import embedded
from latentstudio.figures.recipe import CodeInput, Figure, PixelsInput, Recipe
from latentstudio.gui import dragging
from latentstudio.gui.pixmaps import array_of, image_of, pixels_of_png, pixmap, png_of, scaled_size
from latentstudio.gui.widgets.drop_target import drop_words
from latentstudio.gui.widgets.slot import SlotWidget

COPY, LEFT, NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
AT = QPoint(20, 20)


def enter(widget: QWidget, mime: QMimeData, at: QPoint = AT) -> QDragEnterEvent:
    event = QDragEnterEvent(at, COPY, mime, LEFT, NONE)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event


def drop(widget: QWidget, mime: QMimeData, at: QPoint = AT) -> QDropEvent:
    enter(widget, mime, at)
    move = QDragMoveEvent(at, COPY, mime, LEFT, NONE)
    QApplication.sendEvent(widget, move)
    event = QDropEvent(QPointF(at), COPY, mime, LEFT, NONE)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event


def files(*names: str) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(name) for name in names])
    return mime


def heard(signal) -> list:
    got: list = []
    signal.connect(lambda *values: got.append(values[0] if len(values) == 1 else values))
    return got


@pytest.fixture
def slot(qtbot) -> SlotWidget:
    slot = SlotWidget("b", "B", "Drop a second face on B", partner="A")
    qtbot.addWidget(slot)
    slot.show()
    return slot


# What travels.


def test_inputs_survive_the_journey() -> None:
    inputs = (image(3), CodeInput.of(code(2), "Linear 0.5"), PixelsInput(png="AAAA", label="me"))
    assert dragging.inputs_of(dragging.mime_of(inputs, picture(3))) == inputs


def test_a_picture_travels_for_other_programs() -> None:
    mime = dragging.mime_of((image(3),), picture(3))
    assert np.array_equal(pixels_of_png(mime.data("image/png").data()), picture(3))
    assert QImage(mime.imageData()).size().width() == 8


@pytest.mark.parametrize("data", [b"", b"[", b"{}", b'[{"type":"image"}]', b'[{"type":"code","code":5}]'])
def test_damaged_inputs_are_no_inputs(data: bytes) -> None:
    mime = QMimeData()
    mime.setData(dragging.MIME, data)
    assert dragging.inputs_of(mime) == ()


def test_a_dragged_picture_becomes_a_file_that_other_programs_can_fetch(qtbot, monkeypatch) -> None:
    seen: list[QMimeData] = []

    class Recorded(dragging.QDrag):
        def exec(self, *_args) -> Qt.DropAction:
            seen.append(self.mimeData())
            assert dragging.paths_of(self.mimeData())[0].is_file()
            return COPY

    monkeypatch.setattr(dragging, "QDrag", Recorded)
    widget = QWidget()
    qtbot.addWidget(widget)
    assert dragging.start_drag(widget, (CodeInput.of(code(1), "Linear ../0.5"),), picture(1))
    path = dragging.paths_of(seen[0])[0]
    assert path.name == "Linear_.._0.5.png"
    assert np.array_equal(pixels_of_png(path.read_bytes()), picture(1))
    assert not dragging.start_drag(widget, (), None)


def test_a_cache_that_cannot_be_written_does_not_stop_a_drag(qtbot, monkeypatch, tmp_path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("LATENTSTUDIO_CACHE", str(blocked))
    monkeypatch.setattr(dragging.QDrag, "exec", lambda *_args: COPY)
    widget = QWidget()
    qtbot.addWidget(widget)
    assert dragging.start_drag(widget, (image(1),), picture(1))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_pictures_become_images_and_back(shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    expected = pixels if len(shape) == 3 else pixels[:, :, None]
    assert np.array_equal(array_of(image_of(pixels)), expected)
    assert np.array_equal(pixels_of_png(png_of(pixels)), expected)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        image_of(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="channels"):
        image_of(np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(UserError, match="not a PNG"):
        pixels_of_png(b"nothing")


def test_whole_enlargement_repeats_pixels(qapp) -> None:
    pixels = np.array([[[0], [255]], [[255], [0]]], np.uint8)
    drawn = array_of(pixmap(pixels, 8, 1.0).toImage())[:, :, 0]
    assert np.array_equal(drawn, np.kron(pixels[:, :, 0], np.ones((4, 4), np.uint8)))
    sharp = pixmap(pixels, 8, 2.0)
    assert (sharp.width(), sharp.deviceIndependentSize().width()) == (16, 8.0)
    assert scaled_size(178, 218, 109) == (89, 109)


# What a slot takes.


@pytest.mark.parametrize(
    ("many", "filled", "inputs", "paths", "words"),
    [
        (False, False, 1, 0, "Drop to use as B"),
        (False, True, 1, 0, "Drop to replace B"),
        (False, False, 3, 0, "Drop to use the first of 3 as B"),
        (False, False, 0, 1, "Drop to encode as B"),
        (False, True, 0, 1, "Drop to encode and replace B"),
        (True, True, 1, 0, "Drop to add to B"),
        (True, False, 4, 0, "Drop to add 4 to B"),
        (False, False, 0, 0, ""),
    ],
)
def test_the_target_says_what_will_happen(many: bool, filled: bool, inputs: int, paths: int, words: str) -> None:
    assert drop_words("B", many, filled, inputs, paths) == words


def test_a_face_is_taken_and_announced(slot) -> None:
    dropped, said = heard(slot.dropped), heard(slot.words_changed)
    assert enter(slot, dragging.mime_of((image(3),))).isAccepted()
    assert slot.words == "Drop to use as B"
    assert drop(slot, dragging.mime_of((image(3),), picture(3))).isAccepted()
    assert dropped == [(image(3),)]
    assert slot.words == ""
    assert said[0] == "Drop to use as B"
    assert said[-1] == ""
    assert np.array_equal(slot.carried, picture(3))


def test_leaving_or_esc_takes_the_words_away(slot) -> None:
    enter(slot, dragging.mime_of((image(3),)))
    QApplication.sendEvent(slot, QDragLeaveEvent())
    assert slot.words == ""


def test_one_slot_takes_one_and_many_takes_all(qtbot, slot) -> None:
    several = dragging.mime_of((image(1), image(2), image(3)))
    one = heard(slot.dropped)
    drop(slot, several)
    assert one == [(image(1),)]
    group = SlotWidget("group", "Group", many=True)
    qtbot.addWidget(group)
    all_of_them = heard(group.dropped)
    drop(group, several)
    assert all_of_them == [(image(1), image(2), image(3))]


def test_picture_files_are_encoded_and_others_are_left_to_the_window(slot) -> None:
    paths, dropped = heard(slot.path_dropped), heard(slot.dropped)
    assert drop(slot, files("/photos/me.JPG")).isAccepted()
    for other in (files("/faces.zip"), files("/a.latentstudio"), files("/folder"), QMimeData()):
        assert not enter(slot, other).isAccepted()
        assert not drop(slot, other).isAccepted()
    assert paths == [Path("/photos/me.JPG")]
    assert dropped == []


def test_a_figure_of_ours_is_left_to_the_window_which_reopens_it(slot, tmp_path) -> None:
    figure = Figure(rows=((Recipe(kind="operation", name="sample"),),))
    plain, ours = tmp_path / "face.png", tmp_path / "figure.png"
    plain.write_bytes(png_of(picture(1)))
    ours.write_bytes(embedded(png_of(picture(1)), "png", figure))
    assert enter(slot, files(str(plain))).isAccepted()
    assert not enter(slot, files(str(ours))).isAccepted()
    assert not drop(slot, files(str(ours))).isAccepted()


def test_our_own_drag_with_its_file_is_an_input_and_no_file(slot) -> None:
    mime = dragging.mime_of((image(3),), picture(3))
    mime.setUrls([QUrl.fromLocalFile("/cache/dragged/toy-3.png")])
    paths, dropped = heard(slot.path_dropped), heard(slot.dropped)
    drop(slot, mime)
    assert (paths, dropped) == ([], [(image(3),)])


def test_the_same_face_again_changes_nothing(slot) -> None:
    slot.set_inputs((image(3),), (picture(3),))
    dropped = heard(slot.dropped)
    enter(slot, dragging.mime_of((image(3),)))
    assert slot.words == "B already holds this"
    drop(slot, dragging.mime_of((image(3),)))
    assert dropped == []


# Keyboard twins.


@pytest.mark.parametrize(
    ("key", "signal", "value"),
    [
        (Qt.Key.Key_R, "random_wanted", "any"),
        (Qt.Key.Key_P, "random_wanted", "same"),
        (Qt.Key.Key_O, "random_wanted", "other"),
        (Qt.Key.Key_X, "swap_wanted", None),
        (Qt.Key.Key_Delete, "cleared", None),
        (Qt.Key.Key_Backspace, "cleared", None),
        (Qt.Key.Key_Return, "inspected", None),
        (Qt.Key.Key_Space, "enlarged", None),
    ],
)
def test_every_drag_has_a_key(slot, qtbot, key: Qt.Key, signal: str, value: str | None) -> None:
    slot.set_inputs((image(3),), (picture(3),))
    count: list = []
    getattr(slot, signal).connect(lambda *got: count.append(got))
    qtbot.keyClick(slot, key)
    assert count == [(value,) if value else ()]


def test_copy_on_one_slot_and_paste_on_another(slot, qtbot) -> None:
    other = SlotWidget("a", "A")
    qtbot.addWidget(other)
    other.set_inputs((image(5),), (picture(5),))
    dropped = heard(slot.dropped)
    qtbot.keyClick(other, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(slot, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert dropped == [(image(5),)]
    assert np.array_equal(slot.carried, picture(5))


def test_what_the_dataset_cannot_give_is_not_offered(slot, qtbot) -> None:
    wanted = heard(slot.random_wanted)
    slot.knows_persons = False
    qtbot.keyClick(slot, Qt.Key.Key_P)
    offered = {action.text().split("\t")[0]: action.isEnabled() for action in slot.menu().actions() if action.text()}
    assert wanted == []
    assert offered["Pick at random"]
    assert not offered["Same person as A"]
    assert not offered["Clear"], "there is nothing to clear"
    assert {"Inspect", "Paste", "Copy", "Swap with A", "Other person than A"} <= set(offered)


def test_menu_does_what_it_says(slot) -> None:
    slot.set_inputs((image(3),), (picture(3),))
    cleared, swapped = heard(slot.cleared), heard(slot.swap_wanted)
    actions = {action.text().split("\t")[0]: action for action in slot.menu().actions()}
    actions["Clear"].trigger()
    actions["Swap with A"].trigger()
    assert (len(cleared), len(swapped)) == (1, 1)


def test_names_for_those_who_do_not_see(slot) -> None:
    assert slot.accessibleName() == "Slot B: empty"
    assert slot.accessibleDescription() == "Drop a second face on B"
    slot.set_inputs((image(3),), (picture(3),))
    assert slot.accessibleName() == "Slot B: toy-3"
    assert "Ctrl+V" in slot.toolTip()


# Dragging from it, and paint.


def test_a_filled_slot_can_be_dragged_from(slot, monkeypatch) -> None:
    started: list = []
    monkeypatch.setattr(dragging, "start_drag", lambda widget, inputs, pixels: started.append((inputs, pixels)))

    def pull(distance: int) -> None:
        for kind, at, button in (
            (QEvent.Type.MouseButtonPress, QPoint(40, 40), LEFT),
            (QEvent.Type.MouseMove, QPoint(40 + distance, 40), Qt.MouseButton.NoButton),
            (QEvent.Type.MouseButtonRelease, QPoint(40 + distance, 40), LEFT),
        ):
            held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
            event = QMouseEvent(kind, QPointF(at), QPointF(slot.mapToGlobal(at)), button, held, NONE)
            QApplication.sendEvent(slot, event)

    inspected = heard(slot.inspected)
    pull(40)
    assert started == [], "an empty slot has nothing to drag"
    slot.set_inputs((image(3),), (picture(3),))
    pull(2)
    assert (started, len(inspected)) == ([], 1)
    pull(40)
    assert [inputs for inputs, _ in started] == [(image(3),)]
    assert len(inspected) == 1


def test_the_picture_is_painted_where_it_belongs(slot) -> None:
    slot.set_inputs((image(9),), (picture(9),))
    middle = slot.picture_rect().center().toPoint()
    assert slot.grab().toImage().pixelColor(middle).red() == picture(9)[0, 0, 0]
    slot.set_inputs((image(9),))
    assert slot.grab().toImage().pixelColor(middle).red() != picture(9)[0, 0, 0]
