"""Undo, selections, slots and panels."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QInputDialog

from latentstudio.gui.actions import Spec

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow


class PanelCommands:
    """Edit and Panel menus."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        self._controller = window.controller

    def edit_specs(self) -> list[Spec]:
        """Return undo, redo and what concerns the selection."""
        edit = "&Edit"
        session = self._controller.session
        chosen = self._chosen
        return [
            Spec(
                "undo",
                "&Undo",
                edit,
                self._controller.undo,
                "Ctrl+Z",
                "undo",
                tool=True,
                enabled=lambda: session.can_undo,
            ),
            Spec(
                "redo",
                "&Redo",
                edit,
                self._controller.redo,
                "Ctrl+Shift+Z",
                "redo",
                tool=True,
                enabled=lambda: session.can_redo,
            ),
            Spec("select-all", "Select &all images", edit, self.select_all, "Ctrl+A", "select", group=2),
            Spec("select-none", "Clear selection", edit, self.select_none, "Ctrl+D", "", group=2, enabled=chosen),
            Spec("name-selection", "&Name selection…", edit, self.name_selection, "", "pin", group=2, enabled=chosen),
        ]

    def specs(self) -> list[Spec]:
        """Return what concerns the active strip and panels in general."""
        panel = "&Panel"
        pair = self._controller.random_pair
        strip = self.has_strip
        return [
            Spec("swap", "S&wap A and B", panel, self.swap, "Ctrl+T", "swap", enabled=strip),
            Spec("random", "&Random pair", panel, lambda: pair(self.strip()), "Ctrl+R", "dice", enabled=strip),
            Spec(
                "same",
                "&Same person",
                panel,
                lambda: pair(self.strip(), True),
                "Ctrl+Shift+R",
                "person",
                "Two pictures of one person, at random",
                enabled=strip,
            ),
            Spec(
                "other",
                "&Two persons",
                panel,
                lambda: pair(self.strip(), False),
                "Ctrl+Alt+R",
                "people",
                "Pictures of two persons, at random",
                enabled=strip,
            ),
            Spec(
                "remove-panel", "Re&move panel", panel, self.remove, "Ctrl+W", "close", group=2, enabled=self._removable
            ),
        ]

    def add_specs(self) -> list[Spec]:
        """Return one action for each operation and analysis that there is."""
        from latentstudio.analyses import ANALYSES
        from latentstudio.operations import OPERATIONS

        found = []
        for kind, table in (("operation", OPERATIONS), ("analysis", ANALYSES)):
            for name, plugin in table.items():
                found.append(
                    Spec(
                        f"add-{name}",
                        f"{plugin.title}",
                        "&Panel",
                        partial(self.add, kind, name),
                        "",
                        "add",
                        f"New panel: {plugin.summary}",
                        1,
                        submenu="&Add panel",
                    )
                )
        return found

    def add(self, kind: str, name: str) -> None:
        """Add a panel and bring it to the front."""
        panel_id = self._controller.add_panel(kind, name)
        if panel_id in self._window.area.docks:
            self._window.area.docks[panel_id].bring_up()

    def remove(self) -> None:
        """Take the current panel away."""
        current = self._window.area.current()
        if any(panel.id == current for panel in self._controller.document.panels):
            self._controller.remove_panel(current)

    def _removable(self) -> bool:
        current = self._window.area.current()
        return any(panel.id == current for panel in self._controller.document.panels)

    def strip(self) -> str:
        """Id of the active strip, else of the first; empty when there is none."""
        document = self._controller.document
        strips = [panel.id for panel in document.panels if panel.name == "interpolate"]
        return document.active if document.active in strips else (strips[0] if strips else "")

    def has_strip(self) -> bool:
        """Whether there is a strip."""
        return bool(self.strip())

    def swap(self) -> None:
        """Exchange A and B of the active strip."""
        self._controller.swap_slots(self.strip())

    def _chosen(self) -> bool:
        return bool(self._controller.document.selection)

    def select_all(self) -> None:
        """Select every image that the browser shows."""
        from latentstudio.studio.browse import shown

        controller = self._controller
        if controller.facts is not None:
            controller.select(int(i) for i in shown(controller.facts, controller.columns, controller.document.browser))

    def select_none(self) -> None:
        """Select nothing."""
        self._controller.select(())

    def name_selection(self) -> None:
        """Ask for a name and keep the selection under it."""
        name, accepted = QInputDialog.getText(self._window, "Name the selection", "Name")
        if accepted and name.strip():
            self._controller.name_selection(name.strip())
