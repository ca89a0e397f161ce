"""AdamW, and what it remembers between steps.

Loshchilov and Hutter, "Decoupled Weight Decay Regularization", https://arxiv.org/abs/1711.05101
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

from latentstudio.training.recipe import Training


def adamw(parameters: Iterable[nn.Parameter], training: Training) -> torch.optim.AdamW:
    """Return the optimiser of a recipe; the weight decay acts on matrices, not on vectors."""
    every = list(parameters)
    matrices, others = [p for p in every if p.ndim >= 2], [p for p in every if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=training.learning_rate,
        fused=True,
    )
    # The fused kernels do not count their changes, and a model would go on with what it prepared from older weights.
    optimiser.register_step_post_hook(lambda *_: increment_version(every))
    return optimiser


def slots(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the tensors that the optimiser remembers, by number of the parameter and name: ``3.exp_avg``."""
    state = optimiser.state_dict()["state"]
    return {f"{index}.{slot}": tensor for index, kept in state.items() for slot, tensor in kept.items()}


def restore_slots(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser back its `slots`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, slot = name.split(".", 1)
        state.setdefault(int(index), {})[slot] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
