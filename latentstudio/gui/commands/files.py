"""Sessions: open, save, recent, recover."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QMessageBox

from latentstudio.errors import UserError
from latentstudio.gui.actions import Spec
from latentstudio.studio.session_files import SUFFIX

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow

_OPEN = (
    f"Everything LatentStudio opens (*{SUFFIX} *.png *.svg *.pdf *.json *.jpg *.jpeg *.bmp *.tif *.tiff *.webp *.zip);;"
    f"Sessions (*{SUFFIX});;Figures (*.png *.svg *.pdf *.json);;All files (*)"
)


class FileCommands:
    """File menu: sessions in and out."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        self._controller = window.controller

    def specs(self) -> list[Spec]:
        """Return the actions of this group."""
        file = "&File"
        return [
            Spec(
                "open", "&Open…", file, self.open, "Ctrl+O", "open", "Open a session, figure or picture", 0, tool=True
            ),
            Spec("save", "&Save", file, self.save, "Ctrl+S", "save", "Save the session", 1, tool=True),
            Spec("save-as", "Save &as…", file, self.save_as, "Ctrl+Shift+S", "", "Save the session elsewhere", 1),
            Spec("new", "&New session", file, self.new, "Ctrl+N", "add", "Start again from the welcome scene", 1),
        ]

    def last_specs(self) -> list[Spec]:
        """Return the actions that end the menu."""
        return [Spec("quit", "&Quit", "&File", self._window.close, "Ctrl+Q", "quit", "Close LatentStudio", 9)]

    def open(self) -> None:
        """Ask for a file and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open", self._folder(), _OPEN)
        if name:
            self.open_path(Path(name))

    def open_path(self, path: Path) -> None:
        """Open anything; a session in place of one with unsaved work asks first."""
        if path.suffix.lower() == SUFFIX and not self.may_leave():
            return
        self._controller.open_path(path)

    def save(self) -> bool:
        """Save to the session's own file, or ask for one; True when it is saved."""
        if self._controller.session.path is None:
            return self.save_as()
        return self._write(None)

    def save_as(self) -> bool:
        """Ask for a file and save to it; True when it is saved."""
        start = self._controller.session.path or Path(self._folder(), f"session{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self._window, "Save the session", str(start), f"Sessions (*{SUFFIX})")
        if not name:
            return False
        path = Path(name)
        return self._write(path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))

    def _write(self, path: Path | None) -> bool:
        self._window.note_layout()
        self._controller.note_digests()
        try:
            written = self._controller.session.save(path)
        except UserError as error:
            self._controller.message.emit(str(error), "error")
            return False
        self._window.recent.add(written)
        self._controller.message.emit(f"Saved {written.name}.", "info")
        return True

    def new(self) -> None:
        """Start again from the welcome scene."""
        from latentstudio.studio.defaults import welcome_document

        if self.may_leave():
            self._controller.session.reset(welcome_document(self._controller.catalogue))
            self._window.area.reset()

    def may_leave(self) -> bool:
        """Ask what becomes of unsaved work, when there is any; False when the person wants to stay."""
        if not self._controller.session.dirty:
            return True
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self._window,
            "Unsaved changes",
            "Save the changes to this session first?",
            buttons.Save | buttons.Discard | buttons.Cancel,
            buttons.Save,
        )
        return self.save() if answer == buttons.Save else answer == buttons.Discard

    def _folder(self) -> str:
        path = self._controller.session.path
        files = [path] if path is not None else self._window.recent.files
        return str(files[0].parent) if files else str(Path.home())
