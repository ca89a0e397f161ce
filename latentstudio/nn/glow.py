"""Glow: steps of ActNorm, invertible 1x1 convolution and coupling at several scales.

Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", https://arxiv.org/abs/1807.03039
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from latentstudio.nn.conv1x1 import InvertibleConv1x1
from latentstudio.nn.glow_coupling import ChannelCoupling, Coupling, Edge
from latentstudio.nn.glow_prior import Prior, PriorKind, build_prior, restore, standardise
from latentstudio.nn.image_actnorm import ImageActNorm


class GlowShape(NamedTuple):
    """What shapes a `GlowFlow`.

    Attributes
    ----------
    image : (C, H, W); H and W are divisible by 2 to the number of levels.
    levels, steps : L scales with K steps of flow each.
    width : channels inside the coupling networks.
    split_prior, top_prior : priors of what each level splits off and of what remains.
    edge : what the zero-initialised convolutions see beyond the border.
    limit : largest magnitude of h, see `glow_coupling`.
    prior_limit : largest magnitude of the log standard deviation of conditional priors.
    """

    image: tuple[int, int, int]
    levels: int
    steps: int
    width: int
    coupling: Coupling = "affine"
    split_prior: PriorKind = "conditional"
    top_prior: PriorKind = "channel"
    edge: Edge = "zeros"
    limit: float = 6.0
    prior_limit: float = 6.0

    def level_shape(self, level: int) -> tuple[int, int, int]:
        """Shape (C, H, W) inside level 0 to L - 1, after its squeeze."""
        channels, height, width = self.image
        return channels * 2 ** (level + 2), height >> (level + 1), width >> (level + 1)

    def noise_shape(self, level: int) -> tuple[int, int, int]:
        """Shape (C, H, W) of the noise that level 0 to L - 1 gives to the code."""
        channels, height, width = self.level_shape(level)
        return channels if level == self.levels - 1 else channels // 2, height, width


class GlowStep(nn.Module):
    """ActNorm, invertible 1x1 convolution, coupling; in this order towards noise."""

    def __init__(self, channels: int, shape: GlowShape) -> None:
        super().__init__()
        self.norm = ImageActNorm(channels)
        self.conv = InvertibleConv1x1(channels)
        self.coupling = ChannelCoupling(channels, shape.width, shape.coupling, shape.edge, shape.limit)

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards noise; the second value is the log-determinant in nats, float64 (N,)."""
        x, by_norm = self.norm.to_noise(x)
        x, by_conv = self.conv.to_noise(x)
        x, by_coupling = self.coupling.to_noise(x)
        return x, by_norm + by_conv + by_coupling

    def to_data(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards data; the second value is the log-determinant in nats, float64 (N,)."""
        z, by_coupling = self.coupling.to_data(z)
        z, by_conv = self.conv.to_data(z)
        z, by_norm = self.norm.to_data(z)
        return z, by_norm + by_conv + by_coupling


class GlowLevel(nn.Module):
    """K steps at one scale, and the prior of the noise that the level gives to the code."""

    def __init__(self, level: int, shape: GlowShape) -> None:
        super().__init__()
        channels = shape.level_shape(level)[0]
        self.is_top = level == shape.levels - 1
        self.steps = nn.ModuleList(GlowStep(channels, shape) for _ in range(shape.steps))
        kind = shape.top_prior if self.is_top else shape.split_prior
        self.prior = build_prior(kind, shape.noise_shape(level), shape.edge, shape.prior_limit)

    def flow_steps(self) -> list[GlowStep]:
        """The steps, in their order towards noise."""
        return [cast(GlowStep, step) for step in self.steps]

    def typed_prior(self) -> Prior | None:
        """The prior; None stands for N(0, I)."""
        return self.prior


class GlowFlow(nn.Module):
    """An invertible map between pictures (N, C, H, W) and standardised noise (N, D), D = C H W.

    The noise of level 1, the finest, comes first; the noise of a level is flattened in the order (C, H, W). Of the
    channels of a level the first half goes on to the next level, the second half is split off. A squeeze puts the
    pixels of a 2 x 2 block, row by row, next to each other in the channels.

    Attributes
    ----------
    checkpointing : in training, keep the pictures between the steps alone for the gradient, and compute the inside of a
        step a second time on the way back. Chen et al., "Training Deep Nets with Sublinear Memory Cost",
        https://arxiv.org/abs/1604.06174
    """

    def __init__(self, shape: GlowShape) -> None:
        super().__init__()
        self.shape = shape
        self.checkpointing = False
        self.levels = nn.ModuleList(GlowLevel(level, shape) for level in range(shape.levels))

    def flow_levels(self) -> list[GlowLevel]:
        """The levels, finest first."""
        return [cast(GlowLevel, level) for level in self.levels]

    def parts(self) -> dict[str, tuple[int, int]]:
        """Place (start, stop) of every level in the code, by the names level_1 to level_L."""
        parts, start = {}, 0
        for level in range(self.shape.levels):
            channels, height, width = self.shape.noise_shape(level)
            parts[f"level_{level + 1}"] = (start, start + channels * height * width)
            start += channels * height * width
        return parts

    def reset(self, generator: torch.Generator) -> None:
        """Draw untrained weights: rotations of channels, and couplings that do nothing but scale by sigmoid(2)."""
        for level in self.flow_levels():
            for step in level.flow_steps():
                step.conv.reset(generator)
                step.coupling.net.reset(generator)

    def to_noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pictures (N, C, H, W) to noise (N, D), with the log-determinant in nats, float64 (N,)."""
        log_det = x.new_zeros(len(x), dtype=torch.float64)
        noises = []
        for level in self.flow_levels():
            x = functional.pixel_unshuffle(x, 2)
            for step in level.flow_steps():
                x, by_step = self._step_to_noise(step, x)
                log_det = log_det + by_step
            kept, split = (None, x) if level.is_top else x.chunk(2, 1)
            noise, by_prior = standardise(level.typed_prior(), split, kept)
            log_det = log_det + by_prior
            noises.append(noise.flatten(1))
            x = x if kept is None else kept
        return torch.cat(noises, 1), log_det

    def to_data(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Map noise (N, D) to pictures (N, C, H, W), with the log-determinant in nats, float64 (N,)."""
        log_det = noise.new_zeros(len(noise), dtype=torch.float64)
        spans = list(self.parts().values())
        kept: Tensor | None = None
        for number, level in reversed(list(enumerate(self.flow_levels()))):
            part = noise[:, slice(*spans[number])].reshape(-1, *self.shape.noise_shape(number))
            z, by_prior = restore(level.typed_prior(), part, kept)
            log_det = log_det + by_prior
            z = z if kept is None else torch.cat([kept, z], 1)
            for step in reversed(level.flow_steps()):
                z, by_step = step.to_data(z)
                log_det = log_det + by_step
            kept = functional.pixel_shuffle(z, 2)
        assert kept is not None
        return kept, log_det

    def _step_to_noise(self, step: GlowStep, x: Tensor) -> tuple[Tensor, Tensor]:
        if not (self.checkpointing and self.training and torch.is_grad_enabled()):
            return step.to_noise(x)
        # A step draws no random numbers, so there is no random state to keep.
        answer: tuple[Tensor, Tensor] = checkpoint(step.to_noise, x, use_reentrant=False, preserve_rng_state=False)
        return answer
