"""ActNorm for pictures: one scale and one shift per channel, set by the first batch.

Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039
"""

import torch
from torch import Tensor, nn


class ImageActNorm(nn.Module):
    """Towards noise ``z = (x - shift) * exp(-log_scale)``; towards data ``x = z * exp(log_scale) + shift``.

    The first batch that runs towards noise in training mode sets shift and scale so that every channel of its output
    has mean 0 and standard deviation 1. The buffer `initialised` is saved with the weights: a loaded layer keeps them.

    Parameters
    ----------
    channels : C.
    """

    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.uint8))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set shift and scale from a batch (N, C, H, W) at the layer's data side; later calls do nothing."""
        if bool(self.initialised):
            return
        self.shift.copy_(x.mean((0, 2, 3)))
        self.log_scale.copy_((x.std((0, 2, 3)) + 1e-6).log())
        self.initialised.fill_(1)

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards noise; the second value is the log-determinant in nats, the same for all images."""
        if self.training and not bool(self.initialised):
            self.initialise(x)
        z = (x - self.shift[:, None, None]) * torch.exp(-self.log_scale)[:, None, None]
        return z, -x.shape[2] * x.shape[3] * self.log_scale.double().sum()

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards data; the second value is the log-determinant in nats, the same for all images."""
        x = z * torch.exp(self.log_scale)[:, None, None] + self.shift[:, None, None]
        return x, z.shape[2] * z.shape[3] * self.log_scale.double().sum()
