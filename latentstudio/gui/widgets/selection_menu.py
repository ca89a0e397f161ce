"""The button behind which selections are named, recalled, combined and forgotten."""

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton, QWidget

from latentstudio.gui.attribute_making import AttributeMaker
from latentstudio.gui.controller import Controller
from latentstudio.gui.icons import icon
from latentstudio.gui.naming import named
from latentstudio.studio.document import Document


class SelectionMenu(QToolButton):
    """Named selections of the document, as sets: select, add, keep only, remove from, forget.

    Parameters
    ----------
    order : returns the dataset indices that the grid shows, int64 (M,); what is inverted is the selection among them.
    """

    def __init__(
        self, controller: Controller, order: Callable[[], NDArray[np.int64]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._order = order
        named(self, "Selections", "Name and recall selections")
        self.setIcon(icon("select"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.entries = QMenu(self)
        self.entries.aboutToShow.connect(self.fill)
        self.setMenu(self.entries)

    def fill(self) -> None:
        """Make the menu anew."""
        menu, document = self.entries, self._controller.document
        menu.clear()
        name = menu.addAction("Name the selection…")
        name.setEnabled(bool(document.selection))
        name.triggered.connect(self._name)
        menu.addAction("Invert the selection").triggered.connect(self.invert)
        menu.addAction("Clear the selection").triggered.connect(lambda: self._controller.select((), "replace"))
        if document.named_selections:
            menu.addSeparator()
        for title, members in document.named_selections.items():
            self._add_named(menu.addMenu(f"{title} ({len(members):,})"), title, members)
        menu.addSeparator()
        AttributeMaker(self._controller, self.window()).fill(menu.addMenu("Make an attribute"))

    def _add_named(self, menu: QMenu, title: str, members: tuple[int, ...]) -> None:
        select = self._controller.select

        def keep() -> None:
            kept = set(members)
            select(tuple(i for i in self._controller.document.selection if i in kept), "replace")

        menu.addAction("Select").triggered.connect(lambda: select(members, "replace"))
        menu.addAction("Add to the selection").triggered.connect(lambda: select(members, "add"))
        menu.addAction("Keep only these").triggered.connect(keep)
        menu.addAction("Remove from the selection").triggered.connect(lambda: select(members, "remove"))
        menu.addSeparator()
        menu.addAction("Forget this name").triggered.connect(lambda: self._forget(title))

    def _forget(self, title: str) -> None:
        def change(document: Document) -> Document:
            left = {name: members for name, members in document.named_selections.items() if name != title}
            return replace(document, named_selections=left)

        self._controller.edit(f"Forget selection '{title}'", change)

    def _name(self) -> None:
        name, accepted = QInputDialog.getText(self.window(), "Name the selection", "Name")
        if accepted and name.strip():
            self._controller.name_selection(name.strip())

    def invert(self) -> None:
        """Select what is shown and not selected."""
        chosen = set(self._controller.document.selection)
        self._controller.select(tuple(int(i) for i in self._order() if int(i) not in chosen), "replace")
