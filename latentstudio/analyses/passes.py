"""Go through a data set in chunks, and tell training images from held-out ones."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.controls import control
from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError
from latentstudio.results import Partial
from latentstudio.steps import retold

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel

# A request of the hand waits for one chunk, and drawing faces or decoding files takes milliseconds each.
CHUNK = 16
# Results are built anew about this often during a pass; progress is told after each chunk.
RESULTS = 10

Answer = TypeVar("Answer")
Role = Literal["data", "train", "held_out"]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """A part of the studied images: ``rows`` are positions among them, bool (n,)."""

    label: str
    role: Role
    rows: NDArray[np.bool_]


def model_of(study: Study) -> "LatentModel":
    """The study's model.

    Raises
    ------
    UserError
        There is none.
    """
    if study.model is None:
        raise UserError("This analysis needs a model; choose one.")
    return study.model


def data_of(study: Study) -> ImageSet:
    """The study's data set.

    Raises
    ------
    UserError
        There is none.
    """
    if study.data is None:
        raise UserError("This analysis needs a data set; choose one.")
    return study.data


def studied(study: Study) -> Indices:
    """Dataset indices that the analysis looks at.

    Raises
    ------
    UserError
        There are none.
    """
    data = data_of(study)
    indices = np.arange(len(data), dtype=np.int64) if study.selection is None else study.selection
    if not len(indices):
        raise UserError(f"There is no image to look at in {data.title}; select some, or clear the selection.")
    return indices


def splits(study: Study, indices: Indices) -> tuple[Split, ...]:
    """Training and held-out images; one part of all images when the training record does not tell them apart."""
    if study.held_out is None:
        return (Split("All images", "data", np.ones(len(indices), dtype=np.bool_)),)
    unseen = study.held_out[indices]
    parts = (Split("Training", "train", ~unseen), Split("Held out", "held_out", unseen))
    return tuple(part for part in parts if part.rows.any())


@dataclass(frozen=True)
class Chunk:
    """The next images of a pass: those of them that could be read, perhaps none.

    Attributes
    ----------
    rows : int64 (k,) positions among the studied images.
    images : float32 (k, C, H, W) in [-1, 1].
    done : number of studied images that the pass is through with.
    """

    rows: Indices
    images: "Tensor"
    done: int


def read_chunks(study: Study, indices: Indices, size: int = CHUNK) -> Iterator[Chunk]:
    """Read the images at `indices` (n,) in chunks; pictures that cannot be decoded are left out.

    Raises
    ------
    UserError
        None of them can be read.
    """
    found = False
    for start in range(0, len(indices), size):
        asked = indices[start : start + size]
        images, kept = study.read(asked)
        found = found or bool(kept.any())
        yield Chunk(start + np.flatnonzero(kept), images, start + len(asked))
    if not found:
        raise UserError(f"None of the {len(indices):,} images of {data_of(study).title} can be read.")


def told(
    looking: Generator[float, None, Answer], start: float, stop: float, message: str
) -> Generator[Partial, None, Answer]:
    """Turn the shares that a search for codes or a direction yields into progress from `start` to `stop`."""
    return (yield from retold(looking, lambda share: Partial(start + (stop - start) * share, None, message)))


class Pace:
    """Decides after which chunks a partial result is worth building."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next = 0.0

    def due(self, done: int) -> bool:
        """Whether to show a result now; always after the first chunk, never at the end (the final one follows)."""
        share = done / self._total
        if share < self._next or done == self._total:
            return False
        self._next = share + 1 / RESULTS
        return True


def comparable(reference: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two sets of values can share an axis without one of them being flattened to a line.

    A flow's log-density of images that it has not seen can be a million times larger in size than that of its training
    images.
    """
    a, b = reference[np.isfinite(reference)], other[np.isfinite(other)]
    if not len(a) or not len(b):
        return True
    return float(np.abs(b).max()) <= 10 * max(float(np.abs(a).max()), 1.0)


def origin_words(study: Study, indices: Indices) -> str:
    """Caption: data set, model, number of images and split, e.g. ``"...; n = 400 (320 training, 80 held out)."``."""
    parts = splits(study, indices)
    counts = ", ".join(f"{int(p.rows.sum()):,} {p.label.lower()}" for p in parts)
    among = "" if study.selection is None else " selected"
    return f"{study.origin}; n = {len(indices):,}{among} ({counts})."


def codes_control(default: str) -> str:
    """Declare the parameter that says which codes are looked at; with ``auto`` as default that is a choice too."""
    auto = default == "auto"
    chosen: str = control(
        default,
        "Codes",
        "choice",
        choices=("auto", "plain", "dequantised") if auto else ("plain", "dequantised"),
        choice_labels=("As trained", "Plain", "Dequantised") if auto else ("Plain", "Dequantised"),
        help="Dequantised codes are of pictures with the noise that the model was trained on; plain ones are without. "
        "Models that add no noise have plain codes only."
        + (" As the model was trained: dequantised where there are any." * auto),
    )
    return chosen


def dequantises(study: Study, wanted: str) -> bool:
    """Whether dequantised codes are looked at, of a choice that `codes_control` declared."""
    return wanted != "plain" and hasattr(model_of(study), "dequantised_codes")


def codes_words(study: Study, wanted: str) -> str:
    """Say in a caption which codes are looked at; empty where a model has plain codes only."""
    if dequantises(study, wanted):
        return "Codes of dequantised pictures, with the noise of training."
    if hasattr(model_of(study), "dequantised_codes"):
        return "Codes of plain pictures, without the noise of training, are shorter than those of training."
    return "The model adds no noise to pictures, so codes are plain." if wanted == "dequantised" else ""
