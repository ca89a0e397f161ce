"""Interpolation between two codes along one or several paths."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.controls import control
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor

PATHS = ("linear", "norm_preserving", "spherical", "matched")
PATH_LABELS = ("Linear", "Norm-preserving", "Spherical", "Matched")


@dataclass(frozen=True)
class Interpolate:
    """Codes between A and B.

    Attributes
    ----------
    paths : ``linear``; ``norm_preserving`` (the line, rescaled to the interpolated norm); ``spherical`` (constant
        angular speed, interpolated norm); ``matched`` (the line, mapped back to the prior by optimal transport).
    steps : frames from A to B, both included.
    extrapolate : how far beyond both ends, as a share of the way from A to B; frames keep their spacing.
    at : show the one frame at this place instead of the whole path.
    """

    title: ClassVar[str] = "Interpolation"
    summary: ClassVar[str] = "Walk from one face to another along four kinds of paths."
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("a", "A", hint="Drop a face on A"),
        Slot("b", "B", hint="Drop a second face on B"),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"decode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset()
    wants_means: ClassVar[bool] = False

    paths: tuple[str, ...] = control(
        ("linear",),
        "Paths",
        "choices",
        choices=PATHS,
        choice_labels=PATH_LABELS,
        help="Paths are stacked for comparison. Only 'Matched' gives every frame the law of the prior.",
    )
    steps: int = control(9, "Steps", "int", minimum=2, maximum=65, help="Frames from A to B, both included.")
    extrapolate: float = control(
        0.0,
        "Beyond the ends",
        "float",
        minimum=0.0,
        maximum=1.0,
        help="How far to go past A and B, as a share of the way between them.",
    )
    at: float | None = None

    def positions(self) -> NDArray[np.float64]:
        """Places of the frames along the path; 0 is A and 1 is B, both always among them."""
        if self.at is not None:
            return np.array([float(self.at)])
        beyond = int(np.ceil(self.extrapolate * (self.steps - 1) - 1e-9))
        return np.arange(-beyond, self.steps + beyond) / (self.steps - 1)

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return one row of codes for each path; the ends are A and B themselves."""
        import torch

        from latentstudio.stats.paths import opposite

        a, b = inputs["a"][0], inputs["b"][0]
        positions = self.positions()
        t = torch.from_numpy(positions)
        rows = []
        for name in self.paths:
            row = _path(name, surroundings.space.prior.kind)(a, b, t).float()
            row[t == 0] = a
            row[t == 1] = b
            rows.append(row)
        notes = []
        if {"spherical", "norm_preserving"} & set(self.paths):
            if opposite(a, b):
                notes.append("A and B point in opposite directions: the arc between them is one of many.")
            if bool((a.norm() + t * (b.norm() - a.norm()) < 0).any()):
                notes.append(
                    "Far beyond the end with the smaller norm, the interpolated norm would be negative; it is 0."
                )
        if torch.equal(a, b):
            notes.append("A and B are the same code.")
        labels = tuple(PATH_LABELS[PATHS.index(name)] for name in self.paths)
        return Codes(torch.cat(rows), len(positions), positions, labels, notes=tuple(notes))


def _path(name: str, prior: str) -> "Callable[[Tensor, Tensor, Tensor], Tensor]":
    from latentstudio.stats import paths

    if name == "matched":
        return lambda a, b, t: _matched(prior, a, b, t)
    found: Callable[[Tensor, Tensor, Tensor], Tensor] = getattr(paths, name)
    return found


def _matched(prior: str, a: "Tensor", b: "Tensor", t: "Tensor") -> "Tensor":
    import torch

    from latentstudio.stats.paths import linear
    from latentstudio.stats.transport import matched

    line = linear(a, b, t)
    rows = [matched(prior, row, (1 - float(s), float(s))) for row, s in zip(line, t, strict=True)]
    return torch.stack(rows)
