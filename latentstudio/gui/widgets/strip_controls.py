"""What stands between slots A and B: paths, steps, how far beyond the ends, and pairs at random."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QWidget

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
        self._pairs = self._make_pairs()
        self._layout = layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP // 2)
        layout.addWidget(self.paths, 0, 0)
        layout.addLayout(self._numbers(), 1, 0, 1, 2)
        layout.setColumnStretch(0, 1)
        layout.setRowStretch(3, 1)
        self._place_pairs(False)

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

    def _make_pairs(self) -> QWidget:
        box = QWidget(self)
        self._pair_grid = QGridLayout(box)
        self._pair_grid.setContentsMargins(0, 0, 0, 0)
        self._pair_grid.setSpacing(2)
        for picture, words, keys, what in _BUTTONS:
            button = QToolButton(box)
            button.setIcon(icon(picture))
            button.setIconSize(QSize(18, 18))
            button.setAccessibleName(words)
            button.setToolTip(f"{words} ({keys})")
            button.clicked.connect(lambda _=False, w=what: self.asked.emit(w))
            self.buttons[what] = button
        return box

    def _place_pairs(self, narrow: bool) -> None:
        """Set the buttons in a square beside the chips where these stand in two rows, else in a row of their own."""
        across = 2 if narrow else len(self.buttons)
        for number, button in enumerate(self.buttons.values()):
            self._pair_grid.addWidget(button, *divmod(number, across))
        at = (0, 1) if narrow else (2, 0)
        self._layout.addWidget(self._pairs, *at, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)

    def _give(self, name: str, value: Any) -> None:
        self.changed.emit(name, value)
        self.settled.emit()

    def set_narrow(self, narrow: bool) -> None:
        """Set the chips in two rows where the panel is narrow."""
        self.paths.set_across(2 if narrow else len(self.paths.chips))
        self._place_pairs(narrow)

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
