"""Run a recipe anywhere: the window, the command line, a notebook and the tests all call `run_recipe`."""

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import msgspec

from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef, ModelRef, Recipe
from latentstudio.results import Partial

if TYPE_CHECKING:
    from latentstudio.figures.readouts import DatasetCodes
    from latentstudio.models.base import LatentModel
    from latentstudio.models.library import ModelInfo

FRAMES = 8


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


def run_recipe(recipe: Recipe, workspace: Workspace, chunk: int = FRAMES) -> Iterator[Partial]:
    """Run an operation or analysis and yield partial results; the last one has fraction 1.

    The generator may be dropped at any yield. All work happens under ``torch.inference_mode``, entered anew for every
    chunk because other runs may be advanced in between.

    Parameters
    ----------
    chunk : frames decoded between two yields. Chunks do not change what is computed, but float rounding may depend on
        batch sizes, so replays that compare pixels keep the default.

    Raises
    ------
    UserError
        A model, data set or image is missing, or a parameter or input does not fit; the sentence names it.
    """
    # Imported here because the window reads the protocol above and must not load torch.
    from latentstudio.figures.run_analysis import run_analysis
    from latentstudio.figures.run_operation import run_operation

    if recipe.kind == "operation":
        parts = run_operation(recipe, workspace, chunk)
    elif recipe.kind == "analysis":
        parts = run_analysis(recipe, workspace)
    else:
        raise UserError(f"A recipe cannot be of kind '{recipe.kind}'; operation or analysis would do.")
    seconds = 0.0
    furthest = 0.0
    while True:
        started = perf_counter()
        part = next(parts, None)
        seconds += perf_counter() - started
        if part is None:
            return
        furthest = max(furthest, part.fraction)
        yield Partial(furthest, part.result, part.message, seconds)


def seal(recipe: Recipe, workspace: Workspace) -> Recipe:
    """Return a recipe that carries its codes, so that the figure renders on a machine without the images.

    Images and photos become codes with the same label and origin. Pictures that are themselves part of the result
    (originals above their reconstructions, pictures to average) become pixels in PNG. Means of the data set are added
    as codes. The digests of model and data set are filled in where they are missing.

    Raises
    ------
    UserError
        As for `run_recipe`.
    """
    from latentstudio.figures.sealing import sealed

    recipe = _with_digests(recipe, workspace)
    if recipe.kind != "operation":
        return recipe
    return sealed(recipe, workspace)


def _with_digests(recipe: Recipe, workspace: Workspace) -> Recipe:
    if recipe.model is not None and not recipe.model.digest:
        digest = workspace.info(recipe.model).digest
        recipe = msgspec.structs.replace(recipe, model=msgspec.structs.replace(recipe.model, digest=digest))
    if recipe.data is not None and not recipe.data.digest:
        try:
            digest = workspace.dataset(recipe.data).digest
        except UserError:
            # Only readouts depend on it; the run itself says so in its notes, or fails if it needs more.
            return recipe
        recipe = msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, digest=digest))
    return recipe


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
