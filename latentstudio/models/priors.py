"""The distribution that a model's codes are declared to follow."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor


def _draw(seeds: list[int], size: int, normal: bool) -> Tensor:
    rows = []
    for seed in seeds:
        generator = torch.Generator("cpu").manual_seed(seed)
        if normal:
            rows.append(torch.randn(size, generator=generator))
        else:
            rows.append(torch.rand(size, generator=generator) * 2 - 1)
    return torch.stack(rows) if rows else torch.empty(0, size)


@dataclass(frozen=True)
class StandardNormal:
    """Independent N(0, 1) in every dimension."""

    kind: ClassVar[str] = "standard_normal"

    def sample(self, seeds: list[int], size: int) -> Tensor:
        """Draw one code per seed, float32 (n, size) on the CPU; row k depends on ``seeds[k]`` alone."""
        return _draw(seeds, size, normal=True)


@dataclass(frozen=True)
class Uniform:
    """Independent U(-1, 1) in every dimension."""

    kind: ClassVar[str] = "uniform"

    def sample(self, seeds: list[int], size: int) -> Tensor:
        """Draw one code per seed, float32 (n, size) on the CPU; row k depends on ``seeds[k]`` alone."""
        return _draw(seeds, size, normal=False)


Prior = StandardNormal | Uniform

PRIORS: dict[str, type[StandardNormal] | type[Uniform]] = {p.kind: p for p in (StandardNormal, Uniform)}
