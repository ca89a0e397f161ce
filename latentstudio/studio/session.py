"""The document of now, those before it and those taken back: every action of the person can be undone by its name."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from latentstudio.studio.document import Document
from latentstudio.studio.session_files import read_session, write_session

LIMIT = 500
"""Undo steps that are kept; older ones are forgotten."""

Change = Callable[[Document], Document]
Listener = Callable[[Document, Document], None]


@dataclass(frozen=True)
class _Step:
    """One action: its label, the document on its far side, and the key under which a gesture may go on with it."""

    label: str
    document: Document
    merge: str = ""


class Session:
    """One document with its history, its file and those who listen.

    A *gesture* is one uninterrupted movement of the hand: edits with the same `merge` key are one undo step until
    `end_gesture`, an edit with another key, or undo and redo end it. Not safe for use from several threads.

    Parameters
    ----------
    document : what to start with; it counts as saved.
    path : the file it came from, if any.
    """

    def __init__(self, document: Document | None = None, path: Path | None = None) -> None:
        self._document = document or Document()
        self._saved = self._document
        self._unsaved = False
        self._path = path
        self._past: deque[_Step] = deque(maxlen=LIMIT)
        self._future: list[_Step] = []
        self._gesture = ""
        self._listeners: list[Listener] = []

    @property
    def document(self) -> Document:
        """The document of now."""
        return self._document

    @property
    def path(self) -> Path | None:
        """File of the session, None before the first save."""
        return self._path

    @property
    def dirty(self) -> bool:
        """Whether saving would write something new; the arrangement of the docks alone does not count."""
        return self._unsaved or _without_layout(self._document) != _without_layout(self._saved)

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an action to do again."""
        return bool(self._future)

    @property
    def undo_label(self) -> str:
        """Name of the action that `undo` takes back, empty when there is none."""
        return self._past[-1].label if self._past else ""

    @property
    def redo_label(self) -> str:
        """Name of the action that `redo` does again, empty when there is none."""
        return self._future[-1].label if self._future else ""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(old, new)`` after every change; the function returned ends that.

        After a save both are the same document: path and dirty marker may differ.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def edit(self, label: str, change: Change, merge: str = "") -> bool:
        """Replace the document by ``change(document)`` as one undoable action; return whether anything changed.

        Parameters
        ----------
        label : words for the undo menu, e.g. ``"Drop face on B"``.
        merge : edits with the same key within a gesture are one action; empty never merges.
        """
        old = self._document
        new = change(old)
        if new == old:
            return False
        self._future.clear()
        if merge and merge == self._gesture and self._past and self._past[-1].merge == merge:
            if self._past[-1].document == new:
                self._past.pop()
                self._gesture = ""
        else:
            self._past.append(_Step(label, old, merge))
            self._gesture = merge
        self._become(new)
        return True

    def end_gesture(self) -> None:
        """The hand let go: the next edit is an action of its own."""
        self._gesture = ""

    def amend(self, change: Change) -> None:
        """Note a fact that is no action of the person (a digest, the dock layout), in every document of the history.

        It cannot be undone, does not make the session dirty, and does not end a gesture.
        """
        old = self._document
        self._past = deque((replace(s, document=change(s.document)) for s in self._past), maxlen=LIMIT)
        self._future = [replace(s, document=change(s.document)) for s in self._future]
        self._saved = change(self._saved)
        new = change(old)
        if new != old:
            self._become(new)

    def undo(self) -> str:
        """Take back the last action and return its label; empty when there is none."""
        return self._travel(self._past, self._future)

    def redo(self) -> str:
        """Do the action again that was taken back last and return its label; empty when there is none."""
        return self._travel(self._future, self._past)

    def _travel(self, source: "deque[_Step] | list[_Step]", target: "deque[_Step] | list[_Step]") -> str:
        self._gesture = ""
        if not source:
            return ""
        step = source.pop()
        target.append(_Step(step.label, self._document, step.merge))
        self._become(step.document)
        return step.label

    def save(self, path: Path | None = None) -> Path:
        """Write the session to `path` (default: its own file) and make that its file.

        Raises
        ------
        UserError
            The file cannot be written; the old one is still whole.
        ValueError
            There is no file yet and no `path` was given.
        """
        target = path or self._path
        if target is None:
            raise ValueError("a session without a file needs a path to be saved to")
        write_session(target, self._document)
        self._path = target
        self._saved = self._document
        self._unsaved = False
        self._tell(self._document)
        return target

    def open(self, path: Path) -> None:
        """Replace everything by the session in `path`; the history starts anew.

        What the session refers to may be missing: `session_files.missing` says what, and the rest works.

        Raises
        ------
        UserError
            The file cannot be read or is no session; the session of now stays.
        NewerVersionError
            It comes from a newer program.
        """
        self.reset(read_session(path), path)

    def reset(self, document: Document, path: Path | None = None, unsaved: bool = False) -> None:
        """Start anew with `document`; `unsaved` marks it as dirty (recovered after a crash)."""
        self._past.clear()
        self._future.clear()
        self._gesture = ""
        self._path = path
        self._saved = document
        self._unsaved = unsaved
        self._become(document)

    def _become(self, document: Document) -> None:
        old, self._document = self._document, document
        self._tell(old)

    def _tell(self, old: Document) -> None:
        for listener in list(self._listeners):
            listener(old, self._document)


def _without_layout(document: Document) -> Document:
    return msgspec.structs.replace(document, layout="")
