"""Multilayer perceptron with one hidden layer."""

import math

import torch
from torch import Tensor, nn


class _SilentLinear(nn.Linear):
    """A linear layer that draws nothing from the global random state; `Mlp.reset` gives it its weights."""

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.weight.zero_()
            self.bias.zero_()


class Mlp(nn.Module):
    """Linear, ReLU, Linear.

    Parameters
    ----------
    inputs, hidden, outputs : sizes of the three layers. All weights are zero until `reset`.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first = _SilentLinear(inputs, hidden)
        self.last = _SilentLinear(hidden, outputs)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the first layer uniformly in +-1/sqrt(inputs); leave the last at zero, so that the output is zero."""
        bound = 1 / math.sqrt(self.first.in_features)
        with torch.no_grad():
            self.first.weight.uniform_(-bound, bound, generator=generator)
            self.first.bias.uniform_(-bound, bound, generator=generator)
            self.last.weight.zero_()
            self.last.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs) to (N, outputs)."""
        out: Tensor = self.last(torch.relu(self.first(x)))
        return out.to(x.dtype)  # autocast computes in a shorter type
