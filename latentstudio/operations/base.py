"""What an operation is: codes in, codes out. No pixels, no Qt, and no torch until it runs."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentSpace


@dataclass(frozen=True)
class Slot:
    """A place for inputs: one image or code, or many.

    Attributes
    ----------
    name, label : ``"a"``, ``"A"``.
    many : takes any number of inputs instead of one.
    optional : may stay empty.
    hint : sentence shown while it is empty, e.g. ``"Drop a second face here"``.
    """

    name: str
    label: str
    many: bool = False
    optional: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Control:
    """How a parameter is shown and typed; forms, command-line options and tests are made from it.

    Attributes
    ----------
    kind : ``int``, ``float``, ``bool``, ``choice`` (one of `choices`), ``choices`` (some of `choices`), ``text``,
        ``ints`` (a list of whole numbers).
    """

    name: str
    label: str
    kind: Literal["int", "float", "bool", "choice", "choices", "text", "ints"]
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    choice_labels: tuple[str, ...] = ()
    help: str = ""
    advanced: bool = False


def control(default: Any, label: str, kind: str, **facts: Any) -> Any:
    """Declare a dataclass field together with its `Control`."""
    return field(default=default, metadata={"control": {"label": label, "kind": kind, **facts}})


def controls(cls: type[Any]) -> tuple[Control, ...]:
    """Return the controls of an operation or analysis class in the order of its fields."""
    found = []
    for f in fields(cls):
        facts = f.metadata.get("control")
        if facts is not None:
            default = f.default if f.default is not MISSING else None
            found.append(Control(name=f.name, default=default, **facts))
    return tuple(found)


@dataclass(frozen=True)
class Surroundings:
    """What an operation may know besides its inputs.

    Attributes
    ----------
    space : the model's latent space.
    mean_code : returns the mean code (D,) of the whole data set; raises UserError without a data set.
    mean_image_code : returns the code (D,) of the mean picture of the data set, or of the images in slot `group`.
    """

    space: "LatentSpace"
    mean_code: "Callable[[], Tensor]"
    mean_image_code: "Callable[[], Tensor]"


@dataclass(frozen=True)
class Codes:
    """The answer of an operation, laid out in rows.

    Attributes
    ----------
    codes : Tensor float32 (rows * columns, D), row by row.
    positions : float64 (columns,) places along a path; None for unordered collections.
    row_labels : one per row (paths) ; labels : one per frame (collections).
    originals : indices into the inputs of `originals_slot`, one per frame, whose pictures are shown with the frames.
    """

    codes: "Tensor"
    columns: int
    positions: NDArray[np.float64] | None = None
    row_labels: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    originals_slot: str | None = None
    notes: tuple[str, ...] = ()


class Operation(Protocol):
    """A frozen dataclass of parameters whose class also says what it needs."""

    title: ClassVar[str]
    summary: ClassVar[str]
    slots: ClassVar[tuple[Slot, ...]]
    needs: ClassVar[frozenset[str]]

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
