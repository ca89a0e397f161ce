"""How well one line tells an attribute: projections of codes and of pixels, fitted on one half, shown on the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import codes_control, data_of, model_of, studied
from latentstudio.analyses.projections_pass import SPACES, Pass
from latentstudio.controls import control
from latentstudio.data.attribute_spec import members_of
from latentstudio.errors import UserError
from latentstudio.results import Partial
from latentstudio.stats.directions import ESTIMATOR_LABELS, ESTIMATORS


@dataclass(frozen=True)
class Projections:
    """Opposite and zero projection in latent and image space: histograms by class and of all, AUC and accuracy.

    Figures 18 to 21 of the research draw these for whole classes projected on their own means, which tells classes of
    pure noise apart. Here the lines are fitted on one half of the images and the other half is shown.
    """

    title: ClassVar[str] = "Projections"
    summary: ClassVar[str] = "How well a line of the latent space, or of the pixels, tells an attribute."
    needs: ClassVar[frozenset[str]] = frozenset({"encode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    attribute: str = control(
        "", "Attribute", "attribute", help="A label, a value of one, a comparison, or a selection of faces."
    )
    space: str = control(
        "both",
        "Space",
        "choice",
        choices=tuple(SPACES),
        choice_labels=("Both", "Latent", "Image"),
        help="Codes, or pixels as the model sees them.",
    )
    estimator: str = control(
        "mean_difference",
        "Estimator",
        "choice",
        choices=ESTIMATORS,
        choice_labels=ESTIMATOR_LABELS,
        help="How the opposite line is found; the zero line always goes through zero and the class mean.",
    )
    codes: str = codes_control("plain")
    bins: int = control(40, "Bins", "int", minimum=5, maximum=200)
    sample: int = control(
        2000,
        "Sample",
        "int",
        minimum=0,
        maximum=10_000_000,
        help="Most images that are looked at, a random sample with as many of each class as there are; 0 takes all.",
    )
    seed: int = control(
        0, "Seed", "int", minimum=0, maximum=2**31 - 1, help="Draws the sample, the halves and the repeats."
    )
    repeats: int = control(
        1000,
        "Repeats",
        "int",
        minimum=0,
        maximum=100_000,
        help="Bootstrap repeats behind the 95 % intervals; 0 leaves the intervals out.",
        advanced=True,
    )
    edge: int = control(
        64,
        "Pixel edge",
        "int",
        minimum=1,
        maximum=4096,
        help="Larger pictures are averaged over squares until no side has more pixels, in image space only.",
        advanced=True,
    )

    def lacks(self, inputs: Mapping[str, object]) -> str:
        """What is missing before there is anything to compute, as a hint; empty when nothing is."""
        return "" if self.attribute.strip() else "Choose an attribute to project on"

    def run(self, study: Study) -> Iterator[Partial]:
        """Read the half of the fit, find the lines, then put all images on them."""
        model_of(study)
        allowed = np.zeros(len(data_of(study)), dtype=np.bool_)
        allowed[studied(study)] = True
        members = members_of(self.attribute, data_of(study).attributes, study.groups)
        reached = 0.0
        while True:
            looked = Pass(self, study, members, allowed)
            for part in looked.run():
                # A pass that found an image which cannot be read begins anew without it; progress does not.
                reached = max(reached, part.fraction)
                yield replace(part, fraction=reached)
            if not looked.unread.any():
                return
            allowed[looked.rows[looked.unread]] = False
            if not np.isfinite(members.labels[allowed]).any():
                n = len(studied(study))
                raise UserError(f"None of the {n:,} images of {data_of(study).title} can be read.")
