"""The rows of the dialog of latent stores: what each holds, how complete it is, and what was found wrong."""

from collections.abc import Sequence

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from latentstudio.data.latent_shelf import StoreFacts
from latentstudio.gui.naming import named
from latentstudio.gui.store_passes import StorePasses, request_of, size_words
from latentstudio.gui.theme import GAP, colors, numeric_font
from latentstudio.studio.jobs import JobView
from latentstudio.studio.store_requests import StoreLine

HEADINGS = ("Model", "Data set", "Images", "Numbers", "Size", "State")
_IMAGES, _NUMBERS, _SIZE, _STATE = 2, 3, 4, 5
_SHARE = Qt.ItemDataRole.UserRole


class _ShareBar(QStyledItemDelegate):
    """Draws a cell with a bar under its words: the share that is stored."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the words, then the bar while the share is below 1."""
        super().paint(painter, option, index)
        share = index.data(_SHARE)
        if share is None or share >= 1:
            return
        cell = QRectF(option.rect).adjusted(GAP, 0, -GAP, 0)
        bar = QRectF(cell.left(), cell.bottom() - 4, cell.width(), 2)
        painter.fillRect(bar, QColor(colors().border))
        painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * share, 2), QColor(colors().accent))


class StoreTable(QTableWidget):
    """A row for each store; rows are chosen whole."""

    def __init__(self, passes: StorePasses) -> None:
        super().__init__(0, len(HEADINGS))
        named(self, "Latent stores")
        self._passes = passes
        self.lines: tuple[StoreLine, ...] = ()
        self._cells: list[list[QTableWidgetItem]] = []
        self._checks: dict[str, tuple[tuple[str, ...] | None, str]] = {}
        self.setHorizontalHeaderLabels(list(HEADINGS))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setStyleSheet(f"QTableView::item {{ padding: 0 {GAP - 3}px; }}")
        self.setItemDelegateForColumn(_IMAGES, _ShareBar(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(30)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for place, width in enumerate((196, 136, 132, 76, 84)):
            header.resizeSection(place, width)

    def show_lines(self, lines: Sequence[StoreLine]) -> None:
        """Show these stores; what was chosen stays chosen, and a single one is chosen for the person."""
        chosen = {str(line.facts.folder) for line in self.chosen()}
        self.lines = tuple(sorted(lines, key=_order))
        self.blockSignals(True)
        self.setRowCount(len(self.lines))
        self._cells = [[QTableWidgetItem() for _ in HEADINGS] for _ in self.lines]
        for row, cells in enumerate(self._cells):
            for column, cell in enumerate(cells):
                self.setItem(row, column, cell)
        selection = QItemSelection()
        for row, line in enumerate(self.lines):
            if str(line.facts.folder) in chosen or len(self.lines) == 1:
                selection.select(self.model().index(row, 0), self.model().index(row, len(HEADINGS) - 1))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.blockSignals(False)
        self.refresh()

    def refresh(self) -> None:
        """Write every cell anew: passes and verifications may have moved."""
        for line, cells in zip(self.lines, self._cells, strict=True):
            view = self._passes.at_work(line.facts)
            share = _share(line.facts, view)
            words, kind = self._state(line, view)
            for cell, text in zip(cells, (*_words(line.facts, share), words), strict=True):
                cell.setText(text)
            if line.facts.manifest is not None:
                cells[0].setToolTip(line.facts.manifest.model_digest)
                cells[1].setToolTip(f"{line.facts.manifest.data}\n{line.facts.manifest.data_digest}")
            for column in (_IMAGES, _NUMBERS, _SIZE):
                cells[column].setFont(numeric_font())
            cells[_IMAGES].setData(_SHARE, share)
            cells[_STATE].setToolTip(words)
            cells[_STATE].setForeground(QColor(getattr(colors(), kind)))

    def _state(self, line: StoreLine, view: JobView | None) -> tuple[str, str]:
        """What the last column says, and the colour that it says it in."""
        facts = line.facts
        if view is not None:
            return view.message.partition(": ")[2].partition(" · ")[2] or view.message.partition(":")[0], "accent"
        faults, words = self._checks.get(str(facts.folder), (None, ""))
        if words:
            return words, "accent"
        if facts.note:
            return facts.note, "error"
        if faults:
            rest = "" if len(faults) == 1 else f" (and {len(faults) - 1} more)"
            return f"{faults[0]}{rest} Resume to mend it.", "error"
        if line.outdated:
            return line.outdated, "warning"
        sound = " · every file is sound" if faults is not None else ""
        return ("Complete" if facts.state == "complete" else "Stopped") + sound, "muted"

    def note_check(self, folder: str, faults: tuple[str, ...] | None, words: str) -> None:
        """Keep what a verification found, or how far it is."""
        self._checks[folder] = (faults, words)
        self.refresh()

    def forget_check(self, line: StoreLine) -> None:
        """Drop a verdict: the store is going to be mended."""
        self._checks.pop(str(line.facts.folder), None)

    def faulty(self, line: StoreLine) -> bool:
        """Whether a verification has found the store damaged."""
        return bool(self._checks.get(str(line.facts.folder), (None, ""))[0])

    def knows(self, view: JobView) -> bool:
        """Whether one of the rows is what this pass fills."""
        found = [self._passes.at_work(line.facts) for line in self.lines]
        return any(known is not None and known.id == view.id for known in found)

    def chosen(self) -> list[StoreLine]:
        """The stores of the chosen rows, from top to bottom."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return [self.lines[row] for row in rows if row < len(self.lines)]


def _share(facts: StoreFacts, view: JobView | None) -> float:
    """Share of the images that is stored, as the list or the pass at work knows it."""
    m = facts.manifest
    if m is None:
        return 0.0
    planned = sum(m.rows_of(k) for k in m.planned)
    share = facts.stored / planned if planned else 1.0
    return share if view is None or view.fraction is None else max(share, view.fraction)


def _words(facts: StoreFacts, share: float) -> tuple[str, ...]:
    """What all columns but the last say of a store."""
    m = facts.manifest
    if m is None:
        return facts.folder.name, "–", "–", "–", size_words(facts.bytes)
    planned = sum(m.rows_of(k) for k in m.planned)
    done = min(round(share * planned), planned)
    snapshot = "" if m.snapshot is None else f" at {m.snapshot:,}"
    part = "" if m.part[1] == 1 else f", part {m.part[0]} of {m.part[1]}"
    images = f"{planned:,}" if done == planned else f"{done:,} of {planned:,}"
    return f"{m.model}{snapshot}", f"{m.data_title}{part}", images, m.dtype, size_words(facts.bytes)


def _order(line: StoreLine) -> tuple[str, str, str]:
    m = line.facts.manifest
    if m is None:
        return "~", "", str(line.facts.folder)
    request = request_of(m, line.facts)
    return request.model.name, m.data_title, f"{m.dtype} {line.facts.folder}"
