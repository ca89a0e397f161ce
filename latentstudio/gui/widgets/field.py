"""What every field of a form is: a control with a value that says when it changes."""

from typing import Any

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from latentstudio.controls import Control
from latentstudio.gui.theme import GAP


class Field(QWidget):
    """A control with a value."""

    changed = Signal(object)
    settled = Signal()

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self.setToolTip(control.help)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GAP)

    def value(self) -> Any:
        """Return the value shown."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Show a value without announcing it."""
        raise NotImplementedError

    def wide(self) -> bool:
        """Whether the field wants the whole width, with its label above."""
        return False

    def _name(self, widget: QWidget) -> None:
        widget.setAccessibleName(self.control.label)
        widget.setAccessibleDescription(self.control.help)
        self.setFocusProxy(widget)

    def _give(self, value: Any) -> None:
        self.changed.emit(value)
        self.settled.emit()


class ScrollGuard(QObject):
    """Lets the wheel scroll the form unless the field has the keyboard: a passing pointer must not change numbers."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow wheel events of fields without focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
