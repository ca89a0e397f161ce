"""Edit attributes: move codes along directions that labels, or selections of faces, tell apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.models.parts import ALL, components_of
from latentstudio.operations.base import Codes, Slot, Surroundings
from latentstudio.results import Measure
from latentstudio.stats.directions import (
    ESTIMATOR_LABELS,
    ESTIMATORS,
    Direction,
    Wish,
    amounts_to_reach,
    orthogonalised,
)

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attribute:
    """Code plus strength times direction, one row for each face.

    With several attributes the step is the sum of their directions, each times its amount. On the quantile scale the
    amounts (or, of a single attribute without one, the strengths) are percentiles of the data set: the code is moved to
    where that share of the images has less of the attribute, and the strengths are shares of the way there.
    """

    title: ClassVar[str] = "Attributes"
    summary: ClassVar[str] = "Add or remove attributes such as a smile, from labels, selections, or a single person."
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("images", "Faces", many=True, hint="Drop a face to edit"),
        Slot("person", "Person", optional=True, hint="Drop a face whose peculiarity is added, instead of an attribute"),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"decode", "encode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset()
    wants_means: ClassVar[bool] = False

    attributes: tuple[str, ...] = control(
        (), "Attributes", "attributes", help="What to change: labels, values of labels, or selections of faces."
    )
    amounts: tuple[float, ...] = control(
        (),
        "Amounts",
        "floats",
        minimum=-100,
        maximum=100,
        help="One for each attribute: how much of it to add, below 0 to remove; on the quantile scale a percentile.",
    )
    strengths: tuple[float, ...] = control(
        (0.0, 0.5, 1.0, 2.0, 3.0),
        "Strengths",
        "floats",
        minimum=-100,
        maximum=100,
        help="One frame each. 1 is the distance between faces with and without the attribute; below 0 removes it.",
    )
    scale: str = control(
        "alpha",
        "Scale",
        "choice",
        choices=("alpha", "quantile"),
        choice_labels=("Alpha", "Quantile"),
        help="Alpha counts distances between the class means; quantiles are percentiles of the data set.",
    )
    estimator: str = control(
        "mean_difference",
        "Estimator",
        "choice",
        choices=ESTIMATORS,
        choice_labels=ESTIMATOR_LABELS,
        help="How the direction is found from the codes of both classes.",
    )
    keep: tuple[str, ...] = control(
        (),
        "Leave alone",
        "attributes",
        help="The edit is made perpendicular to the directions of these attributes.",
        advanced=True,
    )
    watch: tuple[str, ...] = control(
        (),
        "Watch",
        "attributes",
        help="What leaks into these is measured: the percentile of every frame along their directions.",
        advanced=True,
    )
    parts: tuple[str, ...] = control(
        (ALL,), "Parts", "parts", help="Only these parts of the code are moved.", advanced=True
    )
    sample: int = control(
        2000,
        "Sample",
        "int",
        minimum=0,
        maximum=10_000_000,
        help="Most images that a direction is estimated from, a random sample; 0 takes all.",
        advanced=True,
    )
    seed: int = control(0, "Seed", "int", minimum=0, maximum=2**31 - 1, help="Draws the sample.", advanced=True)

    def wishes(self) -> tuple[Wish, ...]:
        """Directions that `codes` asks for."""
        return tuple(self._wish(spec) for spec in dict.fromkeys((*self.attributes, *self.keep)) if spec)

    def watches(self) -> tuple[Wish, ...]:
        """Directions along which frames are measured once they are decoded, beside those of the attributes."""
        return tuple(self._wish(s) for s in dict.fromkeys(self.watch) if s and s not in self.attributes)

    def lacks(self, inputs: Mapping[str, object]) -> str:
        """What is missing before there is anything to compute, as a hint; empty when nothing is."""
        if any(self.attributes) or inputs.get("person"):
            return ""
        return "Choose an attribute to change, or drop a face on 'Person'"

    def needs_mean(self, inputs: Mapping[str, object]) -> bool:
        """Whether `codes` asks for the mean code: a single person differs from the mean face."""
        return bool(inputs.get("person"))

    def _wish(self, spec: str) -> Wish:
        return Wish(spec, self.estimator, self.sample, self.seed)

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return one row of codes for each face.

        Raises
        ------
        UserError
            No attribute is chosen, there are not as many amounts as attributes, or a direction has no length left.
        """
        import torch

        faces = inputs["images"].double().numpy()
        person = inputs.get("person")
        alone = person is not None and len(person) > 0
        if alone and self.attributes:
            raise UserError("Either attributes or a person can be added, not both; take one of them away.")
        if not alone and not any(self.attributes):
            raise UserError("Choose an attribute to change, or drop a face on 'Person'.")
        self._check()
        if alone:
            assert person is not None
            made, notes = self._of_person(person[0].double().numpy(), faces, surroundings)
            watched: tuple[Direction, ...] = ()
        else:
            watched = tuple(surroundings.direction(self._wish(spec)) for spec in self.attributes if spec)
            made, notes = self._of_attributes(watched, faces, surroundings)
        flat = made.reshape(-1, made.shape[-1])
        measures = tuple(Measure(d.words, d.quantile_of(flat), "percentile") for d in watched)
        codes = torch.from_numpy(flat.astype(np.float32))
        at_source = np.flatnonzero(np.array(self.strengths) == 0.0)
        if self._from_source():
            for row in range(len(faces)):
                codes[row * len(self.strengths) + at_source] = inputs["images"][row]
        return Codes(
            codes,
            len(self.strengths),
            np.array(self.strengths),
            surroundings.labels.get("images", ("",) * len(faces)),
            notes=tuple(dict.fromkeys(notes)),
            measures=measures,
            axis="percentile" if self.scale == "quantile" and not self.amounts else "strength",
        )

    def _check(self) -> None:
        if not self.strengths:
            raise UserError("There are no strengths, so there is nothing to show; 0, 1, 2 would do.")
        chosen = [spec for spec in self.attributes if spec]
        if self.amounts and len(self.amounts) != len(chosen):
            raise UserError(f"There are {len(self.amounts)} amounts for {len(chosen)} attributes; one each would do.")
        if self.scale != "quantile":
            return
        if not self.amounts and len(chosen) > 1:
            raise UserError("On the quantile scale several attributes need an amount each, a percentile of 0 to 100.")
        percentiles = self.amounts or self.strengths
        wrong = [p for p in percentiles if not 0 <= p <= 100]
        if wrong:
            raise UserError(f"{wrong[0]:g} is no percentile; 0 to 100 would do, or choose the alpha scale.")

    def _from_source(self) -> bool:
        """Whether strength 0 means the face itself."""
        return self.scale == "alpha" or bool(self.amounts)

    def _of_attributes(
        self, directions: tuple[Direction, ...], faces: Floats, surroundings: Surroundings
    ) -> tuple[Floats, list[str]]:
        """Edited codes (faces, strengths, D)."""
        notes = [note for d in directions for note in d.notes]
        steps = np.stack([d.vector for d in directions])
        others = [surroundings.direction(self._wish(spec)) for spec in self.keep if spec]
        if others:
            before = np.linalg.norm(steps, axis=1)
            steps = np.stack([orthogonalised(s, np.stack([d.vector for d in others])) for s in steps])
            for d, old, new in zip(directions, before, np.linalg.norm(steps, axis=1), strict=True):
                if new < 1e-6 * old:
                    raise UserError(f"Nothing of {d.words} is left when it must leave {', '.join(self.keep)} alone.")
                notes.append(f"{new / old:.0%} of the length of {d.words} leaves {', '.join(self.keep)} alone.")
        steps = self._masked(steps, surroundings)
        units = np.stack([d.unit for d in directions])
        strengths = np.array(self.strengths)
        for d in directions:
            auc = "" if np.isnan(d.auc) else f", AUC {d.auc:.2f} on images not used to find it"
            notes.append(
                f"{d.words}: {d.counts[0]:,} images with, {d.counts[1]:,} without, length {d.length:.3g} "
                f"(noise alone {d.noise:.3g}){auc}."
            )
        if self.scale == "alpha":
            amounts = np.array(self.amounts or (1.0,) * len(directions))
            edit = strengths[:, None] * (amounts @ steps)
            return faces[:, None, :] + edit, notes
        if self.amounts:
            targets = np.array([d.at_quantile(p) for d, p in zip(directions, self.amounts, strict=True)])
            ways = np.stack([amounts_to_reach(steps, units, face, targets) @ steps for face in faces])
            return faces[:, None, :] + strengths[:, None] * ways[:, None, :], notes
        only = directions[0]
        targets = np.array([only.at_quantile(p) for p in self.strengths])
        ways = np.stack([[amounts_to_reach(steps, units, f, t[None]) @ steps for t in targets] for f in faces])
        return faces[:, None, :] + ways, notes

    def _of_person(self, person: Floats, faces: Floats, surroundings: Surroundings) -> tuple[Floats, list[str]]:
        """Faces plus what distinguishes one person from the mean: (faces, strengths, D)."""
        if self.scale == "quantile":
            raise UserError("A single person has no quantiles; choose the alpha scale.")
        mean = surroundings.mean_code().double().numpy()
        step = self._masked((person - mean)[None], surroundings)[0]
        notes = [
            f"Person: norm {np.linalg.norm(person):.4g}, mean of the data set {np.linalg.norm(mean):.4g}, "
            f"step {np.linalg.norm(step):.4g}."
        ]
        return faces[:, None, :] + np.array(self.strengths)[:, None] * step, notes

    def _masked(self, steps: Floats, surroundings: Surroundings) -> Floats:
        if ALL in self.parts:
            return steps
        mask = np.zeros(steps.shape[1])
        mask[components_of(surroundings.space.parts, self.parts)] = 1.0
        masked: Floats = steps * mask
        return masked
