"""What the person does, as edits of the session with their labels: the half of the controller that knows no engine."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from latentstudio.controls import controls
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Figure, Input
from latentstudio.gui import edits
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.defaults import document_for_model
from latentstudio.studio.document import Document
from latentstudio.studio.requests import DatasetFacts
from latentstudio.studio.resolve import plugin_of
from latentstudio.studio.session import Session


class EditingController(QObject):
    """Turns actions into undoable edits of a session, and tells the widgets.

    Signals that carry `object` carry the type named beside them.
    """

    document_changed = Signal(object, object)  # Document before, Document now
    panel_changed = Signal(str, object)  # panel id, PanelView
    dataset_ready = Signal(object)  # DatasetFacts
    fetch_progress = Signal(object)  # FetchProgress
    columns_changed = Signal(object)  # ColumnsReady or None
    thumbnails_ready = Signal(object)  # ThumbnailBatch
    picture_ready = Signal(object)  # PictureReady
    inspection_changed = Signal(object)  # figures.inspect.Inspection or None
    inspection_reason = Signal(str)  # why there is nothing to inspect; empty when there is
    preview_changed = Signal(str, object)  # panel id, Frames under the hand
    preview_made = Signal(str, object)  # panel id, the Strip or ImageGrid under the hand
    hover_changed = Signal(object)  # Input or None
    message = Signal(str, str)  # sentence; info, warning or error
    status_changed = Signal(object)  # EngineStatus
    session_opened = Signal()  # another session has taken the place of the one before
    photo_dropped = Signal(str, str, str)  # file, panel id, slot: ask for the eyes, or take the centre
    jobs_changed = Signal()
    models_changed = Signal()

    def __init__(self, session: Session, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._catalogue = catalogue
        self.hovered: Input | None = None
        self._random = np.random.default_rng()

    @property
    def document(self) -> Document:
        """The document of now."""
        return self.session.document

    @property
    def catalogue(self) -> Catalogue:
        """Models on disk and datasets that are open."""
        return self._catalogue

    @property
    def facts(self) -> DatasetFacts | None:
        """The document's dataset, or None while it is not open."""
        return self._catalogue.datasets.get(self.document.data)

    def edit(self, label: str, change: Callable[[Document], Document], merge: str = "") -> bool:
        """Do something that can be undone; edits with the same `merge` key are one step until `end_gesture`."""
        return self.session.edit(label, change, merge)

    def end_gesture(self) -> None:
        """The hand let go of a slider: the next change is an undo step of its own."""
        self.session.end_gesture()

    def undo(self) -> str:
        """Take back the last action; returns its label."""
        return self.session.undo()

    def redo(self) -> str:
        """Do the last undone action again; returns its label."""
        return self.session.redo()

    def set_slot(self, panel_id: str, slot: str, inputs: Sequence[Input], label: str | None = None) -> None:
        """Put inputs on a slot of a panel."""
        words = label or (f"Drop on {slot.upper()}" if inputs else f"Clear {slot.upper()}")
        self.edit(words, lambda d: edits.set_slot(d, panel_id, slot, inputs))

    def clear_slot(self, panel_id: str, slot: str) -> None:
        """Take everything off a slot."""
        self.set_slot(panel_id, slot, ())

    def swap_slots(self, panel_id: str) -> None:
        """Exchange A and B."""
        self.edit("Swap A and B", lambda d: edits.swap_slots(d, panel_id))

    def set_param(self, panel_id: str, name: str, value: Any, merge: str = "") -> None:
        """Set a parameter of a panel's operation or analysis."""
        panel = self.document.panel(panel_id)
        plugin = plugin_of(panel.kind, panel.name)
        found = {control.name: control for control in controls(plugin)} if plugin else {}
        words = found[name].label.lower() if name in found else name
        default = found[name].default if name in found else None
        self.edit(f"Change {words}", lambda d: edits.set_param(d, panel_id, name, value, default), merge)

    def set_view(self, panel_id: str, name: str, value: Any, label: str) -> None:
        """Change how a panel's result is looked at, which computes nothing; None is the default."""
        self.edit(label, lambda d: edits.set_view(d, panel_id, name, value), merge=f"{panel_id}.view.{name}")

    def set_model(self, name: str) -> None:
        """Use another model."""
        info = self._catalogue.models.get(name)
        if info is None:
            self.message.emit(f"There is no model '{name}' here.", "error")
            return
        self.edit(f"Use model {name}", lambda d: replace(document_for_model(d, info), model=name))

    def set_snapshot(self, step: int | None, merge: str = "") -> None:
        """Use the model as it was at a training step; None is the final one."""
        self.edit("Change snapshot", lambda d: replace(d, snapshot=step), merge)

    def set_browser(self, label: str = "Change the view", merge: str = "browser", **changes: Any) -> None:
        """Change search, filters, order or thumbnail size of the browser."""
        self.edit(label, lambda d: replace(d, browser=replace(d.browser, **changes)), merge)

    def select(self, indices: Iterable[int], how: str = "replace") -> None:
        """Change the selection: ``replace``, ``add``, ``toggle`` or ``remove``."""
        chosen = list(indices)
        self.edit("Select", lambda d: edits.select(d, chosen, how), "select" if how != "replace" else "")

    def name_selection(self, name: str) -> None:
        """Keep the selection under a name."""
        self.edit(
            f"Name selection '{name}'",
            lambda d: replace(d, named_selections={**d.named_selections, name: d.selection}),
        )

    def inspect(self, item: Input | None) -> None:
        """Show an image or code in the inspector."""
        self.edit("Inspect", lambda d: replace(d, current=item), "inspect")

    def hover(self, item: Input | None) -> None:
        """Tell every panel what is under the mouse."""
        if item != self.hovered:
            self.hovered = item
            self.hover_changed.emit(item)

    def activate(self, panel_id: str) -> None:
        """Make a panel the one that actions without a place of their own go to."""
        if panel_id != self.document.active and any(p.id == panel_id for p in self.document.panels):
            self.session.amend(lambda d: replace(d, active=panel_id))

    def add_panel(self, kind: str, name: str) -> str:
        """Add a panel for an operation or analysis; returns its id."""
        made: list[str] = []

        def change(document: Document) -> Document:
            document, panel_id = edits.add_panel(document, kind, name)
            document = edits.with_inspected(document, panel_id)
            made.append(panel_id)
            return document

        plugin = plugin_of(kind, name)
        self.edit(f"Add {plugin.title.lower() if plugin else name}", change)
        return made[-1]

    def remove_panel(self, panel_id: str) -> None:
        """Take a panel away."""
        self.edit("Remove panel", lambda d: edits.remove_panel(d, panel_id))

    def random_pair(self, panel_id: str, same_person: bool | None = None) -> None:
        """Put two random images on A and B: of one person, of two, or whoever comes."""
        if self.facts is None:
            self.message.emit("Open a dataset first.", "info")
            return
        try:
            a, b = edits.random_pair(self.facts, same_person, self._random)
        except UserError as error:
            self.message.emit(str(error), "info")
            return
        label = {None: "Random pair", True: "Same person", False: "Two persons"}[same_person]
        self.edit(label, lambda d: edits.set_slot(edits.set_slot(d, panel_id, "a", (a,)), panel_id, "b", (b,)))

    def reopen(self, figure: Figure, name: str = "figure") -> None:
        """Bring the recipes of a figure back onto the screen."""
        self.edit(f"Reopen {name}", lambda d: edits.reopen(d, figure))
