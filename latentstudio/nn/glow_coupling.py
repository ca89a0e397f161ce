"""The coupling of Glow: half of the channels decide how the other half is shifted and scaled.

Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039

The formula is that of the authors' code, not of the paper's table. Towards noise, with x1 the first half, x2 the
second, and (h, t) = net(x1):

    affine    y2 = (x2 + t) * sigmoid(h + 2)      log |det| = sum log sigmoid(h + 2)
    additive  y2 = x2 + t                         log |det| = 0

At the start of training the network gives zeros, and the scale is sigmoid(2) = 0.88. h is limited to +-`limit`, since a
scale near zero makes the inverse explode.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentstudio.nn.image_actnorm import ImageActNorm

Coupling = Literal["affine", "additive"]
Edge = Literal["zeros", "ones"]


class SilentConv2d(nn.Conv2d):
    """A convolution that draws nothing from the global random state; its weights are zero until someone sets them."""

    def reset_parameters(self) -> None:
        """Set weights and bias to zero."""
        with torch.no_grad():
            self.weight.zero_()
            if self.bias is not None:
                self.bias.zero_()


class ZeroConv3x3(nn.Module):
    """A 3x3 convolution that starts as zero, its output multiplied by ``exp(3 * log_scale)`` per channel.

    Parameters
    ----------
    edge : what is beyond the border of the picture. With ones the network can tell where the border is.
    """

    def __init__(self, inputs: int, outputs: int, edge: Edge = "zeros") -> None:
        super().__init__()
        self.edge = edge
        self.conv = SilentConv2d(inputs, outputs, 3, padding=1 if edge == "zeros" else 0)
        self.log_scale = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        out: Tensor = self.conv(x if self.edge == "zeros" else functional.pad(x, (1, 1, 1, 1), value=1.0))
        return out * torch.exp(3 * self.log_scale)[:, None, None]


class CouplingNet(nn.Module):
    """Convolution 3x3, ActNorm, ReLU, convolution 1x1, ActNorm, ReLU, `ZeroConv3x3`.

    Parameters
    ----------
    inputs, width, outputs : channels.
    """

    def __init__(self, inputs: int, width: int, outputs: int, edge: Edge) -> None:
        super().__init__()
        self.first = SilentConv2d(inputs, width, 3, padding=1, bias=False)
        self.first_norm = ImageActNorm(width)
        self.middle = SilentConv2d(width, width, 1, bias=False)
        self.middle_norm = ImageActNorm(width)
        self.last = ZeroConv3x3(width, outputs, edge)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights of the first two convolutions from N(0, 0.05^2)."""
        with torch.no_grad():
            self.first.weight.normal_(0, 0.05, generator=generator)
            self.middle.weight.normal_(0, 0.05, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        h = torch.relu_(_normed(self.first, self.first_norm, x.contiguous(memory_format=torch.channels_last)))
        h = torch.relu_(_normed(self.middle, self.middle_norm, h))
        out: Tensor = self.last(h)
        return out.to(x.dtype).contiguous()  # autocast computes in a shorter type


def _normed(conv: nn.Conv2d, norm: ImageActNorm, x: Tensor) -> Tensor:
    """Convolve, then normalise. Once the norm is set it is folded into the weights, which saves passes over memory."""
    if norm.training and not bool(norm.initialised):
        norm.initialise(conv(x))
    scale = torch.exp(-norm.log_scale)
    weight = conv.weight * scale[:, None, None, None]
    return functional.conv2d(x, weight, -norm.shift * scale, padding=conv.padding)


class ChannelCoupling(nn.Module):
    """See the module's text.

    Parameters
    ----------
    channels : C, even.
    width : channels inside the network.
    limit : largest magnitude of h.
    """

    def __init__(self, channels: int, width: int, coupling: Coupling, edge: Edge, limit: float) -> None:
        super().__init__()
        self.coupling = coupling
        self.limit = limit
        half = channels // 2
        self.net = CouplingNet(half, width, channels if coupling == "affine" else half, edge)

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards noise; the second value is the log-determinant in nats, float64 (N,)."""
        kept, active = x.chunk(2, 1)
        log_scale, shift = self._parameters_for(kept)
        active = active + shift
        if log_scale is None:
            return torch.cat([kept, active], 1), x.new_zeros(len(x), dtype=torch.float64)
        return torch.cat([kept, active * torch.exp(log_scale)], 1), log_scale.double().sum((1, 2, 3))

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards data; the second value is the log-determinant in nats, float64 (N,)."""
        kept, active = z.chunk(2, 1)
        log_scale, shift = self._parameters_for(kept)
        if log_scale is None:
            return torch.cat([kept, active - shift], 1), z.new_zeros(len(z), dtype=torch.float64)
        return torch.cat([kept, active * torch.exp(-log_scale) - shift], 1), -log_scale.double().sum((1, 2, 3))

    def _parameters_for(self, kept: Tensor) -> tuple[Tensor | None, Tensor]:
        """Return the logarithm of the scale, None where there is none, and the shift."""
        out: Tensor = self.net(kept)
        if self.coupling == "additive":
            return None, out
        h, shift = out.chunk(2, 1)
        return functional.logsigmoid(h.clamp(-self.limit, self.limit) + 2), shift
