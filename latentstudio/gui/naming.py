"""Small builders that give every control its tool tip and the name that screen readers say."""

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QWidget

from latentstudio.gui.icons import icon

Control = TypeVar("Control", bound=QWidget)


def named(widget: Control, name: str, tip: str = "") -> Control:
    """Give a widget its accessible name and tool tip, and return it."""
    widget.setAccessibleName(name)
    if tip:
        widget.setToolTip(tip)
    return widget


def tool_button(
    picture: str, tip: str, run: Callable[[], object] | None = None, edge: int = 14, role: str = "muted"
) -> QToolButton:
    """Make a flat button with an icon of `edge` px; the tip is its accessible name too."""
    button = named(QToolButton(), tip, tip)
    button.setIcon(icon(picture, role))
    button.setIconSize(QSize(edge, edge))
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if run is not None:
        button.clicked.connect(lambda: run())
    return button
