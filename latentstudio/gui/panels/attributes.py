"""The panel of attributes: sliders with the edited face, or the strip of all strengths; one panel of the document."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from latentstudio.gui.panels.attribute_sliders import SlidersPage
from latentstudio.gui.panels.operation import OperationPanel
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.chips import ToggleChips

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

PAGES = ("sliders", "strip")


class AttributesPanel(QWidget):
    """Two views of one panel; which one is shown belongs to the document."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller, self.panel_id = controller, panel_id
        self.pages = QStackedWidget(self)
        self.sliders = SlidersPage(controller, panel_id)
        self.strip: OperationPanel | None = None
        self.pages.addWidget(self.sliders)
        self.chips = ToggleChips(PAGES, ("Sliders", "Strip"), single=True, parent=self)
        self.chips.setAccessibleName("View")
        self.chips.set_chosen(PAGES[:1])
        self.chips.changed.connect(lambda chosen: self._choose(chosen[0]))
        top = QHBoxLayout()
        top.setContentsMargins(GAP, GAP // 2, GAP, 0)
        top.addWidget(self.chips)
        top.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP // 2)
        layout.addLayout(top)
        layout.addWidget(self.pages, 1)
        controller.document_changed.connect(self._document_changed)
        self._follow()

    def _document_changed(self, old: object, new: object) -> None:
        self._follow()

    def _follow(self) -> None:
        """Show the page that the document names."""
        try:
            panel = self.controller.document.panel(self.panel_id)
        except KeyError:
            return
        page = panel.view.get("page", PAGES[0])
        number = PAGES.index(page) if page in PAGES else 0
        if number == self.pages.currentIndex() and self.pages.count() > number:
            return
        if number == 1 and self.strip is None:
            self.strip = OperationPanel(self.controller, self.panel_id)
            self.pages.addWidget(self.strip)
        self.chips.set_chosen((PAGES[number],))
        self.pages.setCurrentIndex(number)
        # The page that went said that nobody looks at the panel.
        self.controller.set_visible(self.panel_id, self.isVisible())
        current = self.pages.currentWidget()
        if isinstance(current, SlidersPage | OperationPanel):
            current.refresh()

    def _choose(self, page: str) -> None:
        words = "Show the sliders" if page == PAGES[0] else "Show the strip"
        self.controller.set_view(self.panel_id, "page", None if page == PAGES[0] else page, words)
        self.controller.end_gesture()
