"""What stands between slots A and B: paths, steps, how far beyond the ends, and pairs at random."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from latentstudio.controls import controls
from latentstudio.gui.icons import icon
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.number_field import NumberField
from latentstudio.gui.widgets.path_colours import path_colour
from latentstudio.operations import OPERATIONS

_BUTTONS = (
    ("swap", "Swap A and B", "X on a slot", "swap"),
    ("dice", "Random pair", "R on a slot picks one", "any"),
    ("person", "Random pair of the same person", "P on a slot", "same"),
    ("people", "Random pair of two persons", "O on a slot", "other"),
)


class StripControls(QWidget):
    """Chips, two sliders and four buttons.

    `changed` gives a parameter's name and value, `settled` the end of a gesture, `asked` one of ``swap``, ``any``,
    ``same``, ``other``.
    """

    changed = Signal(str, object)
    settled = Signal()
    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        found = {c.name: c for c in controls(OPERATIONS["interpolate"])}
        paths = found["paths"]
        self.paths = ToggleChips(paths.choices, paths.choice_labels, path_colour, parent=self)
        self.paths.setAccessibleName(paths.label)
        self.paths.setToolTip(paths.help)
        self.paths.changed.connect(lambda chosen: self._give("paths", tuple(chosen)))
        self.fields = {name: NumberField(found[name], self) for name in ("steps", "extrapolate")}
        self.buttons: dict[str, QToolButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP // 2)
        layout.addWidget(self.paths)
        layout.addLayout(self._numbers())
        layout.addLayout(self._pairs())
        layout.addStretch(1)

    def _numbers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(2, 0, 0, 0)
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(2)
        for row, (name, field) in enumerate(self.fields.items()):
            label = QLabel(field.control.label, self)
            label.setFont(small_font(0.95))
            label.setBuddy(field)
            label.setToolTip(field.control.help)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            field.changed.connect(lambda value, n=name: self.changed.emit(n, value))
            field.settled.connect(self.settled)
        grid.setColumnStretch(1, 1)
        return grid

    def _pairs(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        for picture, words, keys, what in _BUTTONS:
            button = QToolButton(self)
            button.setIcon(icon(picture))
            button.setIconSize(QSize(18, 18))
            button.setAccessibleName(words)
            button.setToolTip(f"{words} ({keys})")
            button.clicked.connect(lambda _=False, w=what: self.asked.emit(w))
            self.buttons[what] = button
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _give(self, name: str, value: Any) -> None:
        self.changed.emit(name, value)
        self.settled.emit()

    def set_narrow(self, narrow: bool) -> None:
        """Set the chips in two rows where the panel is narrow."""
        self.paths.set_across(2 if narrow else len(self.paths.chips))

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Show parameters; those that are not given show their default."""
        operation = OPERATIONS["interpolate"]()
        self.paths.set_chosen(tuple(params.get("paths", operation.paths)))
        for name, field in self.fields.items():
            field.set_value(params.get(name))

    def allow_pairs(self, any_pair: bool, persons: bool) -> None:
        """Grey out what the dataset cannot give."""
        self.buttons["any"].setEnabled(any_pair)
        for what in ("same", "other"):
            self.buttons[what].setEnabled(any_pair and persons)
