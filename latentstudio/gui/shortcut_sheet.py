"""F1: every shortcut on one page, made from the table of actions."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from latentstudio.gui.actions import GESTURES, MENUS, ActionTable
from latentstudio.gui.theme import GAP, RADIUS, colors, small_font

COLUMNS = 3


def sections(table: ActionTable) -> dict[str, list[tuple[str, str]]]:
    """Return heading to (keys, words): the actions that have a shortcut by menu, then what is done with the mouse."""
    found: dict[str, list[tuple[str, str]]] = {}
    for menu in MENUS:
        lines = [
            (QKeySequence(s.shortcut).toString(QKeySequence.SequenceFormat.NativeText), s.text)
            for s in table.specs.values()
            if s.menu == menu and s.shortcut
        ]
        if lines:
            found[menu.replace("&", "")] = [(keys, text.replace("&", "").rstrip("…")) for keys, text in lines]
    for heading, gestures in GESTURES.items():
        found[heading] = [(gesture.keys, gesture.text) for gesture in gestures]
    return found


class ShortcutSheet(QDialog):
    """All shortcuts in columns; any key or Esc closes it."""

    def __init__(self, table: ActionTable, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        self.setAccessibleName("Shortcut sheet")
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        heights = [0] * COLUMNS
        for heading, lines in sections(table).items():
            shortest = heights.index(min(heights))
            columns[shortest].addWidget(_section(heading, lines, heading not in GESTURES))
            heights[shortest] += len(lines) + 3
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(2 * GAP, 2 * GAP, 2 * GAP, 2 * GAP)
        row.setSpacing(4 * GAP)
        for column in columns:
            column.setSpacing(2 * GAP)
            column.addStretch(1)
            row.addLayout(column, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        wanted = page.sizeHint()
        self.resize(
            min(wanted.width() + 3 * GAP, parent.width() - 4 * GAP),
            min(wanted.height() + 3 * GAP, parent.height() - 4 * GAP),
        )


def _section(heading: str, lines: list[tuple[str, str]], caps: bool) -> QWidget:
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(2 * GAP)
    grid.setVerticalSpacing(GAP // 2 + 1)
    grid.setColumnStretch(1, 1)
    title = QLabel(heading)
    title.setFont(small_font(0.95))
    title.setProperty("muted", True)
    grid.addWidget(title, 0, 0, 1, 2)
    c = colors()
    for row, (keys, text) in enumerate(lines, start=1):
        cap = QLabel(keys)
        cap.setFont(small_font(0.9))
        if caps:
            edge = f"border: 1px solid {c.border}; border-radius: {RADIUS - 1}px;"
            cap.setStyleSheet(f"background: {c.raised}; {edge} padding: 1px 6px;")
        grid.addWidget(cap, row, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        words = QLabel(text)
        words.setWordWrap(True)
        grid.addWidget(words, row, 1)
    return box
