"""Decoded pictures kept in memory, for datasets whose pictures cost time: drawn faces, files, samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.arrays import ArraySet, checked_indices
from latentstudio.data.imageset import ImageSet

LARGEST_BYTES = 256 << 20
"""Datasets that are larger in their common shape are not kept."""


def held(data: ImageSet) -> ImageSet:
    """Return the dataset with its pictures kept in memory once decoded, where that is useful and they fit."""
    if isinstance(data, ArraySet) or len(data) * int(np.prod(data.image_shape)) > LARGEST_BYTES:
        return data
    return HeldImages(data)


class HeldImages:
    """An `ImageSet` that remembers the pictures of another."""

    def __init__(self, data: ImageSet) -> None:
        self._data = data
        self.spec = data.spec
        self.title = data.title
        self.image_shape = data.image_shape
        self.digest = data.digest
        self.attributes = data.attributes
        self.splits = data.splits
        self.series = getattr(data, "series", None)  # tells which pictures a model has seen in a set of another length
        self._pixels = np.empty((len(data), *data.image_shape), dtype=np.uint8)
        self._known = np.zeros(len(data), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self._data)

    def image_id(self, index: int) -> str:
        """Return the image's name."""
        return self._data.image_id(index)

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (n, H, W, C) in the order of `indices`."""
        rows = checked_indices(indices, len(self), self.title)
        missing = np.unique(rows[~self._known[rows]])
        if len(missing):
            self._pixels[missing] = self._data.images(missing)
            self._known[missing] = True
        return self._pixels[rows]

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return one picture at its native resolution."""
        return self._data.picture(index)
