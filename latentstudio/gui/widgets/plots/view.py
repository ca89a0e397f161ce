"""What all result views share: a legend, a line that says what is under the pointer, selection in and out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from latentstudio.gui.theme import GAP, colors, small_font, theme_signals
from latentstudio.gui.widgets.lines import WordLine
from latentstudio.gui.widgets.painting import LEFT, RIGHT, pen, write

ROLE_STYLES = {
    "data": Qt.PenStyle.SolidLine,
    "train": Qt.PenStyle.SolidLine,
    "held_out": Qt.PenStyle.SolidLine,
    "reference": Qt.PenStyle.DashLine,
    "other": Qt.PenStyle.SolidLine,
}
"""Dash of each role, so that colour is not the only sign of a reference."""
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


def styles_of(roles: Sequence[str]) -> list[Qt.PenStyle]:
    """Return a dash for each line: lines of one role take turns, so that they can be told apart."""
    seen: dict[str, int] = {}
    found = []
    for role in roles:
        first = DASHES.index(ROLE_STYLES.get(role, Qt.PenStyle.SolidLine))
        found.append(DASHES[(first + seen.get(role, 0)) % len(DASHES)])
        seen[role] = seen.get(role, 0) + 1
    return found


def how_of(modifiers: Qt.KeyboardModifier) -> str:
    """Say how a click changes the selection: Shift adds, Ctrl toggles, else it replaces."""
    if modifiers & Qt.KeyboardModifier.ControlModifier:
        return "toggle"
    return "add" if modifiers & Qt.KeyboardModifier.ShiftModifier else "replace"


class Legend(QWidget):
    """Names of lines with a sample of each, broken into rows where the width asks for it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[tuple[str, str, str], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        theme_signals().changed.connect(self.update)

    def set_entries(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """Show entries (label, role or colour, shape); shapes: line, dash, dot, dashdot, marker, box, band."""
        self._entries = tuple(entries)
        self.setVisible(bool(entries))
        self.setFixedHeight(self._height())
        self.update()

    @property
    def entries(self) -> tuple[tuple[str, str, str], ...]:
        """What it shows."""
        return self._entries

    def _places(self) -> list[QRectF]:
        metrics = QFontMetricsF(small_font(0.92))
        line, x, y, places = metrics.height() + 2, 0.0, 0.0, []
        for label, _, _ in self._entries:
            width = metrics.horizontalAdvance(label) + 24 + GAP * 1.5
            if x > 0 and x + width > max(self.width(), 60):
                x, y = 0.0, y + line
            places.append(QRectF(x, y, width, line))
            x += width
        return places

    def _height(self) -> int:
        places = self._places()
        return round(places[-1].bottom()) + 2 if places else 0

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        return QSize(120, self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the rows anew."""
        super().resizeEvent(event)
        if self.height() != self._height():
            self.setFixedHeight(self._height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw samples and names."""
        painter, palette = QPainter(self), colors()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dashes = dict(zip(("line", "dash", "dot", "dashdot"), DASHES, strict=True))
        for (label, colour, shape), place in zip(self._entries, self._places(), strict=True):
            tint = getattr(palette, colour, colour)
            middle = place.center().y()
            if shape == "marker":
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(pen(tint).color())
                painter.drawEllipse(QPointF(place.left() + 8, middle), 4, 4)
            elif shape in ("box", "band"):
                painter.fillRect(QRectF(place.left(), middle - 5, 16, 10), pen(tint).color())
            else:
                painter.setPen(pen(tint, 2.0, dashes.get(shape, Qt.PenStyle.SolidLine)))
                painter.drawLine(QPointF(place.left(), middle), QPointF(place.left() + 16, middle))
            write(painter, place.adjusted(22, 0, 0, 0), label, palette.text, small_font(0.92), LEFT)
        painter.end()


def shape_of(style: Qt.PenStyle) -> str:
    """Name the legend's sample of a dash."""
    return ("line", "dash", "dot", "dashdot")[DASHES.index(style)]


class ResultPart(QWidget):
    """One view of one result.

    `selected` gives dataset indices and how they change the selection.
    """

    selected = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.selection = np.zeros(0, dtype=np.int64)
        self._result: Any = None
        self.legend = Legend(self)
        self.readout = WordLine(self)
        self.readout.align(RIGHT)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(2)
        self.top = QHBoxLayout()
        self.top.setSpacing(GAP)
        self.y_name = WordLine(self)
        self.top.addWidget(self.y_name, 3)
        self.top.addWidget(self.readout, 2)
        self.body.addWidget(self.legend)
        self.body.addLayout(self.top)
        theme_signals().changed.connect(self._themed)

    @property
    def result(self) -> Any:
        """The result on show."""
        return self._result

    def set_result(self, result: Any) -> None:
        """Show another result."""
        self._result = result
        title = getattr(result, "title", "")
        self.setAccessibleName(title)
        self.setAccessibleDescription(getattr(result, "caption", ""))
        self.redraw()

    def name_y(self, words: str) -> None:
        """Name the y axis, upright above the plot."""
        self.y_name.say(f"↑ {words}" if words else "")

    def set_selection(self, indices: Sequence[int]) -> None:
        """Show which images are selected."""
        chosen = np.asarray(indices, dtype=np.int64)
        if not np.array_equal(chosen, self.selection):
            self.selection = chosen
            if self._result is not None:
                self.redraw_selection()

    def redraw(self) -> None:
        """Draw the result."""
        raise NotImplementedError

    def redraw_selection(self) -> None:
        """Draw what is selected; views without images have nothing to do."""

    def _themed(self) -> None:
        if self._result is not None:
            self.redraw()
