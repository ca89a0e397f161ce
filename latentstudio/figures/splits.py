"""Which images of a data set a model has seen in training."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data import open_dataset
from latentstudio.data.imageset import ImageSet
from latentstudio.data.splits import held_out_mask

if TYPE_CHECKING:
    from latentstudio.models.library import ModelInfo


def held_out_of(info: "ModelInfo", data: ImageSet) -> NDArray[np.bool_] | None:
    """Return bool (N,), True where the model has not seen the image; None when the training record does not say.

    All images of a data set from another source than the training images are held out. The same source with other
    content (a folder that has changed) may share images with it, so nothing is claimed about those; only of data sets
    that are the beginning or the continuation of the training set, such as another number of drawn faces, it is known.
    """
    split = info.training.get("split") or {}
    trained_on = split.get("dataset_digest") or info.dataset_digest
    if trained_on and trained_on != data.digest:
        if data.spec.partition("?")[0] != info.dataset.partition("?")[0]:
            return np.ones(len(data), dtype=np.bool_)
        return _of_longer_or_shorter(info, data, str(trained_on))
    return _mask(info, data) if trained_on else None


def _mask(info: "ModelInfo", data: ImageSet) -> NDArray[np.bool_] | None:
    split = info.training.get("split") or {}
    if "rule" not in split:
        return None
    return held_out_mask(data, str(split["rule"]), float(split.get("share", 0.0)), int(split.get("seed", 0)))


def _of_longer_or_shorter(info: "ModelInfo", data: ImageSet, trained_on: str) -> NDArray[np.bool_] | None:
    """Carry the training set's split over to a data set whose image k is that set's image k; None for all others."""
    series = getattr(data, "series", None)
    if series is None:
        return None
    trained = open_dataset(info.dataset)
    if trained.digest != trained_on or getattr(trained, "series", None) != series:
        return None
    known = _mask(info, trained)
    if known is None:
        return None
    mask = np.ones(len(data), dtype=np.bool_)
    common = min(len(data), len(known))
    mask[:common] = known[:common]
    return mask
