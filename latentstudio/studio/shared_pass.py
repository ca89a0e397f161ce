"""A pass over a dataset that several panels wait for at once."""

from collections.abc import Iterator
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class SharedPass(Generic[_Value]):
    """One generator of growing values, followed by any number of readers, each of whom drives it on."""

    def __init__(self, source: Iterator[_Value]) -> None:
        self._source = source
        self._latest: _Value | None = None
        self._finished = False
        self._error: Exception | None = None

    def follow(self) -> Iterator[_Value]:
        """Yield the newest value there is, then newer ones up to the last; an error reaches every reader."""
        seen: _Value | None = None
        while True:
            if self._latest is not None and self._latest is not seen:
                seen = self._latest
                yield seen
            elif self._error is not None:
                raise self._error
            elif self._finished:
                return
            else:
                self._advance()

    def _advance(self) -> None:
        try:
            self._latest = next(self._source)
        except StopIteration:
            self._finished = True
        except Exception as error:
            self._error = error
