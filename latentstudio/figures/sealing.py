"""Put the codes of a recipe's inputs into the recipe itself."""

import base64
import io
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.figures.directions import packed, slot_of
from latentstudio.figures.inputs import MEAN_CODE, MEAN_IMAGE, InputReader
from latentstudio.figures.means import mean_image_of, mean_of
from latentstudio.figures.recipe import CodeInput, ImageInput, Input, PixelsInput, Recipe
from latentstudio.figures.run_operation import (
    open_run,
    read_data,
    read_directions,
    read_watched,
    wants_data_means,
)
from latentstudio.figures.workspace import Workspace

if TYPE_CHECKING:
    from latentstudio.figures.inputs import Prepared


def sealed(recipe: Recipe, workspace: Workspace) -> Recipe:
    """Replace images and photos of an operation's slots; see `figures.run.seal`."""
    run = open_run(recipe, workspace)
    inputs: dict[str, tuple[Input, ...]] = {}
    for name, given in recipe.inputs.items():
        if name not in run.inputs:
            inputs[name] = given  # a direction, sealed already
        elif name in run.operation.picture_slots:
            inputs[name] = tuple(_as_pixels(value, recipe, workspace) for value in given)
        else:
            inputs[name] = _as_codes(given, run.inputs[name])
    if wants_data_means(run.operation, recipe):
        for _ in read_data(run, workspace, 0.0, 1.0):
            pass
        before = len(run.notes)
        mean = mean_of(run).numpy()
        origin = " ".join([f"Mean of {run.data.title}.", *run.notes[before:]]) if run.data is not None else ""
        inputs[MEAN_CODE] = (CodeInput.of(mean, "mean code", origin),)
        inputs[MEAN_IMAGE] = (CodeInput.of(mean_image_of(run).numpy(), "mean image", origin),)
    for _ in read_directions(run, workspace, 0.0, 1.0):
        pass
    for _ in read_watched(run, workspace, 0.0, 1.0):
        pass
    for wish, direction in run.directions.items():
        inputs.setdefault(slot_of(wish), packed(direction))
    return msgspec.structs.replace(recipe, inputs=inputs)


def sealed_analysis(recipe: Recipe, workspace: Workspace) -> Recipe:
    """Replace images and photos on the slots of an analysis by their codes."""
    if recipe.model is None:
        return recipe
    reader = InputReader(recipe, workspace, workspace.model(recipe.model), workspace.info(recipe.model))
    inputs = {name: _as_codes(given, reader.slot(name)) for name, given in recipe.inputs.items()}
    return msgspec.structs.replace(recipe, inputs=inputs)


def _as_codes(given: tuple[Input, ...], prepared: "Prepared") -> tuple[Input, ...]:
    answer: list[Input] = []
    for row, value in enumerate(given):
        if isinstance(value, CodeInput):
            answer.append(value)
        else:
            code = prepared.codes[row].numpy()
            answer.append(CodeInput.of(code, prepared.labels[row], prepared.origins[row]))
    return tuple(answer)


def _as_pixels(value: Input, recipe: Recipe, workspace: Workspace) -> Input:
    if not isinstance(value, ImageInput) or recipe.model is None:
        return value
    reader = InputReader(recipe, workspace, workspace.model(recipe.model), workspace.info(recipe.model))
    opened = reader.open(value)
    if opened.picture is None:
        return value
    return PixelsInput(png=as_png(opened.picture), label=opened.label, origin=opened.origin)


def as_png(picture: NDArray[np.uint8]) -> str:
    """Pack a picture uint8 (h, w, 1 or 3) as PNG in base64."""
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(stream, format="PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")
