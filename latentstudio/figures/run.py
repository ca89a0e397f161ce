"""Run a recipe anywhere: the window, the command line, a notebook and the tests all call `run_recipe`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from latentstudio.data.imageset import ImageSet
from latentstudio.figures.recipe import DataRef, ModelRef

if TYPE_CHECKING:
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
        """Yield growing summaries of the dataset's codes under the model; the last one is complete (or says its sample)."""
        ...
