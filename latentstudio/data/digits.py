"""The handwritten digits that come with scikit-learn: 1,797 grey images of 8 x 8."""

import numpy as np

from latentstudio.data.arrays import ArraySet
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.options import check_names


def open_digits(spec: str, argument: str, options: dict[str, str]) -> ArraySet:
    """Open the data set: uint8 (1797, 8, 8, 1) from 17 levels of grey, with the column ``digit``."""
    from sklearn.datasets import load_digits

    check_names(spec, options, ())
    bunch = load_digits()
    pixels = np.rint(np.asarray(bunch.images) * (255.0 / 16.0)).astype(np.uint8)[..., None]
    digit = Column("digit", "category", np.asarray(bunch.target, dtype=np.float64), tuple("0123456789"))
    return ArraySet(spec, "Handwritten digits (8 x 8)", pixels, AttributeTable(len(pixels), [digit]))
