"""Components of a code in a list, strongest first; a tick puts one into a set."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from latentstudio.gui.theme import numeric_font

_COMPONENT = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class ComponentRow:
    """One component: its number, the words for its part, and how far it moves the place in grey levels per sigma."""

    component: int
    part: str
    moves: float | None


class ComponentList(QListWidget):
    """Rows with ticks.

    Signals
    -------
    ticked : component, whether it belongs to the set now.
    looked_at : the component of the current row, -1 for none.
    """

    ticked = Signal(int, bool)
    looked_at = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Components that move the place")
        self.setFont(numeric_font(0.9))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self._rows: tuple[ComponentRow, ...] = ()
        self.itemChanged.connect(self._changed)
        self.currentItemChanged.connect(self._moved)

    @property
    def rows(self) -> tuple[ComponentRow, ...]:
        """What it shows."""
        return self._rows

    def set_rows(self, rows: Sequence[ComponentRow], chosen: Sequence[int]) -> None:
        """Show components, those in the set ticked; the current one stays current."""
        members = set(chosen)
        if tuple(rows) != self._rows:
            self._fill(tuple(rows))
        blocked = self.blockSignals(True)
        for at, row in enumerate(self._rows):
            state = Qt.CheckState.Checked if row.component in members else Qt.CheckState.Unchecked
            self.item(at).setCheckState(state)
        self.blockSignals(blocked)

    def _fill(self, rows: tuple[ComponentRow, ...]) -> None:
        before = self.component_of(self.currentItem())
        blocked = self.blockSignals(True)
        self.clear()
        self._rows = rows
        for row in rows:
            strength = "" if row.moves is None else f"{row.moves:.2f}"
            item = QListWidgetItem(f"{row.component}  {row.part}  {strength}".rstrip())
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setData(_COMPONENT, row.component)
            said = "" if row.moves is None else f", moves the place by {strength} grey levels per sigma"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Component {row.component}, {row.part}{said}")
            item.setToolTip(f"Component {row.component} of {row.part}{said}. Space puts it into the set.")
            self.addItem(item)
        at = next((k for k, row in enumerate(rows) if row.component == before), -1)
        self.setCurrentRow(at)
        self.blockSignals(blocked)
        if at < 0 and before >= 0:
            self.looked_at.emit(-1)

    @staticmethod
    def component_of(item: QListWidgetItem | None) -> int:
        """The component of a row, -1 for none."""
        return -1 if item is None else int(item.data(_COMPONENT))

    @property
    def current(self) -> int:
        """The component of the current row, -1 for none."""
        return self.component_of(self.currentItem())

    def _changed(self, item: QListWidgetItem) -> None:
        self.ticked.emit(self.component_of(item), item.checkState() == Qt.CheckState.Checked)

    def _moved(self, item: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        self.looked_at.emit(self.component_of(item))
