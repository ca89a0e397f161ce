"""Read what can be read: one broken picture in a folder of thousands does not stop a pass over the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError


@dataclass
class Unreadable:
    """The pictures of a data set that a pass could not read: dataset index to the sentence that says why."""

    reasons: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.reasons)

    def sentence(self) -> str:
        """Say how many were left out, and why the first; empty when none was."""
        if not self.reasons:
            return ""
        count, first = len(self.reasons), next(iter(self.reasons.values()))
        what = "1 image cannot be read and is" if count == 1 else f"{count:,} images cannot be read and are"
        return f"{what} left out: {first}" if count == 1 else f"{what} left out, the first: {first}"


def read_images(
    data: ImageSet, indices: Sequence[int] | NDArray[np.int64], lost: Unreadable
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Read the pictures among `indices` (n,) that can be decoded; the others are noted in `lost`.

    Returns
    -------
    images : uint8 (k, H, W, C) in the order of `indices`.
    kept : bool (n,), True for the k pictures that were read.
    """
    rows = np.asarray(indices, dtype=np.int64).reshape(-1)
    kept = np.ones(len(rows), dtype=np.bool_)
    try:
        return data.images(rows), kept
    except UserError:
        pass  # One by one tells which.
    read = []
    for place, row in enumerate(rows):
        try:
            read.append(data.images([int(row)]))
        except UserError as error:
            kept[place] = False
            lost.reasons.setdefault(int(row), str(error))
    return (np.concatenate(read) if read else np.empty((0, *data.image_shape), dtype=np.uint8)), kept
