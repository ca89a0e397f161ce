"""Datasets that fit into memory: Olivetti, digits, IDX files."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import AttributeTable
from latentstudio.errors import UserError


def checked_indices(indices: Sequence[int] | NDArray[np.int64], size: int, title: str) -> NDArray[np.int64]:
    """Return `indices` as int64 (n,).

    Raises
    ------
    UserError
        An index lies outside 0..size-1.
    """
    rows = np.asarray(indices, dtype=np.int64).reshape(-1)
    outside = rows[(rows < 0) | (rows >= size)]
    if len(outside):
        raise UserError(f"{title} has the images 0 to {size - 1}; {outside[0]} is not among them.")
    return rows


def checked_index(index: int, size: int, title: str) -> int:
    """Return `index` as a plain number; see `checked_indices`."""
    row = int(index)
    if not 0 <= row < size:
        raise UserError(f"{title} has the images 0 to {size - 1}; {row} is not among them.")
    return row


class ArraySet:
    """An `ImageSet` whose pixels are an array.

    Parameters
    ----------
    pixels : uint8 (N, H, W, C); not copied, made read-only.
    ids : names of the images; their numbers when None.
    notes : sentences about what was left out or repaired while opening.
    """

    def __init__(
        self,
        spec: str,
        title: str,
        pixels: NDArray[np.uint8],
        attributes: AttributeTable,
        *,
        ids: Sequence[str] | None = None,
        splits: NDArray[np.int8] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        pixels.flags.writeable = False
        self.spec = spec
        self.title = title
        self.image_shape: tuple[int, int, int] = (pixels.shape[1], pixels.shape[2], pixels.shape[3])
        self.attributes = attributes
        self.splits = splits
        self.notes = notes
        self._pixels = pixels
        self._ids = ids
        self.digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self._pixels)

    def image_id(self, index: int) -> str:
        """Return the image's name, or its number."""
        row = checked_index(index, len(self), self.title)
        return self._ids[row] if self._ids is not None else str(row)

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (n, H, W, C); see `ImageSet.images`."""
        return self._pixels[checked_indices(indices, len(self), self.title)]

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return one image, uint8 (H, W, C)."""
        picture: NDArray[np.uint8] = self.images([index])[0]
        return picture
