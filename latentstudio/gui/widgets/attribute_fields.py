"""Fields for attributes: labels of the dataset and selections of faces, chosen from a list or typed as words."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QToolButton, QVBoxLayout, QWidget

from latentstudio.controls import Control
from latentstudio.gui.icons import icon
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.field import Field, ScrollGuard
from latentstudio.gui.widgets.flow_layout import FlowLayout

_ROWS = 16


class AttributeBox(QComboBox):
    """A list of attributes that finds them while one types; other words, such as ``yaw>0``, may be typed too.

    Attributes
    ----------
    entered : an attribute was picked from the list or from what was found, or Return ended one that was typed.
    """

    entered = Signal()

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit(self)
        self.setLineEdit(self.line)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMaxVisibleItems(_ROWS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.installEventFilter(ScrollGuard(self))
        self.line.setPlaceholderText(hint)
        self._completer = completer = QCompleter(self.model(), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.setCompleter(completer)
        self._offered: tuple[str, ...] = ()
        self.activated.connect(lambda _index: self.entered.emit())
        self.line.returnPressed.connect(self._returned)

    def offer(self, choices: Sequence[str]) -> None:
        """Show other choices and keep what is typed."""
        if tuple(choices) == self._offered:
            return
        self._offered = tuple(choices)
        text = self.currentText()
        with QSignalBlocker(self):
            self.clear()
            self.addItems(list(self._offered))
            self.show_text(text)

    def show_text(self, text: str) -> None:
        """Show a text without announcing it."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self.findText(text, Qt.MatchFlag.MatchExactly))
            self.setEditText(text)

    def take(self) -> str:
        """Return what was entered and empty the box."""
        words = self.currentText().strip()
        self.show_text("")
        QTimer.singleShot(0, self, lambda: self.show_text(""))  # a completer writes what was picked once more
        return words

    def _returned(self) -> None:
        found = self._completer.popup()
        if found is not None and found.isVisible() and found.currentIndex().isValid():
            return  # `activated` follows, unless the text changes before it
        self.entered.emit()


class AttributeField(Field):
    """One attribute."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self.box = AttributeBox("choose or type", self)
        self._shown = str(control.default or "")
        self.box.show_text(self._shown)
        self.box.activated.connect(lambda _index: self._edited())
        self.box.line.editingFinished.connect(self._edited)
        self._layout.addWidget(self.box, 1)
        self._name(self.box)

    def wide(self) -> bool:
        """Names of attributes are long."""
        return True

    def set_attributes(self, choices: Sequence[str]) -> None:
        """Offer the attributes of another dataset."""
        self.box.offer(choices)
        self.box.show_text(self._shown)

    def value(self) -> str:
        """Return the words of the attribute."""
        return self.box.currentText().strip()

    def set_value(self, value: Any) -> None:
        """Show an attribute."""
        self._shown = str(self.control.default or "") if value is None else str(value)
        self.box.show_text(self._shown)

    def _edited(self) -> None:
        value = self.value()
        if value != self._shown:
            self._shown = value
            self._give(value)


class AttributesField(Field):
    """Any number of attributes: one button each that takes it away, and a list to add more."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self._chosen: tuple[str, ...] = tuple(control.default or ())
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        self._tags = QWidget(self)
        self._flow = FlowLayout(self._tags)
        self.tags: list[QToolButton] = []
        self.box = AttributeBox("add an attribute", self)
        self.box.entered.connect(self._add)
        column.addWidget(self._tags)
        column.addWidget(self.box)
        self._layout.addLayout(column, 1)
        self._name(self.box)
        self._show()

    def wide(self) -> bool:
        """Names of attributes are long."""
        return True

    def set_attributes(self, choices: Sequence[str]) -> None:
        """Offer the attributes of another dataset."""
        self.box.offer(choices)
        self.box.show_text("")

    def value(self) -> tuple[str, ...]:
        """Return the attributes in the order in which they were added."""
        return self._chosen

    def set_value(self, value: Any) -> None:
        """Show attributes."""
        chosen = tuple(self.control.default or ()) if value is None else tuple(value)
        if chosen != self._chosen:
            self._chosen = chosen
            self._show()

    def _add(self) -> None:
        words = self.box.take()
        if words and words not in self._chosen:
            self._change((*self._chosen, words))

    def _remove(self, words: str) -> None:
        self._change(tuple(w for w in self._chosen if w != words))

    def _change(self, chosen: tuple[str, ...]) -> None:
        self._chosen = chosen
        self._show()
        self._give(chosen)

    def _show(self) -> None:
        for tag in self.tags:
            self._flow.removeWidget(tag)
            tag.hide()
            tag.deleteLater()
        self.tags = []
        for words in self._chosen:
            tag = QToolButton(self._tags)
            tag.setText(words)
            tag.setIcon(icon("close"))
            tag.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tag.setToolTip(f"Take {words} away")
            tag.setAccessibleName(f"Take {words} away")
            tag.clicked.connect(lambda _on=False, words=words: self._remove(words))
            self._flow.addWidget(tag)
            self.tags.append(tag)
        self._tags.setVisible(bool(self.tags))
