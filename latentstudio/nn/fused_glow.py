"""Glow for inference: the same map with fewer passes over memory.

The plan is made once from a trained flow, folded in float64:

* ActNorm of a step goes into its 1x1 convolution, whose inverse is computed once; both are one matrix product.
* ActNorm inside the coupling networks goes into their convolutions, with ReLU fused; ``exp(3 log_scale)`` and the 2 of
  ``sigmoid(h + 2)`` go into the last one.
* Pictures are channels-last, so that a pixel's channels are a row of a matrix and no layout is ever converted.
* A level works on as many pictures at a time as its activations fit into the processor's cache.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from latentstudio.nn.glow import GlowFlow, GlowLevel, GlowStep
from latentstudio.nn.glow_coupling import ZeroConv3x3
from latentstudio.nn.glow_prior import ConditionalPrior
from latentstudio.nn.image_actnorm import ImageActNorm
from latentstudio.nn.packed_conv import PackedConv

_CACHE_BYTES = 2**20


@dataclass(frozen=True)
class _Step:
    """One step of flow; pixels are rows, so matrices multiply from the right.

    Attributes
    ----------
    forward, forward_shift : (C, C) and (C,), ActNorm and 1x1 convolution towards noise.
    backward, backward_shift : their inverse.
    net : the convolutions of the coupling network; the output is (h + 2, t), or t alone.
    low, high : limits of h + 2.
    """

    forward: Tensor
    forward_shift: Tensor
    backward: Tensor
    backward_shift: Tensor
    net: tuple[PackedConv, PackedConv, PackedConv]
    affine: bool
    low: float
    high: float

    def to_noise(self, x: Tensor, picture: tuple[int, int], log_det: Tensor | None) -> Tensor:
        """Map pixels (P, C) towards noise; add this step's log-determinants to `log_det` (N,)."""
        x = torch.addmm(self.forward_shift, x, self.forward)
        half = x.shape[1] // 2
        active = x[:, half:]
        out = self._run_net(x[:, :half], picture)
        if not self.affine:
            active.add_(out)
            return x
        h = out[:, :half].clamp(self.low, self.high)
        if log_det is not None:
            log_det += functional.logsigmoid(h).view(len(log_det), -1).sum(1, dtype=torch.float64)
        active.add_(out[:, half:]).mul_(h.sigmoid_())
        return x

    def to_data(self, z: Tensor, picture: tuple[int, int], log_det: Tensor | None) -> Tensor:
        """Map pixels (P, C), which it overwrites, towards data; add the log-determinants to `log_det` (N,)."""
        half = z.shape[1] // 2
        active = z[:, half:]
        out = self._run_net(z[:, :half], picture)
        if self.affine:
            h = out[:, :half].clamp(self.low, self.high)
            if log_det is not None:
                log_det -= functional.logsigmoid(h).view(len(log_det), -1).sum(1, dtype=torch.float64)
            # 1 / sigmoid(h) = 1 + exp(-h)
            active.addcmul_(active, h.neg_().exp_()).sub_(out[:, half:])
        else:
            active.sub_(out)
        return torch.addmm(self.backward_shift, z, self.backward)

    def _run_net(self, kept: Tensor, picture: tuple[int, int]) -> Tensor:
        first, middle, last = self.net
        return _rows(last(middle(first(_pictures(kept.contiguous(), picture)))))


@dataclass(frozen=True)
class _Level:
    """One scale.

    Attributes
    ----------
    log_det : nats that are the same for every picture, towards noise.
    prior : convolution from the half that goes on to (mean, log_sd); None where they are fixed.
    mean, log_sd : fixed prior, (C, H or 1, W or 1).
    limit : largest magnitude of log_sd.
    at_a_time : pictures that fit into the cache.
    """

    steps: tuple[_Step, ...]
    log_det: float
    prior: PackedConv | None
    mean: Tensor
    log_sd: Tensor
    limit: float
    at_a_time: int

    def mean_and_log_sd(self, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.prior is None or kept is None:
            return self.mean, self.log_sd
        mean, log_sd = self.prior(kept).chunk(2, 1)
        return mean, log_sd.clamp(-self.limit, self.limit)


class FusedGlow:
    """A frozen float32 copy of a trained `GlowFlow`; later changes of the flow do not reach it. Safe between threads.

    Raises
    ------
    UserError
        A 1x1 convolution is singular.
    """

    def __init__(self, flow: GlowFlow) -> None:
        with torch.inference_mode():
            self._shape = flow.shape
            self._spans = list(flow.parts().values())
            self._levels = [
                _fold_level(level, flow.shape.level_shape(k), flow.shape.width)
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
        count = len(x)
        noise = x.new_empty(count, self._spans[-1][1])
        for k, level in enumerate(self._levels):
            x = functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
            x = self._run(level, x, log_det, to_data=False)
            kept, z = (None, x) if k == len(self._levels) - 1 else x.chunk(2, 1)
            mean, log_sd = level.mean_and_log_sd(kept)
            part = noise[:, slice(*self._spans[k])].view(z.shape)
            torch.sub(z, mean, out=part)
            part.mul_(log_sd.neg().exp_())
            if log_det is not None:
                log_det += level.log_det
                if level.prior is not None:
                    log_det -= log_sd.flatten(1).sum(1, dtype=torch.float64)
            x = x if kept is None else kept
        return noise

    def _to_data(self, noise: Tensor, log_det: Tensor | None) -> Tensor:
        """Map towards pictures; add the log-determinants to `log_det` (N,)."""
        count = len(noise)
        kept: Tensor | None = None
        for k, level in reversed(list(enumerate(self._levels))):
            part = noise[:, slice(*self._spans[k])].reshape(count, *self._shape.noise_shape(k))
            mean, log_sd = level.mean_and_log_sd(kept)
            z = part.mul(log_sd.exp()).add_(mean)
            if log_det is not None:
                log_det -= level.log_det
                if level.prior is not None:
                    log_det += log_sd.flatten(1).sum(1, dtype=torch.float64)
            z = z if kept is None else torch.cat([kept, z], 1)
            z = self._run(level, z.contiguous(memory_format=torch.channels_last), log_det, to_data=True)
            kept = functional.pixel_shuffle(z, 2).contiguous(memory_format=torch.channels_last)
        assert kept is not None
        return kept.contiguous()

    def _run(self, level: _Level, x: Tensor, log_det: Tensor | None, *, to_data: bool) -> Tensor:
        """Take channels-last pictures through the steps of a level."""
        picture = (x.shape[2], x.shape[3])
        answer = torch.empty_like(x)
        for start in range(0, len(x), level.at_a_time):
            part = slice(start, start + level.at_a_time)
            rows = _rows(x[part])
            total = None if log_det is None else log_det[part]
            for step in reversed(level.steps) if to_data else level.steps:
                rows = step.to_data(rows, picture, total) if to_data else step.to_noise(rows, picture, total)
            answer[part] = _pictures(rows, picture)
        return answer


def _rows(pictures: Tensor) -> Tensor:
    """View channels-last pictures (N, C, H, W) as pixels (N H W, C)."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, pictures.shape[1])


def _pictures(rows: Tensor, picture: tuple[int, int]) -> Tensor:
    """View pixels (N H W, C) as channels-last pictures (N, C, H, W)."""
    return rows.view(-1, *picture, rows.shape[1]).permute(0, 3, 1, 2)


def _fold_level(level: GlowLevel, shape: tuple[int, int, int], width: int) -> _Level:
    channels, height, length = shape
    steps = tuple(_fold_step(step, (height, length)) for step in level.flow_steps())
    log_det = (
        height
        * length
        * sum(
            float(step.conv.log_scale.double().sum() - step.norm.log_scale.double().sum())
            for step in level.flow_steps()
        )
    )
    prior = level.typed_prior()
    scales = level.flow_steps()[0].norm.log_scale.detach()
    packed, mean, log_sd = None, scales.new_zeros(1, 1, 1), scales.new_zeros(1, 1, 1)
    if isinstance(prior, ConditionalPrior):
        packed = _pack_zero_conv(prior.conv, (height, length), scales.new_zeros(1, dtype=torch.float64))
    elif prior is not None:
        mean, log_sd = (tensor.detach().clone() for tensor in prior(None))
        noise_channels = channels if level.is_top else channels // 2
        log_det -= float(log_sd.double().expand(noise_channels, height, length).sum())
    cache = _CACHE_BYTES * torch.get_num_threads() if scales.device.type == "cpu" else 2**30
    fitting = cache // (4 * height * length * max(width, channels))
    limit = prior.limit if isinstance(prior, ConditionalPrior) else 0.0
    return _Level(steps, log_det, packed, mean, log_sd, limit, max(1, fitting))


def _fold_step(step: GlowStep, picture: tuple[int, int]) -> _Step:
    scale, shift = step.norm.log_scale.double().exp(), step.norm.shift.double()
    matrix = step.conv.matrix(torch.float64) / scale
    inverse = step.conv.inverse_matrix() * scale[:, None]
    coupling, net = step.coupling, step.coupling.net
    affine = coupling.coupling == "affine"
    raised = shift.new_zeros(net.last.conv.out_channels)
    if affine:
        raised[: len(raised) // 2] = 2
    convolutions = (
        _pack_with_norm(net.first.weight, net.first_norm, picture),
        _pack_with_norm(net.middle.weight, net.middle_norm, picture),
        _pack_zero_conv(net.last, picture, raised),
    )
    return _Step(
        forward=matrix.T.float().contiguous(),
        forward_shift=(-matrix @ shift).float(),
        backward=inverse.T.float().contiguous(),
        backward_shift=shift.float(),
        net=convolutions,
        affine=affine,
        low=2 - coupling.limit,
        high=2 + coupling.limit,
    )


def _pack_with_norm(weight: Tensor, norm: ImageActNorm, picture: tuple[int, int]) -> PackedConv:
    scale = (-norm.log_scale.double()).exp()
    return PackedConv(weight.double() * scale[:, None, None, None], -norm.shift.double() * scale, picture, relu=True)


def _pack_zero_conv(conv: ZeroConv3x3, picture: tuple[int, int], raised: Tensor) -> PackedConv:
    """Fold ``exp(3 log_scale)`` in and add `raised` to the output."""
    assert conv.conv.bias is not None
    scale = (3 * conv.log_scale.double()).exp()
    weight, bias = conv.conv.weight.double() * scale[:, None, None, None], conv.conv.bias.double() * scale
    return PackedConv(weight, bias + raised, picture, edge_ones=conv.edge == "ones")
