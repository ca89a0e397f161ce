"""Strand texture: one-dimensional noise across the direction in which hair runs."""

from __future__ import annotations

from functools import cache

import numpy as np

from latentstudio.data.faces.frame import Level, Plane
from latentstudio.data.faces.hashing import uniform

_LENGTH = 4096
_PER_UNIT = 8


@cache
def _table() -> Plane:
    """Return a periodic table of noise in [-1, 1], shape (4096,): ``_PER_UNIT`` entries for each lock."""
    total = np.zeros(_LENGTH)
    at = np.arange(_LENGTH)
    for octave, (period, weight) in enumerate(((16, 0.6), (8, 0.55), (4, 0.35))):
        knots = 2.0 * uniform(np.arange(_LENGTH // period, dtype=np.uint64), 500 + octave) - 1.0
        low, part = at // period, (at % period) / period
        part = part * part * (3.0 - 2.0 * part)
        total += weight * (knots[low] * (1.0 - part) + knots[(low + 1) % len(knots)] * part)
    return np.asarray(total / np.abs(total).max(), dtype=np.float32)


def strand_noise(across: Plane, density: float, start: Level) -> Plane:
    """Return noise in [-1, 1] that varies with ``across`` alone.

    Parameters
    ----------
    across : Plane
        Coordinate across the strands, any shape.
    density : float
        Locks per unit of ``across``.
    start : float or Plane
        Where in the noise to begin, 0 to 1: another value gives other strands.
    """
    table = _table()
    at = across * (density * _PER_UNIT)
    at += start * _LENGTH + 2.0 * _LENGTH
    low = at.astype(np.int32)
    at -= low
    low &= _LENGTH - 1
    first = table.take(low)
    low += 1
    low &= _LENGTH - 1
    at *= table.take(low) - first
    at += first
    return at
