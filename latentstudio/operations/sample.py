"""New pictures from the prior."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from latentstudio.controls import control
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """Draws from the prior; the sample with random seed k is the same in any batch and on any device.

    Attributes
    ----------
    seed : random seed of the first sample; the others follow it one by one.
    temperature : factor on the base noise.
    truncation : distance from the mean code is multiplied by it; 1 is none.
    """

    title: ClassVar[str] = "Samples"
    summary: ClassVar[str] = "Decode random draws from the model's prior."
    slots: ClassVar[tuple[Slot, ...]] = ()
    needs: ClassVar[frozenset[str]] = frozenset({"decode", "sample"})
    picture_slots: ClassVar[frozenset[str]] = frozenset()

    count: int = control(16, "Samples", "int", minimum=1, maximum=1024)
    columns: int = control(8, "Columns", "int", minimum=1, maximum=32)
    seed: int = control(0, "First random seed", "int", minimum=0, maximum=2**31 - 1)
    temperature: float = control(
        1.0, "Temperature", "float", minimum=0.0, maximum=2.0, help="Factor on the base noise; 1 is the prior itself."
    )
    truncation: float = control(
        1.0,
        "Truncation",
        "float",
        minimum=0.0,
        maximum=1.0,
        help="1 is none; below, codes are pulled towards the mean code of the data set.",
    )

    @property
    def wants_means(self) -> bool:
        """The mean code is needed only to truncate."""
        return self.truncation < 1

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return one code for each random seed."""
        seeds = list(range(self.seed, self.seed + self.count))
        codes = surroundings.space.prior.sample(seeds, surroundings.space.size) * self.temperature
        notes = []
        if self.temperature != 1:
            notes.append(f"Base noise times {self.temperature:g}.")
        if self.truncation < 1:
            mean = surroundings.mean_code().to(codes)
            codes = mean + self.truncation * (codes - mean)
            notes.append(f"Pulled towards the mean code: {self.truncation:g} of the distance is left.")
        labels = tuple(str(seed) for seed in seeds)
        return Codes(codes, min(self.columns, self.count), labels=labels, notes=tuple(notes))
