"""The column of slots and form beside a result: it scrolls in low panels and stands above the result in narrow ones."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from latentstudio.gui.theme import GAP

_NARROW = 520
"""Width in px of a panel below which the form stands above the result instead of beside it."""
_SCROLLBAR = 10
_UNLIMITED = 16_777_215


class FormColumn(QScrollArea):
    """Widgets under one another in a column of fixed width.

    Parameters
    ----------
    width : px of the widgets; the column is wider by its scroll bar.
    """

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedWidth(width + _SCROLLBAR)
        self._stacked = False
        self._content = QWidget()
        self.column = QVBoxLayout(self._content)
        self.column.setContentsMargins(0, 0, _SCROLLBAR, 0)
        self.column.setSpacing(GAP)
        self.setWidget(self._content)
        self._content.installEventFilter(self)
        self.verticalScrollBar().rangeChanged.connect(self._leave_room)

    def fit(self, sides: QBoxLayout, width: int, stacked: QBoxLayout.Direction) -> None:
        """Stand beside the result where a panel of `width` px has room for both, else take its height and no more."""
        self._stacked = width < _NARROW
        wanted = stacked if self._stacked else QBoxLayout.Direction.LeftToRight
        if sides.direction() != wanted:
            sides.setDirection(wanted)
            sides.setSpacing(GAP if self._stacked else 2 * GAP)
        self._limit()

    def _leave_room(self, _low: int, high: int) -> None:
        """Keep the room of the scroll bar free while there is none, so that widgets never change their width."""
        self.column.setContentsMargins(0, 0, 0 if high > 0 else _SCROLLBAR, 0)

    def _limit(self) -> None:
        height = self._content.sizeHint().height()
        self.setMaximumHeight(height if self._stacked else _UNLIMITED)
        self.setMinimumHeight(min(height, 120) if self._stacked else 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the height of the form when its folded part opens."""
        if watched is self._content and event.type() == QEvent.Type.LayoutRequest:
            self._limit()
        return super().eventFilter(watched, event)
