"""Colours of maps: dark to bright for sizes, blue over grey to brown for numbers with a sign."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QLinearGradient

_DIVERGING = ((0.0, "#0b4a86"), (0.25, "#5aa5d6"), (0.5, "#f1f1ef"), (0.75, "#ea9a5b"), (1.0, "#8c2d04"))
_RISING = ((0.0, "#0d0887"), (0.25, "#7e03a8"), (0.5, "#cc4778"), (0.75, "#f89540"), (1.0, "#f0f921"))


def stops_of(diverging: bool) -> tuple[tuple[float, str], ...]:
    """Return the places in [0, 1] and colours of a scale."""
    return _DIVERGING if diverging else _RISING


def tinted(values: NDArray[np.float64], low: float, high: float, diverging: bool) -> NDArray[np.uint8]:
    """Colour numbers (H, W) between `low` and `high`: uint8 (H, W, 3); what is not finite becomes mid-grey."""
    stops = stops_of(diverging)
    span = high - low if high > low else 1.0
    share = np.clip((values - low) / span, 0.0, 1.0)
    places = [place for place, _ in stops]
    named = [QColor(name) for _, name in stops]
    tints = np.array([(c.red(), c.green(), c.blue()) for c in named], dtype=np.float64)
    rgb = np.stack([np.interp(share, places, tints[:, c]) for c in range(3)], axis=-1)
    rgb[~np.isfinite(values)] = 128
    return np.rint(rgb).astype(np.uint8)


def rising_gradient(bar: QRectF) -> QLinearGradient:
    """Return the scale of sizes as a fill for an upright bar."""
    gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
    for place, name in _RISING:
        gradient.setColorAt(place, QColor(name))
    return gradient
