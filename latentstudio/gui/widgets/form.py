"""A form made from the controls of an operation or analysis: a few controls open, the others folded away."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from latentstudio.controls import Control
from latentstudio.gui.icons import icon
from latentstudio.gui.theme import GAP
from latentstudio.gui.widgets.attribute_fields import AttributeField, AttributesField
from latentstudio.gui.widgets.field import Field
from latentstudio.gui.widgets.fields import BoolField, field_of
from latentstudio.gui.widgets.part_fields import PartField, PartsField

_OPEN = 5
"""More sliders make it harder, so controls beyond this number are folded even when they are not marked as advanced."""


class ParameterForm(QWidget):
    """Fields for parameters.

    `changed` gives name and value; `settled` says that the hand has let go, so that the next change is a step of its
    own for undo.
    """

    changed = Signal(str, object)
    settled = Signal()

    def __init__(self, controls: Sequence[Control], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        plain = [c for c in controls if not c.advanced]
        folded = [c for c in controls if c.advanced] + plain[_OPEN:]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP // 2)
        layout.addWidget(self._group(plain[:_OPEN]))
        self.fold: QToolButton | None = None
        self._more = self._group(folded)
        if folded:
            self.fold = QToolButton(self)
            self.fold.setText(f"{len(folded)} more")
            self.fold.setCheckable(True)
            self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self.fold.setIcon(icon("more"))
            self.fold.setAccessibleName("More controls")
            self.fold.toggled.connect(self._more.setVisible)
            layout.addWidget(self.fold)
        layout.addWidget(self._more)
        self._more.setVisible(False)

    def _group(self, controls: Sequence[Control]) -> QWidget:
        group = QWidget(self)
        grid = QGridLayout(group)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(GAP // 2)
        grid.setColumnStretch(1, 1)
        for control in controls:
            field = field_of(control, group)
            self.fields[control.name] = field
            field.changed.connect(lambda value, name=control.name: self.changed.emit(name, value))
            field.settled.connect(self.settled)
            row = grid.rowCount()
            if isinstance(field, BoolField):
                grid.addWidget(field, row, 0, 1, 2)
                continue
            label = QLabel(control.label, group)
            label.setToolTip(control.help)
            label.setBuddy(field)
            if field.wide():
                grid.addWidget(label, row, 0, 1, 2)
                grid.addWidget(field, row + 1, 0, 1, 2)
            else:
                grid.addWidget(label, row, 0)
                grid.addWidget(field, row, 1)
        return group

    def set_parts(self, parts: Mapping[str, tuple[int, int]]) -> None:
        """Offer the parts of a model's code in the fields that ask for some."""
        for field in self.fields.values():
            if isinstance(field, PartField | PartsField):
                field.set_parts(parts)

    def set_attributes(self, choices: Sequence[str]) -> None:
        """Offer the attributes of a dataset, and the selections of the document, in the fields that ask for some."""
        for field in self.fields.values():
            if isinstance(field, AttributeField | AttributesField):
                field.set_attributes(choices)

    def set_values(self, params: Mapping[str, Any]) -> None:
        """Show parameters; those that are not given show their default."""
        for name, field in self.fields.items():
            field.set_value(params.get(name, field.control.default))

    def values(self) -> dict[str, Any]:
        """Return what the fields show.

        Raises
        ------
        UserError
            A field holds a text that is no value.
        """
        return {name: field.value() for name, field in self.fields.items()}
