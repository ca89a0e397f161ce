"""Filters on labels: a menu that makes them and chips that show and remove them."""

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from latentstudio.data.imageset import Column
from latentstudio.errors import UserError
from latentstudio.gui.icons import icon
from latentstudio.gui.naming import named
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.studio.browse import MEASURED, matches

_MOST_NUMBERS = 12
"""More columns of numbers than these stand in a menu of their own."""


def readable(name: str) -> str:
    """Turn a column name into words, e.g. ``Mouth_Slightly_Open`` into ``Mouth slightly open``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:].lower() if words.isupper() or "_" in name else words


def titled(name: str) -> str:
    """A column name as it stands in menus: with a capital, and the measured columns by their names."""
    words = {"norm": "Norm of the code", "log_prob": "Log-density"}.get(name, readable(name))
    return words[:1].upper() + words[1:]


def filter_words(name: str, wanted: str) -> str:
    """Say a filter in a few words, e.g. ``not Smiling`` or ``yaw >= 10``."""
    label = readable(name)
    if wanted == "yes":
        return label
    if wanted == "no":
        return f"not {label}"
    if wanted in ("missing", "known"):
        return f"{label} {wanted}"
    return f"{label} {wanted}" if wanted[:1] in "<>=" else f"{label}: {wanted}"


class NumberFilterDialog(QDialog):
    """Ask for a comparison, a range or a value of a number column, showing what there is."""

    def __init__(self, column: Column, wanted: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Filter by {readable(column.name)}")
        self._column = column
        known = column.values[column.known]
        self._entry = named(QLineEdit(wanted), "Condition")
        self._entry.setPlaceholderText(">= 3   or   2..5   or   7")
        span = f"{known.min():g} to {known.max():g}" if len(known) else "no values"
        note = QLabel(f"{len(known):,} of {len(column.values):,} images have a value: {span}.")
        note.setProperty("muted", True)
        self._answer = QLabel("")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._accept = buttons.button(QDialogButtonBox.StandardButton.Ok)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow(readable(column.name), self._entry)
        layout = QVBoxLayout(self)
        for item in (note, self._answer, buttons):
            if item is self._answer:
                layout.addLayout(form)
            layout.addWidget(item)
        self._entry.textChanged.connect(self._count)
        self._count()

    @property
    def wanted(self) -> str:
        """The condition as typed."""
        return self._entry.text().strip()

    def _count(self) -> None:
        try:
            fits = matches(self._column, self.wanted) if self.wanted else np.ones(len(self._column.values), dtype=bool)
            self._answer.setText(f"{np.count_nonzero(fits):,} images fit.")
            self._accept.setEnabled(True)
        except UserError as error:
            self._answer.setText(str(error))
            self._accept.setEnabled(False)


class FilterBar(QWidget):
    """Chips of the filters in force. `changed` carries the new filters, name to condition.

    `button` is the tool button with the menu that adds filters, for the caller to place.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: dict[str, Column] = {}
        self._filters: dict[str, str] = {}
        self.button = named(QToolButton(), "Filter by label")
        self.button.setIcon(icon("filter"))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.button)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.button.setMenu(self._menu)
        self._flow = FlowLayout(self, spacing=GAP // 2)
        self.hide()

    def set_columns(self, columns: Mapping[str, Column]) -> None:
        """Offer these columns."""
        self._columns = dict(columns)

    def set_filters(self, filters: Mapping[str, str]) -> None:
        """Show these filters as chips."""
        if dict(filters) == self._filters and self._flow.count() == len(filters):
            return
        self._filters = dict(filters)
        self._flow.clear()
        for name, wanted in self._filters.items():
            self._flow.addWidget(self._chip(name, wanted))
        self.setVisible(bool(self._filters))
        self.updateGeometry()

    def _chip(self, name: str, wanted: str) -> QWidget:
        words = filter_words(name, wanted)
        chip = named(QPushButton(f"{words}  ×"), f"Remove filter {words}", "Remove this filter")
        chip.setProperty("chip", True)
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        chip.clicked.connect(lambda: self._set(name, None))
        return chip

    def _set(self, name: str, wanted: str | None) -> None:
        filters = {key: value for key, value in self._filters.items() if key != name}
        if wanted:
            filters[name] = wanted
        self.changed.emit(filters)

    def _fill_menu(self) -> None:
        self._menu.clear()
        if not self._columns:
            self._menu.addAction("This dataset has no labels").setEnabled(False)
            return
        if self._filters:
            self._menu.addAction("Remove all filters").triggered.connect(lambda: self.changed.emit({}))
            self._menu.addSeparator()
        measured = [c for c in self._columns.values() if c.name in MEASURED]
        for kind in ("binary", "category", "number"):
            columns = [c for c in self._columns.values() if c.kind == kind and c.name not in MEASURED]
            if kind == "number":
                for column in measured:
                    self._add_column(column, self._menu)
            # Dozens of measured factors would push everything else off the screen.
            many = kind == "number" and len(columns) > _MOST_NUMBERS
            menu = self._menu.addMenu(f"{len(columns)} measured factors") if many else self._menu
            for column in columns:
                self._add_column(column, menu)
            self._menu.addSeparator()

    def _add_column(self, column: Column, menu: QMenu) -> None:
        if column.kind == "number":
            action = menu.addAction(titled(column.name) + "…")
            action.triggered.connect(lambda _=False, c=column: self._ask_number(c))
            return
        choices = ("yes", "no") if column.kind == "binary" else column.categories
        submenu = menu.addMenu(titled(column.name))
        options = [*choices, *(["missing"] if not column.known.all() else [])]
        for choice in options[:200]:
            number = int(np.count_nonzero(matches(column, choice)))
            action = submenu.addAction(f"{choice}\t{number:,}")
            action.setCheckable(True)
            action.setChecked(self._filters.get(column.name) == choice)
            action.triggered.connect(lambda on, n=column.name, c=choice: self._set(n, c if on else None))

    def _ask_number(self, column: Column) -> None:
        dialog = NumberFilterDialog(column, self._filters.get(column.name, ""), self.window())
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._set(column.name, dialog.wanted)
        dialog.deleteLater()


class SortBox(QWidget):
    """A column to sort by and a direction. `changed` carries the document's form, e.g. ``-norm``."""

    changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._box = named(QComboBox(), "Sort by")
        self._box.setMaxVisibleItems(18)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(8)
        self._direction = named(QToolButton(), "Descending", "Largest first")
        self._direction.setCheckable(True)
        self._direction.setIcon(icon("sort"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP // 2)
        layout.addWidget(self._box, 1)
        layout.addWidget(self._direction)
        self._box.activated.connect(self._emit)
        self._direction.clicked.connect(self._emit)

    def set_columns(self, names: list[str]) -> None:
        """Offer these columns besides the dataset's own order."""
        if names == self._names:
            return
        current = self.value()
        self._names = names
        self._box.clear()
        self._box.addItem("Dataset order", "")
        for name in names:
            words = titled(name)
            self._box.addItem(words, name)
        self.set_value(current)

    def set_value(self, sort: str) -> None:
        """Show the document's choice."""
        position = self._box.findData(sort.removeprefix("-"))
        self._box.setCurrentIndex(max(0, position))
        self._direction.setChecked(sort.startswith("-"))

    def value(self) -> str:
        """The choice in the document's form."""
        return ("-" if self._direction.isChecked() else "") + str(self._box.currentData() or "")

    def _emit(self) -> None:
        self.changed.emit(self.value())
