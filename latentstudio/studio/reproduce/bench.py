"""What every group of experiments stands on: data with its split, a model, and a place for what is computed once."""

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
from latentstudio.data.prepare import to_pixels
from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef, ImageInput, Input, ModelRef, Recipe
from latentstudio.figures.splits import held_out_of
from latentstudio.models.library import ModelInfo
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
"""The names that data sets give to an attribute."""


@dataclass(kw_only=True)
class Bench:
    """A data set and a model under study.

    Attributes
    ----------
    model_name : a name or a folder.
    folder : where the report goes.
    quick : less of everything that takes long.
    """

    workspace: Workspace
    spec: str
    model_name: str
    folder: Path
    quick: bool = False
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return what `make` returned the first time."""
        if key not in self._kept:
            self._kept[key] = make()
        value: T = self._kept[key]
        return value

    # -- data

    @cached_property
    def data(self) -> ImageSet:
        """The data set."""
        return self.workspace.dataset(DataRef(spec=self.spec))

    @cached_property
    def held_out(self) -> NDArray[np.bool_]:
        """Images that the model has not seen, bool (N,).

        Raises
        ------
        UserError
            That is not known, or the model has seen all or none of them.
        """
        mask = held_out_of(self.info, self.data)
        if mask is None or mask.all() or not mask.any():
            raise UserError(f"{self.model_name} does not say which images of {self.data.title} it has seen.")
        return mask

    @property
    def seen(self) -> NDArray[np.int64]:
        """Indices of training images."""
        return np.flatnonzero(~self.held_out)

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

    def model(self, snapshot: int | None = None) -> Any:
        """The model, or its snapshot."""
        return self.workspace.model(ModelRef(name=self.model_name, snapshot=snapshot))

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

    # -- recipes and pictures

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

    def decoded(self, codes: Tensor, ref: ModelRef | None = None) -> NDArray[np.uint8]:
        """Pictures uint8 (N, H, W, C) of codes."""
        model = self.workspace.model(ref or ModelRef(name=self.model_name))
        with torch.inference_mode():
            return to_pixels(model.decode(codes).float().numpy())
