"""The bench of the experiments: data with its split, the model with its snapshots, and what several of them need."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import fit, to_pixels
from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef, ImageInput, Input, ModelRef, Recipe
from latentstudio.figures.splits import held_out_of
from latentstudio.models.library import ModelInfo, find_models
from latentstudio.studio.workspace import Workspace

Floats = NDArray[np.float64]
Role = Literal["data", "train", "held_out", "reference", "other"]
T = TypeVar("T")

ATTRIBUTES = {
    "eyeglasses": ("eyeglasses", "Eyeglasses"),
    "moustache": ("mustache", "Mustache"),
    "beard": ("beard", "Goatee"),
    "smiling": ("smiling", "Smiling"),
    "mouth open": ("mouth_open", "Mouth_Slightly_Open"),
}


@dataclass
class Lab:
    """Everything that experiments look at; what costs time is computed once.

    Attributes
    ----------
    model_name : the flow with snapshots; a name or a folder.
    quick : short trainings.
    photo : uint8 (h, w, C), the new photo, and photo_words, where it comes from.
    folder : where the report goes.
    """

    workspace: Workspace
    spec: str
    model_name: str
    photo: NDArray[np.uint8]
    photo_words: str
    folder: Path
    quick: bool = False
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return what `make` returned the first time."""
        if key not in self._kept:
            self._kept[key] = make()
        value: T = self._kept[key]
        return value

    def epochs(self, full: int) -> int:
        """Length of a training: `full`, or a tenth of it (at least 50) in a quick run."""
        return max(50, full // 10) if self.quick else full

    # -- data

    @cached_property
    def data(self) -> ImageSet:
        """The data set."""
        return self.workspace.dataset(DataRef(spec=self.spec))

    @cached_property
    def images(self) -> Tensor:
        """All images as the model takes them, float32 (N, C, H, W) in [-1, 1]."""
        return torch.from_numpy(fit(self.data.images(range(len(self.data))), self.info.image_shape))

    @cached_property
    def held_out(self) -> NDArray[np.bool_]:
        """Images that the model has not seen, bool (N,)."""
        mask = held_out_of(self.info, self.data)
        if mask is None or mask.all() or not mask.any():
            raise UserError(f"{self.model_name} does not say which images of {self.data.title} it has seen.")
        return mask

    @cached_property
    def persons(self) -> NDArray[np.int64]:
        """Person of each image, int64 (N,)."""
        identity = self.data.attributes.identity
        if identity is None:
            raise UserError(f"{self.data.title} does not name persons; the experiments need them.")
        return identity

    def attribute(self, name: str) -> Floats:
        """Values (N,) of an attribute under either data set's name for it, NaN where unknown.

        Raises
        ------
        UserError
            The data set does not have it.
        """
        for own in ATTRIBUTES.get(name, (name,)):
            if own in self.data.attributes:
                return self.data.attributes[own].values
        raise UserError(f"{self.data.title} has no attribute '{name}'.")

    # -- the model

    @cached_property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self.workspace.info(ModelRef(name=self.model_name))

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Training epochs that have weights of their own."""
        return self.info.snapshots

    def model(self, snapshot: int | None = None) -> Any:
        """The model, or its snapshot."""
        return self.workspace.model(ModelRef(name=self.model_name, snapshot=snapshot))

    @cached_property
    def robust(self) -> ModelRef:
        """The model for images that were not trained on: the regularised one where it is installed."""
        name = f"{self.model_name}-regularised"
        if name in find_models():
            return ModelRef(name=name)
        return ModelRef(name=self.model_name, snapshot=self.snapshots[0])

    def words(self, ref: ModelRef | None = None) -> str:
        """Name of a model for captions."""
        ref = ref or ModelRef(name=self.model_name)
        name = Path(ref.name).name
        return f"{name}, epoch {ref.snapshot}" if ref.snapshot else f"{name}, final weights"

    @property
    def split_words(self) -> str:
        """The split in words."""
        rule = dict(self.info.training.get("split", {}))
        return f"{rule.get('rule', '?')}, {100 * float(rule.get('share', 0)):g} % held out, seed {rule.get('seed', 0)}"

    @property
    def n_words(self) -> str:
        """Counts in words."""
        held = int(self.held_out.sum())
        return f"{len(self.data) - held} training, {held} held out"

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

    def image(self, index: int) -> ImageInput:
        """An input of a recipe."""
        return ImageInput(dataset=self.data.spec, index=index, id=self.data.image_id(index))

    def recipe(self, name: str, ref: ModelRef | None = None, kind: str = "operation", **slots: Any) -> Recipe:
        """Return a recipe; keywords that hold inputs are slots, the others parameters."""
        ref = ref or ModelRef(name=self.model_name)
        inputs: dict[str, tuple[Input, ...]] = {}
        params: dict[str, Any] = {}
        for key, value in slots.items():
            given = value if isinstance(value, tuple) else (value,)
            if given and all(isinstance(v, Input) for v in given):
                inputs[key.rstrip("_")] = given
            else:
                params[key.rstrip("_")] = value
        digest = self.workspace.info(ref).digest
        return Recipe(
            kind=kind,
            name=name,
            params=params,
            model=ModelRef(name=ref.name, digest=digest, snapshot=ref.snapshot),
            data=DataRef(spec=self.data.spec, digest=self.data.digest),
            inputs=inputs,
        )

    @property
    def seen(self) -> NDArray[np.int64]:
        """Indices of training images."""
        return np.flatnonzero(~self.held_out)

    def decoded(self, codes: Tensor, ref: ModelRef | None = None) -> NDArray[np.uint8]:
        """Pictures uint8 (N, H, W, C) of codes."""
        model = self.workspace.model(ref or ModelRef(name=self.model_name))
        with torch.inference_mode():
            return to_pixels(model.decode(codes).float().numpy())


def _log_probs(model: Any, images: Tensor) -> Floats:
    with torch.inference_mode():
        values: Floats = model.log_prob(images).double().numpy()
    return values
