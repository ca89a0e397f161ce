"""What the analyses of corrupted codes share: their images, the parts they look at, codes with components changed."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import CHUNK, Indices, Role, data_of, model_of, read_chunks, studied
from latentstudio.controls import control
from latentstudio.models.parts import ALL, components_of, part_words
from latentstudio.results import Partial

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
ROLES: tuple[Role, ...] = ("data", "train", "held_out")
HOWS = ("set", "add")
HOW_LABELS = ("The value", "Added sigmas")


def how_control() -> str:
    """Declare the parameter that says what a magnitude is."""
    chosen: str = control(
        "set",
        "Magnitude is",
        "choice",
        choices=HOWS,
        choice_labels=HOW_LABELS,
        help="The new value of the component, or how many standard deviations of the prior are added to it.",
    )
    return chosen


def images_control() -> int:
    """Declare the parameter that says how many images are averaged over."""
    chosen: int = control(
        8,
        "Images",
        "int",
        minimum=1,
        maximum=4096,
        help="As many of the selected images, or of all, drawn with the random seed.",
    )
    return chosen


def some_images(study: Study, count: int, seed: int) -> Indices:
    """Return `count` of the studied images, or all when there are fewer, in the order of the data set."""
    indices = studied(study)
    if len(indices) <= count:
        return indices
    return np.sort(np.random.default_rng(seed).choice(indices, count, replace=False))


@dataclass(frozen=True)
class Encoded:
    """Finite codes float32 (n, D) on the CPU, and a sentence about codes that are not, empty when all are."""

    codes: "Tensor"
    left_out: str


def codes_of(study: Study, indices: Indices) -> Generator[Partial, None, Encoded]:
    """Encode the images at `indices`, yield progress, and return their codes.

    Pictures that cannot be read, and codes that are not finite, are left out.

    Raises
    ------
    UserError
        None is left.
    """
    import torch

    from latentstudio.errors import UserError

    model, found, asked = model_of(study), [], 0
    for chunk in read_chunks(study, indices, CHUNK):
        if len(chunk.rows):
            codes = model.encode(chunk.images).float().cpu()
            found.append(codes[torch.isfinite(codes).all(dim=1)])
            asked += len(codes)
        yield Partial(0.1 * chunk.done / len(indices), None, "Encoding")
    codes = torch.cat(found)
    if not len(codes):
        raise UserError(f"No image of {data_of(study).title} has a finite code under this model.")
    lost = asked - len(codes)
    return Encoded(codes, f"{lost:,} of {asked:,} images have no finite code and are left out." if lost else "")


def places(study: Study, parts: tuple[str, ...]) -> dict[str, Indices]:
    """Return the components of every part that is looked at on its own, by words for it.

    All parts are looked at one by one, and the whole code besides; a code of one part is looked at once.
    """
    known = model_of(study).space.parts
    if ALL not in parts:
        return {part_words(name): components_of(known, [name]) for name in dict.fromkeys(parts)}
    found = {"whole code": components_of(known, [ALL])}
    if len(known) > 1:
        found |= {part_words(name): components_of(known, [name]) for name in known}
    return found


def spoiled(code: "Tensor", components: Indices, magnitude: float, how: str, deviation: float) -> "Tensor":
    """Return a copy of a code (D,) with components set to a value, or moved by `magnitude` standard deviations."""
    import torch

    changed = code.clone()
    at = torch.from_numpy(components)
    changed[at] = magnitude if how == "set" else code[at] + magnitude * deviation
    return changed


def magnitude_words(magnitude: float, how: str) -> str:
    """Say what is done to a component, e.g. ``"set to 10"`` or ``"moved by +3 σ"``."""
    return f"set to {magnitude:g}" if how == "set" else f"moved by {magnitude:+g} σ"
