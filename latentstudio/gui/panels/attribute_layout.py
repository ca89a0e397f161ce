"""Where things stand on the page of attribute sliders: a row of choices, the pictures, the sliders, the leak."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from latentstudio.controls import controls
from latentstudio.gui.attribute_making import AttributeMaker
from latentstudio.gui.naming import named
from latentstudio.gui.panels.recipe_panel import RecipePanel
from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.attribute_fields import AttributeBox
from latentstudio.gui.widgets.attribute_row import AttributeRow
from latentstudio.gui.widgets.chips import ToggleChips
from latentstudio.gui.widgets.edit_pair import EditPair
from latentstudio.gui.widgets.fields import ChoiceField
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.leak_bars import LeakBars
from latentstudio.gui.widgets.lines import Hairline, WordLine
from latentstudio.gui.widgets.slot import CAPTION, EDGE, SlotWidget
from latentstudio.operations import OPERATIONS

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller

SLIDERS_WIDTH, LEAK_WIDTH = 298, 132
_NARROW, _HIGH = 708, 0.62
"""Width in px, and height as a share of it, from which the sliders stand under the pictures."""
_MOST_IN_MENU = 40
PAGES, PAGE_LABELS = ("sliders", "strip"), ("Sliders", "Strip")


class AttributePicks(QPushButton):
    """A button whose menu ticks attributes; `changed` gives those that are ticked."""

    changed = Signal(object)

    def __init__(self, words: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._choices, self._left_out = words, tuple[str, ...](), tuple[str, ...]()
        self.chosen: tuple[str, ...] = ()
        named(self, words, tip)
        self.entries = QMenu(self)
        self.entries.setToolTipsVisible(True)
        self.entries.aboutToShow.connect(self.fill)
        self.setMenu(self.entries)
        self._write()

    def offer(self, choices: Sequence[str] = (), chosen: Sequence[str] = (), leave_out: Sequence[str] = ()) -> None:
        """Offer attributes, and show which are chosen; `leave_out` are edited themselves."""
        self._choices, self.chosen, self._left_out = tuple(choices), tuple(chosen), tuple(leave_out)
        self._write()

    def _write(self) -> None:
        self.setText(f"{self._words}: {len(self.chosen)}" if self.chosen else self._words)
        self.setAccessibleDescription(", ".join(self.chosen))

    def fill(self) -> None:
        """Make the menu anew."""
        self.entries.clear()
        offered = [c for c in dict.fromkeys((*self._choices, *self.chosen)) if c not in self._left_out]
        everything = tuple(c for c in offered if not c.startswith("identity="))[:_MOST_IN_MENU]
        labels = self.entries.addAction(f"All ({len(everything)})")
        labels.triggered.connect(lambda: self.changed.emit(everything))
        nothing = self.entries.addAction("None")
        nothing.triggered.connect(lambda: self.changed.emit(()))
        self.entries.addSeparator()
        for words in offered:
            entry = self.entries.addAction(words)
            entry.setCheckable(True)
            entry.setChecked(words in self.chosen)
            entry.triggered.connect(lambda on, w=words: self._tick(w, on))

    def _tick(self, words: str, on: bool) -> None:
        left = tuple(c for c in self.chosen if c != words)
        self.changed.emit((*left, words) if on else left)


class _Bar(QWidget):
    """Widgets that flow into as many rows as they need.

    It sets its own height instead of telling its layout that the height follows from the width: a scroll area would
    then give the whole page its preferred height, and scroll where the least would have done.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.flow = FlowLayout(self, GAP // 2)

    def hasHeightForWidth(self) -> bool:
        """The height is set, not asked for."""
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Be as high as the rows."""
        super().resizeEvent(event)
        self.fit()

    def event(self, event: QEvent) -> bool:
        """Measure again when a word in a button has changed its width."""
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.fit()
        return handled

    def fit(self) -> None:
        """Take the height of the rows at the present width."""
        height = self.flow.heightForWidth(self.width())
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)


class SlidersLayout(RecipePanel):
    """The widgets of the page and their places; `SlidersPage` makes them work."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        operation = OPERATIONS["attribute"]
        found = {c.name: c for c in controls(operation)}
        slot = next(s for s in operation.slots if s.name == "images")
        self.slot = SlotWidget(slot.name, slot.label, slot.hint, slot.many, parent=self)
        self.slot.setFixedSize(EDGE, EDGE + CAPTION)
        self.scale = ToggleChips(found["scale"].choices, found["scale"].choice_labels, single=True, parent=self)
        named(self.scale, found["scale"].label, found["scale"].help)
        self.estimator = ChoiceField(found["estimator"], self)
        self.keep = AttributePicks(found["keep"].label, found["keep"].help, self)
        self.watch = AttributePicks(found["watch"].label, found["watch"].help, self)
        self.maker = AttributeMaker(controller, self, panel_id)
        self.making = self._make_button()
        self.leak = QPushButton("Measure the leak", self)
        named(self.leak, "Measure the leak", "Judge the edits by held-out classifiers, in a panel of its own")
        self.leak.clicked.connect(lambda: self._bring_up(self.measure_leak()))
        self.pair = EditPair(self)
        self.rows: tuple[AttributeRow, ...] = ()
        self.adder = AttributeBox("add an attribute", self)
        named(self.adder, "Add an attribute", "A label, a value such as expression=happiness, yaw>0, or a selection")
        self.bars = LeakBars(self)
        self.hairline = Hairline(self)
        self.words = WordLine(self)
        self.pages = ToggleChips(PAGES, PAGE_LABELS, single=True, parent=self)
        named(self.pages, "View", "Sliders, or the strip of all strengths")
        self.pages.set_chosen(PAGES[:1])
        self._arrange()

    def measure_leak(self) -> str:
        """Measure the leak in a panel of its own; returns that panel's id."""
        raise NotImplementedError

    def _make_button(self) -> QPushButton:
        button = QPushButton("From selection", self)
        named(button, "Make an attribute from a selection", "Make an attribute from the selected faces, or from a file")
        menu = QMenu(button)

        def fill() -> None:
            menu.clear()
            self.maker.fill(menu)

        menu.aboutToShow.connect(fill)
        button.setMenu(menu)
        return button

    def _bring_up(self, panel_id: str) -> None:
        docks = [d for d in self.window().findChildren(QWidget, panel_id) if hasattr(d, "bring_up")] if panel_id else []
        for dock in docks:
            dock.bring_up()

    def _arrange(self) -> None:
        bar = _Bar(self)
        self.bar = bar.flow
        # Apart from the scale, which is another choice of one.
        self.pages.setContentsMargins(0, 0, GAP + GAP // 2, 0)
        for widget in (self.pages, self.scale, self.estimator, self.keep, self.watch):
            self.bar.addWidget(widget)
        left = QVBoxLayout()
        left.addWidget(self.slot)
        left.addStretch(1)
        upper = QHBoxLayout()
        upper.setSpacing(GAP)
        upper.addLayout(left)
        upper.addWidget(self.pair, 1)
        lower = QHBoxLayout()
        lower.setSpacing(GAP + GAP // 2)
        lower.addWidget(self._sliders(), 2)
        lower.addWidget(self._leaks(), 1)
        self._halves = columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        columns.setSpacing(GAP + GAP // 2)
        columns.addLayout(upper, 3)
        columns.addLayout(lower, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, GAP // 2, GAP, GAP // 2)
        layout.setSpacing(GAP // 2)
        layout.addWidget(bar)
        layout.addWidget(self.hairline)
        layout.addLayout(columns, 1)
        layout.addWidget(self.words)

    def _sliders(self) -> QWidget:
        side = QWidget(self)
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 2, 0)
        self._rows.setSpacing(GAP // 2)
        content = QWidget()
        outer = QVBoxLayout(content)
        outer.setContentsMargins(0, 0, GAP // 2, 0)
        outer.addLayout(self._rows)
        adding = QHBoxLayout()
        adding.setSpacing(GAP // 2)
        adding.addWidget(self.adder, 1)
        adding.addWidget(self.making)
        outer.addLayout(adding)
        outer.addStretch(1)
        scroller = _scroller(content)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scroller)
        side.setMinimumWidth(SLIDERS_WIDTH)
        self._side = side
        return side

    def _leaks(self) -> QWidget:
        side = QWidget(self)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP // 2)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, GAP // 2, 0)
        inner.addWidget(self.bars)
        inner.addStretch(1)
        heading = QLabel("Leak, percentile points", side)
        heading.setFont(small_font())
        heading.setProperty("muted", True)
        column.addWidget(heading)
        column.addWidget(_scroller(content), 1)
        column.addWidget(self.leak)
        side.setMinimumWidth(LEAK_WIDTH)
        return side

    def set_rows(self, rows: tuple[AttributeRow, ...]) -> None:
        """Show other sliders."""
        for row in self.rows:
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = rows
        for row in rows:
            self._rows.addWidget(row)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the sliders under the pictures where the panel is rather high than wide, so that these are large."""
        super().resizeEvent(event)
        high = self.width() < _NARROW or self.height() > _HIGH * self.width()
        wanted = QBoxLayout.Direction.TopToBottom if high else QBoxLayout.Direction.LeftToRight
        if self._halves.direction() != wanted:
            self._halves.setDirection(wanted)
            self._halves.setStretch(0, 4 if high else 3)
            self._halves.setStretch(1, 3 if high else 4)


def _scroller(content: QWidget) -> QScrollArea:
    scroller = QScrollArea()
    scroller.setFrameShape(QFrame.Shape.NoFrame)
    scroller.setWidgetResizable(True)
    scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroller.setWidget(content)
    return scroller
