"""The Gaussian priors of a multi-scale flow: what a level splits off, and what remains at the top.

Every prior gives a mean and a log standard deviation; the flow's code is the standardised noise
``(z - mean) * exp(-log_sd)``, for which the prior is N(0, I).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from latentstudio.nn.glow_coupling import Edge, ZeroConv3x3

PriorKind = Literal["conditional", "channel", "pixel", "none"]


class ConditionalPrior(nn.Module):
    """Mean and log standard deviation from the half that goes on, by a convolution that starts as zero.

    Parameters
    ----------
    channels : of the half that goes on, which are those of the half that is split off.
    limit : largest magnitude of log_sd. Far from the data the convolution extrapolates; with a tiny standard deviation
        no float32 picture could hold the noise any more.
    """

    def __init__(self, channels: int, edge: Edge, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.conv = ZeroConv3x3(channels, 2 * channels, edge)

    def forward(self, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation, each (N, C, H, W)."""
        assert kept is not None
        with torch.autocast(kept.device.type, enabled=False):
            mean, log_sd = self.conv(kept).chunk(2, 1)
        return mean, log_sd.clamp(-self.limit, self.limit)


class FixedPrior(nn.Module):
    """Learned mean and log standard deviation that depend on no other part of the code.

    Parameters
    ----------
    shape : (C, 1, 1), the same at every pixel, or (C, H, W).
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(shape))
        self.log_sd = nn.Parameter(torch.zeros(shape))

    def forward(self, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation, each of the shape given."""
        return self.mean, self.log_sd


Prior = ConditionalPrior | FixedPrior


def build_prior(kind: PriorKind, shape: tuple[int, int, int], edge: Edge, limit: float) -> Prior | None:
    """Return a prior for z of `shape` (C, H, W), or None for N(0, I)."""
    if kind == "conditional":
        return ConditionalPrior(shape[0], edge, limit)
    if kind == "none":
        return None
    return FixedPrior(shape if kind == "pixel" else (shape[0], 1, 1))


def standardise(prior: Prior | None, z: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
    """Turn z (N, C, H, W) into standardised noise; the second value is the log-determinant, float64 (N,)."""
    if prior is None:
        return z, z.new_zeros(len(z), dtype=torch.float64)
    mean, log_sd = prior(kept)
    return (z - mean) * torch.exp(-log_sd), -log_sd.expand(z.shape).double().sum((1, 2, 3))


def restore(prior: Prior | None, noise: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
    """Turn standardised noise (N, C, H, W) into z; the second value is the log-determinant, float64 (N,)."""
    if prior is None:
        return noise, noise.new_zeros(len(noise), dtype=torch.float64)
    mean, log_sd = prior(kept)
    return noise * torch.exp(log_sd) + mean, log_sd.expand(noise.shape).double().sum((1, 2, 3))
