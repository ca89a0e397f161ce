"""Glow for inference: the same map with fewer passes over memory.

The plan is made once from a trained flow, folded in float64:

* ActNorm of a step goes into its 1x1 convolution, whose inverse is computed once; both are one matrix product.
* ActNorm inside the coupling networks goes into their convolutions, with ReLU fused; ``exp(3 log_scale)`` and the 2 of
  ``sigmoid(h + 2)`` go into the last one.
* Pictures are channels-last, so that a pixel's channels are a row of a matrix and no layout is ever converted.
* A level works on as many pictures at a time as its activations fit into the processor's cache, in memory it keeps.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from latentstudio.nn.fused_level import FusedLevel, FusedStep
from latentstudio.nn.fused_net import FoldedConv, FusedNet
from latentstudio.nn.glow import GlowFlow, GlowLevel, GlowStep
from latentstudio.nn.glow_prior import ConditionalPrior
from latentstudio.nn.packed_conv import PackedConv

# A thread's share of the processor's last cache. Less saves misses, but brings more calls.
_CACHE_BYTES = 2**22


class FusedGlow:
    """A frozen float32 copy of a trained `GlowFlow`; later changes of the flow do not reach it. Safe between threads.

    Parameters
    ----------
    flow : the trained flow, on any device.
    dtype : of the coupling networks; bfloat16 on a GPU only. All else is float32.

    Raises
    ------
    UserError
        A 1x1 convolution is singular.
    """

    def __init__(self, flow: GlowFlow, dtype: torch.dtype = torch.float32) -> None:
        with torch.inference_mode():
            self._shape = flow.shape
            self._spans = list(flow.parts().values())
            self._levels = [
                _fold_level(level, flow.shape.level_shape(k), flow.shape.width, dtype)
                for k, level in enumerate(flow.flow_levels())
            ]

    def to_noise(self, x: Tensor) -> Tensor:
        """Map pictures (N, C, H, W) to noise (N, D)."""
        return self._to_noise(x, None)

    def to_noise_with_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pictures (N, C, H, W) to noise (N, D), with the log-determinant in nats, float64 (N,)."""
        log_det = x.new_zeros(len(x), dtype=torch.float64)
        return self._to_noise(x, log_det), log_det

    def to_data(self, noise: Tensor) -> Tensor:
        """Map noise (N, D) to pictures (N, C, H, W)."""
        return self._to_data(noise, None)

    def to_data_with_log_det(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Map noise (N, D) to pictures (N, C, H, W), with the log-determinant in nats, float64 (N,)."""
        log_det = noise.new_zeros(len(noise), dtype=torch.float64)
        return self._to_data(noise, log_det), log_det

    def _to_noise(self, x: Tensor, log_det: Tensor | None) -> Tensor:
        """Map towards noise; add the log-determinants to `log_det` (N,)."""
        noise = x.new_empty(len(x), self._spans[-1][1])
        with torch.inference_mode(), _exact_convolutions(x):
            pictures = x.permute(0, 2, 3, 1)
            for k, level in enumerate(self._levels):
                part = self._part(noise, k)
                kept = None if k == len(self._levels) - 1 else noise.new_empty(part.shape)
                level.to_noise(pictures, part, kept, log_det)
                pictures = part if kept is None else kept
        return noise

    def _to_data(self, noise: Tensor, log_det: Tensor | None) -> Tensor:
        """Map towards pictures; add the log-determinants to `log_det` (N,)."""
        answer = noise.new_empty(len(noise), *self._shape.image)
        with torch.inference_mode(), _exact_convolutions(noise):
            kept: Tensor | None = None
            for k, level in reversed(list(enumerate(self._levels))):
                if k:
                    channels, height, width = self._shape.level_shape(k)
                    pictures = noise.new_empty(len(noise), 2 * height, 2 * width, channels // 4)
                else:
                    pictures = answer.permute(0, 2, 3, 1)
                level.to_data(self._part(noise, k), kept, pictures, log_det)
                kept = pictures
        return answer

    def _part(self, noise: Tensor, level: int) -> Tensor:
        """View the noise of a level as (N, H, W, C)."""
        span = noise[:, slice(*self._spans[level])]
        return span.view(len(noise), *self._shape.noise_shape(level)).permute(0, 2, 3, 1)


def _exact_convolutions(like: Tensor) -> AbstractContextManager[Any]:
    """Keep a GPU from rounding the inputs of float32 convolutions to 10 bits, which it does unless told otherwise."""
    if like.device.type != "cuda":
        return nullcontext()
    now = torch.backends.cudnn
    context: AbstractContextManager[Any] = now.flags(
        enabled=now.enabled, benchmark=now.benchmark, deterministic=now.deterministic, allow_tf32=False
    )
    return context


def _fold_level(level: GlowLevel, shape: tuple[int, int, int], width: int, dtype: torch.dtype) -> FusedLevel:
    channels, height, length = shape
    picture = (height, length)
    steps = level.flow_steps()
    nats = sum(float(step.conv.log_scale.double().sum() - step.norm.log_scale.double().sum()) for step in steps)
    log_det = height * length * nats
    prior = level.typed_prior()
    scales = steps[0].norm.log_scale.detach()
    packed, mean, log_sd = None, scales.new_zeros(1, 1, 1), scales.new_zeros(1, 1, 1)
    if isinstance(prior, ConditionalPrior):
        packed = PackedConv(*FoldedConv.of_zero_conv(prior.conv), picture, edge_ones=prior.conv.edge == "ones")
    elif prior is not None:
        mean, log_sd = (tensor.detach().permute(1, 2, 0).contiguous() for tensor in prior(None))
        noise_channels = channels if level.is_top else channels // 2
        log_det -= float(log_sd.double().expand(height, length, noise_channels).sum())
    cache = _CACHE_BYTES * torch.get_num_threads() if scales.device.type == "cpu" else 2**30
    return FusedLevel(
        shape,
        tuple(_fold_step(step, picture, dtype) for step in steps),
        log_det,
        packed,
        mean.clone(),
        log_sd.clone(),
        prior.limit if isinstance(prior, ConditionalPrior) else 0.0,
        max(1, cache // (4 * height * length * max(width, channels))),
    )


def _fold_step(step: GlowStep, picture: tuple[int, int], dtype: torch.dtype) -> FusedStep:
    scale, shift = step.norm.log_scale.double().exp(), step.norm.shift.double()
    matrix = step.conv.matrix(torch.float64) / scale
    inverse = step.conv.inverse_matrix() * scale[:, None]
    coupling = step.coupling
    outputs = coupling.net.last.conv.out_channels
    factor, raised = shift.new_ones(outputs), shift.new_zeros(outputs)
    if coupling.coupling == "affine":
        raised[: outputs // 2] = 2
        factor[outputs // 2 :] = -1
    return FusedStep(
        forward=matrix.T.float().contiguous(),
        forward_shift=(-matrix @ shift).float(),
        backward=inverse.T.float().contiguous(),
        backward_shift=shift.float(),
        net=FusedNet(coupling.net, picture, factor, raised, dtype),
        affine=coupling.coupling == "affine",
        low=2 - coupling.limit,
        high=2 + coupling.limit,
    )
