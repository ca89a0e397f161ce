"""Things that were computed already, up to a number of bytes; what was not used for longest goes first."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from latentstudio.results import Result

Value = TypeVar("Value")

_OVERHEAD = 256


def nbytes(value: Any) -> int:
    """Memory of the arrays, texts and tuples inside a result, in bytes; small things are counted roughly."""
    if isinstance(value, np.ndarray):
        return value.nbytes + _OVERHEAD
    if isinstance(value, (bytes, str)):
        return len(value) + 64
    if is_dataclass(value) and not isinstance(value, type):
        return _OVERHEAD + sum(nbytes(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, (tuple, list, set, frozenset)):
        return 64 + sum(map(nbytes, value))
    if isinstance(value, dict):
        return 128 + sum(nbytes(k) + nbytes(v) for k, v in value.items())
    return 32


class ByteCache(Generic[Value]):
    """Values by key within a budget of bytes, least recently used first out. Not safe for use from several threads.

    Parameters
    ----------
    budget_bytes : sum of the values' sizes that may be held; a single larger value is not kept at all.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self._held: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def get(self, key: Hashable) -> Value | None:
        """Return the value and count it as used, or None."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: Hashable, value: Value, size: int | None = None) -> None:
        """Keep a value of `size` bytes (measured when None), forgetting old ones as needed."""
        self.drop(key)
        size = nbytes(value) if size is None else size
        if size > self.budget_bytes:
            return
        self._held[key] = (value, size)
        self.used_bytes += size
        while self.used_bytes > self.budget_bytes:
            _, (_, freed) = self._held.popitem(last=False)
            self.used_bytes -= freed

    def drop(self, key: Hashable) -> None:
        """Forget one value, if it is there."""
        if key in self._held:
            _, size = self._held.pop(key)
            self.used_bytes -= size

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self.used_bytes = 0

    def keys_by_age(self) -> list[Hashable]:
        """All keys, least recently used first."""
        return list(self._held)


class ResultCache(ByteCache[Result]):
    """Finished results by recipe key (`Recipe.key`)."""
