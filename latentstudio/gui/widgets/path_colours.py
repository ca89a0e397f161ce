"""One colour for each kind of path, the same in the strip's margin, on the chips and in the curve."""

from PySide6.QtGui import QColor

from latentstudio.gui.theme import colors
from latentstudio.results import PATH_ROLES

_ORDER = ("data", "train", "held_out", "other", "reference")


def path_colour(label: str, row: int = 0) -> QColor:
    """Return the colour of a path by its label; paths without a colour of their own take turns by their row."""
    return QColor(colors().role(PATH_ROLES.get(label, _ORDER[row % len(_ORDER)])))
