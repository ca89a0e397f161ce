"""From the origin outwards along rays: where between the centre and the far outside a model makes good pictures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Scan:
    """Codes r sqrt(D v) u: u is the direction of a face or of a draw of the prior, v the variance of one component.

    The norms of prior draws are near sqrt(D v), that is r = 1: the sphere. Less is inside, more is outside.

    Attributes
    ----------
    radii : r of each frame.
    directions : random directions besides the faces, from draws of the prior with random seeds `seed`, `seed` + 1, ...
    """

    title: ClassVar[str] = "Radius scan"
    summary: ClassVar[str] = "Decode along rays from the origin: inside the sphere of prior draws, on it and beyond."
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("faces", "Faces", many=True, optional=True, hint="Drop faces whose direction to follow"),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"decode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset()
    wants_means: ClassVar[bool] = False

    radii: tuple[float, ...] = control(
        (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
        "Radii",
        "floats",
        minimum=0.0,
        maximum=100.0,
        help="Norm of each frame, as a multiple of the norm that prior draws have; 1 is the sphere.",
    )
    directions: int = control(2, "Random directions", "int", minimum=0, maximum=64, help="Rays besides the faces.")
    seed: int = control(0, "First random seed", "int", minimum=0, maximum=2**31 - 1)

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return one row for each ray, a code (D,) at each radius.

        Raises
        ------
        UserError
            There is no radius, or neither a face nor a random direction.
        """
        import torch

        from latentstudio.stats.norms import component_deviation

        if not self.radii:
            raise UserError("The scan needs at least one radius; 1 would do.")
        space = surroundings.space
        seeds = [self.seed + k for k in range(self.directions)]
        faces = inputs.get("faces")
        rays = [] if faces is None else list(faces)
        rays += list(space.prior.sample(seeds, space.size)) if seeds else []
        if not rays:
            raise UserError("The scan needs a face or a random direction; drop a face, or ask for 1 direction.")
        sphere = math.sqrt(space.size) * component_deviation(space.prior.kind)
        rows, zero = [], False
        for ray in rays:
            norm = float(ray.double().norm())
            zero = zero or norm == 0
            unit = ray.double() / (norm or 1.0)
            rows += [(r * sphere * unit).float() for r in self.radii]
        notes = [f"Labels: norm / {sphere:.4g}, the norm that draws of the prior have."]
        if zero:
            notes.append("A face whose code is zero has no direction; its row is the origin.")
        return Codes(
            torch.stack(rows),
            len(self.radii),
            labels=tuple(f"{r:g}" for r in self.radii) * len(rays),
            row_slot="faces",
            row_labels=tuple(f"random seed {s}" for s in seeds),
            measured=("clipped",),
            notes=tuple(notes),
        )
