"""One field for each kind of parameter. All say `changed` with the new value, `settled` when a gesture has ended."""

import re
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from latentstudio.controls import Control, checked
from latentstudio.errors import UserError
from latentstudio.gui.theme import GAP, numeric_font
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.plain_box import RealBox, make_plain
from latentstudio.gui.widgets.track_slider import TrackSlider

_LONGEST_SLIDER = 2_000
_WIDEST = 2**31 - 1


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


class _ScrollGuard(QObject):
    """Lets the wheel scroll the form unless the field has the keyboard: a passing pointer must not change numbers."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow wheel events of fields without focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


class NumberField(Field):
    """A slider where both ends are known and near, and always a number that can be typed."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self._whole = control.kind == "int"
        low = -_WIDEST if control.minimum is None else control.minimum
        high = _WIDEST if control.maximum is None else control.maximum
        default = float(control.default) if control.default is not None else max(low, 0.0)
        bounded = control.minimum is not None and control.maximum is not None
        self.slider: TrackSlider | None = None
        self.box: QSpinBox | QDoubleSpinBox
        if bounded and (not self._whole or high - low <= _LONGEST_SLIDER):
            self.slider = TrackSlider(low, high, default, self, self._whole)
            self.slider.setAccessibleName(control.label)
            self.slider.setToolTip(_tip(control))
            self.slider.moved.connect(self._slid)
            self.slider.settled.connect(self.settled)
            self._layout.addWidget(self.slider, 1)
        self.box = self._make_box(low, high, default)
        self._layout.addWidget(self.box, 0 if self.slider is not None else 1)
        self._name(self.slider or self.box)

    def _make_box(self, low: float, high: float, default: float) -> QSpinBox | QDoubleSpinBox:
        box: QSpinBox | QDoubleSpinBox
        if self._whole:
            box = QSpinBox(self)
            box.setRange(int(low), int(high))
            box.setValue(int(default))
        else:
            box = RealBox(self)
            box.setDecimals(4)
            box.setSingleStep(0.01 if high - low <= 10 else 1.0)
            box.setRange(low, high)
            box.setValue(default)
        box.setAccessibleName(f"{self.control.label}, typed" if self.slider is not None else self.control.label)
        box.setKeyboardTracking(False)
        box.setFont(numeric_font())
        box.setAlignment(Qt.AlignmentFlag.AlignRight)
        box.setToolTip(_tip(self.control))
        if self.slider is not None:
            make_plain(box)
            box.setFixedWidth(54)
        else:
            box.setMinimumWidth(80)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.installEventFilter(_ScrollGuard(box))
        box.valueChanged.connect(self._typed)
        return box

    def value(self) -> float | int:
        """Return the number shown."""
        number = self.slider.real if self.slider is not None else self.box.value()
        return int(number) if self._whole else float(number)

    def set_value(self, value: Any) -> None:
        """Show a number; None shows the default."""
        number = self.control.default if value is None else value
        if number is None:
            return
        if self.slider is not None and not self.slider.isSliderDown():
            self.slider.set_real(float(number))
        self._show(float(number))

    def _show(self, number: float) -> None:
        self.box.blockSignals(True)
        if isinstance(self.box, QSpinBox):
            self.box.setValue(round(number))
        else:
            self.box.setValue(number)
        self.box.blockSignals(False)

    def _slid(self, number: float) -> None:
        self._show(number)
        self.changed.emit(self.value())

    def _typed(self, number: float) -> None:
        if self.slider is not None:
            self.slider.set_real(float(number))
        self._give(self.value())


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
            for value, label in zip(control.choices, labels, strict=True):
                self.list.addItem(label, value)
            self.list.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.list.installEventFilter(_ScrollGuard(self.list))
            self.list.activated.connect(lambda _index: self._give(self.value()))
            self._layout.addWidget(self.list, 1)
            self._name(self.list)
        self.set_value(control.default)

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
    """A line of words; `ints` fields read whole numbers and ranges such as ``1, 5-8`` from it."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self._numbers = control.kind == "ints"
        self.line = QLineEdit(self)
        self.line.setToolTip(control.help)
        self.line.setClearButtonEnabled(False)
        if self._numbers:
            self.line.setPlaceholderText("all" if not control.default else "e.g. 1, 5-8")
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
        return checked(self.control, numbers_of(text, self.control.label)) if self._numbers else text

    def set_value(self, value: Any) -> None:
        """Show a text or numbers."""
        self._shown = self.control.default if value is None else value
        if self._numbers:
            self.line.setText(", ".join(str(n) for n in self._shown or ()))
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


def _tip(control: Control) -> str:
    default = f"{control.default:g}" if isinstance(control.default, (int, float)) else str(control.default)
    return "\n".join(filter(None, [control.help, f"Wheel, arrows or typing; double click for the default ({default})"]))


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
    }
    return kinds[control.kind](control, parent)
