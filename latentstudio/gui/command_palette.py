"""Ctrl+K: every action, model, dataset and panel by a few letters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from latentstudio.gui.naming import named
from latentstudio.gui.theme import GAP, colors, small_font

ROW = 30
WIDTH = 560
ROWS = 11


@dataclass(frozen=True)
class Command:
    """One line of the palette: words, where it stands in the menus, its shortcut, and what it does."""

    text: str
    place: str
    keys: str
    run: Callable[[], object]
    enabled: bool = True


def score(wanted: str, text: str) -> float | None:
    """Say how well `text` fits the letters typed; None when they do not occur in order. Smaller is better.

    Letters at the start of words and runs of neighbours count most, so that ``exf`` finds *Export figure*.
    """
    total, place = 0.0, -1
    lower = text.lower()
    for letter in wanted.lower().replace(" ", ""):
        starts = [i for i in range(place + 1, len(lower)) if lower[i] == letter]
        if not starts:
            return None
        best = min(starts, key=lambda i: _cost(lower, place, i))
        total += _cost(lower, place, best)
        place = best
    return total + 0.01 * len(text)


def _cost(text: str, last: int, here: int) -> float:
    if here == last + 1:
        return 0.0
    if here == 0 or not text[here - 1].isalnum():
        return 1.0
    return 3.0 + 0.1 * (here - last)


def ranked(commands: Sequence[Command], wanted: str) -> list[Command]:
    """Return the commands that fit, best first; all in their own order when nothing is typed."""
    if not wanted.strip():
        return list(commands)
    scored = [(score(wanted, c.text), score(wanted, f"{c.place} {c.text}"), c) for c in commands]
    fitting = [(a if a is not None else b + 5.0, c) for a, b, c in scored if a is not None or b is not None]  # type: ignore[operator]
    return [c for _, c in sorted(fitting, key=lambda pair: (not pair[1].enabled, pair[0]))]


_Index = QModelIndex | QPersistentModelIndex


class _Line(QStyledItemDelegate):
    """Draws words on the left, place and shortcut on the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(100, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        command: Command = index.data(Qt.ItemDataRole.UserRole)
        c = colors()
        box: QRect = option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, QColor(c.selected))
        inner = box.adjusted(GAP + 4, 0, -GAP - 4, 0)
        painter.setFont(small_font())
        right = "    ".join(part for part in (command.place, command.keys) if part)
        painter.setPen(QColor(c.muted))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), right)
        taken = painter.fontMetrics().horizontalAdvance(right) + 2 * GAP
        painter.setFont(option.font)
        painter.setPen(QColor(c.text if command.enabled else c.muted))
        left = inner.adjusted(0, 0, -taken, 0)
        words = painter.fontMetrics().elidedText(command.text, Qt.TextElideMode.ElideRight, left.width())
        painter.drawText(left, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)
        painter.restore()


class CommandPalette(QFrame):
    """A line to type in and the commands that fit; Return runs the chosen one, Esc or a click elsewhere leaves.

    It lies over the window rather than being a window, so that no window manager has a say in where it opens.
    """

    def __init__(self, commands: Sequence[Command], parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._before: QWidget | None = None
        self.setObjectName("commandPalette")
        self.setAccessibleName("Command palette")
        self._commands = commands
        self.line = named(QLineEdit(), "Command")
        self.line.setPlaceholderText("Type a command, model, dataset or panel")
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.found = named(QListWidget(), "Commands that fit")
        self.found.setItemDelegate(_Line(self.found))
        self.found.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.found.setFrameShape(QListWidget.Shape.NoFrame)
        self.found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.found.itemClicked.connect(lambda _item: self._run())
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(GAP)
        column.addWidget(self.line)
        column.addWidget(self.found)
        c = colors()
        self.setStyleSheet(
            f"#commandPalette {{ background: {c.surface}; border: 1px solid {c.border}; }}"
            f" QListWidget {{ border: none; }} QLineEdit {{ padding: 6px 8px; }}"
        )
        self.setFixedWidth(min(WIDTH, parent.width() - 4 * GAP))
        self._filter("")

    def open(self) -> None:
        """Lie over the upper part of the window and take the keyboard."""
        self._before = self._window.focusWidget()
        self.move((self._window.width() - self.width()) // 2, self._window.height() // 9)
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.PopupFocusReason)

    def leave(self) -> None:
        """Give the keyboard back and go."""
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
            self._before = None
        self.hide()
        self.deleteLater()

    def _filter(self, wanted: str) -> None:
        self.found.clear()
        for command in ranked(self._commands, wanted):
            item = QListWidgetItem(command.text)
            item.setData(Qt.ItemDataRole.UserRole, command)
            if not command.enabled:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.found.addItem(item)
        self.found.setCurrentRow(0)
        self.found.setFixedHeight(ROW * max(1, min(ROWS, self.found.count())) + 4)
        self.adjustSize()

    def _run(self) -> None:
        if not self.found.count():
            return
        command: Command = self.found.currentItem().data(Qt.ItemDataRole.UserRole)
        if command.enabled:
            self.leave()
            command.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move in the list while the line has the keyboard."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            keys = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS - 1, Qt.Key.Key_PageUp: 1 - ROWS}
            if event.key() in keys:
                last = self.found.count() - 1
                step = keys[event.key()]  # type: ignore[index]
                self.found.setCurrentRow(max(0, min(last, self.found.currentRow() + step)))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.leave()
        return super().eventFilter(watched, event)
