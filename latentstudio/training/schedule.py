"""What a step of training is made of, from the recipe, the seed and the number of the step alone."""

import math

import numpy as np
import torch
from torch import Tensor

from latentstudio.training.recipe import Training

ORDER, NOISE, WEIGHTS = 0, 1, 2
"""Streams of random numbers: the order of batches, the noise of the loss, untrained weights."""


def generator(seed: int, stream: int, number: int) -> torch.Generator:
    """Return the generator of a stream's part `number`, on the CPU."""
    # torch's CPU generator looks at 32 bits of a seed only, so they have to be well mixed.
    mixed = int(np.random.SeedSequence([seed, stream, number]).generate_state(1)[0])
    return torch.Generator("cpu").manual_seed(mixed)


def learning_rate(training: Training, step: int) -> float:
    """Return the rate of the step that follows `step` finished ones; see `Training` for the schedules."""
    rate = training.learning_rate
    if training.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * step / training.steps))
    if training.schedule == "cooldown":
        return rate * min(1.0, 5 * (1 - step / training.steps))
    return rate


def batch_rows(count: int, batch: int, seed: int, step: int) -> Tensor | slice:
    """Return the rows, of `count`, of the batch after `step` finished ones; an epoch draws every row once at most."""
    if batch == count:
        return slice(None)
    epoch, position = divmod(step, count // batch)
    order = torch.randperm(count, generator=generator(seed, ORDER, epoch))
    return order[position * batch : (position + 1) * batch]
