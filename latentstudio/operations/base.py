"""What an operation is: codes in, codes out. No pixels, no Qt, and no torch until it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from latentstudio.controls import Control, Slot, control, controls
from latentstudio.errors import UserError
from latentstudio.results import Measure
from latentstudio.stats.directions import Direction, Wish

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentSpace

__all__ = ["Codes", "Control", "Measure", "Operation", "Slot", "Surroundings", "Wish", "control", "controls"]


def _unasked() -> "Tensor":
    raise RuntimeError("the operation has no wanted_region")


def _no_direction(wish: Wish) -> Direction:
    raise UserError(f"The direction of '{wish.spec}' needs a data set; choose one.")


@dataclass(frozen=True)
class Surroundings:
    """What an operation may know besides its inputs.

    Attributes
    ----------
    space : the model's latent space.
    mean_code : returns the mean code (D,) of the whole data set; raises UserError without a data set.
    mean_image_code : returns the code (D,) of the mean picture of the data set, or of the images in slot `group`.
    direction : returns a direction that `wishes` of the operation names; raises UserError without a data set.
    labels : slot name to what its inputs are called.
    moving : returns how far each component moves the operation's `wanted_region`, float (D,) in grey levels per unit.
    """

    space: "LatentSpace"
    mean_code: "Callable[[], Tensor]"
    mean_image_code: "Callable[[], Tensor]"
    direction: Callable[[Wish], Direction] = _no_direction
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moving: "Callable[[], Tensor]" = _unasked


@dataclass(frozen=True)
class Codes:
    """The answer of an operation, laid out in rows.

    Attributes
    ----------
    codes : Tensor float32 (rows * columns, D), row by row.
    positions : float64 (columns,) places along a path; None for unordered collections.
    row_labels : one per row (paths) ; labels : one per frame (collections).
    row_slot : the first rows of a collection belong to the inputs of this slot and are named after them; further rows
        take their names from `row_labels`.
    originals : indices into the inputs of `originals_slot`, one per frame, whose pictures are shown with the frames.
    axis : what the positions count, empty for the way from A to B.
    compare : for each frame the number of the frame that it is compared with; its change is mapped beside it. A frame
        compared with itself has no map.
    threshold : grey levels of 0..255 above which a pixel counts as changed.
    measured : what is measured of each picture besides its readouts: ``changed`` (share of pixels, needs `compare`),
        ``clipped`` (share of pixel values beyond black or white, or not finite).
    measures : what the operation itself knows of each frame.
    """

    codes: "Tensor"
    columns: int
    positions: NDArray[np.float64] | None = None
    row_labels: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    originals_slot: str | None = None
    row_slot: str | None = None
    compare: tuple[int, ...] = ()
    threshold: float = 0.0
    measured: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    axis: str = ""


class Operation(Protocol):
    """A frozen dataclass of parameters whose class also says what it needs.

    Attributes
    ----------
    needs : abilities of the model, as the values of `models.base.Ability`.
    wishes : (optional) method that returns directions without which there are no codes ; watches : (optional) those
        along which the percentiles of all frames are measured, after they are decoded.
    lacks : (optional) method, from inputs to a hint at what the person has to say first; empty for nothing.
    needs_mean : (optional) method, from inputs to whether `codes` will ask for a mean; counts instead of `wants_means`.
    wanted_region : (optional) pixels whose sensitivity to each component is computed before `codes` is called.
    picture_slots : slots whose pictures matter, not only their codes: originals that are shown, or averaged.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    slots: ClassVar[tuple[Slot, ...]]
    needs: ClassVar[frozenset[str]]
    picture_slots: ClassVar[frozenset[str]]

    @property
    def wants_means(self) -> bool:
        """Whether `codes` will ask for the mean code or mean picture of the data set, which takes a pass over it."""
        ...

    # Operations that need directions of the data set also have `wishes() -> tuple[Wish, ...]`.

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return the codes to decode.

        Parameters
        ----------
        inputs : slot name to codes, float32 (n, D); n = 1 unless the slot takes many, 0 when it is empty.

        Raises
        ------
        UserError
            A parameter has a value that makes no sense; the sentence names it.
        """
        ...
