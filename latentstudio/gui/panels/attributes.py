"""The panel of attributes: sliders with the edited face, or the strip of all strengths; one panel of the document."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from latentstudio.gui.panels.attribute_layout import PAGE_LABELS, PAGES
from latentstudio.gui.panels.attribute_sliders import SlidersPage
from latentstudio.gui.panels.operation import OperationPanel
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.chips import ToggleChips

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller


class AttributesPanel(QWidget):
    """Two views of one panel; which one is shown belongs to the document."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller, self.panel_id = controller, panel_id
        self.pages = QStackedWidget(self)
        self.sliders = SlidersPage(controller, panel_id)
        self.strip: OperationPanel | None = None
        self.pages.addWidget(self.sliders)
        self.sliders.pages.changed.connect(lambda chosen: self._choose(chosen[0]))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)
        controller.document_changed.connect(self._document_changed)
        self._follow()

    def _make_strip(self) -> OperationPanel:
        """The second page: the strip with its form, and the chips that lead back."""
        page = QWidget()
        chips = ToggleChips(PAGES, PAGE_LABELS, single=True, parent=page)
        chips.setAccessibleName("View")
        chips.set_chosen(PAGES[1:])
        self.chips = chips
        chips.changed.connect(lambda chosen: self._choose(chosen[0]))
        top = QHBoxLayout()
        top.setContentsMargins(GAP, GAP // 2, GAP, 0)
        top.addWidget(chips)
        top.addStretch(1)
        strip = OperationPanel(self.controller, self.panel_id)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(strip, 1)
        self.pages.addWidget(page)
        return strip

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
        if number == self.pages.currentIndex():
            return
        if number == 1 and self.strip is None:
            self.strip = self._make_strip()
        self.sliders.pages.set_chosen((PAGES[number],))
        if self.strip is not None:
            self.chips.set_chosen((PAGES[number],))
        self.pages.setCurrentIndex(number)
        # The page that went said that nobody looks at the panel.
        self.controller.set_visible(self.panel_id, self.isVisible())
        shown = self.sliders if number == 0 else self.strip
        if shown is not None:
            shown.refresh()

    def _choose(self, page: str) -> None:
        words = "Show the sliders" if page == PAGES[0] else "Show the strip"
        self.controller.set_view(self.panel_id, "page", None if page == PAGES[0] else page, words)
        self.controller.end_gesture()
