"""Make an attribute of faces: the selection against the rest or against another one, or a file of their names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QWidget

from latentstudio.data.selection_file import read_selection
from latentstudio.errors import UserError
from latentstudio.gui import attribute_edits, edits
from latentstudio.studio.document import Document
from latentstudio.studio.requests import DatasetFacts

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

OPERATION = "attribute"


def attribute_panel(document: Document) -> str:
    """Id of the panel that a new attribute goes to: the active one, else the first; empty where there is none."""
    panels = [p.id for p in document.panels if p.kind == "operation" and p.name == OPERATION]
    return document.active if document.active in panels else next(iter(panels), "")


class Named:
    """The images of a data set by number and name, without their pixels."""

    def __init__(self, facts: DatasetFacts) -> None:
        self._ids, self._size, self.title = facts.ids, facts.size, facts.title

    def __len__(self) -> int:
        return self._size

    def image_id(self, index: int) -> str:
        """Return the name of an image."""
        return str(index) if self._ids is None else self._ids[index]


class AttributeMaker:
    """Fills menus with the ways to an attribute, and goes them; each is one step of undo.

    Parameters
    ----------
    window : stands behind the questions for a name or a file.
    panel_id : the panel that gets the attribute; empty for `attribute_panel`, or a new one.
    """

    def __init__(self, controller: "Controller", window: QWidget, panel_id: str = "") -> None:
        self._controller, self._window, self._panel_id = controller, window, panel_id

    def fill(self, menu: QMenu) -> None:
        """Add entries for the selection, for selections with names, and for a file."""
        document = self._controller.document
        count, names = len(document.selection), list(document.named_selections)
        against = menu.addAction(f"The selection ({count:,}) against the rest…" if count else "Select some faces first")
        against.setEnabled(bool(count))
        against.triggered.connect(lambda: self.ask(document.selection))
        for name in names if count else ():
            entry = menu.addAction(f"The selection against '{name}'…")
            entry.triggered.connect(lambda _=False, n=name: self.ask(document.selection, n))
        if names:
            menu.addSeparator()
        for name in names:
            members = document.named_selections[name]
            entry = menu.addAction(f"'{name}' ({len(members):,}) against the rest")
            entry.triggered.connect(lambda _=False, n=name: self.add(attribute_edits.attribute_of(n)))
        menu.addSeparator()
        menu.addAction("From a file of ids or numbers…").triggered.connect(self.ask_file)

    def _panel(self) -> str:
        return self._panel_id or attribute_panel(self._controller.document)

    def add(self, words: str) -> None:
        """Let the panel edit an attribute that there is already."""
        panel_id = self._panel()

        def change(document: Document) -> Document:
            found = panel_id
            if not found:
                document, found = edits.add_panel(document, "operation", OPERATION)
            return attribute_edits.add_attribute(document, found, words)

        self._controller.edit(f"Add attribute {words}", change)

    def ask(self, members: Sequence[int], other: str = "") -> None:
        """Ask for a name and make the attribute."""
        name, accepted = QInputDialog.getText(self._window, "Make an attribute", "What the selected faces have")
        if accepted and name.strip():
            self.make(name.strip(), members, other)

    def make(self, name: str, members: Sequence[int], other: str = "") -> None:
        """Keep images under a name, and let the panel edit what they have and the rest, or `other`, lack."""
        if "|" in name:
            self._controller.message.emit(f"'{name}' cannot be a name; one without | would do.", "warning")
            return
        panel_id = self._panel()
        self._controller.edit(
            f"Make attribute '{name}'", lambda d: attribute_edits.make_attribute(d, panel_id, name, members, other)
        )

    def ask_file(self) -> None:
        """Ask for a file of ids or numbers and make the attribute that its images have."""
        filters = "Lists of images (*.txt *.csv *.list);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self._window, "A file of ids or numbers", str(Path.home()), filters)
        if path:
            self.read(Path(path))

    def read(self, path: Path) -> None:
        """Make the attribute that the images named in a file have."""
        facts = self._controller.facts
        if facts is None:
            self._controller.message.emit("Open a dataset first.", "info")
            return
        try:
            members = read_selection(path, Named(facts))
        except UserError as error:
            self._controller.message.emit(str(error), "error")
            return
        self.make(path.stem, members)
