"""Which dataset is in view: recent ones, folders and archives, the ready-made ones, and how far a download is."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QProgressBar, QSizePolicy, QToolButton, QWidget

from latentstudio.data import DATASETS
from latentstudio.data.specification import PATH_SOURCES, parse_spec
from latentstudio.errors import UserError
from latentstudio.gui.controller import Controller
from latentstudio.gui.naming import named, tool_button
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.views import FetchProgress
from latentstudio.studio.document import Document
from latentstudio.studio.recent import Recent
from latentstudio.studio.requests import DatasetFacts

READY = (
    ("faces", "Drawn faces", "Drawn by LatentStudio itself; known factors; needs no download"),
    ("olivetti", "Olivetti faces", "400 faces of 40 persons; downloaded once, 4 MB"),
    ("lfw", "LFW crops", "12,794 grey photographs of 5,616 persons, with attributes"),
    ("digits", "Handwritten digits", "1,797 small digits that come with scikit-learn"),
)
"""Datasets that are there without the person's own files: specification, title, summary."""

LONGEST = 34


def ready_made() -> list[tuple[str, str, str]]:
    """Those of `READY` that can be opened as things are: they lie here or can be fetched."""
    sources = ((entry, DATASETS[entry[0]]) for entry in READY)
    return [entry for entry, source in sources if source.fetch is not None or source.is_available()]


def short_name(spec: str) -> str:
    """Name a dataset by its specification: the title of a ready-made one, the last part of a path."""
    for ready, title, _ in READY:
        if spec == ready:
            return title
    try:
        source, argument, options = parse_spec(spec)
    except UserError:
        return spec
    if source in PATH_SOURCES:
        return argument.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]
    if source == "samples":
        return f"Samples of {argument}{_count(options)}"
    title = next((title for ready, title, _ in READY if ready == source), "")
    return f"{title}{_count(options)}" if title else spec


def full_name(title: str, spec: str) -> str:
    """The title of an open dataset, with the number of images where the person asked for one."""
    try:
        return title + _count(parse_spec(spec)[2])
    except UserError:
        return title


def _count(options: Mapping[str, str]) -> str:
    """The number of images that a specification asks for, as it stands behind a name."""
    number = options.get("n", "")
    return f" ({int(number):,})" if number.isdecimal() else ""


class DatasetSwitcher(QWidget):
    """Button that names the dataset in view and opens others.

    Parameters
    ----------
    open_folder, open_file : ask for a folder or an archive and open it.
    """

    def __init__(
        self, controller: Controller, recent: Recent, open_folder: Callable[[], None], open_file: Callable[[], None]
    ) -> None:
        super().__init__()
        self._controller = controller
        self._recent = recent
        self._open_folder = open_folder
        self._open_file = open_file
        self._fetching = ""
        self.button = tool_button("dataset", "Dataset in view", edge=18, role="text")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.button)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self.fill)
        self.button.setMenu(self.menu)
        self.progress = named(QProgressBar(), "Progress of opening the dataset")
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.progress.setFixedWidth(96)
        self.words = QLabel()
        self.words.setFont(small_font())
        self.words.setProperty("muted", True)
        stop = "Stop opening this dataset"
        self.cancel = tool_button("close", stop, lambda: controller.cancel_fetch(self._fetching))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP // 2)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        for widget in (self.button, self.words, self.progress, self.cancel):
            row.addWidget(widget)
        controller.document_changed.connect(self._document_changed)
        controller.dataset_ready.connect(self._opened)
        controller.fetch_progress.connect(self._progress)
        self._show_progress(False)
        self._name()

    def fill(self) -> None:
        """Make the menu anew."""
        self.menu.clear()
        current = self._controller.document.data
        for spec, title, summary in ready_made():
            self._entry(spec, title, summary, spec == current)
        for name, info in self._controller.catalogue.models.items():
            if "sample" in info.abilities and name == self._controller.document.model:
                title = f"400 samples of {name}"
                self._entry(f"samples:{name}?n=400", title, "What the model draws, as a dataset", False)
        others = [spec for spec in self._recent.datasets if spec not in {ready for ready, _, _ in READY}]
        if others:
            self.menu.addSeparator()
            for spec in others[:8]:
                self._entry(spec, short_name(spec), spec, spec == current)
        self.menu.addSeparator()
        folder = self.menu.addAction("Open a folder of pictures…")
        folder.triggered.connect(lambda: self._open_folder())
        archive = self.menu.addAction("Open a zip or IDX file…")
        archive.triggered.connect(lambda: self._open_file())

    def _entry(self, spec: str, title: str, tip: str, current: bool) -> None:
        action = self.menu.addAction(title)
        action.setToolTip(tip)
        action.setCheckable(True)
        action.setChecked(current)
        action.triggered.connect(lambda _checked=False: self._controller.set_dataset(spec, fetch=spec == "olivetti"))

    def _document_changed(self, old: Document, new: Document) -> None:
        if old.data != new.data:
            self._name()

    def _opened(self, facts: DatasetFacts) -> None:
        if facts is self._controller.facts:
            self._recent.add_dataset(facts.spec)
        self._name()

    def _name(self) -> None:
        facts, spec = self._controller.facts, self._controller.document.data
        name = full_name(facts.title, spec) if facts is not None else short_name(spec)
        shown = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        self.button.setText(shown or "Open a dataset")
        count = f", {facts.size:,} images" if facts is not None else ""
        self.button.setToolTip(f"Dataset in view: {name}{count}\n{spec}" if name else "Open a dataset")

    def _progress(self, progress: FetchProgress) -> None:
        self._fetching = "" if progress.done else progress.spec
        self._show_progress(not progress.done)
        if progress.fraction > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * progress.fraction))
        else:
            self.progress.setRange(0, 0)
        self.words.setText(progress.message)

    def _show_progress(self, shown: bool) -> None:
        for widget in (self.words, self.progress, self.cancel):
            widget.setVisible(shown)
