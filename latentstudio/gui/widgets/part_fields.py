"""Fields for the parts of a model's code, whose names come with the model and not with the parameter."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from latentstudio.controls import Control
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.field import Field, ScrollGuard
from latentstudio.models.parts import ALL, part_words

_ACROSS = 3


class PartsField(Field):
    """Some parts of the code, as chips; ``all`` and single parts exclude each other."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self._chosen: tuple[str, ...] = tuple(control.default or (ALL,))
        self._names: tuple[str, ...] = ()
        self._offered: tuple[str, ...] = ()
        self.chips = self._made()

    def _wanted(self) -> tuple[str, ...]:
        """The names to offer: a chosen part that this model lacks stays visible, so that it can be switched off."""
        return (ALL, *self._names, *(name for name in self._chosen if name not in (ALL, *self._names)))

    def _made(self) -> ToggleChips:
        self._offered = self._wanted()
        known = (ALL, *self._names)
        labels = [part_words(name) if name in known else f"{part_words(name)} (none)" for name in self._offered]
        chips = ToggleChips(self._offered, labels, parent=self)
        chips.setAccessibleName(self.control.label)
        chips.set_across(_ACROSS)
        chips.set_chosen(self._chosen)
        chips.changed.connect(self._clicked)
        self._layout.addWidget(chips, 1)
        self.setFocusProxy(chips.chips[0])
        return chips

    def set_parts(self, parts: Mapping[str, tuple[int, int]]) -> None:
        """Offer the parts of another model."""
        self._names = tuple(parts)
        self._follow()

    def _follow(self) -> None:
        if self._wanted() != self._offered:
            old = self.chips
            self._layout.removeWidget(old)
            self.chips = self._made()
            old.hide()
            old.deleteLater()
        self.chips.set_chosen(self._chosen)

    def wide(self) -> bool:
        """Chips need room."""
        return True

    def value(self) -> tuple[str, ...]:
        """Return the names of the parts, or ``all`` alone."""
        return self._chosen

    def set_value(self, value: Any) -> None:
        """Show parts."""
        self._chosen = tuple(self.control.default or (ALL,)) if value is None else tuple(value)
        self._follow()

    def _clicked(self, chosen: tuple[str, ...]) -> None:
        if ALL in chosen:
            chosen = (ALL,) if ALL not in self._chosen else tuple(name for name in chosen if name != ALL)
        self._chosen = chosen
        self.chips.set_chosen(chosen)
        self._give(chosen)


class PartField(Field):
    """One part of the code, or all of it, from a list."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(control, parent)
        self.list = QComboBox(self)
        self.list.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.list.installEventFilter(ScrollGuard(self.list))
        self._names: tuple[str, ...] = ()
        self._chosen = str(control.default or ALL)
        self._fill()
        self.list.activated.connect(lambda _index: self._picked())
        self._layout.addWidget(self.list, 1)
        self._name(self.list)

    def set_parts(self, parts: Mapping[str, tuple[int, int]]) -> None:
        """Offer the parts of another model."""
        if tuple(parts) != self._names:
            self._names = tuple(parts)
            self._fill()

    def _fill(self) -> None:
        self.list.clear()
        self.list.addItem(part_words(ALL), ALL)
        for name in self._names:
            self.list.addItem(part_words(name), name)
        if self._chosen not in (ALL, *self._names):
            self.list.addItem(f"{part_words(self._chosen)} (none)", self._chosen)
        self.list.setCurrentIndex(self.list.findData(self._chosen))

    def _picked(self) -> None:
        self._chosen = str(self.list.currentData())
        self._give(self._chosen)

    def value(self) -> str:
        """Return the name of the part, or ``all``."""
        return self._chosen

    def set_value(self, value: Any) -> None:
        """Show a part."""
        wanted = str(self.control.default if value is None else value)
        if wanted != self._chosen:
            self._chosen = wanted
            self._fill()
