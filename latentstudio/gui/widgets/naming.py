"""Every control has a name for screen readers and a tooltip for everybody."""

from typing import TypeVar

from PySide6.QtWidgets import QWidget

W = TypeVar("W", bound=QWidget)


def named(widget: W, name: str, tip: str = "") -> W:
    """Give a widget its accessible name, and a tooltip (the name when there is no better one)."""
    widget.setAccessibleName(name)
    widget.setToolTip(tip or name)
    return widget
