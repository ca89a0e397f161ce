"""Where a face lies on the line of a histogram, and its code moved along that line: pure functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.recipe import CodeInput, Recipe
from latentstudio.gui.widgets.readouts import number
from latentstudio.results import Axis, Bytes, Distribution, Floats, Result, Sheet

if TYPE_CHECKING:
    from latentstudio.figures.inspect import Inspection

Codes = NDArray[np.float32]
_ORIGIN = r"moved along the (\w+) projection of (.+) to (-?\d[-+.e\d]*)$"


@dataclass(frozen=True)
class Move:
    """A face's code moved along one line of the latent space, as a panel's view keeps it.

    Attributes
    ----------
    attribute : words of the attribute that the line tells; the move means nothing for another.
    line : name of the line, ``"opposite"`` or ``"zero"`` ; to : projection that the moved code has.
    """

    attribute: str
    line: str
    to: float

    def to_view(self) -> list[Any]:
        """Write it as JSON's own types."""
        return [self.attribute, self.line, self.to]

    @staticmethod
    def of_view(value: Any, attribute: str) -> "Move | None":
        """Read it; None when there is none, it is damaged, or it belongs to another attribute."""
        if not isinstance(value, list | tuple) or len(value) != 3:
            return None
        words, line, to = value
        fits = isinstance(line, str) and isinstance(to, int | float) and bool(np.isfinite(to))
        return Move(words, line, float(to)) if fits and words == attribute else None

    @staticmethod
    def of_recipe(recipe: Recipe) -> "Move | None":
        """Read the move that a figure shows beside its histograms, from the words that `moved_input` wrote."""
        shown = recipe.inputs.get("images", ())
        code = shown[1] if recipe.name == "reconstruct" and len(shown) == 2 else None
        found = re.search(_ORIGIN, code.origin) if isinstance(code, CodeInput) else None
        return None if found is None else Move(found[2], found[1], float(found[3]))


def on_line(axis: Axis, code: Codes, picture: Bytes | None) -> float | None:
    """Projection of a face: of its code (D,), or of its picture uint8 (H, W, C) as the model sees it.

    None where they do not fit the line: it belongs to another model, or there is no picture.
    """
    from latentstudio.data.prepare import fit
    from latentstudio.stats.pictures import shrunk

    if axis.space == "latent":
        values: NDArray[Any] = code
    elif picture is None:
        return None
    else:
        height, width, channels = picture.shape
        if height % axis.factor or width % axis.factor:
            return None
        values = shrunk(fit(picture[None], (channels, height, width)), axis.factor).reshape(-1)
    if len(values) != len(axis.unit):
        return None
    return float(axis.unit.astype(np.float64) @ values.astype(np.float64))


def moved(axis: Axis, code: Codes, to: float) -> Codes:
    """Return the code (D,) nearest to `code` whose projection on the line is `to`."""
    unit = axis.unit.astype(np.float64)
    values = code.astype(np.float64)
    answer: Codes = (values + (to - unit @ values) * unit).astype(np.float32)
    return answer


def distributions(result: Result | None) -> Sequence[Distribution]:
    """Return the histograms of a sheet that know their line."""
    parts = result.parts if isinstance(result, Sheet) else ()
    return [part for part in parts if isinstance(part, Distribution) and part.axis is not None]


def line_of(result: Result | None, name: str) -> Axis | None:
    """Return the line of the latent space of that name."""
    axes = [part.axis for part in distributions(result)]
    return next((axis for axis in axes if axis is not None and axis.space == "latent" and axis.name == name), None)


def values_on(result: Result | None, axis: Axis) -> Floats:
    """Projections of the data set on a line, ascending: those of the histogram of the whole data set."""
    for part in distributions(result):
        known = part.axis
        if known is not None and (known.space, known.name) == (axis.space, axis.name) and len(part.histograms) == 1:
            values = part.histograms[0].values
            if values is not None:
                return np.sort(values[np.isfinite(values)])
    return np.zeros(0)


def percentile_of(values: Floats, value: float) -> float:
    """Share of ascending values below a value, in percent, equal ones counting half; NaN of no values."""
    if not len(values):
        return float("nan")
    below, upto = np.searchsorted(values, value, side="left"), np.searchsorted(values, value, side="right")
    return float(50.0 * (below + upto) / len(values))


def picture_of(inspection: "Inspection") -> Bytes:
    """Return the picture of an inspected face as the model saw it; of a bare code the decoded one."""
    return inspection.original if inspection.original is not None else inspection.image


def moved_input(move: Move, axis: Axis, inspection: "Inspection") -> CodeInput:
    """Return the code of an inspected face moved along a line, with words for what was done."""
    name = inspection.label or "code"
    return CodeInput.of(
        moved(axis, inspection.code, move.to),
        label=f"{name}, {move.attribute} {number(move.to)}",
        origin=f"{name} moved along the {axis.name} projection of {move.attribute} to {move.to:.9g}",
    )
