"""Random numbers for the rows of a batch that several processes may share."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Noise:
    """Draw random numbers for some rows of a batch.

    They are drawn for the whole batch, on the CPU, and the rows are taken from it: a row has the same numbers however
    many processes share the batch and whichever of them has the row. This costs each process the numbers of all.

    Parameters
    ----------
    generator : where all randomness comes from; or one for each row, of rows that are no part of a batch.
    rows, total : which rows of how many; by default a batch is worked on as a whole.
    """

    def __init__(
        self,
        generator: torch.Generator | Sequence[torch.Generator],
        rows: slice | None = None,
        total: int | None = None,
    ) -> None:
        self._generator = generator
        self._rows = rows
        self._total = total

    def uniform(self, like: Tensor) -> Tensor:
        """Return numbers from U[0, 1) in the shape (n, ...), type and place of `like`, which holds the rows alone."""
        return self._draw(torch.rand, like)

    def normal(self, like: Tensor) -> Tensor:
        """Return numbers from N(0, 1) in the shape (n, ...), type and place of `like`, which holds the rows alone."""
        return self._draw(torch.randn, like)

    def _draw(self, draw: Callable[..., Tensor], like: Tensor) -> Tensor:
        if not isinstance(self._generator, torch.Generator):
            return torch.stack([draw(like.shape[1:], generator=g) for g in self._generator]).to(like)
        if self._rows is None:
            return draw(like.shape, generator=self._generator).to(like)
        whole = draw((self._total, *like.shape[1:]), generator=self._generator)
        return whole[self._rows].to(like)
