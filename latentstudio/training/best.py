"""The best weights of a run, chosen by one half of the held-out images."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latentstudio.training.schedule import ORDER, generator


class Best:
    """The weights with the lowest mean negative log-density so far.

    Attributes
    ----------
    weights : by name of the parameter; empty before the first comparison.
    step : after which they were so.
    since : comparisons since then.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}
        self.step = 0
        self.since = 0
        self._value = math.inf

    def compare(self, value: float, step: int, parameters: Mapping[str, Tensor]) -> None:
        """Take the parameters if `value`, in nats, is lower than all before."""
        if value < self._value:
            self._value, self.step, self.since = value, step, 0
            self.weights = {name: p.detach().clone() for name, p in parameters.items()}
        else:
            self.since += 1

    def values(self) -> dict[str, Any]:
        """Return what `restore` needs besides the weights, as plain values."""
        return {
            "best_step": self.step,
            "best_value": self._value if math.isfinite(self._value) else None,
            "since_best": self.since,
        }

    def restore(self, weights: dict[str, Tensor], values: Mapping[str, Any]) -> None:
        """Continue from the weights and `values` of an earlier run."""
        self.weights = weights
        self.step, self.since = int(values["best_step"]), int(values["since_best"])
        self._value = math.inf if values["best_value"] is None else float(values["best_value"])


def half(count: int, seed: int) -> Tensor:
    """Draw one half of `count` images, bool (count,)."""
    mask = torch.zeros(count, dtype=torch.bool)
    order = torch.randperm(count, generator=generator(seed, ORDER, 2**31))
    mask[order[: (count + 1) // 2]] = True
    return mask
