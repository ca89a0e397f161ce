"""Real NVP: a stack of masked affine couplings, each followed by ActNorm."""

import math

import torch
from torch import Tensor, nn

from latentstudio.nn.actnorm import ActNorm
from latentstudio.nn.coupling import MaskedAffineCoupling


class RealNvp(nn.Module):
    """An invertible map between data (N, D) and noise (N, D) ~ N(0, I).

    Layers are listed from noise to data: coupling 0, ActNorm 0, coupling 1, and so on. The mask alternates.

    Parameters
    ----------
    size : dimensions D >= 2.
    layers : number of couplings K.
    hidden, log_scale_bound : see `MaskedAffineCoupling`.
    """

    def __init__(self, size: int, layers: int, hidden: int, log_scale_bound: float | None) -> None:
        super().__init__()
        self.size = size
        self.couplings = nn.ModuleList(
            MaskedAffineCoupling(size, hidden, k % 2, log_scale_bound) for k in range(layers)
        )
        self.norms = nn.ModuleList(ActNorm(size) for _ in range(layers))

    def reset(self, generator: torch.Generator) -> None:
        """Draw untrained weights; the flow is the identity until its ActNorm layers see a first batch."""
        for coupling in self.couplings:
            assert isinstance(coupling, MaskedAffineCoupling)
            coupling.reset(generator)

    def steps(self) -> list[tuple[MaskedAffineCoupling, ActNorm]]:
        """Pairs of coupling and ActNorm, from noise to data."""
        pairs = []
        for coupling, norm in zip(self.couplings, self.norms, strict=True):
            assert isinstance(coupling, MaskedAffineCoupling)
            assert isinstance(norm, ActNorm)
            pairs.append((coupling, norm))
        return pairs

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data (N, D) to noise (N, D), with the log-determinant in nats (N,)."""
        log_det = x.new_zeros(x.shape[0])
        for coupling, norm in reversed(self.steps()):
            x, by_norm = norm.to_noise(x)
            x, by_coupling = coupling.to_noise(x)
            log_det = log_det + by_norm + by_coupling
        return x, log_det

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map noise (N, D) to data (N, D), with the log-determinant in nats (N,)."""
        log_det = z.new_zeros(z.shape[0])
        for coupling, norm in self.steps():
            z, by_coupling = coupling.to_data(z)
            z, by_norm = norm.to_data(z)
            log_det = log_det + by_coupling + by_norm
        return z, log_det

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of data (N, D) in nats (N,): ``log N(z; 0, I) + log |det dz/dx|``."""
        z, log_det = self.to_noise(x)
        return standard_normal_log_prob(z) + log_det


def standard_normal_log_prob(z: Tensor) -> Tensor:
    """Log-density of N(0, I) at z (N, D) in nats (N,)."""
    return -0.5 * (z * z).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)
