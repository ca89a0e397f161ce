"""The latent stores: encode the dataset in view, and list, resume, verify and clear what is stored."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from latentstudio.data.latent_shelf import StoreFacts
from latentstudio.gui.controller import Controller
from latentstudio.gui.encode_form import EncodeForm
from latentstudio.gui.store_passes import StorePasses, size_words
from latentstudio.gui.store_table import StoreTable
from latentstudio.gui.theme import GAP, small_font
from latentstudio.studio.jobs import JobView
from latentstudio.studio.store_requests import StoreLine, StoresListed

SIZES_MS = 2000
"""Between two looks at the sizes of stores that grow."""

_EMPTY = (
    "Nothing is stored yet. Once a data set is encoded, its norms, log-densities and readouts come from here, "
    "and the model need not run again."
)


class StoresDialog(QDialog):
    """Not modal: passes go on in the background, and so may the person."""

    def __init__(self, controller: Controller, passes: StorePasses, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Latent stores")
        self._passes = passes
        self.form = EncodeForm(controller, passes)
        self.table = StoreTable(passes)
        self.empty = QLabel(_EMPTY)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("muted", True)
        self.empty.setContentsMargins(6 * GAP, 0, 6 * GAP, 0)
        self.total = QLabel()
        self.place = QLabel()
        self.place.setFont(small_font())
        self.place.setProperty("muted", True)
        self.place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.resume = self._button("Resume", "Encode what is missing", self._resume)
        self.stop = self._button("Stop", "Stop encoding; what is encoded is kept", self._stop)
        self.check = self._button("Verify", "Read every file and compare it with its checksum", self._verify)
        self.clear = self._button("Clear…", "Remove the chosen stores", self._clear)
        self.clear_all = self._button("Clear all…", "Remove every store", self._clear_all)
        self.shut = self._button("Close", "Passes go on in the background", self.close)
        self._arrange()
        self.table.itemSelectionChanged.connect(self._enable)
        passes.listed.connect(self._listed)
        passes.changed.connect(self._moved)
        passes.checked.connect(self._checked)
        self._enable()
        self._clock = QTimer(self)
        self._clock.setInterval(SIZES_MS)
        self._clock.timeout.connect(self._look_again)
        self._clock.start()
        passes.refresh()

    def _button(self, text: str, tip: str, run: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: run())  # type: ignore[operator]
        return button

    def _arrange(self) -> None:
        page = QWidget()
        self._pages = QStackedLayout(page)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        line = QFrame()
        line.setProperty("hairline", True)
        words = QHBoxLayout()
        words.addWidget(self.total)
        words.addStretch(1)
        words.addWidget(self.place)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        for button in (self.resume, self.stop, self.check, self.clear):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.clear_all)
        buttons.addWidget(self.shut)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GAP, 2 * GAP, 2 * GAP, 2 * GAP)
        column.setSpacing(GAP + GAP // 2)
        column.addWidget(self.form)
        column.addWidget(line)
        column.addWidget(page, 1)
        column.addLayout(words)
        column.addLayout(buttons)
        self.resize(880, 400)

    # -- what is told ----------------------------------------------------------------------------------------------

    def _listed(self, listed: StoresListed) -> None:
        self.table.show_lines(listed.stores)
        self._pages.setCurrentIndex(1 if listed.stores else 0)
        size = sum(line.facts.bytes for line in listed.stores)
        count = "1 store" if len(listed.stores) == 1 else f"{len(listed.stores)} stores"
        taken = f"{count}, {size_words(size)}" if listed.stores else "No stores"
        self.total.setText(f"{taken} · {size_words(listed.free)} free on this disk")
        self.place.setText(short_path(listed.folder))
        self.form.know(listed)
        self._enable()

    def _moved(self, view: JobView) -> None:
        ended = view.state != "running"
        if ended or (view.message.startswith("Encoding") and not self.table.knows(view)):
            self._passes.refresh()
        self.table.refresh()
        self.form.refresh()
        self._enable()

    def _checked(self, folder: str, faults: tuple[str, ...] | None, words: str) -> None:
        self.table.note_check(folder, faults, words)
        self._enable()

    def _look_again(self) -> None:
        """Sizes grow while a pass runs."""
        if self.isVisible() and self._passes.running:
            self._passes.refresh()

    # -- what is done ----------------------------------------------------------------------------------------------

    def _enable(self) -> None:
        lines = self.table.chosen()
        working = [self._passes.at_work(line.facts) is not None for line in lines]
        self.resume.setEnabled(any(self._resumable(line) for line in lines))
        self.stop.setEnabled(any(working))
        self.check.setEnabled(any(line.facts.manifest is not None for line in lines))
        self.clear.setEnabled(bool(lines) and not any(working))
        rows = self.table.lines
        self.clear_all.setEnabled(bool(rows) and all(self._passes.at_work(line.facts) is None for line in rows))

    def _resume(self) -> None:
        for line in self.table.chosen():
            if self._resumable(line):
                self.table.forget_check(line)
                self._passes.resume(line.facts)
        self.table.refresh()
        self._enable()

    def _stop(self) -> None:
        for line in self.table.chosen():
            view = self._passes.at_work(line.facts)
            if view is not None:
                self._passes.cancel(view.id)

    def _verify(self) -> None:
        for line in self.table.chosen():
            if line.facts.manifest is not None:
                self._passes.verify(str(line.facts.folder))

    def _clear(self) -> None:
        self._ask_and_clear([line.facts for line in self.table.chosen()])

    def _clear_all(self) -> None:
        self._ask_and_clear([line.facts for line in self.table.lines])

    def _ask_and_clear(self, facts: list[StoreFacts]) -> None:
        count = "this store" if len(facts) == 1 else f"these {len(facts)} stores"
        size = size_words(sum(f.bytes for f in facts))
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Clear")
        box.setText(f"Remove {count} and free {size}?")
        box.setInformativeText("The codes can be encoded again; that takes as long as it took.")
        remove = box.addButton("Clear", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        remove.clicked.connect(lambda: self._passes.remove([str(f.folder) for f in facts]))
        box.open()

    def _resumable(self, line: StoreLine) -> bool:
        """Whether a pass would complete or mend the store."""
        wanted = line.facts.state == "unfinished" or self.table.faulty(line)
        return wanted and not line.outdated and self._passes.at_work(line.facts) is None


def short_path(folder: str) -> str:
    """Write a path with ``~`` for the person's home."""
    path, home = Path(folder), Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else folder
