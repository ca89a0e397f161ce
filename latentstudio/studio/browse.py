"""Which images the browser shows, and in what order: a pure function of labels, measured columns and the document."""

import re

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.errors import UserError
from latentstudio.figures.recipe import ImageInput
from latentstudio.studio.document import Browser
from latentstudio.studio.requests import ColumnsReady, DatasetFacts

MEASURED = ("norm", "log_prob")

_COMPARISON = re.compile(r"^(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)$")
_RANGE = re.compile(r"^(-?\d+(?:\.\d+)?)\s*\.\.\s*(-?\d+(?:\.\d+)?)$")


def image_input(facts: DatasetFacts, index: int) -> ImageInput:
    """The input that stands for one image of a dataset."""
    return ImageInput(dataset=facts.spec, index=index, id=facts.ids[index] if facts.ids is not None else str(index))


def image_name(facts: DatasetFacts | None, index: int) -> str:
    """Name of one image for people: its id, or its number where the dataset has no names."""
    known = facts is not None and facts.ids is not None and 0 <= index < len(facts.ids)
    return named_image(facts.ids[index] if known and facts is not None and facts.ids is not None else "", index)


def named_image(identifier: str, index: int) -> str:
    """Name of one image by its id; a number alone would not say what it counts."""
    return identifier if identifier and not identifier.isdecimal() else f"image {identifier or index}"


def measured_columns(columns: ColumnsReady | None) -> dict[str, Column]:
    """Norm and log-density as sortable columns, as far as they are known."""
    if columns is None:
        return {}
    found = {"norm": Column("norm", "number", np.asarray(columns.norm, dtype=np.float64))}
    if columns.log_prob is not None:
        found["log_prob"] = Column("log_prob", "number", np.asarray(columns.log_prob, dtype=np.float64))
    return found


def _all_columns(facts: DatasetFacts, columns: ColumnsReady | None) -> dict[str, Column]:
    table: AttributeTable = facts.attributes
    return {**dict(table.items()), **measured_columns(columns)}


def matches(column: Column, wanted: str) -> NDArray[np.bool_]:
    """Return where a column fulfils a filter, bool (N,); a missing label never does.

    `wanted` is ``yes``, ``no``, ``known``, ``missing``, a category, a number, a comparison such as ``>= 3`` or a range
    such as ``2..5``.

    Raises
    ------
    UserError
        The filter is none of these.
    """
    text, values = wanted.strip(), column.values
    if text in ("known", "missing"):
        return column.known if text == "known" else ~column.known
    if column.kind == "binary" and text in ("yes", "no"):
        return np.equal(values, 1.0 if text == "yes" else 0.0)
    if column.kind == "category" and text in column.categories:
        return np.equal(values, column.categories.index(text))
    if comparison := _COMPARISON.match(text):
        sign, number = comparison[1], float(comparison[2])
        compare = {"<=": np.less_equal, ">=": np.greater_equal, "<": np.less, ">": np.greater, "=": np.equal}[sign]
        return np.asarray(compare(values, number), dtype=np.bool_)
    if interval := _RANGE.match(text):
        return np.asarray((values >= float(interval[1])) & (values <= float(interval[2])), dtype=np.bool_)
    try:
        return np.equal(values, float(text))
    except ValueError as error:
        raise UserError(f"'{wanted}' is no filter for '{column.name}'; try yes, no, a number, >= 3 or 2..5.") from error


def _word_mask(word: str, facts: DatasetFacts, ids: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Where one search word is in the id, names a label that holds, or is a category."""
    mask: NDArray[np.bool_] = np.char.find(ids, word) >= 0
    for name, column in facts.attributes.items():
        plain = name.lower().replace("_", " ")
        if column.kind == "binary" and word in plain.replace(" ", "_") + " " + plain:
            mask |= column.values == 1.0
        elif column.kind == "category":
            for position, category in enumerate(column.categories):
                if word in category.lower():
                    mask |= column.values == position
    return mask


def _search_mask(search: str, facts: DatasetFacts) -> NDArray[np.bool_]:
    names = facts.ids if facts.ids is not None else tuple(str(i) for i in range(facts.size))
    ids = np.char.lower(np.array(names, dtype=np.str_)) if names else np.zeros(0, dtype="<U1")
    mask = np.ones(facts.size, dtype=np.bool_)
    for word in search.lower().split():
        if "=" in word and word.split("=", 1)[0] in facts.attributes:
            name, value = word.split("=", 1)
            mask &= matches(facts.attributes[name], value)
        else:
            mask &= _word_mask(word, facts, ids)
    return mask


def shown(facts: DatasetFacts, columns: ColumnsReady | None, browser: Browser) -> NDArray[np.int64]:
    """Return the dataset indices that the browser shows, in its order, int64 (M,).

    Images without a value for the sort column come last, in the dataset's own order. An unknown filter or sort column
    (of another dataset) is ignored, so that a session survives a change of data.

    Raises
    ------
    UserError
        A filter cannot be understood.
    """
    table = _all_columns(facts, columns)
    mask = np.ones(facts.size, dtype=np.bool_)
    if browser.search.strip():
        mask &= _search_mask(browser.search, facts)
    for name, wanted in browser.filters.items():
        if name in table:
            mask &= matches(table[name], wanted)
    order = np.flatnonzero(mask)
    name = browser.sort.removeprefix("-")
    if name not in table:
        return order[::-1].copy() if browser.sort == "-" else order
    values = table[name].values[order]
    keys = np.where(np.isnan(values), np.inf, -values if browser.sort.startswith("-") else values)
    return order[np.argsort(keys, kind="stable")]
