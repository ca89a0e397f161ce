"""What a model family offers to the training loop."""

from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from latentstudio.nn.noise import Noise


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

    def loss(self, inputs: Tensor, objective: Any, noise: Noise) -> Tensor:
        """Return the mean training loss of inputs, a scalar with gradient; all randomness comes from `noise`.

        The inputs may be a part of the batch; the parts' means, weighted by their sizes, give that of the batch.
        """
        ...

    def input_log_prob(self, inputs: Tensor) -> Tensor:
        """Return the log-density of inputs in nats, float64 (N,)."""
        ...


@runtime_checkable
class Checkpointing(Protocol):
    """A network that can save memory in training by computing parts of itself twice."""

    def set_checkpointing(self, on: bool) -> None:
        """Turn gradient checkpointing on or off; gradients are the same."""
        ...
