"""One colour for each kind of path, the same in the strip's margin, on the chips and in the curve."""

from PySide6.QtGui import QColor

from latentstudio.gui.theme import colors

_ROLES = {"Linear": "data", "Norm-preserving": "train", "Spherical": "held_out", "Matched": "other"}
_ORDER = ("data", "train", "held_out", "other", "reference")


def path_colour(label: str, row: int = 0) -> QColor:
    """Return the colour of a path by its label; paths without a colour of their own take turns by their row."""
    return QColor(colors().role(_ROLES.get(label, _ORDER[row % len(_ORDER)])))
