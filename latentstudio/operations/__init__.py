"""Operations: codes to codes. `OPERATIONS` is the table; a new operation is one file and one line here."""

from typing import Any

from latentstudio.operations.attribute import Attribute
from latentstudio.operations.corrupt import Corrupt
from latentstudio.operations.interpolate import Interpolate
from latentstudio.operations.mean import Mean
from latentstudio.operations.reconstruct import Reconstruct
from latentstudio.operations.reflect import Reflect
from latentstudio.operations.sample import Sample
from latentstudio.operations.scan import Scan

OPERATIONS: dict[str, type[Any]] = {
    "interpolate": Interpolate,
    "reconstruct": Reconstruct,
    "sample": Sample,
    "mean": Mean,
    "attribute": Attribute,
    "reflect": Reflect,
    "corrupt": Corrupt,
    "scan": Scan,
}
