"""The images of a training run."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.data import ImageSet, open_dataset
from latentstudio.data.prepare import fit
from latentstudio.data.splits import held_out_mask
from latentstudio.errors import UserError
from latentstudio.training.recipe import TrainingRecipe

_CHUNK = 512
_KEPT_BYTES = 2**30


@dataclass(frozen=True)
class Material:
    """The images of a run.

    Attributes
    ----------
    held_out : bool (N,).
    """

    data: ImageSet
    held_out: NDArray[np.bool_]

    @classmethod
    def of(cls, recipe: TrainingRecipe) -> "Material":
        """Open the dataset of a recipe and split it.

        Raises
        ------
        UserError
            The dataset cannot be opened, or the split does not suit it.
        """
        data = open_dataset(recipe.dataset)
        held_out = held_out_mask(data, recipe.split.rule, recipe.split.share, recipe.split.seed)
        if held_out.all():
            raise UserError(f"The recipe holds out every image of {data.title}; a smaller split.share would do.")
        return cls(data, held_out)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of the images as models take them."""
        height, width, channels = self.data.image_shape
        return channels, height, width

    def chunks(self, chosen: NDArray[np.bool_]) -> Iterator[Tensor]:
        """Yield the images where `chosen` (N,) is True, float32 (at most 512, C, H, W) in [-1, 1]."""
        indices = np.flatnonzero(chosen)
        for start in range(0, len(indices), _CHUNK):
            yield torch.from_numpy(fit(self._read(indices[start : start + _CHUNK]), self.image_shape))

    @cached_property
    def _pixels(self) -> NDArray[np.uint8]:
        """All images, uint8 (N, H, W, C), read once."""
        starts = range(0, len(self.data), _CHUNK)
        return np.concatenate([self.data.images(np.arange(s, min(s + _CHUNK, len(self.data)))) for s in starts])

    def _read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        # A run reads its images several times; those that are drawn or decoded slowly are kept where they fit.
        small = len(self.data) * math.prod(self.data.image_shape) <= _KEPT_BYTES
        return self._pixels[indices] if small else self.data.images(indices)

    def images_of(self, chosen: NDArray[np.bool_], at_most: int | None = None) -> Tensor:
        """Return the images where `chosen` (N,) is True, or `at_most` of them evenly spread, (n, C, H, W)."""
        indices = np.flatnonzero(chosen)
        if at_most is not None and len(indices) > at_most:
            spread = np.zeros_like(chosen)
            spread[indices[np.linspace(0, len(indices) - 1, at_most).astype(np.int64)]] = True
            return self.images_of(spread)
        parts = list(self.chunks(chosen))
        return torch.cat(parts) if parts else torch.zeros(0, *self.image_shape)
