"""Toggle chips: some of a few choices, each with its colour; at least one stays chosen."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QWidget

from latentstudio.gui.theme import colors, small_font, theme_signals
from latentstudio.gui.widgets.painting import CENTRE, focus_ring, frame_box, pen, write

_HEIGHT = 24
_DOT = 8


class _Chip(QAbstractButton):
    """One choice."""

    def __init__(self, label: str, colour: Callable[[], QColor] | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(label)
        self.setCheckable(True)
        self.setAccessibleName(label)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._colour = colour
        theme_signals().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Words with room around them."""
        width = QFontMetrics(small_font(0.95)).horizontalAdvance(self.text())
        return QSize(width + 24 + (_DOT + 5 if self._colour else 0), _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the chip; the dot is filled when it is chosen, so that colour is not the only sign."""
        painter, palette = QPainter(self), colors()
        rect = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        on = self.isChecked()
        fill = palette.selected if on else (palette.hover if self.underMouse() else palette.raised)
        frame_box(painter, rect, fill, pen(palette.accent if on else palette.border), rect.height() / 2)
        words = rect.adjusted(8, 0, -8, 0)
        if self._colour is not None:
            middle = QPointF(words.left() + _DOT / 2, words.center().y())
            painter.setPen(pen(self._colour(), 1.5))
            painter.setBrush(self._colour() if on else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(middle, _DOT / 2 - 0.75, _DOT / 2 - 0.75)
            words.setLeft(words.left() + _DOT + 5)
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        write(painter, words, self.text(), palette.text if on else palette.muted, small_font(0.95), CENTRE)
        if self.hasFocus():
            focus_ring(painter, rect, 1.0)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter toggles as Space does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class ToggleChips(QWidget):
    """Chips in a row. `changed` gives the chosen values in the order of the choices.

    Parameters
    ----------
    values, labels : what is chosen, and its words.
    colour : gives the colour of a label when it is painted; None for chips without a dot.
    single : exactly one is chosen.
    """

    changed = Signal(object)

    def __init__(
        self,
        values: Sequence[str],
        labels: Sequence[str],
        colour: Callable[[str], QColor] | None = None,
        single: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._values = tuple(values)
        self._single = single
        self.chips = [_Chip(label, _bind(colour, label), self) for label in (labels or values)]
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for number, chip in enumerate(self.chips):
            chip.clicked.connect(lambda _checked=False, n=number: self._clicked(n))
        self._across = 0
        self.set_across(len(self.chips))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The chosen values in the order of the choices."""
        return tuple(v for v, chip in zip(self._values, self.chips, strict=True) if chip.isChecked())

    def set_chosen(self, values: Sequence[str]) -> None:
        """Show a choice without announcing it."""
        for value, chip in zip(self._values, self.chips, strict=True):
            chip.setChecked(value in values)

    def set_across(self, across: int) -> None:
        """Set so many chips in a row."""
        if across == self._across or not self.chips:
            return
        self._grid.setColumnStretch(self._across, 0)
        self._across = across
        for number, chip in enumerate(self.chips):
            self._grid.addWidget(chip, *divmod(number, across), Qt.AlignmentFlag.AlignLeft)
        self._grid.setColumnStretch(across, 1)

    def _clicked(self, number: int) -> None:
        chip = self.chips[number]
        if self._single:
            already = not chip.isChecked()
            self.set_chosen((self._values[number],))
            if already:
                return
        elif not self.chosen:
            # An empty choice has no meaning for any of its users; the last chip stays on.
            chip.setChecked(True)
            return
        self.changed.emit(self.chosen)


def _bind(colour: Callable[[str], QColor] | None, label: str) -> Callable[[], QColor] | None:
    return None if colour is None else lambda: colour(label)
