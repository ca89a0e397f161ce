"""A table that sorts by any column and leaves as CSV."""

import csv
import io
import math
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QColor, QFontInfo, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QMenu, QTableView, QWidget

from latentstudio.gui.theme import colors, numeric_font, small_font
from latentstudio.gui.widgets.plots.view import ResultPart, how_of
from latentstudio.results import Table

_Index = QModelIndex | QPersistentModelIndex
_MOST_ROWS = 12
"""Rows that are always in sight; longer tables scroll by themselves."""
SORT_ROLE = Qt.ItemDataRole.UserRole


def cell_text(value: str | int | float | None, digits: int) -> str:
    """Write a cell: floats with `digits` decimals, a dash where there is nothing."""
    if value is None:
        return "–"
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return f"{value:,.{digits}f}".replace("-", "−").replace(",", "\u2009")
    return str(value)


def csv_of(table: Table, rows: list[int] | None = None) -> str:
    """Return rows (all by default, in the order given) as CSV with full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    for row in range(len(table.rows)) if rows is None else rows:
        writer.writerow(["" if cell is None else cell for cell in table.rows[row]])
    return out.getvalue()


def _shade(value: str | int | float | None) -> QColor | None:
    """Tint a cell by its value, from nothing at 0 to the accent at 1."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        return None
    tint = QColor(colors().accent)
    tint.setAlphaF(0.55 * min(max(value, 0.0), 1.0))
    return tint


class _Model(QAbstractTableModel):
    """Rows of a `results.Table`."""

    def __init__(self, table: Table, parent: QWidget) -> None:
        super().__init__(parent)
        self.table = table

    def rowCount(self, parent: _Index | None = None) -> int:
        """Number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: _Index | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.table.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment or sorting key of a cell."""
        value = self.table.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell_text(value, self.table.digits)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if isinstance(value, str) else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == SORT_ROLE:
            return value
        if role == Qt.ItemDataRole.BackgroundRole and index.column() in self.table.shaded:
            return _shade(value)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.table.columns[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            words = any(isinstance(row[section], str) for row in self.table.rows)
            side = Qt.AlignmentFlag.AlignLeft if words else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None


class _Sorted(QSortFilterProxyModel):
    """Sorts numbers as numbers; cells without a number come last in either order."""

    def lessThan(self, left: _Index, right: _Index) -> bool:
        """Compare two cells."""
        a, b = left.data(SORT_ROLE), right.data(SORT_ROLE)
        missing = [x is None or (isinstance(x, float) and math.isnan(x)) for x in (a, b)]
        if any(missing):
            falling = self.sortOrder() == Qt.SortOrder.DescendingOrder
            return bool(missing[0] and not missing[1]) if falling else bool(missing[1] and not missing[0])
        if isinstance(a, str) or isinstance(b, str):
            return (isinstance(a, str), str(a)) < (isinstance(b, str), str(b))
        return bool(a < b)


class _Rows(QTableView):
    """The table on screen; Ctrl+C copies the chosen rows, or all, as CSV."""

    def __init__(self, owner: "TableView") -> None:
        super().__init__(owner)
        self.owner = owner

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy as CSV."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.owner.copy()
        else:
            super().keyPressEvent(event)


class TableView(ResultPart):
    """A view of `results.Table`; a click on a row that stands for images selects them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = _Rows(self)
        self.rows.setSortingEnabled(True)
        self.rows.setAlternatingRowColors(False)
        self.rows.setShowGrid(False)
        self.rows.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.rows.verticalHeader().setVisible(False)
        self.rows.horizontalHeader().setHighlightSections(False)
        self.rows.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.rows.customContextMenuRequested.connect(lambda at: self._menu().popup(self._place(at)))
        self.rows.clicked.connect(self._select)
        # Tables have many columns, and a panel beside a browser and an inspector is narrow.
        size = QFontInfo(small_font(0.92)).pixelSize()
        self.rows.setStyleSheet(
            f"QTableView::item {{ padding: 0 5px; }} QHeaderView::section {{ padding: 3px 4px; font-size: {size}px; }}"
        )
        self.y_name.hide()
        self.readout.hide()
        self.body.addWidget(self.rows, 1)
        self._sorted = _Sorted(self)
        self.rows.setModel(self._sorted)

    def redraw(self) -> None:
        """Draw the result; the order that was chosen stays when the columns do."""
        self.legend.set_entries([])
        table: Table = self._result
        old = self._sorted.sourceModel()
        same = isinstance(old, _Model) and old.table.columns == table.columns
        self._sorted.setSourceModel(_Model(table, self))
        if isinstance(old, _Model):
            old.deleteLater()
        if not same:
            self._sorted.sort(-1)
            self.rows.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.rows.setFont(numeric_font(0.95))
        height = self.rows.fontMetrics().height() + 8
        self.rows.verticalHeader().setDefaultSectionSize(height)
        header = self.rows.horizontalHeader()
        header.setFont(small_font(0.92))
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        above = header.sizeHint().height() + self.rows.horizontalScrollBar().sizeHint().height() + 6
        self.rows.setMinimumHeight(height * min(len(table.rows), _MOST_ROWS) + above)
        self.rows.setMaximumHeight(height * len(table.rows) + above)
        self.rows.setAccessibleName(table.title or "Table")

    def sizeHint(self) -> QSize:
        """All rows, up to a dozen."""
        count = len(self._result.rows) if self._result is not None else 4
        return QSize(320, 40 + min(count, 12) * (self.rows.fontMetrics().height() + 8))

    def order(self) -> list[int]:
        """Return the rows of the result in the order on screen."""
        found = range(self._sorted.rowCount())
        return [self._sorted.mapToSource(self._sorted.index(row, 0)).row() for row in found]

    def _select(self, index: QModelIndex) -> None:
        members, row = self._result.members, self._sorted.mapToSource(index).row()
        if row < len(members):
            how = how_of(QApplication.keyboardModifiers())
            self.selected.emit(tuple(members[row].tolist()), how)

    def copy(self) -> None:
        """Copy the chosen rows, or all when none or one is chosen, as CSV."""
        chosen = {index.row() for index in self.rows.selectionModel().selectedRows()}
        order = self.order()
        rows = [order[row] for row in sorted(chosen)] if len(chosen) > 1 else order
        QApplication.clipboard().setText(csv_of(self._result, rows))

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.addAction("Copy as CSV\tCtrl+C", self.copy)
        return menu

    def _place(self, at: QPoint) -> QPoint:
        return self.rows.viewport().mapToGlobal(at)
