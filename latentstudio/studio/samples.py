"""What a model draws from its prior, as a dataset: image k is the sample of seed k."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data import options as read_option
from latentstudio.data.arrays import checked_indices
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.prepare import to_pixels
from latentstudio.errors import UserError
from latentstudio.figures.recipe import ModelRef
from latentstudio.models.library import ModelInfo

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

LARGEST = 1_000_000
_BATCH = 64


class ModelSamples:
    """An `ImageSet` of a model's samples of the seeds 0 to n - 1; decoded when asked for.

    Parameters
    ----------
    digest : of the weights that `model` has.

    Raises
    ------
    UserError
        The model cannot sample.
    """

    splits: NDArray[np.int8] | None = None
    notes: tuple[str, ...] = ()

    def __init__(self, spec: str, model: "LatentModel", info: ModelInfo, digest: str, count: int) -> None:
        if not {"sample", "decode"} <= set(info.abilities):
            raise UserError(f"'{info.name}' cannot draw samples, so '{spec}' has no images.")
        channels, height, width = info.image_shape
        self.spec = spec
        self.title = f"Samples of {info.title}"
        self.image_shape = (height, width, channels)
        self.digest = hashlib.sha256(f"samples {digest} {count}".encode()).hexdigest()
        self.attributes = AttributeTable(count, [Column("seed", "number", np.arange(count, dtype=np.float64))])
        self._model = model
        self._count = count

    def __len__(self) -> int:
        return self._count

    def image_id(self, index: int) -> str:
        """Return the seed."""
        return str(int(checked_indices([index], self._count, self.title)[0]))

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (n, H, W, C) in the order of `indices`."""
        import torch

        from latentstudio.figures.devices import device_of

        rows = checked_indices(indices, self._count, self.title)
        out = np.empty((len(rows), *self.image_shape), dtype=np.uint8)
        with torch.inference_mode():
            for start in range(0, len(rows), _BATCH):
                seeds = [int(row) for row in rows[start : start + _BATCH]]
                codes = self._model.space.prior.sample(seeds, self._model.space.size).to(device_of(self._model))
                out[start : start + len(seeds)] = to_pixels(self._model.decode(codes).float().cpu().numpy())
        return out

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return one sample, uint8 (H, W, C)."""
        picture: NDArray[np.uint8] = self.images([index])[0]
        return picture


def parse_samples(spec: str, argument: str, options: dict[str, str]) -> tuple[ModelRef, int]:
    """Return the model and the number of samples of a specification ``samples:MODEL?n=400&snapshot=500``.

    Raises
    ------
    UserError
        The model is missing, or an option makes no sense.
    """
    read_option.check_names(spec, options, ("n", "snapshot"))
    if not argument:
        raise UserError(f"'{spec}' names no model; samples:MODEL?n=400 would do.")
    snapshot = read_option.integer(options, "snapshot", 0, 0, 10**10) if "snapshot" in options else None
    return ModelRef(name=argument, snapshot=snapshot), read_option.integer(options, "n", 400, 1, LARGEST)
