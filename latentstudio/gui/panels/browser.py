"""The dataset: a grid of its images with search, filters, sorting and one selection that the whole window shares."""

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from latentstudio.errors import UserError
from latentstudio.figures.recipe import ImageInput
from latentstudio.gui.controller import Controller
from latentstudio.gui.dragging import start_drag
from latentstudio.gui.naming import named
from latentstudio.gui.pixmaps import array_of
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.filter_bar import FilterBar, SortBox, readable
from latentstudio.gui.widgets.hover_card import HoverCard
from latentstudio.gui.widgets.picture_window import PictureWindow
from latentstudio.gui.widgets.selection_menu import SelectionMenu
from latentstudio.gui.widgets.thumbnail_grid import ThumbnailGrid
from latentstudio.studio.browse import image_input, image_name, measured_columns, shown
from latentstudio.studio.document import Document
from latentstudio.studio.requests import ColumnsReady, DatasetFacts, ThumbnailBatch

MOST_LABELS = 5


class BrowserPanel(QWidget):
    """Search line, filters, sorting, the grid, and the counts beneath it.

    The panel keeps nothing of its own: search, filters, sorting, thumbnail size and selection are in the document.
    """

    def __init__(self, controller: Controller, panel_id: str = "") -> None:
        super().__init__()
        self._controller = controller
        self._spec = ""
        self.grid = ThumbnailGrid()
        self._card = HoverCard(self)
        self._card_timer = QTimer(self, interval=60, singleShot=True)
        self._card_timer.timeout.connect(self._show_card)
        self._hovered = -1
        self._search = named(QLineEdit(), "Search images", "Words of ids and labels, or label=value")
        self._search.setPlaceholderText("Search ids and labels")
        self._search.setClearButtonEnabled(True)
        self._search_timer = QTimer(self, interval=120, singleShot=True)
        self._search_timer.timeout.connect(self._search_now)
        self._filters = FilterBar()
        self._sort = SortBox()
        self._counts = QLabel("")
        self._counts.setFont(small_font())
        self._counts.setProperty("muted", True)
        self._size = named(QSlider(Qt.Orientation.Horizontal), "Thumbnail size", "Thumbnail size (Ctrl+wheel)")
        self._size.setRange(32, 192)
        self._size.setFixedWidth(72)
        self.selections = SelectionMenu(controller, lambda: self.grid.order)
        self._arrange()
        self._connect()
        self._document_changed(None, controller.document)
        if controller.facts is not None:
            self._dataset_ready(controller.facts)

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP // 2)
        top.addWidget(self._search, 1)
        top.addWidget(self._filters.button)
        second = QHBoxLayout()
        second.setSpacing(GAP // 2)
        second.addWidget(self._sort, 1)
        second.addWidget(self.selections)
        bottom = QHBoxLayout()
        bottom.addWidget(self._counts, 1)
        bottom.addWidget(self._size)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, GAP, GAP, GAP // 2)
        layout.setSpacing(GAP // 2 + 2)
        for row in (top, second, bottom):
            if row is bottom:
                layout.addWidget(self._filters)
                layout.addWidget(self.grid, 1)
            layout.addLayout(row)
        self.setMinimumWidth(220)
        self.setFocusProxy(self.grid)

    def _connect(self) -> None:
        controller, grid = self._controller, self.grid
        controller.document_changed.connect(self._document_changed)
        controller.dataset_ready.connect(self._dataset_ready)
        controller.columns_changed.connect(self._columns_changed)
        controller.thumbnails_ready.connect(self._thumbnails_ready)
        grid.wanted.connect(lambda indices, edge: controller.request_thumbnails(indices, edge))
        grid.selected.connect(lambda indices, how: controller.select(indices, how))
        grid.activated.connect(lambda index: controller.inspect(self._input(index)))
        grid.hovered.connect(self._hover)
        grid.dragged.connect(self._drag)
        grid.menu_asked.connect(self._menu)
        grid.enlarged.connect(self._enlarge)
        grid.used.connect(self._use)
        self.setFocusProxy(grid)
        self._search.textChanged.connect(lambda: self._search_timer.start())
        self._search.returnPressed.connect(self._search_now)
        self._filters.changed.connect(lambda filters: controller.set_browser(filters=filters))
        self._sort.changed.connect(lambda sort: controller.set_browser(sort=sort))
        self._size.valueChanged.connect(self._resize_thumbnails)

    # --- from the document ---------------------------------------------------------------------------------------

    def _document_changed(self, old: Document | None, new: Document) -> None:
        browser = new.browser
        if old is None or old.browser != browser:
            if self._search.text() != browser.search and not self._search_timer.isActive():
                self._search.setText(browser.search)
                self._search_timer.stop()
            self._filters.set_filters(browser.filters)
            self._sort.set_value(browser.sort)
            self._size.blockSignals(True)
            self._size.setValue(browser.thumbnail)
            self._size.blockSignals(False)
            self.grid.set_edge(browser.thumbnail)
            self._order_again()
        if old is None or old.selection != new.selection:
            self.grid.set_selection(new.selection)
            self._count()
        if old is not None and old.data != new.data:
            self.grid.set_order(np.zeros(0, dtype=np.int64), forget=True)
            self.grid.set_empty_text("Opening the dataset…")

    def _dataset_ready(self, facts: DatasetFacts) -> None:
        self._spec = facts.spec
        self.grid.set_order(np.zeros(0, dtype=np.int64), forget=True)
        self._offer_columns()
        self._order_again()

    def _columns_changed(self, columns: ColumnsReady) -> None:
        self._offer_columns()
        browser = self._controller.document.browser
        used = {browser.sort.removeprefix("-"), *browser.filters}
        if used & {"norm", "log_prob"}:
            self._order_again()

    def _offer_columns(self) -> None:
        facts = self._controller.facts
        if facts is None:
            return
        table = {**dict(facts.attributes.items()), **measured_columns(self._controller.columns)}
        self._filters.set_columns(table)
        self._sort.set_columns([*measured_columns(self._controller.columns), *facts.attributes])
        self._sort.set_value(self._controller.document.browser.sort)

    def _order_again(self) -> None:
        facts = self._controller.facts
        if facts is None:
            return
        try:
            order = shown(facts, self._controller.columns, self._controller.document.browser)
        except UserError as error:
            self.grid.set_empty_text(str(error))
            order = np.zeros(0, dtype=np.int64)
        else:
            self.grid.set_empty_text(
                "No image fits the search and filters." if facts.size else "This dataset is empty."
            )
        if not np.array_equal(order, self.grid.order):
            self.grid.set_order(order)
        self._count()

    def _count(self) -> None:
        facts = self._controller.facts
        if facts is None:
            self._counts.setText("")
            return
        number, chosen = len(self.grid.order), len(self._controller.document.selection)
        text = f"{facts.size:,} images" if number == facts.size else f"{number:,} of {facts.size:,} images"
        columns = self._controller.columns
        if (
            columns is not None
            and columns.fraction < 1
            and self._controller.document.browser.sort.lstrip("-") in ("norm", "log_prob")
        ):
            text += f" · {columns.fraction:.0%} measured"
        self._counts.setText(f"{text} · {chosen:,} selected" if chosen else text)

    def _thumbnails_ready(self, batch: ThumbnailBatch) -> None:
        if batch.spec == self._spec:
            self.grid.receive(batch.indices, batch.edge, batch.pixels, batch.failed)

    # --- from the person -----------------------------------------------------------------------------------------

    def _input(self, index: int) -> ImageInput:
        facts = self._controller.facts
        if facts is None:
            raise RuntimeError("the grid shows images before the dataset is open")
        return image_input(facts, index)

    def _search_now(self) -> None:
        self._search_timer.stop()
        if self._search.text() != self._controller.document.browser.search:
            self._controller.set_browser(search=self._search.text())

    def _resize_thumbnails(self, edge: int) -> None:
        self._controller.set_browser(thumbnail=edge)

    def _picture(self, index: int) -> np.ndarray | None:
        pixmap = self.grid.pixels_of(index)
        return None if pixmap is None else array_of(pixmap.toImage().convertToFormat(QImage.Format.Format_RGB888))

    def _drag(self, indices: tuple[int, ...]) -> None:
        self._card.hide()
        start_drag(self.grid, tuple(self._input(index) for index in indices), self._picture(indices[0]))

    def _hover(self, index: int) -> None:
        self._hovered = index
        self._controller.hover(self._input(index) if index >= 0 else None)
        if index < 0:
            self._card_timer.stop()
            self._card.hide()
        else:
            self._card_timer.start()

    def _show_card(self) -> None:
        index, facts = self._hovered, self._controller.facts
        if index < 0 or facts is None or index >= facts.size or not self.grid.isVisible():
            return
        place = int(np.flatnonzero(self.grid.order == index)[0]) if index in self.grid.order else -1
        if place < 0:
            return
        rect = self.grid.geometry_now().cell(place)
        anchor = QRect(self.grid.viewport().mapToGlobal(rect.topLeft()), rect.size())
        self._card.show_beside(anchor, self.grid.pixels_of(index), self.describe(index))

    def describe(self, index: int) -> tuple[str, ...]:
        """Lines for the hover card: id, person, labels that hold, measured columns."""
        facts = self._controller.facts
        if facts is None:
            return ()
        lines = [image_name(facts, index)]
        labels = [readable(name) for name, c in facts.attributes.items() if c.kind == "binary" and c.values[index] == 1]
        others = [
            f"{readable(n)} {c.text(index)}"
            for n, c in facts.attributes.items()
            if c.kind != "binary" and c.known[index]
        ]
        if others:
            lines.append(" · ".join(others[:2]))
        pairs = range(0, min(len(labels), MOST_LABELS * 2), 2)
        lines.extend(", ".join(labels[start : start + 2]) for start in pairs)
        if len(labels) > MOST_LABELS * 2:
            lines.append(f"and {len(labels) - MOST_LABELS * 2} more")
        measured = measured_columns(self._controller.columns)
        names = {"norm": "norm", "log_prob": "log-density"}
        values = [f"{names[n]} {c.values[index]:.1f}" for n, c in measured.items() if c.known[index]]
        return (*lines, " · ".join(values)) if values else tuple(lines)

    def _enlarge(self, index: int) -> None:
        PictureWindow.show_input(self._controller, self._input(index), self._picture(index), self.window())

    def _strip(self) -> str:
        """The active strip's id, else the first one's, empty where there is none."""
        document = self._controller.document
        strips = [p.id for p in document.panels if p.kind == "operation" and p.name == "interpolate"]
        return document.active if document.active in strips else next(iter(strips), "")

    def _use(self, index: int, slot: str) -> None:
        """The keyboard's twin of dragging an image to the strip."""
        strip = self._strip()
        if strip:
            self._controller.set_slot(strip, slot, (self._input(index),), f"Use {slot.upper()}")

    def _menu(self, index: int, position: QPoint) -> None:
        menu = QMenu(self)
        image = self._input(index)
        if self._strip():
            for slot in ("a", "b"):
                action = menu.addAction(f"Use as {slot.upper()}\t{slot.upper()}")
                action.triggered.connect(lambda _=False, s=slot: self._use(index, s))
            menu.addSeparator()
        menu.addAction("Inspect\tEnter").triggered.connect(lambda: self._controller.inspect(image))
        menu.addAction("Enlarge\tSpace").triggered.connect(lambda: self._enlarge(index))
        facts = self._controller.facts
        identity = facts.attributes.identity if facts is not None else None
        if identity is not None and identity[index] >= 0:
            same = tuple(int(i) for i in np.flatnonzero(identity == identity[index]))
            menu.addAction(f"Select this person ({len(same)})").triggered.connect(lambda: self._controller.select(same))
        menu.exec(position)
        menu.deleteLater()
