"""Which images of a data set a model has seen in training."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.data.splits import held_out_mask

if TYPE_CHECKING:
    from latentstudio.models.library import ModelInfo


def held_out_of(info: "ModelInfo", data: ImageSet) -> NDArray[np.bool_] | None:
    """Return bool (N,), True where the model has not seen the image; None when the training record does not say.

    All images of a data set from another source than the training images are held out. The same source with other
    content (more drawn faces, a folder that has changed) may share images with it, so nothing is claimed about those.
    """
    split = info.training.get("split") or {}
    trained_on = split.get("dataset_digest") or info.dataset_digest
    if trained_on and trained_on != data.digest:
        same_source = data.spec.partition("?")[0] == info.dataset.partition("?")[0]
        return None if same_source else np.ones(len(data), dtype=np.bool_)
    if not trained_on or "rule" not in split:
        return None
    return held_out_mask(data, str(split["rule"]), float(split.get("share", 0.0)), int(split.get("seed", 0)))
