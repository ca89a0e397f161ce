"""Selections of images in plain files: indices or ids, one a line or separated by commas."""

import re
from pathlib import Path
from typing import Protocol

from latentstudio.errors import UserError

_HEADERS = frozenset({"id", "ids", "index", "indices", "file", "image", "image_id"})


class NamedImages(Protocol):
    """Images by number and name; every `ImageSet` is one."""

    @property
    def title(self) -> str:
        """Name for people."""
        ...

    def __len__(self) -> int: ...

    def image_id(self, index: int) -> str:
        """Return a name that stays with the picture."""
        ...


def read_selection(path: Path, data: NamedImages) -> tuple[int, ...]:
    """Read a file of ids or indices of `data`, ascending and without repeats.

    Where all words are whole numbers below the number of images they are indices; otherwise a word is an id if the data
    set has it, else an index. A first line such as ``id`` is passed over.

    Raises
    ------
    UserError
        The file cannot be read, names no image, or names one that the data set has not.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read the selection {path}: {getattr(error, 'strerror', None) or error}.") from error
    words = [word for word in re.split(r"[,;\s]+", text) if word]
    if words and words[0].lower() in _HEADERS:
        words = words[1:]
    if not words:
        raise UserError(f"{path} names no images; indices or ids would do, one a line.")
    places: dict[str, int] = {}
    if not all(word.isdigit() and int(word) < len(data) for word in words):
        places = {data.image_id(index): index for index in range(len(data))}
    return tuple(sorted({_index(word, places, data, path) for word in words}))


def _index(word: str, places: dict[str, int], data: NamedImages, path: Path) -> int:
    if word in places:
        return places[word]
    if word.isdigit() and int(word) < len(data):
        return int(word)
    raise UserError(
        f"{path} names '{word}', which is no image of {data.title}; 0 to {len(data) - 1}, or an id such as "
        f"'{data.image_id(0)}', would do."
    )
