"""Masked affine coupling of Real NVP.

Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", https://arxiv.org/abs/1605.08803
"""

import torch
from torch import Tensor, nn

from latentstudio.nn.mlp import Mlp


class MaskedAffineCoupling(nn.Module):
    """Every second dimension is scaled and shifted by amounts that the others decide.

    With c the kept dimensions and a the active ones, towards data ``a' = a * exp(s(c)) + t(c)``; the log-determinant is
    the sum of s. Towards noise the same is undone. The two networks see only what the mask lets through, so no weight
    is wasted on dimensions that a mask would set to zero.

    Parameters
    ----------
    size : dimensions D >= 2.
    hidden : width of the hidden layer of both networks.
    parity : 0 keeps the even dimensions and changes the odd ones; 1 the other way round.
    log_scale_bound : b > 0 gives ``s = b * tanh(.)``. Without a bound an input far from the data makes exp(s) overflow,
        and with it the density; None allows that for the study of this failure.
    """

    def __init__(self, size: int, hidden: int, parity: int, log_scale_bound: float | None) -> None:
        super().__init__()
        kept = len(range(parity, size, 2))
        self.parity = parity
        self.log_scale_bound = log_scale_bound
        self.scale_net = Mlp(kept, hidden, size - kept)
        self.shift_net = Mlp(kept, hidden, size - kept)

    def reset(self, generator: torch.Generator) -> None:
        """Draw untrained weights; the layer is the identity until it is trained."""
        self.scale_net.reset(generator)
        self.shift_net.reset(generator)

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, D) towards noise; the second value is the log-determinant in nats (N,)."""
        kept, active = self._split(x)
        log_scale = self._log_scale(kept)
        return self._join(kept, (active - self.shift_net(kept)) * torch.exp(-log_scale)), -log_scale.sum(1)

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, D) towards data; the second value is the log-determinant in nats (N,)."""
        kept, active = self._split(z)
        log_scale = self._log_scale(kept)
        return self._join(kept, active * torch.exp(log_scale) + self.shift_net(kept)), log_scale.sum(1)

    def _log_scale(self, kept: Tensor) -> Tensor:
        raw: Tensor = self.scale_net(kept)
        return raw if self.log_scale_bound is None else self.log_scale_bound * torch.tanh(raw)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, self.parity :: 2], x[:, 1 - self.parity :: 2]

    def _join(self, kept: Tensor, active: Tensor) -> Tensor:
        whole = active.new_empty(active.shape[0], kept.shape[1] + active.shape[1])
        whole[:, self.parity :: 2] = kept
        whole[:, 1 - self.parity :: 2] = active
        return whole
