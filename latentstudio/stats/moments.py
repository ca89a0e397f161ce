"""Mean and covariance of a stream, in chunks that may be counted apart and merged."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Count, mean (D,) and summed squares about the mean, float64: (D,) per component, or (D, D) with cross products.

    Chan, Golub and LeVeque (1979): merging is exact in any order up to rounding, and never subtracts large numbers.
    """

    count: int
    mean: Tensor
    squares: Tensor

    @staticmethod
    def empty(size: int, cross: bool = False) -> "Moments":
        """Nothing counted yet."""
        shape = (size, size) if cross else (size,)
        return Moments(0, torch.zeros(size, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64))

    @staticmethod
    def of(values: Tensor, cross: bool = False) -> "Moments":
        """Moments of values (n, D)."""
        if len(values) == 0:
            return Moments.empty(values.shape[1], cross)
        values = values.detach().double().cpu()
        mean = values.mean(dim=0)
        centred = values - mean
        return Moments(len(values), mean, centred.T @ centred if cross else centred.square().sum(dim=0))

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both streams together."""
        count = self.count + other.count
        if count == 0:
            return self
        delta = other.mean - self.mean
        weight = self.count * other.count / count
        product = torch.outer(delta, delta) if self.squares.ndim == 2 else delta.square()
        mean = self.mean + delta * (other.count / count)
        return Moments(count, mean, self.squares + other.squares + weight * product)

    def add(self, values: Tensor) -> "Moments":
        """Moments with values (n, D) counted in."""
        return self.merge(Moments.of(values, cross=self.squares.ndim == 2))

    def variance(self) -> Tensor:
        """Unbiased variance (D,), or covariance (D, D) with cross products; NaN below two values."""
        if self.count < 2:
            return torch.full_like(self.squares, torch.nan)
        return self.squares / (self.count - 1)
