"""Operations: codes to codes. `OPERATIONS` is the table; a new operation is one file and one line here."""

from typing import Any

from latentstudio.operations.attribute import Attribute
from latentstudio.operations.interpolate import Interpolate
from latentstudio.operations.mean import Mean
from latentstudio.operations.reconstruct import Reconstruct
from latentstudio.operations.sample import Sample

OPERATIONS: dict[str, type[Any]] = {
    "interpolate": Interpolate,
    "reconstruct": Reconstruct,
    "sample": Sample,
    "mean": Mean,
    "attribute": Attribute,
}
