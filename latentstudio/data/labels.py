"""Columns of an attribute table from arrays and texts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.data.imageset import Column
from latentstudio.errors import UserError

MOST_PERSONS = 10_000_000
"""Most persons that a data set may name."""

MISSING = frozenset(("", "na", "n/a", "nan", "null", "?"))
"""Cells that mean 'not known', in lower case."""

_YES_NO = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "no": 0.0, "yes": 1.0, "0.0": 0.0, "1.0": 1.0}
_SIGNS = {"-1": 0.0, "1": 1.0}


def identity_column(persons: ArrayLike) -> Column:
    """Return the column ``identity`` from whole numbers 0..K-1, one per image; -1 where unknown.

    Raises
    ------
    UserError
        A number is no person's: fractional, infinite or beyond ten million.
    """
    numbers = np.asarray(persons, dtype=np.float64)
    odd = numbers[~((numbers < MOST_PERSONS) & (numbers == np.floor(numbers)))]
    if len(odd):
        raise UserError(f"{odd[0]:g} is no person's number; whole numbers up to {MOST_PERSONS} would do.")
    values = np.where(numbers < 0, np.nan, numbers)
    count = int(numbers.max(initial=-1)) + 1
    return Column("identity", "category", values, tuple(str(person) for person in range(count)))


def category_column(name: str, cells: Sequence[str]) -> Column:
    """Return a category column; categories stand in numeric order where all are whole numbers, else alphabetically."""
    missing = np.array([cell.strip().lower() in MISSING for cell in cells], dtype=bool)
    words = sorted({cell.strip() for cell, gone in zip(cells, missing, strict=True) if not gone}, key=_word_order)
    place = {word: position for position, word in enumerate(words)}
    values = np.array([place.get(cell.strip(), np.nan) for cell in cells], dtype=np.float64)
    values[missing] = np.nan
    return Column(name, "category", values, tuple(words))


def infer_column(name: str, cells: Sequence[str]) -> Column | None:
    """Return the column that the cells make: binary, number or category; None for free text, one value per image.

    Binary means that all known cells are 0 and 1, -1 and 1, yes and no or true and false; a number that is infinite
    counts as missing.
    """
    words = [cell.strip().lower() for cell in cells]
    known = {word for word in words if word not in MISSING}
    for table in (_YES_NO, _SIGNS):
        if known and known <= table.keys():
            return Column(name, "binary", np.array([table.get(word, np.nan) for word in words]))
    numbers = _numbers(words)
    if numbers is not None:
        return Column(name, "number", numbers)
    if len(known) > 50 and len(known) == sum(word not in MISSING for word in words):
        return None
    return category_column(name, cells)


def _numbers(words: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        values = np.array([np.nan if word in MISSING else float(word) for word in words], dtype=np.float64)
    except ValueError:
        return None
    values[np.isinf(values)] = np.nan
    return values


def _word_order(word: str) -> tuple[bool, int, str]:
    whole = word.isascii() and word.isdigit() and len(word) < 16
    return (not whole, int(word) if whole else 0, word)
