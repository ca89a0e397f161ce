import numpy as np
import pytest
from msgspec.structs import replace

from latentstudio.data import open_dataset
from latentstudio.data.splits import held_out_mask
from latentstudio.figures.splits import held_out_of
from latentstudio.models.library import ModelInfo


@pytest.fixture
def info() -> ModelInfo:
    trained = open_dataset("faces?n=50&size=16")
    return ModelInfo(
        name="drawn",
        path="",
        family="pca_realnvp",
        title="",
        dataset=trained.spec,
        dataset_digest=trained.digest,
        digest="",
        image_shape=(3, 16, 16),
        latent_size=4,
        parts={"code": (0, 4)},
        prior="standard_normal",
        abilities=(),
        snapshots=(),
        training={"split": {"rule": "random", "share": 0.2, "seed": 3, "dataset_digest": trained.digest}},
    )


def test_the_training_set_itself(info: ModelInfo) -> None:
    data = open_dataset("faces?n=50&size=16")
    assert np.array_equal(held_out_of(info, data), held_out_mask(data, "random", 0.2, 3))


@pytest.mark.parametrize("count", [20, 120])
def test_fewer_and_more_drawn_faces_keep_the_split(info: ModelInfo, count: int) -> None:
    whole = held_out_mask(open_dataset("faces?n=50&size=16"), "random", 0.2, 3)
    mask = held_out_of(info, open_dataset(f"faces?n={count}&size=16"))
    common = min(count, 50)
    assert mask is not None
    assert np.array_equal(mask[:common], whole[:common])
    assert mask[common:].all()


def test_nothing_is_claimed_of_another_size_or_an_older_drawing(info: ModelInfo) -> None:
    assert held_out_of(info, open_dataset("faces?n=50&size=24")) is None
    older = replace(info, training={"split": {**info.training["split"], "dataset_digest": "of an older drawing"}})
    assert held_out_of(older, open_dataset("faces?n=20&size=16")) is None


def test_other_sources_are_unseen(info: ModelInfo) -> None:
    mask = held_out_of(info, open_dataset("digits"))
    assert mask is not None
    assert mask.all()
