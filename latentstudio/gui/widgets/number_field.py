"""Numbers in a form: slid where both ends are near, and always typed."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

from latentstudio.controls import Control
from latentstudio.gui.theme import numeric_font
from latentstudio.gui.widgets.field import Field, ScrollGuard
from latentstudio.gui.widgets.plain_box import RealBox, make_plain
from latentstudio.gui.widgets.track_slider import TrackSlider

_LONGEST_SLIDER = 2_000
_WIDEST = 2**31 - 1


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
        box.installEventFilter(ScrollGuard(box))
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


def _tip(control: Control) -> str:
    default = f"{control.default:g}" if isinstance(control.default, (int, float)) else str(control.default)
    return "\n".join(filter(None, [control.help, f"Wheel, arrows or typing; double click for the default ({default})"]))
