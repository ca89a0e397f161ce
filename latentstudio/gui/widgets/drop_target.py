"""Taking drops: what a place accepts, and the words that say so while something hovers."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from latentstudio.errors import UserError
from latentstudio.figures.embed import read_figure
from latentstudio.figures.recipe import Input
from latentstudio.gui import dragging
from latentstudio.gui.pixmaps import pixels_of_png

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
"""Endings of files that a slot takes; everything else is left to the window."""
_LARGEST_FIGURE = 256 << 20


def picture_paths(mime: QMimeData) -> list[Path]:
    """Return the picture files in a drag from another program, our own figures left out: the window reopens those."""
    found = [path for path in dragging.paths_of(mime) if path.suffix.lower() in PICTURES]
    return [path for path in found if not _is_figure(path)]


def _is_figure(path: Path) -> bool:
    """Whether a picture carries recipes inside."""
    if path.suffix.lower() != ".png":
        return False
    try:
        facts = path.stat()
    except OSError:
        return False
    return _carries_recipes(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=64)
def _carries_recipes(path: Path, modified: int, size: int) -> bool:
    """Look once into a file; a drag asks at every move of the pointer."""
    if size > _LARGEST_FIGURE:
        return False
    try:
        read_figure(path)
    except UserError:
        return False
    return True


def _picture_of(mime: QMimeData) -> NDArray[np.uint8] | None:
    """Return the picture that travels with inputs, which spares decoding a code only to show it."""
    if not mime.hasFormat("image/png"):
        return None
    try:
        return pixels_of_png(bytes(mime.data("image/png").data()))
    except UserError:
        return None


def drop_words(label: str, many: bool, filled: bool, inputs: int, files: int) -> str:
    """Say what a drop on a slot will do; empty when the slot does not take it."""
    count = inputs or files
    if not count:
        return ""
    if many:
        return f"Drop to add to {label}" if count == 1 else f"Drop to add {count} to {label}"
    what = "the first of " + str(count) + " " if count > 1 else ""
    verb = "use" if inputs else "encode"
    if filled and not what:
        return f"Drop to replace {label}" if inputs else f"Drop to encode and replace {label}"
    return f"Drop to {verb} {what}as {label}"


class DropTarget(QWidget):
    """A place that takes inputs and picture files.

    Parameters
    ----------
    label : what the words call it; many : takes any number.

    `carried` is the picture that came with the last drop, of its first input.
    """

    dropped = Signal(object)
    """Tuple of inputs; one unless `many`."""
    path_dropped = Signal(object)
    words_changed = Signal(str)
    """What a drop will do, while something hovers; empty when it has gone."""

    def __init__(self, label: str, many: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label, self.many = label, many
        self.carried: NDArray[np.uint8] | None = None
        self._inputs: tuple[Input, ...] = ()
        self._words = ""
        self.setAcceptDrops(True)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it holds."""
        return self._inputs

    @property
    def words(self) -> str:
        """What a drop will do right now; empty when nothing hovers."""
        return self._words

    def _meaning(self, mime: QMimeData) -> str:
        inputs = dragging.inputs_of(mime)
        if inputs and inputs == self._inputs:
            return f"{self.label} already holds this"
        files = [] if inputs else picture_paths(mime)
        return drop_words(self.label, self.many, bool(self._inputs), len(inputs), len(files))

    def _say(self, words: str) -> None:
        if words != self._words:
            self._words = words
            self.words_changed.emit(words)
            self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take pictures, and say what dropping them will do; leave everything else to the window."""
        words = self._meaning(event.mimeData())
        self._say(words)
        if words:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Keep accepting."""
        if self._words:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The drag went elsewhere or was given up with Esc."""
        self._say("")

    def dropEvent(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        mime = event.mimeData()
        self._say("")
        if self.take(mime):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            event.ignore()

    def announce(self, mime: QMimeData | None) -> None:
        """Say what a drop of `mime` would do although it hovers elsewhere on the panel; None ends that."""
        self._say(self._meaning(mime) if mime is not None else "")

    def take(self, mime: QMimeData) -> bool:
        """Take what a drag or the clipboard holds; return whether there was anything for this slot."""
        inputs = dragging.inputs_of(mime)
        if inputs:
            self.carried = _picture_of(mime)
            chosen = inputs if self.many else inputs[:1]
            if chosen != self._inputs:
                self.dropped.emit(chosen)
            return True
        files = picture_paths(mime)
        for path in files if self.many else files[:1]:
            self.path_dropped.emit(path)
        return bool(files)
