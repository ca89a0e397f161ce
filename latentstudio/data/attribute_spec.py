"""Which images have a property, said in words: a label, a value of one, a comparison, or a selection.

The words are ``Smiling`` (a yes-or-no label), ``expression=happiness`` (a category), ``yaw>0`` (a number; a bare name
means above its median), ``selection`` (what is selected now), ``selection:bearded`` (a selection with a name) and
``selection:bearded|selection:shaved`` (one selection against another instead of against the rest). ``not`` in front
turns any of them round.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.errors import UserError

SELECTION = "selection"
"""Name of the group of the images that are selected now."""

Floats = NDArray[np.float64]
Groups = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Members:
    """Who has a property.

    Attributes
    ----------
    labels : float64 (N,), 1 for images that have it, 0 for those known to lack it, NaN where it is not known.
    words, without : what the two classes are called, e.g. ``"Smiling"`` and ``"not Smiling"``.
    """

    labels: Floats
    words: str
    without: str

    @property
    def counts(self) -> tuple[int, int]:
        """Images with and without the property."""
        return int((self.labels == 1).sum()), int((self.labels == 0).sum())

    @property
    def share(self) -> float:
        """Share of those who have it among those of whom it is known; NaN when it is known of nobody."""
        present, absent = self.counts
        return present / (present + absent) if present + absent else float("nan")


def members_of(spec: str, attributes: AttributeTable, groups: Groups) -> Members:
    """Read the words of a property.

    Parameters
    ----------
    groups : name to dataset indices; the current selection is called ``"selection"``, others by their own names.

    Raises
    ------
    UserError
        There is no such label, value or selection; the sentence names what there is.
    """
    text = spec.strip()
    if text.startswith("not "):
        found = members_of(text[4:], attributes, groups)
        return Members(1.0 - found.labels, found.without, found.words)
    if text in attributes:
        return _of_column(text, attributes[text])
    if _is_selection(text):
        return _of_selection(text, attributes.size, groups)
    if not text:
        raise UserError(f"No attribute is chosen; {_offers(attributes, groups)}.")
    match = re.fullmatch(r"(.+?)\s*(=|>=|<=|>|<)\s*(.+)", text)
    if match is None or match[1] not in attributes:
        raise UserError(f"There is no attribute '{text}'; {_offers(attributes, groups)}.")
    return _of_comparison(text, attributes[match[1]], match[2], match[3])


def _of_column(name: str, column: Column) -> Members:
    if column.kind == "binary":
        return Members(column.values.copy(), name, f"not {name}")
    if column.kind == "category":
        example = column.categories[0] if column.categories else "…"
        raise UserError(f"'{name}' has several values; say which one, for example {name}={example}.")
    known = column.values[column.known]
    if not len(known):
        return Members(column.values.copy(), name, f"not {name}")
    median = float(np.median(known))
    return _compared(column, ">", median, f"{name} > {median:g} (its median)", f"{name} ≤ {median:g}")


def _of_comparison(text: str, column: Column, sign: str, value: str) -> Members:
    if column.kind == "category":
        if sign != "=" or value not in column.categories:
            few = ", ".join(column.categories[:8]) + (" …" if len(column.categories) > 8 else "")
            raise UserError(f"'{text}' is no value of {column.name}; {column.name}=V takes {few}.")
        return _compared(column, "=", column.categories.index(value), f"{column.name} {value}", f"not {value}")
    try:
        number = {"yes": 1.0, "no": 0.0}.get(value.lower())
        number = float(value) if number is None else number
    except ValueError as error:
        raise UserError(f"'{text}' compares {column.name} with '{value}', which is no number.") from error
    opposite = {"=": "≠", ">": "≤", "<": "≥", ">=": "<", "<=": ">"}[sign]
    shown = sign.replace(">=", "≥").replace("<=", "≤")
    return _compared(column, sign, number, f"{column.name} {shown} {number:g}", f"{column.name} {opposite} {number:g}")


def _compared(column: Column, sign: str, number: float, words: str, without: str) -> Members:
    compare = {"=": np.equal, ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal}[sign]
    labels = np.where(column.known, compare(column.values, number), np.nan).astype(np.float64)
    return Members(labels, words, without)


def _of_selection(text: str, size: int, groups: Groups) -> Members:
    first, _, second = text.partition("|")
    chosen, words = _group(first, size, groups)
    labels = np.zeros(size)
    without = "the rest"
    if second:
        other, without = _group(second, size, groups)
        labels[:] = np.nan
        labels[other] = 0.0
        if np.intersect1d(chosen, other).size:
            both = int(np.intersect1d(chosen, other).size)
            raise UserError(f"{both} images are in {words} and in {without} too; the two must have none in common.")
    labels[chosen] = 1.0
    return Members(labels, words, without)


def group_name(text: str) -> str:
    """Name of the group that ``selection`` or ``selection:NAME`` means."""
    return text.strip().partition(":")[2] or SELECTION


def groups_in(spec: str) -> tuple[str, ...]:
    """Names of the groups that the words of a property mention."""
    text = spec.strip().removeprefix("not ")
    return tuple(group_name(part) for part in text.split("|")) if _is_selection(text) else ()


def _is_selection(text: str) -> bool:
    return text == SELECTION or text.startswith((f"{SELECTION}:", f"{SELECTION}|"))


def _group(text: str, size: int, groups: Groups) -> tuple[NDArray[np.int64], str]:
    name = group_name(text)
    words = "the selection" if name == SELECTION else f"'{name}'"
    if name not in groups:
        if name == SELECTION:
            raise UserError("No images are selected; select some faces, or choose an attribute.")
        named = ", ".join(n for n in groups if n != SELECTION) or "none"
        raise UserError(f"There is no selection called '{name}'; there are {named}.")
    chosen = np.unique(np.asarray(groups[name], dtype=np.int64))
    wrong = chosen[(chosen < 0) | (chosen >= size)]
    if len(wrong):
        raise UserError(f"Selection {words} holds image {wrong[0]}, and the data set has 0 to {size - 1}.")
    return chosen, words


def _offers(attributes: AttributeTable, groups: Groups) -> str:
    offered = attribute_choices(attributes, groups)
    shown = ", ".join(offered[:8]) + (" …" if len(offered) > 8 else "")
    return f"there are {shown}" if offered else "the data set has no labels: select some faces and use 'selection'"


def attribute_choices(attributes: AttributeTable, groups: Groups, categories: int = 12) -> tuple[str, ...]:
    """Words that a menu offers: labels, values of categories with at most `categories` of them, and selections.

    Labels that are known of nobody, or that all have or nobody has, are left out.
    """
    found: list[str] = []
    for name, column in attributes.items():
        values = column.values[column.known]
        if not len(values) or values.min() == values.max():
            continue
        if column.kind == "category":
            if len(column.categories) <= categories:
                found += [f"{name}={c}" for k, c in enumerate(column.categories) if (values == k).any()]
        elif name != "identity":
            found.append(name)
    named = [f"{SELECTION}:{name}" for name in groups if name != SELECTION]
    return (*found, *((SELECTION,) if SELECTION in groups else ()), *named)


def sample_of(members: Members, limit: int, seed: int, readable: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Rows (n,), ascending, from which a direction is estimated: all that are known, or a seeded sample of `limit`.

    A sample has as many of each class as it can, so that a rare property keeps its members.

    Raises
    ------
    UserError
        One class is empty or has a single member.
    """
    allowed = np.ones(len(members.labels), dtype=np.bool_) if readable is None else readable
    present = np.flatnonzero((members.labels == 1) & allowed)
    absent = np.flatnonzero((members.labels == 0) & allowed)
    check_classes(members, len(present), len(absent))
    if limit <= 0 or len(present) + len(absent) <= limit:
        return np.sort(np.concatenate([present, absent])).astype(np.int64)
    half = limit // 2
    few = min(len(present), max(half, limit - len(absent)))
    generator = np.random.default_rng(seed)
    chosen = [generator.choice(present, few, replace=False), generator.choice(absent, limit - few, replace=False)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def check_classes(members: Members, present: int, absent: int) -> None:
    """Refuse a property from which nothing can be learnt.

    Raises
    ------
    UserError
        One class is empty or has a single member.
    """
    if present + absent == 0:
        raise UserError(f"'{members.words}' is not known of any image, so there is no direction to it.")
    for count, words in ((present, members.words), (absent, members.without)):
        if count == 0:
            raise UserError(f"No image is {words}, so there is nothing to compare with; choose another attribute.")
        if count == 1:
            raise UserError(
                f"Only one image is {words}; a direction needs two or more. To add what is special about one person, "
                "drop that face on the slot 'Person' of Attributes."
            )
