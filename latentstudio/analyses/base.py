"""What an analysis is: a data set under a model in, plots and tables out, streaming."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError
from latentstudio.results import Partial
from latentstudio.stats.directions import Direction, Wish

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel


@dataclass(frozen=True)
class Found:
    """Codes of the images that could be read.

    Attributes
    ----------
    codes : float32 (k, D) ; kept : bool (n,), which of the images asked for they are.
    """

    codes: NDArray[np.float32]
    kept: NDArray[np.bool_]


def _no_codes(indices: NDArray[np.int64], dequantised: bool = False) -> Generator[float, None, Found]:
    raise UserError("Codes need both a model and a data set; choose them.")


def _no_direction(wish: Wish) -> Generator[float, None, Direction]:
    raise UserError("A direction needs both a model and a data set; choose them.")


@dataclass(frozen=True)
class Study:
    """Everything that an analysis may look at.

    Attributes
    ----------
    model : the loaded model, or None for analyses that need none.
    folder : the model's folder (history, card); None without a model.
    training : the training record of ``config.json``.
    data : the data set.
    selection : dataset indices that the analysis is restricted to; None for all.
    held_out : bool (len(data),) images that the model has not seen in training, or None if unknown (another data set:
        all True; other images of the same source: unknown).
    inputs : slot name to codes, float32 (n, D) on the CPU, when the analysis declares slots.
    read : returns prepared images float32 (k, C, H, W) in [-1, 1] of dataset indices (n,), resized and turned grey or
        colour as the model wants them, and which were read, bool (n,): pictures that cannot be decoded are left out.
    at_snapshot : returns the model at a training step.
    snapshots : the steps there are, ascending.
    origin : words for captions: data set title, model name and snapshot.
    codes : codes of dataset indices (n,), kept for whoever asks next; yields the share that is done, returns `Found`.
        With True as second argument, codes of pictures with the noise that the model was trained on.
    direction : the direction of an attribute; yields the share that is done and returns it.
    groups : named selections that attributes may speak of, by dataset indices.
    """

    model: "LatentModel | None"
    folder: Path | None
    training: dict[str, Any]
    data: ImageSet | None
    selection: NDArray[np.int64] | None
    held_out: NDArray[np.bool_] | None
    read: "Callable[[NDArray[np.int64]], tuple[Tensor, NDArray[np.bool_]]]"
    at_snapshot: "Callable[[int], LatentModel]"
    snapshots: tuple[int, ...]
    origin: str
    codes: Callable[..., Generator[float, None, Found]] = _no_codes
    direction: Callable[[Wish], Generator[float, None, Direction]] = _no_direction
    groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    inputs: "Mapping[str, Tensor]" = field(default_factory=dict)


class Analysis(Protocol):
    """A frozen dataclass of parameters whose class also says what it needs.

    `needs` lists abilities of the model; empty and `needs_model` False for analyses of the data alone. An analysis of
    single faces has `slots` too, as operations have, and may have `lacks`.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    needs_model: ClassVar[bool]
    needs_data: ClassVar[bool]

    def run(self, study: Study) -> Iterator[Partial]:
        """Yield partial results between chunks, at last one with fraction 1; may be dropped at any yield.

        Raises
        ------
        UserError
            The study lacks something; the sentence says what.
        """
        ...
