"""Pictures that are kept in memory: the wrapper must not hide what a dataset says of itself."""

import numpy as np

from latentstudio.data import open_dataset
from latentstudio.figures.splits import held_out_of
from latentstudio.models.library import ModelInfo
from latentstudio.studio.held_images import HeldImages, held


def test_a_kept_beginning_of_the_training_set_still_knows_its_split() -> None:
    trained = open_dataset("faces?n=40&size=16")
    info = ModelInfo(
        name="m",
        path="m",
        family="toy",
        title="M",
        dataset=trained.spec,
        dataset_digest=trained.digest,
        digest="m",
        image_shape=(3, 16, 16),
        latent_size=4,
        parts={"code": (0, 4)},
        prior="standard_normal",
        abilities=(),
        snapshots=(),
        training={"split": {"rule": "random", "share": 0.25, "seed": 0, "dataset_digest": trained.digest}},
    )
    part = held(open_dataset("faces?n=24&size=16"))
    assert isinstance(part, HeldImages)
    whole, known = held_out_of(info, trained), held_out_of(info, part)
    assert whole is not None
    assert known is not None
    assert whole.sum() == 10
    np.testing.assert_array_equal(known, whole[:24])
