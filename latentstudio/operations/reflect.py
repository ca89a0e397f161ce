"""Codes mirrored at the origin or at the mean of the data set: 'specular' images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reflect:
    """The code c - alpha (z - c) of a face z, where c is the origin or the mean code m; alpha = 1 about m is 2 m - z.

    Attributes
    ----------
    alphas : one frame each; below 1 the mirrored code is shortened towards c, which keeps the picture clean.
    about : ``zero`` or ``mean``. Codes of faces share a mean that is not zero, so the two differ.
    parts : the rest of the code stays as it is.
    """

    title: ClassVar[str] = "Reflection"
    summary: ClassVar[str] = "Mirror codes at the origin or at the mean of the data set, by several strengths."
    slots: ClassVar[tuple[Slot, ...]] = (Slot("faces", "Faces", many=True, hint="Drop faces to reflect"),)
    needs: ClassVar[frozenset[str]] = frozenset({"decode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset()

    alphas: tuple[float, ...] = control(
        (0.25, 0.5, 0.75, 1.0),
        "Strengths",
        "floats",
        minimum=-4.0,
        maximum=4.0,
        help="Alpha of each frame: 1 is the mirror image, less is nearer to the centre, below 0 is the face's side.",
    )
    about: str = control(
        "zero",
        "About",
        "choice",
        choices=("zero", "mean"),
        choice_labels=("Zero", "Mean"),
        help="The origin, or the mean code of the data set.",
    )
    parts: tuple[str, ...] = control(("all",), "Parts", "parts", help="Other parts of the code are left as they are.")

    @property
    def wants_means(self) -> bool:
        """The mean code is needed only to reflect about it."""
        return self.about == "mean"

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return one row for each face: the face itself, then its reflections, each (D,).

        Raises
        ------
        UserError
            There is no strength, no such part, or the mean is asked for without a data set.
        """
        import torch

        from latentstudio.models.parts import components_of

        if not self.alphas:
            raise UserError("Reflection needs at least one strength; 0.5 would do.")
        faces = inputs["faces"]
        chosen = torch.from_numpy(components_of(surroundings.space.parts, self.parts)).to(faces.device)
        centre = surroundings.mean_code().to(faces) if self.about == "mean" else torch.zeros_like(faces[0])
        rows = []
        for face in faces:
            rows.append(face)
            for alpha in self.alphas:
                mirrored = face.clone()
                mirrored[chosen] = centre[chosen] - alpha * (face[chosen] - centre[chosen])
                rows.append(mirrored)
        labels = ("face", *(f"{-alpha:+g}".replace("-", "−") for alpha in self.alphas)) * len(faces)
        return Codes(
            torch.stack(rows),
            1 + len(self.alphas),
            labels=labels,
            row_slot="faces",
            measured=("clipped",),
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        where = "the mean code of the data set" if self.about == "mean" else "zero"
        notes = [f"Labels: the factor of the distance to {where}; +1 is the face, −1 its mirror image."]
        if "all" not in self.parts:
            notes.append(f"Only {', '.join(self.parts)} is reflected.")
        return tuple(notes)
