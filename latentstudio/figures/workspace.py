"""What a run may open, and the words for it: the protocol that every part of `figures` asks for models and data."""

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Protocol

from latentstudio.data.imageset import ImageSet
from latentstudio.figures.recipe import DataRef, ModelRef, Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.figures.code_bank import CodeBank
    from latentstudio.figures.readouts import DatasetCodes
    from latentstudio.models.base import LatentModel
    from latentstudio.models.library import ModelInfo


class Workspace(Protocol):
    """What a run may open. Implementations keep what they opened; `studio.workspace.Workspace` is the real one."""

    def model(self, ref: ModelRef) -> "LatentModel":
        """Load a model, in evaluation mode on the workspace's device."""
        ...

    def info(self, ref: ModelRef) -> "ModelInfo":
        """Describe a model without loading it."""
        ...

    def dataset(self, ref: DataRef) -> ImageSet:
        """Open a dataset."""
        ...

    def codes(self, model: ModelRef, data: DataRef) -> "Iterator[DatasetCodes]":
        """Yield growing summaries of the dataset's codes under the model; the last is complete, or says its sample."""
        ...

    def kept(self, key: Hashable, make: "Callable[[], Tensor]") -> "Tensor":
        """Return what `make` made for this key before, or makes now: codes of pictures that a hand keeps asking for."""
        ...

    def bank(self, model: ModelRef, data: DataRef) -> "CodeBank":
        """Return the codes of the dataset's images under the model, encoded when asked for and kept."""
        ...


def changes(recipe: Recipe, info: "ModelInfo | None", data: ImageSet | None) -> tuple[str, ...]:
    """Sentences that say what is no longer what it was when the recipe was made."""
    found = []
    if recipe.model is not None and info is not None and recipe.model.digest not in ("", info.digest):
        found.append(f"The model {info.name} has changed since this recipe was made.")
    if recipe.data is not None and data is not None and recipe.data.digest not in ("", data.digest):
        found.append(f"The data set {data.title} has changed since this recipe was made.")
    return tuple(found)


def model_words(recipe: Recipe) -> str:
    """Name and snapshot of the model for captions, e.g. ``"olivetti-realnvp@1000"``."""
    if recipe.model is None:
        return "no model"
    return f"{recipe.model.name}@{'final' if recipe.model.snapshot is None else recipe.model.snapshot}"
