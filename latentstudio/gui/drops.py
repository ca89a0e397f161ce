"""What may be dropped anywhere on the window, and what it does there."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData

from latentstudio.gui.dragging import inputs_of, paths_of
from latentstudio.gui.opening import Kind, kind_of

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow


def drop_words(mime: QMimeData) -> str:
    """Say what dropping `mime` on the window would do; empty when it cannot be used."""
    # Our own drags carry files too, for other programs: what they are inside ours comes first.
    if inputs_of(mime):
        return "Inspect this picture"
    paths = paths_of(mime)
    if paths:
        kinds = {kind_of(path) for path in paths} - {Kind.UNKNOWN}
        if not kinds:
            return ""
        kind = kinds.pop()
        if kind is Kind.PICTURE and paths[0].suffix.lower() == ".png":
            return "Reopen this figure, or encode this picture"
        return kind.value
    return ""


def take_drop(window: "MainWindow", mime: QMimeData) -> bool:
    """Open files and folders, inspect inputs; True when `mime` was of use."""
    inputs = inputs_of(mime)
    if inputs:
        window.controller.inspect(inputs[0])
        return True
    paths: list[Path] = paths_of(mime)
    for path in paths:
        window.files.open_path(path)
    return bool(paths)
