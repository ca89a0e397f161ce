"""Spoil single components of a code and see which places of the picture change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor

Indices = NDArray[np.int64]
_NAMED = 6


@dataclass(frozen=True)
class Corrupt:
    """One frame for each magnitude, in which some components are set to it, or moved by that many standard deviations.

    Attributes
    ----------
    which : ``random`` draws `count` components with `seed`; ``chosen`` are `components`; ``region`` are the `count`
        components that move the painted place the most.
    components, second : numbers of components, from 0. With a second set there are three rows: the first set, the
        second, and both together, so that it is seen whether changes add up.
    parts : only components of these parts are touched.
    region : pixels as row * width + column.
    threshold : a pixel counts as changed when it differs by more grey levels of 0..255.
    """

    title: ClassVar[str] = "Corruption"
    summary: ClassVar[str] = "Set components of a code to large values, and map which pixels change."
    slots: ClassVar[tuple[Slot, ...]] = (Slot("face", "Face", hint="Drop a face to corrupt"),)
    needs: ClassVar[frozenset[str]] = frozenset({"decode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset()
    wants_means: ClassVar[bool] = False

    which: str = control(
        "random",
        "Components",
        "choice",
        choices=("random", "chosen", "region"),
        choice_labels=("Random", "Chosen", "Place"),
        help="Drawn at random, listed below, or those that move the painted place the most.",
    )
    count: int = control(1, "How many", "int", minimum=1, maximum=100_000, help="For random ones and those of a place.")
    magnitudes: tuple[float, ...] = control((3.0, 10.0, 30.0, 100.0), "Magnitudes", "floats", help="One frame each.")
    how: str = control(
        "set",
        "Magnitude is",
        "choice",
        choices=("set", "add"),
        choice_labels=("The value", "Added sigmas"),
        help="The new value of the component, or how many standard deviations of the prior are added to it.",
    )
    parts: tuple[str, ...] = control(("all",), "Parts", "parts", help="Components of other parts are left alone.")
    components: tuple[int, ...] = control(
        (), "First set", "ints", minimum=0, empty="none", help="Numbers of components, from 0."
    )
    second: tuple[int, ...] = control(
        (),
        "Second set",
        "ints",
        minimum=0,
        empty="none",
        help="Corrupted alone and together with the first, to see whether changes add up.",
    )
    seed: int = control(0, "Random seed", "int", minimum=0, maximum=2**31 - 1, advanced=True)
    threshold: float = control(
        8.0,
        "Changed means",
        "float",
        minimum=0.0,
        maximum=255.0,
        help="Grey levels of 0..255 by which a pixel must differ to count as changed.",
        advanced=True,
    )
    region: tuple[int, ...] = control(
        (), "Pixels", "ints", minimum=0, empty="none", help="Row times width plus column.", advanced=True
    )

    @property
    def wanted_region(self) -> tuple[int, ...]:
        """Pixels whose sensitivity to every component `codes` will ask for; none when it is not needed.

        Raises
        ------
        UserError
            The components of a place are wanted, and no place is painted.
        """
        if self.which != "region":
            return ()
        words = self.lacks({})
        if words:
            raise UserError(f"{words}.")
        return self.region

    def lacks(self, inputs: Mapping[str, object]) -> str:
        """What the person has to say first, empty when everything is said."""
        if self.which == "region" and not self.region:
            return "No place is painted; click or paint in the picture, or choose random components"
        if self.which == "chosen" and not self.components:
            return "No component is chosen; tick some in the list, or type numbers such as 5, 12"
        return ""

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return a row for each set: the face itself, then one corrupted code for each magnitude, each (D,).

        Raises
        ------
        UserError
            There is no magnitude, no such part, or no component left to corrupt.
        """
        import torch

        from latentstudio.models.parts import components_of
        from latentstudio.stats.norms import component_deviation

        if not self.magnitudes:
            raise UserError("Corruption needs at least one magnitude; 3, 10, 30, 100 would do.")
        face, space = inputs["face"][0], surroundings.space
        allowed = components_of(space.parts, self.parts)
        sets, notes = self._sets(allowed, space.size, surroundings)
        deviation = component_deviation(space.prior.kind)
        rows, labels = [], []
        for chosen in sets.values():
            at = torch.from_numpy(chosen).to(face.device)
            rows.append(face)
            labels.append("face")
            for magnitude in self.magnitudes:
                spoiled = face.clone()
                spoiled[at] = magnitude if self.how == "set" else face[at] + magnitude * deviation
                rows.append(spoiled)
                labels.append(self._words(magnitude))
        columns = 1 + len(self.magnitudes)
        return Codes(
            torch.stack(rows),
            columns,
            labels=tuple(labels),
            row_labels=tuple(sets) if len(sets) > 1 else (),
            compare=tuple(row * columns for row in range(len(sets)) for _ in range(columns)),
            threshold=self.threshold,
            measured=("changed", "clipped"),
            notes=(*notes, f"Changed: by more than {self.threshold:g} of 255 grey levels."),
        )

    def _words(self, magnitude: float) -> str:
        return (f"= {magnitude:g}" if self.how == "set" else f"{magnitude:+g} σ").replace("-", "−")

    def _sets(self, allowed: Indices, size: int, surroundings: Surroundings) -> tuple[dict[str, Indices], list[str]]:
        """The sets of components by name, and what is to be said about them."""
        first, notes = self._first(allowed, size, surroundings)
        sets = {"First set": first}
        notes.append(f"Corrupted: {listed(first)}.")
        if self.second:
            second, more = within(self.second, allowed, size, "The second set")
            notes += more
            both = np.union1d(first, second)
            if len(both) < len(first) + len(second):
                notes.append("The two sets share components, so their changes cannot add up there.")
            notes.append(f"Second row: {listed(second)}. Third row: both sets.")
            sets = {"First set": first, "Second set": second, "Both sets": both}
        return sets, notes

    def _first(self, allowed: Indices, size: int, surroundings: Surroundings) -> tuple[Indices, list[str]]:
        if self.which == "chosen":
            words = self.lacks({})
            if words:
                raise UserError(f"{words}.")
            return within(self.components, allowed, size, "The first set")
        count = min(self.count, len(allowed))
        fewer = [f"There are only {count:,} components."] if count < self.count else []
        if self.which == "random":
            # The first components of one order, so that a larger count adds to a smaller one.
            order = np.random.default_rng(self.seed).permutation(len(allowed))
            notes = [*fewer, f"Components drawn with random seed {self.seed}."]
            return np.sort(allowed[order[:count]]), notes
        moving = surroundings.moving().double().cpu().numpy()
        order = np.argsort(-moving[allowed], kind="stable")
        notes = [*fewer, f"The {count:,} components that move the {len(self.region):,} painted pixels the most."]
        return np.sort(allowed[order[:count]]), notes


def within(chosen: tuple[int, ...], allowed: Indices, size: int, whose: str) -> tuple[Indices, list[str]]:
    """Return the chosen components that are among the allowed ones, and a note about the others.

    Raises
    ------
    UserError
        A number is no component of the code, or none is left.
    """
    wanted = np.unique(np.array(chosen, dtype=np.int64))
    if wanted[-1] >= size:
        raise UserError(f"The code has no component {wanted[-1]}; 0 to {size - 1} would do.")
    kept = wanted[np.isin(wanted, allowed)]
    if not len(kept):
        raise UserError(
            f"{whose} ({listed(wanted)}) has no component of the chosen parts; choose others, or all parts."
        )
    lost = len(wanted) - len(kept)
    return kept, [f"{whose}: {lost} of {len(wanted)} components belong to other parts and stay."] if lost else []


def listed(components: Indices) -> str:
    """Name components in a few words."""
    words = ", ".join(str(k) for k in components[:_NAMED])
    if len(components) == 1:
        return f"component {words}"
    more = f" and {len(components) - _NAMED:,} more" if len(components) > _NAMED else ""
    return f"components {words}{more}"
