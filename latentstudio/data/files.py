"""Datasets of picture files, decoded when asked for: the common part of folders, archives, CelebA and UTKFace."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latentstudio.data import options as read_option
from latentstudio.data.arrays import checked_index, checked_indices
from latentstudio.data.imageset import AttributeTable
from latentstudio.data.pictures import is_grey, read_picture
from latentstudio.data.prepare import cover, recolour
from latentstudio.data.specification import PICTURE_SUFFIXES
from latentstudio.errors import UserError

COLOURS = ("auto", "grey", "rgb")
_NUMBER = re.compile(r"\d+")
_PEEKS = 16


class Storage(Protocol):
    """Where picture files lie."""

    @property
    def names(self) -> Sequence[str]:
        """Relative names with ``/``, in the dataset's order."""
        ...

    def read(self, index: int) -> Path | bytes:
        """Return the file, or its content when it is no file of its own."""
        ...


@dataclass(frozen=True)
class FolderStorage:
    """Picture files below a folder."""

    root: Path
    names: Sequence[str]

    def read(self, index: int) -> Path:
        """Return the file's path."""
        return self.root / self.names[index]


class FileSet:
    """An `ImageSet` of picture files; nothing is decoded before it is asked for.

    Parameters
    ----------
    image_shape : (H, W, C) that every picture is brought to: `crop`, then resized with antialiasing, then grey or RGB.
    crop : picture (h, w, c) to the part to use; the largest central part by default.
    notes : sentences about what was left out or repaired while opening.
    """

    def __init__(
        self,
        spec: str,
        title: str,
        storage: Storage,
        image_shape: tuple[int, int, int],
        digest: str,
        attributes: AttributeTable,
        *,
        splits: NDArray[np.int8] | None = None,
        notes: tuple[str, ...] = (),
        crop: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None,
    ) -> None:
        self.spec = spec
        self.title = title
        self.image_shape = image_shape
        self.digest = digest
        self.attributes = attributes
        self.splits = splits
        self.notes = notes
        self._storage = storage
        self._crop = crop

    def __len__(self) -> int:
        return len(self._storage.names)

    def image_id(self, index: int) -> str:
        """Return the file's name relative to the dataset, with ``/``."""
        return self._storage.names[checked_index(index, len(self), self.title)]

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (n, H, W, C); see `ImageSet.images`."""
        rows = checked_indices(indices, len(self), self.title)
        height, width, channels = self.image_shape
        out = np.empty((len(rows), height, width, channels), dtype=np.uint8)
        for place, row in enumerate(rows):
            out[place] = recolour(self.cropped(int(row), (height, width)), channels)
        return out

    def cropped(self, index: int, size: tuple[int, int], at_least: int = 0) -> NDArray[np.uint8]:
        """Return the part of a picture that the dataset uses, in its own colours, at another size (H, W)."""
        picture = self._decode(checked_index(index, len(self), self.title), at_least)
        return cover(picture if self._crop is None else self._crop(picture), size)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return the whole picture at native resolution, uint8 (h, w, C)."""
        return self._decode(checked_index(index, len(self), self.title), 0)

    def _decode(self, row: int, at_least: int) -> NDArray[np.uint8]:
        # A crop in px of the original needs the original's scale.
        enough = at_least if self._crop is None else 0
        return read_picture(self._storage.read(row), name=self._storage.names[row], at_least=enough)


def image_shape(options: dict[str, str], storage: Storage, default_edge: int = 64) -> tuple[int, int, int]:
    """Return (H, W, C) from the options ``size`` and ``color``; ``color=auto`` looks at the headers of a few files."""
    edge = read_option.edge(options, default_edge)
    colour = read_option.choice(options, "color", COLOURS, "auto")
    if colour == "auto":
        colour = "grey" if _looks_grey(storage) else "rgb"
    return edge, edge, 1 if colour == "grey" else 3


def _looks_grey(storage: Storage) -> bool:
    count = len(storage.names)
    rows = sorted({round(place) for place in np.linspace(0, count - 1, min(count, _PEEKS))})
    known = [grey for row in rows if (grey := _peek(storage, row)) is not None]
    return bool(known) and all(known)


def _peek(storage: Storage, row: int) -> bool | None:
    try:
        return is_grey(storage.read(row))
    except UserError:
        return None


def natural_key(name: str) -> tuple[str, str]:
    """Sort key in which ``face_2`` stands before ``face_10``; the name itself decides between equals."""
    return _NUMBER.sub(lambda digits: digits.group().zfill(20), name.casefold()), name


def is_picture_name(name: str) -> bool:
    """Whether a file called `name` is taken for a picture: by its suffix, and hidden files are not."""
    base = name.rpartition("/")[2]
    return base[:1] != "." and os.path.splitext(base)[1].lower() in PICTURE_SUFFIXES


def scan(root: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (relative name with ``/``, size in bytes, modification time in ns) of every picture file below `root`.

    Hidden folders are left out, links to folders are followed once.

    Raises
    ------
    UserError
        The folder cannot be listed.
    """
    seen: set[str] = set()
    waiting = [("", str(root))]
    while waiting:
        prefix, folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith((".", "__MACOSX")):
                        continue
                    if entry.is_dir():
                        waiting.append((f"{prefix}{entry.name}/", entry.path))
                    elif is_picture_name(entry.name) and entry.is_file():
                        state = entry.stat()
                        yield prefix + entry.name, state.st_size, state.st_mtime_ns
        except OSError as error:
            raise UserError(f"Cannot list the folder {folder}: {error.strerror or error}.") from error


def digest_of(parts: Iterable[object]) -> str:
    """Return the SHA-256 of the parts' texts, in order."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass"))
        state.update(b"\0")
    return state.hexdigest()
