"""The window: docks, menus, tool bar, messages, drops, and what happens when it closes."""

import base64
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import QMainWindow, QSizePolicy, QToolBar, QWidget

from latentstudio.errors import UserError
from latentstudio.gui.actions import ActionTable
from latentstudio.gui.commands.data import DataCommands
from latentstudio.gui.commands.export import ExportCommands
from latentstudio.gui.commands.files import FileCommands
from latentstudio.gui.commands.panels import PanelCommands
from latentstudio.gui.commands.view import ViewCommands, keep_settings
from latentstudio.gui.controller import Controller
from latentstudio.gui.dataset_switcher import DatasetSwitcher
from latentstudio.gui.dock_area import JOBS, DockArea
from latentstudio.gui.drops import drop_words, take_drop
from latentstudio.gui.icons import program_icon
from latentstudio.gui.makers import MAKERS
from latentstudio.gui.menus import DynamicMenus
from latentstudio.gui.messages import MessageBar
from latentstudio.gui.model_switcher import ModelSwitcher
from latentstudio.gui.photo_intake import PhotoIntake
from latentstudio.gui.status_bar import StatusBar
from latentstudio.gui.suggestions import Suggestions
from latentstudio.studio.autosave import Autosave
from latentstudio.studio.document import Document
from latentstudio.studio.recent import Recent
from latentstudio.studio.settings import Settings

DEFAULT_SIZE = QSize(1366, 768)
AUTOSAVE_MS = 20_000


class MainWindow(QMainWindow):
    """One session's window.

    Parameters
    ----------
    autosave : keeps unsaved work for the case of a crash; None in tests and for screenshots.
    """

    def __init__(
        self,
        controller: Controller,
        settings: Settings | None = None,
        recent: Recent | None = None,
        autosave: Autosave | None = None,
    ) -> None:
        super().__init__()
        self.controller = controller
        self.settings = settings or Settings()
        self.recent = recent or Recent()
        self._autosave = autosave
        self._closing = False
        self._placed = False
        self.setWindowIcon(program_icon())
        self.setObjectName("main")
        self.setAcceptDrops(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.resize(DEFAULT_SIZE)
        self.area = DockArea(self, controller, MAKERS)
        self.table = ActionTable(self)
        self.files = FileCommands(self)
        self.data = DataCommands(self)
        self.panels = PanelCommands(self)
        self.exports = ExportCommands(self)
        self.views = ViewCommands(self)
        for specs in (
            self.files.specs(),
            self.panels.edit_specs(),
            self.exports.specs(),
            self.files.last_specs(),
            self.data.specs(),
            self.panels.specs(),
            self.panels.add_specs(),
            self.views.specs(),
        ):
            self.table.add(specs)
        self.table.actions["redo"].setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        self.menus = DynamicMenus(self, self.table.fill_menus(self.menuBar()))
        self.models = ModelSwitcher(controller)
        self.datasets = DatasetSwitcher(controller, self.recent, self.data.open_folder, self.data.open_archive)
        self._make_tool_bar()
        self.status = StatusBar(controller)
        self.status.jobs.clicked.connect(self.views.jobs)
        self.setStatusBar(self.status)
        self.messages = MessageBar(self, self.area.working_area)
        self.area.changed.connect(self.messages.follow)
        self.photos = PhotoIntake(controller, self)
        controller.message.connect(self.messages.say)
        self.suggestions = Suggestions(controller, self.messages)
        controller.document_changed.connect(self._document_changed)
        controller.session_opened.connect(self._session_opened)
        self._autosave_timer = QTimer(self)
        self._autosave_timer.setInterval(AUTOSAVE_MS)
        self._autosave_timer.timeout.connect(self.autosave)
        if autosave is not None:
            self._autosave_timer.start()
        self._restore_geometry()
        self._show_state()

    # -- construction ----------------------------------------------------------------------------------------------

    def _make_tool_bar(self) -> None:
        bar = QToolBar("Tools", self)
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(18, 18))
        for name in ("open", "save"):
            bar.addAction(self.table.actions[name])
        bar.addSeparator()
        for name in ("undo", "redo"):
            bar.addAction(self.table.actions[name])
        bar.addSeparator()
        bar.addWidget(self.datasets)
        bar.addSeparator()
        bar.addWidget(self.models)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        for name in ("export", "palette", "shortcuts"):
            bar.addAction(self.table.actions[name])
        self.addToolBar(bar)
        self.tools = bar

    def _restore_geometry(self) -> None:
        if self.settings.geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(self.settings.geometry)))

    def showEvent(self, event: QShowEvent) -> None:
        """Arrange the panels when the size is known for the first time."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            layout = self.controller.document.layout
            self.area.reset()
            if layout:
                self.area.restore(layout)
            else:
                self._raise_active()
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _raise_active(self) -> None:
        """A session without an arrangement of its own (written by a script) still says which panel is in front."""
        dock = self.area.docks.get(self.controller.document.active)
        if dock is not None:
            dock.bring_up()

    # -- state -----------------------------------------------------------------------------------------------------

    def _document_changed(self, old: Document, new: Document) -> None:
        self._show_state()
        if old is new and not self.controller.session.dirty:
            self.autosave()  # just saved: a copy of the work before would be offered for recovery by mistake

    def _session_opened(self) -> None:
        """The arrangement of the panels comes with a session."""
        layout = self.controller.document.layout
        if layout and self._placed:
            self.area.restore(layout)
        elif self._placed:
            self._raise_active()
        if self.controller.session.path is not None and self._autosave is not None:
            self.recent.add(self.controller.session.path)

    def _show_state(self) -> None:
        session = self.controller.session
        name = session.path.name if session.path is not None else "Untitled"
        self.setWindowTitle(f"{name}[*] – LatentStudio")
        self.setWindowModified(session.dirty)
        for key, label, able in (
            ("undo", session.undo_label, session.can_undo),
            ("redo", session.redo_label, session.can_redo),
        ):
            action = self.table.actions[key]
            words = f"{key.capitalize()} {label[:1].lower()}{label[1:]}" if label else key.capitalize()
            action.setText(f"&{words}")
            action.setToolTip(f"{words}  ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})")
            action.setEnabled(able)

    def note_layout(self) -> None:
        """Write the arrangement of the panels into the document; this is no action to undo."""
        from msgspec.structs import replace

        state = self.area.state()
        self.controller.session.amend(lambda d: replace(d, layout=state))

    def remember(self, **changes: object) -> None:
        """Change preferences and write them."""
        keep_settings(self, **changes)

    def remember_export(self, changes: dict[str, object]) -> None:
        """Keep what was last used in the export dialog."""
        self.remember(**changes)

    # -- autosave --------------------------------------------------------------------------------------------------

    def autosave(self) -> None:
        """Keep a copy of unsaved work."""
        if self._autosave is None:
            return
        try:
            self._autosave.write()
        except UserError as error:
            self._autosave_timer.stop()
            self.controller.message.emit(f"Unsaved work is not being kept: {error}", "warning")

    def offer_recovery(self) -> None:
        """Say that a session was left behind by a crash, and offer it."""
        if self._autosave is None:
            return
        left = self._autosave.recoverable()
        if not left:
            return
        path = left[0]
        yes, no = self.messages.offer("LatentStudio ended unexpectedly with unsaved work.", "Recover", "Discard")
        yes.clicked.connect(lambda: self.recover(path))
        no.clicked.connect(lambda: Autosave.discard(path))

    def recover(self, path: Path) -> None:
        """Bring back an autosaved session."""
        try:
            found = Autosave.read(path)
        except UserError as error:
            self.controller.message.emit(str(error), "error")
            return
        self.controller.session.reset(found.document, found.path, unsaved=True)
        self.controller.session_opened.emit()
        Autosave.discard(path)
        self.controller.message.emit("Recovered the unsaved session.", "info")

    # -- drops -----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Say what a drop here would do."""
        self._hover_drop(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Say what a drop here would do."""
        self._hover_drop(event)

    def _hover_drop(self, event: QDragMoveEvent) -> None:
        words = drop_words(event.mimeData())
        if words:
            event.acceptProposedAction()
            self.status.showMessage(words, 2000)
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Take the words back: a panel under the pointer has its own, or the drag is over."""
        self.status.clearMessage()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        if take_drop(self, event.mimeData()):
            event.acceptProposedAction()

    # -- end -------------------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved work when there is any, then end at once."""
        if self._closing:
            event.accept()
            return
        if self._autosave is not None and not self.files.may_leave():
            event.ignore()
            return
        self._closing = True
        self._autosave_timer.stop()
        if self._autosave is not None:
            self.remember(geometry=base64.b64encode(self.saveGeometry().data()).decode("ascii"))
            self._autosave.close()
        # Gone from the screen at once; a training that is still saving its state is waited for without the window.
        self.hide()
        self.controller.close()
        if self.controller.jobs is not None:
            self.controller.jobs.close()
        event.accept()

    def show_jobs(self) -> None:
        """Bring the jobs panel up."""
        self.area.docks[JOBS].bring_up()
