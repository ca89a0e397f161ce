"""Model families. `FAMILIES` is the table; a new family is one file and one line here."""

from collections.abc import Callable
from typing import Any


def _pca_realnvp() -> type[Any]:
    from latentstudio.models.pca_realnvp import PcaRealNvp

    return PcaRealNvp


def _glow() -> type[Any]:
    from latentstudio.models.glow import Glow

    return Glow


FAMILIES: dict[str, Callable[[], type[Any]]] = {
    "pca_realnvp": _pca_realnvp,
    "glow": _glow,
}
