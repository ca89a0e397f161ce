"""Run a recipe anywhere: the window, the command line, a notebook and the tests all call `run_recipe`."""

from collections.abc import Iterator
from time import perf_counter

import msgspec

from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.workspace import Workspace
from latentstudio.results import Partial

FRAMES = 8


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
    # Imported here because torch must not be loaded by whoever only names this function.
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
    from latentstudio.figures.sealing import sealed, sealed_analysis

    recipe = _with_digests(recipe, workspace)
    if recipe.kind != "operation":
        return sealed_analysis(recipe, workspace) if recipe.inputs else recipe
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
