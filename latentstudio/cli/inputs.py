"""From words on the command line to the inputs of a recipe."""

import argparse
import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.cli.parsing import whole_numbers
from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, DataRef, ImageInput, Input, ModelRef, PixelsInput

if TYPE_CHECKING:
    from latentstudio.data.imageset import ImageSet
    from latentstudio.figures.workspace import Workspace


def slot_inputs(
    options: argparse.Namespace, cls: type[Any], workspace: "Workspace", model: ModelRef | None, data: DataRef | None
) -> dict[str, tuple[Input, ...]]:
    """Return the inputs of every slot that was given.

    A whole number is an index of the data set (also ``0:10`` in slots that take many), an existing file a picture,
    ``CODES.safetensors:3`` a row of codes, and any other word the id of an image.

    Raises
    ------
    UserError
        A word is none of these.
    """
    found: dict[str, tuple[Input, ...]] = {}
    for slot in getattr(cls, "slots", ()):
        given = vars(options).get(f"slot:{slot.name}")
        if given is None:
            continue
        words = given if slot.many else [given]
        found[slot.name] = tuple(i for word in words for i in _inputs(word, slot.name, workspace, model, data))
    return found


def _inputs(word: str, slot: str, workspace: "Workspace", model: ModelRef | None, data: DataRef | None) -> list[Input]:
    path, _, row = word.rpartition(":")
    if path.endswith(".safetensors") and row.isdigit():
        return [_code(Path(path), int(row), workspace, model)]
    if _is_index(word):
        opened = _needed(workspace, data, word, slot)
        return [
            ImageInput(dataset=opened.spec, index=i, id=opened.image_id(i)) for i in whole_numbers([word], len(opened))
        ]
    if Path(word).is_file():
        return [_picture(Path(word))]
    opened = _needed(workspace, data, word, slot)
    for index in range(len(opened)):
        if opened.image_id(index) == word:
            return [ImageInput(dataset=opened.spec, index=index, id=word)]
    raise UserError(
        f"--{slot} {word} is neither a file nor an image of '{opened.spec}'; 0 to {len(opened) - 1}, an id such as "
        f"'{opened.image_id(0)}', or a picture file would do."
    )


def _is_index(word: str) -> bool:
    return all(part == "" or part.lstrip("-").isdigit() for part in word.replace(",", ":").split(":")) and word != ""


def _needed(workspace: "Workspace", data: DataRef | None, word: str, slot: str) -> "ImageSet":
    if data is None:
        raise UserError(f"--{slot} {word} is no file, and an index or id needs a data set; add --data D.")
    return workspace.dataset(data)


def _code(path: Path, row: int, workspace: "Workspace", model: ModelRef | None) -> CodeInput:
    from latentstudio.cli.codes_file import read_codes

    if model is None:
        raise UserError("Codes need a model; add --model M.")
    codes = read_codes(path, workspace.info(model).latent_size)
    if row >= len(codes):
        raise UserError(f"{path} has no row {row}; rows go from 0 to {len(codes) - 1}.")
    return CodeInput.of(codes[row], label=f"{path.name}:{row}", origin=f"row {row} of {path.name}")


def _picture(path: Path) -> PixelsInput:
    """Read a picture file; the run crops its centre and resizes it as the model wants."""
    from PIL import Image

    from latentstudio.data.pictures import read_picture

    pixels = read_picture(path)
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(stream, "PNG")
    return PixelsInput(png=base64.b64encode(stream.getvalue()).decode("ascii"), label=path.name)
