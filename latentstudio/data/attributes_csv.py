"""Attribute tables from CSV files, matched to images by name."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import Column
from latentstudio.data.labels import category_column, infer_column
from latentstudio.errors import UserError

ID_NAMES = ("file", "filename", "file_name", "image", "image_id", "img", "path", "name", "id")
IDENTITY_NAMES = ("identity", "subject", "person", "person_id", "identity_id", "subject_id")
SPLIT_NAMES = ("split", "partition")

_SPLITS = {"0": 0, "train": 0, "training": 0, "1": 1, "val": 1, "valid": 1, "validation": 1, "2": 2, "test": 2}
_LARGEST = 512 * 1024 * 1024


@dataclass(frozen=True)
class Labels:
    """What a label file says about the images of a dataset.

    Attributes
    ----------
    columns : one for every label, each with values (N,).
    splits : int8 (N,) when the file has a column ``split`` or ``partition`` for every image.
    notes : sentences on unmatched rows, unlabelled images and columns that were left out.
    """

    columns: tuple[Column, ...] = ()
    splits: NDArray[np.int8] | None = None
    notes: tuple[str, ...] = ()


def read_labels(source: Path | bytes, ids: Sequence[str], name: str = "") -> Labels:
    """Read a CSV file whose rows name images.

    The column with the images' names is called ``file``, ``image``, ``id`` or the like, or else is the first one in
    which most cells name an image; a column ``index`` counts images from 0. Comma, semicolon and tab are accepted.

    Parameters
    ----------
    ids : names of the N images in order, e.g. paths relative to the dataset's folder with ``/``.
    name : what to call the file in sentences; its path by default.

    Raises
    ------
    UserError
        The file is no CSV table, or no column names the images; the sentence says what was found and expected.
    """
    name = name or (str(source) if isinstance(source, Path) else "the label table")
    header, rows = _rows(_text(source, name), name)
    key, places = _match(header, rows, ids, name)
    if not places:
        raise UserError(
            f"{name} has the columns {', '.join(header)}, but none of them names the images; "
            f"expected is a column 'file' with names such as {ids[0] if ids else '000001.jpg'}, or a column 'index'."
        )
    notes = []
    if len(places) < len(rows):
        notes.append(f"{len(rows) - len(places)} of {len(rows)} rows of {name} name no image of this dataset.")
    labelled = len(set(places.values()))
    if labelled < len(ids):
        notes.append(f"{len(ids) - labelled} of {len(ids)} images have no row in {name}.")
    columns: list[Column] = []
    splits = None
    for position, title in enumerate(header):
        if position == key or not title:
            continue
        cells = [""] * len(ids)
        for row, place in places.items():
            cells[place] = rows[row][position]
        found = _split_values(cells) if title.lower() in SPLIT_NAMES else None
        if found is not None:
            splits = found
            continue
        column = _column(title, cells, columns)
        if column is None:
            notes.append(f"The column '{title}' of {name} is free text and was left out.")
        else:
            columns.append(column)
    return Labels(tuple(columns), splits, tuple(notes))


def _column(title: str, cells: Sequence[str], before: Sequence[Column]) -> Column | None:
    if title.lower() in IDENTITY_NAMES and all(column.name != "identity" for column in before):
        return category_column("identity", cells)
    return infer_column(title, cells)


def table_bytes(path: Path) -> bytes:
    """Return the content of a label table.

    Raises
    ------
    UserError
        It cannot be read or is larger than 512 MiB.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is larger than 512 MiB; a CSV table of labels would do.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error


def _text(source: Path | bytes, name: str) -> str:
    if isinstance(source, Path):
        source = table_bytes(source)
    if b"\0" in source:
        raise UserError(f"{name} holds zero bytes; a CSV table in UTF-8 with a header line would do.")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        return source.decode("latin-1")


def _rows(text: str, name: str) -> tuple[list[str], list[list[str]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    try:
        table = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise UserError(f"{name} is no CSV table ({error}); a header line and one line per image would do.") from error
    if len(table) < 2:
        raise UserError(f"{name} has no rows; a header line and one line per image would do.")
    header = [cell.strip() for cell in table[0]]
    double = next((cell for cell in header if cell and header.count(cell) > 1), None)
    if double:
        raise UserError(f"{name} has the column '{double}' twice; every column needs a name of its own.")
    for number, row in enumerate(table[1:], start=2):
        if len(row) > len(header):
            raise UserError(f"{name} has {len(row)} cells in row {number}, but {len(header)} columns in its header.")
        row.extend([""] * (len(header) - len(row)))
    return header, table[1:]


def _match(header: list[str], rows: list[list[str]], ids: Sequence[str], name: str) -> tuple[int, dict[int, int]]:
    """Return the position of the naming column and, for every row that names an image, the image's index."""
    lookup = name_lookup(ids)
    # A column of another name may hold numbers that are stems of file names by chance.
    whole = {name: place for name, place in lookup.items() if "." in name}
    lower = [title.lower() for title in header]
    named = [lower.index(title) for title in ID_NAMES if title in lower]
    for position in [*named, *(p for p in range(len(header)) if p not in named)]:
        places = _places(rows, position, lookup if position in named else whole)
        if places and (position in named or len(places) * 2 > min(len(rows), len(ids))):
            return position, places
    if "index" in lower:
        position = lower.index("index")
        numbers = {str(number): number for number in range(len(ids))}
        return position, _places(rows, position, numbers)
    return -1, {}


def _places(rows: list[list[str]], position: int, lookup: Mapping[str, int]) -> dict[int, int]:
    found = ((row, lookup.get(cells[position].strip().replace("\\", "/"))) for row, cells in enumerate(rows))
    return {row: place for row, place in found if place is not None}


def name_lookup(ids: Sequence[str]) -> dict[str, int]:
    """Map what a person may write for an image to its index: its path, ends of that path, with or without suffix.

    Short forms that would fit several images are left out.
    """
    lookup: dict[str, int] = {}
    for shorten in (_stem, _base, _stemmed, str):
        forms: dict[str, int] = {}
        double: set[str] = set()
        for index, name in enumerate(ids):
            form = shorten(name)
            if form in forms:
                double.add(form)
            forms[form] = index
        for form in double:
            del forms[form]
            lookup.pop(form, None)
        lookup.update(forms)
    return lookup


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _stemmed(name: str) -> str:
    return name.rpartition(".")[0] or name


def _split_values(cells: Sequence[str]) -> NDArray[np.int8] | None:
    numbers = [_SPLITS.get(cell.strip().lower(), -1) for cell in cells]
    return None if min(numbers, default=-1) < 0 else np.array(numbers, dtype=np.int8)
