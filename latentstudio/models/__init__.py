"""Model families. `FAMILIES` is the table; a new family is one file and one line here."""

from collections.abc import Callable
from typing import Any


def _pca_realnvp() -> type[Any]:
    from latentstudio.models.pca_realnvp import PcaRealNvp

    return PcaRealNvp


FAMILIES: dict[str, Callable[[], type[Any]]] = {
    "pca_realnvp": _pca_realnvp,
}
