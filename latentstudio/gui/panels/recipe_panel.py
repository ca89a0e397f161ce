"""What all panels of recipes share: they follow the controller, and are computed only while they are on screen."""

from typing import TYPE_CHECKING

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QWidget

from latentstudio.data.attribute_spec import SELECTION, attribute_choices

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.views import PanelView


class RecipePanel(QWidget):
    """The widget of one panel of the document; subclasses call `follow` when they are built."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller, self.panel_id = controller, panel_id

    def refresh(self) -> None:
        """Show what the controller says now."""
        raise NotImplementedError

    def show_document(self) -> None:
        """Show what the document says: parameters, slots, selection."""
        raise NotImplementedError

    def follow(self) -> None:
        """Connect to the controller and show its state."""
        controller = self.controller
        # Bound methods, not lambdas: Qt takes their connections away together with this widget.
        controller.panel_changed.connect(self._panel_changed)
        controller.document_changed.connect(self._document_changed)
        controller.dataset_ready.connect(self._dataset_ready)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus_changed)
        self.refresh()

    def panel_view(self) -> "PanelView | None":
        """Return what the panel shows, or None when the document no longer has it."""
        try:
            return self.controller.view(self.panel_id)
        except KeyError:
            return None

    def parts(self) -> dict[str, tuple[int, int]]:
        """Return the named parts of the code of the model that the panel works with; none without a model."""
        document = self.controller.document
        try:
            panel = document.panel(self.panel_id)
        except KeyError:
            return {}
        info = self.controller.catalogue.models.get(document.model if panel.model is None else panel.model)
        return dict(info.parts) if info is not None else {}

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes that the panel may speak of: labels of its dataset, and selections of the document."""
        document = self.controller.document
        try:
            panel = document.panel(self.panel_id)
        except KeyError:
            return ()
        facts = self.controller.catalogue.datasets.get(document.data if panel.data is None else panel.data)
        if facts is None:
            return ()
        groups = dict(document.named_selections)
        if document.selection:
            groups[SELECTION] = document.selection
        return attribute_choices(facts.attributes, groups)

    def set_param(self, name: str, value: object) -> None:
        """Set a parameter; a gesture on one parameter is one step of undo."""
        self.controller.set_param(self.panel_id, name, value, merge=f"{self.panel_id}.{name}")

    def _panel_changed(self, panel_id: str, view: object) -> None:
        if panel_id == self.panel_id:
            self.refresh()

    def _document_changed(self, old: object, new: object) -> None:
        self.show_document()

    def _dataset_ready(self, facts: object) -> None:
        self.show_document()

    def _focus_changed(self, old: QWidget | None, now: QWidget | None) -> None:
        """The panel that the person works in is the one that export and copy mean."""
        if now is not None and self.isAncestorOf(now):
            self.controller.activate(self.panel_id)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for results while the panel is on screen."""
        super().showEvent(event)
        self.controller.set_visible(self.panel_id, True)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask for nothing while it is not."""
        super().hideEvent(event)
        self.controller.set_visible(self.panel_id, False)
