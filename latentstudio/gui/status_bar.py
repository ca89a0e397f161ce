"""Foot of the window: where the work is done and how fast, what is selected, and whether a view shows only a sample."""

from dataclasses import fields

from PySide6.QtWidgets import QLabel, QStatusBar

from latentstudio.figures.recipe import ModelRef, Recipe
from latentstudio.gui.controller import Controller
from latentstudio.gui.icons import icon
from latentstudio.gui.naming import tool_button
from latentstudio.gui.theme import GAP, numeric_font
from latentstudio.gui.views import PanelView
from latentstudio.results import ImageGrid, Sheet, Strip
from latentstudio.studio.document import Document
from latentstudio.studio.requests import EngineStatus

_SAMPLED = ("sampled", "sample of", "approximate", "subset")


class StatusBar(QStatusBar):
    """Device and host, milliseconds per frame, memory of the engine, sampling note, counts, running jobs."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._sampled: dict[str, str] = {}
        self._cold: dict[tuple[str, ModelRef | None], Recipe] = {}
        self.setSizeGripEnabled(False)
        self.device = self._label("Engine", "Starting the engine …")
        self.speed = self._label("Decoding speed", "")
        self.speed.setToolTip("Working time of the engine per decoded frame of the last strip or grid")
        self.memory = self._label("Memory of the engine", "")
        self.note = self._label("Sampling", "")
        self.work = self._label("What is being computed", "")
        self.count = self._label("Selection", "")
        self.passes = self._label("Data sets being encoded", "")
        self.jobs = tool_button("jobs", "Jobs")
        for label in (self.device, self.speed, self.memory):
            self.addWidget(label)
        for label in (self.passes, self.work, self.note, self.count):
            self.addPermanentWidget(label)
        self.addPermanentWidget(self.jobs)
        self.setContentsMargins(GAP, 0, GAP // 2, 0)
        controller.status_changed.connect(self._status)
        controller.panel_changed.connect(self._panel)
        controller.document_changed.connect(self._document)
        controller.dataset_ready.connect(lambda _facts: self._counts())
        controller.jobs_changed.connect(self._count_jobs)
        if controller.stores is not None:
            controller.stores.changed.connect(lambda _view: self._show_passes())
            controller.jobs_changed.connect(self._show_passes)
        if controller.status is not None:
            self._status(controller.status)
        self._counts()

    def _label(self, name: str, text: str) -> QLabel:
        label = QLabel(text)
        label.setAccessibleName(name)
        label.setFont(numeric_font(0.9))
        label.setProperty("muted", True)
        label.setContentsMargins(0, 0, GAP, 0)
        return label

    def _status(self, status: EngineStatus) -> None:
        place = {"process": "engine process", "thread": "engine thread"}.get(status.host, status.host)
        self.device.setText(f"{device_name(status.device)} · {place}")
        threads = f"{status.threads} thread" + ("s" if status.threads != 1 else "")
        models = ", ".join(status.models) or "none"
        self.device.setToolTip(f"Models run on {status.device} with {threads} in the {place}. Loaded: {models}.")
        self.memory.setText(f"{status.memory_bytes / 2**20:,.0f} MiB" if status.memory_bytes else "")
        self.memory.setToolTip("Memory of the engine")

    def _panel(self, panel_id: str, view: PanelView) -> None:
        result = view.result
        if view.fraction >= 1 and view.recipe is not None and view.decode_milliseconds > 0:
            # A panel's first run also loads the model; its time says nothing of decoding, however often it is shown.
            cold = self._cold.setdefault((panel_id, view.recipe.model), view.recipe)
            if view.recipe != cold and isinstance(result, Strip | ImageGrid) and len(result.frames):
                self.speed.setText(f"{view.decode_milliseconds / len(result.frames):.1f} ms per frame")
        self._sampled[panel_id] = sampled_note(result) if result is not None else ""
        notes = [note for name, note in self._sampled.items() if note and self._exists(name)]
        self.note.setText("sampled" if notes else "")
        self.note.setToolTip("\n".join(notes))
        busy = not view.settled and view.fraction < 1 and not view.reason
        if busy and view.message:
            self.work.setText(f"{view.message} {100 * view.fraction:.0f} %")
        elif not any(name.startswith("panel:") for name in self._controller.lanes.busy):
            self.work.setText("")

    def _count_jobs(self) -> None:
        feeds = (self._controller.jobs, self._controller.stores)
        running = sum(feed.running for feed in feeds if feed is not None)
        self.jobs.setIcon(icon("jobs", "accent" if running else "muted"))
        self.jobs.setToolTip(f"{running} running" if running else "Jobs (Ctrl+J)")

    def _show_passes(self) -> None:
        views = [view for view in self._controller.stores.all() if view.state == "running"]
        shares = ", ".join(f"{100 * (view.fraction or 0):.0f} %" for view in views)
        self.passes.setText(f"Storing codes {shares}" if views else "")
        self.passes.setToolTip("\n".join(f"{view.title}: {view.message}" for view in views))

    def _exists(self, panel_id: str) -> bool:
        return any(panel.id == panel_id for panel in self._controller.document.panels)

    def _document(self, old: Document, new: Document) -> None:
        if old.selection != new.selection or old.data != new.data:
            self._counts()

    def _counts(self) -> None:
        facts = self._controller.facts
        chosen = len(self._controller.document.selection)
        total = f"{facts.size:,} images" if facts is not None else "no dataset"
        self.count.setText(f"{chosen:,} of {total} selected" if chosen and facts is not None else total)


def device_name(device: str) -> str:
    """Name a device for people."""
    kind = device.partition(":")[0]
    return {"cpu": "CPU", "cuda": f"GPU {device.partition(':')[2] or '0'}", "mps": "Apple GPU"}.get(kind, device)


def sampled_note(result: object) -> str:
    """Return the note of a result that says it shows a sample or an approximation, empty when it shows everything."""
    if isinstance(result, Sheet):
        return next((note for part in result.parts if (note := sampled_note(part))), "")
    notes: tuple[str, ...] = ()
    if hasattr(result, "__dataclass_fields__") and any(f.name == "notes" for f in fields(result)):  # type: ignore[arg-type]
        notes = getattr(result, "notes", ())
    return next((note for note in notes if any(word in note.lower() for word in _SAMPLED)), "")
