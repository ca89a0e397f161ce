"""The average face in two senses, and the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from latentstudio.controls import control
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor

_CHOICES = ("mean_code", "mean_image", "both")


@dataclass(frozen=True)
class Mean:
    """The mean of the codes, and the mean picture through the model, of the data set or of a group.

    Attributes
    ----------
    what : ``mean_code``, ``mean_image`` (the average picture, encoded) or ``both``.
    steps : frames of the straight path from the face in slot `from` to each mean, when there is one.
    """

    title: ClassVar[str] = "Mean face"
    summary: ClassVar[str] = "The mean code and the mean picture, and the path from a face to them."
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("group", "Group", many=True, optional=True, hint="Drop faces to average; empty means the whole data set"),
        Slot("from", "From", optional=True, hint="Drop a face to walk from it to the mean"),
    )
    needs: ClassVar[frozenset[str]] = frozenset({"decode", "encode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset({"group"})
    wants_means: ClassVar[bool] = True

    what: str = control(
        "both",
        "Mean of",
        "choice",
        choices=_CHOICES,
        choice_labels=("Codes", "Pictures", "Both"),
        help="The mean picture is encoded first, so it is shown as the model sees it.",
    )
    steps: int = control(9, "Steps", "int", minimum=2, maximum=65, help="Frames of the path, when there is one.")

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return the means, or one row from the face to each of them."""
        import torch

        from latentstudio.stats.paths import linear

        group = inputs.get("group")
        targets, labels = [], []
        if self.what in ("mean_code", "both"):
            grouped = group is not None and len(group) > 0
            mean = group.double().mean(dim=0).float() if grouped else surroundings.mean_code()  # type: ignore[union-attr]
            targets.append(mean)
            labels.append("Mean code")
        if self.what in ("mean_image", "both"):
            targets.append(surroundings.mean_image_code())
            labels.append("Mean image")
        start = inputs.get("from")
        if start is None or not len(start):
            return Codes(torch.stack([t.float().cpu() for t in targets]), len(targets), labels=tuple(labels))
        positions = np.arange(self.steps) / (self.steps - 1)
        rows = []
        for target in targets:
            row = linear(start[0], target.to(start), torch.from_numpy(positions)).float()
            row[0], row[-1] = start[0], target.float()
            rows.append(row)
        return Codes(torch.cat(rows), self.steps, positions, tuple(f"To the {label.lower()}" for label in labels))
