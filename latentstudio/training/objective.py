"""What a model family offers to the training loop."""

from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Trainable(Protocol):
    """A network that the loop can train. The loop knows nothing else of a family.

    Attributes
    ----------
    objective_type : msgspec structure of the options that a recipe's ``[objective]`` may hold.
    """

    objective_type: ClassVar[Any]

    def reset(self, generator: torch.Generator) -> None:
        """Draw untrained weights."""
        ...

    def fit_preprocessing(self, images: Tensor) -> None:
        """Fit what is not learned by gradients, to training images (N, C, H, W) in [-1, 1]."""
        ...

    def training_inputs(self, images: Tensor) -> Tensor:
        """Return what the loop draws batches from, (N, ...), computed once."""
        ...

    def initialise(self, inputs: Tensor) -> None:
        """Set what depends on the data before the first step."""
        ...

    def loss(self, inputs: Tensor, objective: Any, generator: torch.Generator) -> Tensor:
        """Return the training loss of a batch, a scalar with gradient; all randomness comes from `generator`."""
        ...

    def input_log_prob(self, inputs: Tensor) -> Tensor:
        """Return the log-density of inputs in nats, float64 (N,)."""
        ...
