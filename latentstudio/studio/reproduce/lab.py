"""The bench of the experiments on the Olivetti faces: the photo, the model's snapshots, and what several need."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.data.prepare import fit
from latentstudio.errors import UserError
from latentstudio.figures.recipe import ModelRef
from latentstudio.models.library import find_models
from latentstudio.studio.reproduce.bench import Bench, Floats, Role

__all__ = ["Floats", "Lab", "Role"]


@dataclass(kw_only=True)
class Lab(Bench):
    """Everything that experiments look at; what costs time is computed once.

    Attributes
    ----------
    model_name : the flow with snapshots; a name or a folder.
    quick : short trainings.
    photo : uint8 (h, w, C), the new photo, and photo_words, where it comes from.
    """

    photo: NDArray[np.uint8]
    photo_words: str

    def epochs(self, full: int) -> int:
        """Length of a training: `full`, or a tenth of it (at least 50) in a quick run."""
        return max(50, full // 10) if self.quick else full

    # -- data

    @cached_property
    def images(self) -> Tensor:
        """All images as the model takes them, float32 (N, C, H, W) in [-1, 1]."""
        return torch.from_numpy(fit(self.data.images(range(len(self.data))), self.info.image_shape))

    @cached_property
    def persons(self) -> NDArray[np.int64]:
        """Person of each image, int64 (N,)."""
        identity = self.data.attributes.identity
        if identity is None:
            raise UserError(f"{self.data.title} does not name persons; the experiments need them.")
        return identity

    # -- the model

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Training epochs that have weights of their own."""
        return self.info.snapshots

    @cached_property
    def robust(self) -> ModelRef:
        """The model for images that were not trained on: the regularised one where it is installed."""
        name = f"{self.model_name}-regularised"
        if name in find_models():
            return ModelRef(name=name)
        return ModelRef(name=self.model_name, snapshot=self.snapshots[0])

    # -- what several experiments need

    def log_probs(self, snapshot: int | None = None) -> Floats:
        """Log-density of every image in nats, float64 (N,)."""
        return self.once(f"log_probs {snapshot}", lambda: _log_probs(self.model(snapshot), self.images))

    @cached_property
    def scores(self) -> Floats:
        """Whitened PCA scores of every image under the model's components, float64 (N, D)."""
        model = self.model()
        with torch.inference_mode():
            plain = model.pca_encode(self.images).double().numpy()
        white: Floats = plain / np.sqrt(model.variances)
        return white


def _log_probs(model: Any, images: Tensor) -> Floats:
    with torch.inference_mode():
        values: Floats = model.log_prob(images).double().numpy()
    return values
