"""The named parts of a latent space, as parameters of kind `part` and `parts` name them. Imports without torch."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError

ALL = "all"
"""Stands for the whole code."""

Parts = Mapping[str, tuple[int, int]]


def check_parts(parts: Parts, names: Sequence[str], whose: str = "The model") -> None:
    """Check that there are parts of these names.

    Raises
    ------
    UserError
        There is no such part; the sentence names those that exist.
    """
    for name in names:
        if name != ALL and name not in parts:
            raise UserError(f"{whose} has no part '{name}' of its code; there are {', '.join(parts)}, and {ALL}.")


def spans_of(parts: Parts, names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return (start, stop) of each named part in the order of the code; ``all`` is every part.

    Raises
    ------
    UserError
        There is no such part.
    """
    check_parts(parts, names)
    chosen = parts if ALL in names else names
    return tuple(sorted({parts[name] for name in chosen}))


def components_of(parts: Parts, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the components int64 (k,) of the named parts, ascending.

    Raises
    ------
    UserError
        There is no such part.
    """
    return np.concatenate([np.arange(*span, dtype=np.int64) for span in spans_of(parts, names)])


def part_of(parts: Parts, component: int) -> str:
    """Return the name of the part that a component belongs to; empty when it belongs to none."""
    return next((name for name, (start, stop) in parts.items() if start <= component < stop), "")


def part_words(name: str) -> str:
    """Write a part's name for a person: ``level_1`` as ``level 1``."""
    return name.replace("_", " ")
