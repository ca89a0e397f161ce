"""Panels on and off, layouts, theme, and the pages that explain the program."""

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtWidgets import QApplication, QInputDialog, QMessageBox

from latentstudio import __version__
from latentstudio.errors import UserError
from latentstudio.gui.actions import Spec
from latentstudio.gui.command_palette import Command, CommandPalette
from latentstudio.gui.dataset_switcher import ready_made
from latentstudio.gui.dock_area import JOBS
from latentstudio.gui.shortcut_sheet import ShortcutSheet
from latentstudio.gui.theme import apply_theme, wanted_theme

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow

_THEMES = (("system", "Follow the &system"), ("dark", "&Dark"), ("light", "&Light"))


class ViewCommands:
    """View and Help menus."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        self.palette: CommandPalette | None = None

    def specs(self) -> list[Spec]:
        """Return the actions of this group."""
        view = "&View"
        area = self._window.area
        specs = [
            Spec(
                "maximise",
                "&Maximise panel",
                view,
                self.maximise,
                "F11",
                "maximise",
                "Let the current panel fill the window, or bring the others back",
                1,
                checked=lambda: bool(area.maximised),
            ),
            Spec("next-panel", "&Next panel", view, partial(area.step, 1), "F6", "", "Move the keyboard on", 1),
            Spec("last-panel", "Previous panel", view, partial(area.step, -1), "Shift+F6", "", "Move it back", 1),
            Spec("reset-layout", "&Reset layout", view, area.reset, "", "reset", "Arrange the panels as at first", 2),
            Spec("save-layout", "Save this layout…", view, self.save_layout, "", "layout", group=2),
            Spec("jobs", "&Jobs", view, self.jobs, "Ctrl+J", "jobs", "Show running and finished jobs", 1),
        ]
        for name, words in _THEMES:
            specs.append(
                Spec(
                    f"theme-{name}",
                    words,
                    view,
                    partial(self.set_theme, name),
                    "",
                    "theme",
                    f"Colours: {words.replace('&', '').lower()}",
                    3,
                    submenu="&Theme",
                    checked=partial(_is_theme, name),
                )
            )
        specs += [
            Spec("palette", "&Command palette…", "&Help", self.show_palette, "Ctrl+K", "command", tool=True),
            Spec("shortcuts", "&Shortcuts", "&Help", self.show_shortcuts, "F1", "keyboard", tool=True),
            Spec("about", "&About LatentStudio", "&Help", self.about, "", "info", group=1),
        ]
        return specs

    def maximise(self) -> None:
        """Let the current panel fill the window, or bring the others back."""
        self._window.area.maximise(self._window.area.current())

    def jobs(self) -> None:
        """Show the jobs panel."""
        self._window.area.docks[JOBS].bring_up()

    def set_theme(self, name: str) -> None:
        """Use a theme from now on."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, name)
        self._window.remember(theme=name)

    def save_layout(self) -> None:
        """Ask for a name and keep the arrangement of the panels under it."""
        name, accepted = QInputDialog.getText(self._window, "Save this layout", "Name")
        if accepted and name.strip():
            layouts = {**self._window.settings.layouts, name.strip(): self._window.area.state()}
            self._window.remember(layouts=layouts)

    def use_layout(self, name: str) -> None:
        """Arrange the panels as they were saved under `name`."""
        if not self._window.area.restore(self._window.settings.layouts[name]):
            self._window.controller.message.emit(
                f"The layout '{name}' is of another version and cannot be used.", "error"
            )

    def forget_layout(self, name: str) -> None:
        """Remove a saved layout."""
        self._window.remember(layouts={k: v for k, v in self._window.settings.layouts.items() if k != name})

    def show_palette(self) -> None:
        """Open the command palette."""
        self.palette = CommandPalette(self.commands(), self._window)
        self.palette.open()

    def show_shortcuts(self) -> None:
        """Open the shortcut sheet."""
        sheet = ShortcutSheet(self._window.table, self._window)
        sheet.open()

    def commands(self) -> list[Command]:
        """Return what the palette offers: all actions, then models, datasets, panels and layouts by name."""
        window, controller = self._window, self._window.controller
        table = window.table
        table.refresh()
        found = []
        for spec in table.specs.values():
            if spec.name == "palette":
                continue
            action = table.actions[spec.name]
            text = action.text().replace("&", "")
            if spec.submenu:
                text = f"{spec.submenu.replace('&', '')}: {text}"
            keys = action.shortcut().toString()
            found.append(Command(text, spec.menu.replace("&", ""), keys, action.trigger, action.isEnabled()))
        found += [
            Command(f"Use model {name}", "Model", "", partial(controller.set_model, name))
            for name in controller.catalogue.models
        ]
        found += [
            Command(f"Show dataset {text}", "Data", "", partial(controller.set_dataset, text))
            for text in dict.fromkeys([*(text for text, _, _ in ready_made()), *window.recent.datasets])
        ]
        docks, layouts = window.area.docks.values(), window.settings.layouts
        found += [Command(f"Go to {dock.windowTitle()}", "View", "", dock.bring_up) for dock in docks]
        found += [Command(f"Use layout {name}", "View", "", partial(self.use_layout, name)) for name in layouts]
        return found

    def about(self) -> None:
        """Say what this is."""
        status = self._window.controller.status
        engine = f"Models run on {status.device} in an engine {status.host}." if status is not None else ""
        QMessageBox.about(
            self._window,
            "About LatentStudio",
            f"<b>LatentStudio {__version__}</b><p>An instrument for the latent spaces of generative models.</p>"
            f"<p>{engine}</p><p>MIT licence.</p>",
        )


def _is_theme(name: str) -> bool:
    return wanted_theme() == name


def keep_settings(window: "MainWindow", **changes: object) -> None:
    """Change preferences and write them; a folder that cannot be written costs only their memory."""
    window.settings = replace(window.settings, **changes)
    try:
        window.settings.save()
    except UserError as error:
        window.controller.message.emit(f"The settings are not kept: {error}", "warning")
