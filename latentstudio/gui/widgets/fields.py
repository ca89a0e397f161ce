"""One field for each kind of parameter. All say `changed` with the new value, `settled` when a gesture has ended."""

import re
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QWidget,
)

from latentstudio.controls import Control, checked
from latentstudio.errors import UserError
from latentstudio.gui.widgets.attribute_fields import AttributeField, AttributesField
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.field import Field, ScrollGuard
from latentstudio.gui.widgets.number_field import NumberField
from latentstudio.gui.widgets.part_fields import PartField, PartsField

_BESIDE = 165
"""Width in px of chips that still stand beside their label."""


class BoolField(Field):
    """A tick."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self.box = QCheckBox(control.label, self)
        self.box.setToolTip(control.help)
        self.box.setChecked(bool(control.default))
        self.box.clicked.connect(lambda on: self._give(bool(on)))
        self._layout.addWidget(self.box)
        self._name(self.box)

    def value(self) -> bool:
        """Return whether it is ticked."""
        return self.box.isChecked()

    def set_value(self, value: Any) -> None:
        """Tick it or not."""
        self.box.setChecked(bool(self.control.default if value is None else value))


_LONG = 20
"""Letters of a choice that a list beside its label has room for."""


class ChoiceField(Field):
    """One of some: chips while there are few, a list when there are many."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        labels = control.choice_labels or control.choices
        self.chips: ToggleChips | None = None
        self.list: QComboBox | None = None
        if len(control.choices) <= 4 and sum(map(len, labels)) <= 36:
            self.chips = ToggleChips(control.choices, labels, single=True, parent=self)
            self.chips.changed.connect(lambda chosen: self._give(chosen[0]))
            self.chips.setAccessibleName(control.label)
            self._layout.addWidget(self.chips, 1)
            self.setFocusProxy(self.chips.chips[0])
        else:
            self.list = QComboBox(self)
            if max(map(len, labels)) > _LONG:
                # A long choice must not make the form wider than its column.
                self.list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
                self.list.setMinimumContentsLength(8)
            for value, label in zip(control.choices, labels, strict=True):
                self.list.addItem(label, value)
            self.list.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.list.installEventFilter(ScrollGuard(self.list))
            self.list.activated.connect(lambda _index: self._give(self.value()))
            self._layout.addWidget(self.list, 1)
            self._name(self.list)
        self.set_value(control.default)

    def wide(self) -> bool:
        """Many or long chips need room."""
        return self.chips is not None and self.chips.sizeHint().width() > _BESIDE

    def value(self) -> str:
        """Return the choice."""
        if self.chips is not None:
            return next(iter(self.chips.chosen), "")
        assert self.list is not None
        return str(self.list.currentData())

    def set_value(self, value: Any) -> None:
        """Show a choice."""
        wanted = self.control.default if value is None else value
        if self.chips is not None:
            self.chips.set_chosen((str(wanted),))
        elif self.list is not None:
            self.list.setCurrentIndex(self.list.findData(wanted))


class ChoicesField(Field):
    """Some of some, as chips."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self.chips = ToggleChips(control.choices, control.choice_labels or control.choices, parent=self)
        self.chips.setAccessibleName(control.label)
        self.chips.changed.connect(self._give)
        self._layout.addWidget(self.chips, 1)
        if self.chips.chips:
            self.setFocusProxy(self.chips.chips[0])
        self.set_value(control.default)

    def wide(self) -> bool:
        """Chips need room."""
        return True

    def value(self) -> tuple[str, ...]:
        """Return the choices in the order of the control."""
        return self.chips.chosen

    def set_value(self, value: Any) -> None:
        """Show choices."""
        self.chips.set_chosen(tuple(self.control.default or () if value is None else value))


class TextField(Field):
    """A line of words; fields of lists read numbers from it, and ranges such as ``1, 5-8`` where they are whole."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self._numbers = control.kind in ("ints", "floats")
        self.line = QLineEdit(self)
        self.line.setToolTip(control.help)
        self.line.setClearButtonEnabled(False)
        if self._numbers:
            example = "e.g. 1, 5-8" if control.kind == "ints" else "e.g. 0.5, 1, 2"
            self.line.setPlaceholderText(control.empty if not control.default else example)
        self.line.editingFinished.connect(self._edited)
        self._layout.addWidget(self.line, 1)
        self._name(self.line)
        self._shown: Any = None
        self.set_value(control.default)

    def value(self) -> Any:
        """Return the text, or the tuple of numbers.

        Raises
        ------
        UserError
            The text is no list of whole numbers, or one of them is out of range.
        """
        text = self.line.text().strip()
        if not self._numbers:
            return text
        read = numbers_of if self.control.kind == "ints" else reals_of
        return checked(self.control, read(text, self.control.label))

    def set_value(self, value: Any) -> None:
        """Show a text or numbers."""
        self._shown = self.control.default if value is None else value
        if self._numbers:
            self.line.setText(", ".join(f"{n:.12g}" for n in self._shown or ()))
        else:
            self.line.setText("" if self._shown is None else str(self._shown))
        self._mark("")

    def _edited(self) -> None:
        try:
            value = self.value()
        except UserError as error:
            self._mark(str(error))
            return
        self._mark("")
        shown = tuple(self._shown or ()) if self._numbers else self._shown
        if value != shown:
            self._shown = value
            self._give(value)

    def _mark(self, trouble: str) -> None:
        self.line.setToolTip(trouble or self.control.help)
        self.line.setAccessibleDescription(trouble or self.control.help)
        self.line.setProperty("wrong", bool(trouble))
        self.line.setStyleSheet("border-color: palette(bright-text);" if trouble else "")


def numbers_of(text: str, label: str) -> tuple[int, ...]:
    """Read ``"1, 5-8"`` as (1, 5, 6, 7, 8).

    Raises
    ------
    UserError
        A part is no whole number and no range.
    """
    numbers: list[int] = []
    for part in filter(None, re.split(r"[,\s]+", text)):
        match = re.fullmatch(r"(-?\d+)(?:-(\d+))?", part)
        if match is None or (match[2] is not None and not 0 <= int(match[2]) - int(match[1]) < 10_000):
            raise UserError(f"'{part}' in {label} is no whole number and no range; write for example 1, 5-8.")
        last = int(match[2]) if match[2] is not None else int(match[1])
        numbers.extend(range(int(match[1]), last + 1))
    return tuple(numbers)


def reals_of(text: str, label: str) -> tuple[float, ...]:
    """Read ``"0.5, 1, 2"`` as (0.5, 1.0, 2.0).

    Raises
    ------
    UserError
        A part is no number.
    """
    numbers: list[float] = []
    for part in filter(None, re.split(r"[,\s]+", text.replace("−", "-"))):
        try:
            numbers.append(float(part))
        except ValueError as error:
            raise UserError(f"'{part}' in {label} is no number; write for example 0.5, 1, 2.") from error
    return tuple(numbers)


def field_of(control: Control, parent: QWidget | None = None) -> Field:
    """Return the field for a control."""
    kinds: dict[str, type[Field]] = {
        "int": NumberField,
        "float": NumberField,
        "bool": BoolField,
        "choice": ChoiceField,
        "choices": ChoicesField,
        "text": TextField,
        "ints": TextField,
        "floats": TextField,
        "part": PartField,
        "parts": PartsField,
        "attribute": AttributeField,
        "attributes": AttributesField,
    }
    return kinds[control.kind](control, parent)
