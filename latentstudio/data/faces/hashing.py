"""Counter-based random numbers: every value is a pure function of a key and a field number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_LOW21 = np.uint64((1 << 21) - 1)


def mix64(keys: NDArray[np.uint64], field: int) -> NDArray[np.uint64]:
    """Hash each key together with a field number, by the finaliser of splitmix64.

    Parameters
    ----------
    keys : NDArray[np.uint64]
        Keys, shape (N,).
    field : int
        Which of the independent streams to read; any non-negative number.

    Returns
    -------
    NDArray[np.uint64]
        Well-mixed 64-bit words, shape (N,).
    """
    salt = np.uint64((field + 1) * 0xD1342543DE82EF95 & 0xFFFFFFFFFFFFFFFF)
    z = np.asarray(keys, dtype=np.uint64) * _GOLDEN + salt
    for shift, factor in ((30, _MIX_A), (27, _MIX_B)):
        z = (z ^ (z >> np.uint64(shift))) * factor
    return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)


def uniform(keys: NDArray[np.uint64], field: int) -> NDArray[np.float64]:
    """Return one uniform number in [0, 1) per key, shape (N,)."""
    return np.asarray((mix64(keys, field) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def bell(keys: NDArray[np.uint64], field: int) -> NDArray[np.float64]:
    """Return one bell-shaped number per key, shape (N,): mean 0, deviation 1, within [-3, 3].

    The sum of the three 21-bit parts of one word: close to a normal law, but bounded, so that no
    draw can leave the range in which the drawing is sound.
    """
    word = mix64(keys, field)
    total = np.zeros(word.shape, dtype=np.float64)
    for shift in (0, 21, 42):
        total += ((word >> np.uint64(shift)) & _LOW21) * 2.0**-21
    return 2.0 * total - 3.0
