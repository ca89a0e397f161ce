"""Pictures through the model and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from latentstudio.controls import control
from latentstudio.operations.base import Codes, Slot, Surroundings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reconstruct:
    """Decode the codes of pictures and show them under their originals with the error between the two."""

    title: ClassVar[str] = "Reconstruction"
    summary: ClassVar[str] = "Encode pictures, decode them again, and measure what is lost."
    slots: ClassVar[tuple[Slot, ...]] = (Slot("images", "Images", many=True, hint="Drop faces here"),)
    needs: ClassVar[frozenset[str]] = frozenset({"decode"})
    picture_slots: ClassVar[frozenset[str]] = frozenset({"images"})
    wants_means: ClassVar[bool] = False

    columns: int = control(8, "Columns", "int", minimum=1, maximum=32)

    def codes(self, inputs: "Mapping[str, Tensor]", surroundings: Surroundings) -> Codes:
        """Return the codes of the inputs, unchanged."""
        codes = inputs["images"]
        return Codes(codes, min(self.columns, len(codes)), originals_slot="images")
