"""ActNorm: one scale and one shift per dimension, set by the first batch.

Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039
"""

import torch
from torch import Tensor, nn


class ActNorm(nn.Module):
    """Towards noise ``z = (x - shift) * exp(-log_scale)``; towards data ``x = z * exp(log_scale) + shift``.

    The first batch that runs towards noise in training mode sets shift and scale so that every dimension of its output
    has mean 0 and standard deviation 1. The buffer `initialised` is saved with the weights: a loaded layer keeps them.

    Parameters
    ----------
    size : dimensions D.
    """

    initialised: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(size))
        self.shift = nn.Parameter(torch.zeros(size))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.uint8))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set shift and scale from a batch (N, D) at the layer's data side, N >= 2; later calls do nothing."""
        if bool(self.initialised):
            return
        self.shift.copy_(x.mean(0))
        self.log_scale.copy_((x.std(0) + 1e-6).log())
        self.initialised.fill_(1)

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, D) towards noise; the second value is the log-determinant in nats, one number for all rows."""
        if self.training and not bool(self.initialised):
            self.initialise(x)
        return (x - self.shift) * torch.exp(-self.log_scale), -self.log_scale.sum()

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, D) towards data; the second value is the log-determinant in nats, one number for all rows."""
        return z * torch.exp(self.log_scale) + self.shift, self.log_scale.sum()
