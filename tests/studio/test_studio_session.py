"""Undo, redo, gestures, the dirty marker, listeners."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.errors import NewerVersionError, UserError
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.session import Session


def selecting(*indices: int):
    return lambda d: msgspec.structs.replace(d, selection=indices)


def steps_param(value: int):
    return lambda d: d.with_panel(Panel(id="strip-1", kind="operation", name="interpolate", params={"steps": value}))


def test_edit_undo_redo_keep_labels() -> None:
    session = Session()
    assert session.edit("Select one", selecting(1))
    assert session.edit("Select two", selecting(1, 2))
    assert (session.undo_label, session.redo_label) == ("Select two", "")
    assert session.undo() == "Select two"
    assert session.document.selection == (1,)
    assert (session.undo_label, session.redo_label) == ("Select one", "Select two")
    assert session.redo() == "Select two"
    assert session.document.selection == (1, 2)
    assert not session.can_redo
    assert session.redo() == ""


def test_edit_without_effect_is_no_step() -> None:
    session = Session(Document(selection=(1,)))
    assert not session.edit("Select", selecting(1))
    assert not session.can_undo


def test_new_edit_forgets_what_was_taken_back() -> None:
    session = Session()
    session.edit("A", selecting(1))
    session.undo()
    session.edit("B", selecting(2))
    assert not session.can_redo


def test_drag_of_a_slider_is_one_step() -> None:
    session = Session()
    for value in range(5, 25):
        session.edit("Steps", steps_param(value), merge="strip-1.steps")
    session.end_gesture()
    session.edit("Steps", steps_param(40), merge="strip-1.steps")
    assert session.undo() == "Steps"
    assert session.document.panel("strip-1").params == {"steps": 24}
    session.undo()
    assert session.document == Document()
    assert not session.can_undo


def test_other_edit_or_undo_ends_a_gesture() -> None:
    session = Session()
    session.edit("Steps", steps_param(3), merge="steps")
    session.edit("Select", selecting(4))
    session.edit("Steps", steps_param(5), merge="steps")
    session.undo()
    session.redo()
    session.edit("Steps", steps_param(6), merge="steps")
    labels = []
    while session.can_undo:
        labels.append(session.undo())
    assert labels == ["Steps", "Steps", "Select", "Steps"]


def test_gesture_back_to_its_start_leaves_no_step() -> None:
    session = Session(Document().with_panel(Panel(id="strip-1", kind="operation", name="x", params={"steps": 9})))
    start = session.document
    session.edit("Steps", lambda d: d.with_panel(msgspec.structs.replace(d.panel("strip-1"), params={})), merge="s")
    session.edit("Steps", lambda d: start, merge="s")
    assert not session.can_undo
    assert not session.dirty


def test_at_least_two_hundred_steps() -> None:
    session = Session()
    for i in range(250):
        session.edit(f"Select {i}", selecting(i))
    undone = 0
    while session.undo():
        undone += 1
    assert undone == 250
    assert session.document == Document()


def test_amend_reaches_the_whole_history_and_is_no_action() -> None:
    session = Session(Document(data="olivetti"))
    session.edit("Select", selecting(1))
    session.edit("Select", selecting(2))
    session.undo()
    session.amend(lambda d: msgspec.structs.replace(d, layout="AAAA", data_digest="d1"))
    assert session.document.layout == "AAAA"
    session.redo()
    assert (session.document.layout, session.document.selection) == ("AAAA", (2,))
    session.undo()
    session.undo()
    assert (session.document.layout, session.document.data_digest) == ("AAAA", "d1")
    assert not session.dirty


def test_dirty_follows_document_not_history(tmp_path: Path) -> None:
    session = Session()
    assert not session.dirty
    session.edit("Select", selecting(1))
    assert session.dirty
    session.save(tmp_path / "a.latentstudio")
    assert not session.dirty
    session.undo()
    assert session.dirty
    session.redo()
    assert not session.dirty
    session.edit("Arrange", lambda d: msgspec.structs.replace(d, layout="BBBB"))
    assert not session.dirty


def test_listeners_hear_every_change_until_they_stop() -> None:
    session, heard = Session(), []
    stop = session.listen(lambda old, new: heard.append((old.selection, new.selection)))
    session.edit("Select", selecting(1))
    session.undo()
    session.redo()
    stop()
    stop()
    session.edit("Select", selecting(3))
    assert heard == [((), (1,)), ((1,), ()), ((), (1,))]


def test_save_and_open(tmp_path: Path) -> None:
    file = tmp_path / "a.latentstudio"
    session = Session()
    session.edit("Select", selecting(5, 6))
    session.save(file)
    other = Session()
    other.edit("Select", selecting(1))
    other.open(file)
    assert other.document.selection == (5, 6)
    assert other.path == file
    assert not other.can_undo
    assert not other.dirty
    with pytest.raises(ValueError, match="path"):
        Session().save()


def test_failed_open_and_save_change_nothing(tmp_path: Path) -> None:
    session = Session()
    session.edit("Select", selecting(1))
    (tmp_path / "broken.latentstudio").write_text("{")
    with pytest.raises(UserError, match=r"broken\.latentstudio"):
        session.open(tmp_path / "broken.latentstudio")
    with pytest.raises(UserError, match="nowhere"):
        session.open(tmp_path / "nowhere.latentstudio")
    (tmp_path / "new.latentstudio").write_text('{"schema": 99}')
    with pytest.raises(NewerVersionError, match="newer LatentStudio"):
        session.open(tmp_path / "new.latentstudio")
    with pytest.raises(UserError, match="Cannot write"):
        session.save(tmp_path / "no" / "folder" / "a.latentstudio")
    assert session.document.selection == (1,)
    assert session.path is None
    assert session.dirty
    assert session.undo_label == "Select"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=40))
def test_undo_and_redo_are_inverse(actions: list[tuple[int, int]]) -> None:
    """Whatever was done: going all the way back gives the first document, and forth again the last."""
    session = Session()
    for kind, value in actions:
        if kind == 0:
            session.undo()
        elif kind == 1:
            session.edit("Drag", selecting(value), merge="drag")
        else:
            session.edit("Select", selecting(value))
    while session.redo():
        pass
    last, back = session.document, 0
    while session.undo():
        back += 1
    assert session.document == Document()
    forth = 0
    while session.redo():
        forth += 1
    assert (forth, session.document) == (back, last)
