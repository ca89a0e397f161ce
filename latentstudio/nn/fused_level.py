"""One level of a Glow for inference: squeeze, steps and prior on pixels that are rows of a matrix.

All work is done in memory that is taken once per number of pictures and used again. A pass writes its answers into
tensors that the caller gives, so that no answer shares memory with it.
"""

from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor
from torch.nn import functional

from latentstudio.nn.fused_net import FusedNet, NetRoom
from latentstudio.nn.packed_conv import PackedConv

# Rooms that a level keeps for numbers of pictures seen before.
_ROOMS = 4


@dataclass(frozen=True)
class FusedStep:
    """One step of flow; pixels are rows, so matrices multiply from the right.

    Attributes
    ----------
    forward, forward_shift : (C, C) and (C,), ActNorm and 1x1 convolution towards noise.
    backward, backward_shift : their inverse.
    net : the coupling network; its output is (h + 2, -t), or t alone in an additive coupling.
    low, high : limits of h + 2.
    """

    forward: Tensor
    forward_shift: Tensor
    backward: Tensor
    backward_shift: Tensor
    net: FusedNet
    affine: bool
    low: float
    high: float

    def to_noise(self, now: "_Pixels", then: "_Pixels", room: "_Room", log_det: Tensor | None) -> None:
        """Take the pixels `now` towards noise, into `then`; add this step's log-determinants to `log_det` (N,)."""
        torch.addmm(self.forward_shift, now.rows, self.forward, out=then.rows)
        out = self.net(then.kept, room.net)
        if not self.affine:
            then.active.add_(out)
            return
        scale, minus_shift = self._scale_and_shift(out, room)
        if log_det is not None:
            log_det += functional.logsigmoid(scale).view(len(log_det), -1).sum(1, dtype=torch.float64)
        then.active.sub_(minus_shift).mul_(scale.sigmoid_())

    def to_data(self, now: "_Pixels", then: "_Pixels", room: "_Room", log_det: Tensor | None) -> None:
        """Take the pixels `now`, which it overwrites, towards data, into `then`; add to log-determinants (n,)."""
        out = self.net(now.kept, room.net)
        if self.affine:
            scale, minus_shift = self._scale_and_shift(out, room)
            if log_det is not None:
                log_det -= functional.logsigmoid(scale).view(len(log_det), -1).sum(1, dtype=torch.float64)
            torch.addcdiv(minus_shift, now.active, scale.sigmoid_(), out=now.active)
        else:
            now.active.sub_(out)
        torch.addmm(self.backward_shift, now.rows, self.backward, out=then.rows)

    def _scale_and_shift(self, out: Tensor, room: "_Room") -> tuple[Tensor, Tensor]:
        """Return h + 2 within its limits, in memory of its own without gaps, and -t."""
        half = room.scale.shape[1]
        torch.clamp(out[:, :half], self.low, self.high, out=room.scale)
        return room.scale, out[:, half:]


class _Pixels:
    """Pictures (N, H, W, C) and ways to look at them: all rows, the kept half, the rows of the active half."""

    def __init__(self, pictures: Tensor) -> None:
        half = pictures.shape[3] // 2
        self.pictures = pictures
        self.rows = pictures.view(-1, 2 * half)
        self.kept = pictures[..., :half]
        self.active = self.rows[:, half:]


@dataclass(frozen=True)
class _Room:
    """Memory of a level for some number of pictures: pixels before and after a step, scales (N H W, C / 2), network."""

    pixels: tuple[_Pixels, _Pixels]
    scale: Tensor
    net: NetRoom


class FusedLevel:
    """One scale. Safe between threads.

    Parameters
    ----------
    shape : (C, H, W) inside the level.
    steps : in their order towards noise.
    log_det : nats that are the same for every picture, towards noise.
    prior : convolution from the half that goes on to (mean, log_sd); None where they are fixed.
    mean, log_sd : fixed prior, (H or 1, W or 1, C or 1).
    limit : largest magnitude of the log_sd of `prior`.
    at_a_time : pictures whose activations fit into the cache.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        steps: tuple[FusedStep, ...],
        log_det: float,
        prior: PackedConv | None,
        mean: Tensor,
        log_sd: Tensor,
        limit: float,
        at_a_time: int,
    ) -> None:
        self._shape = shape
        self._steps = steps
        self._log_det = log_det
        self._prior = prior
        self._mean, self._log_sd, self._limit = mean, log_sd, limit
        self._at_a_time = at_a_time
        self._rooms: dict[int, _Room] = {}
        self._lock = Lock()

    def to_noise(self, pictures: Tensor, noise: Tensor, kept: Tensor | None, log_det: Tensor | None) -> None:
        """Take pictures (N, 2 H, 2 W, C / 4) towards noise, written to `noise` (N, H, W, C or C / 2).

        Parameters
        ----------
        kept : is given the half that goes on, (N, H, W, C / 2); None at the top.
        log_det : (N,) float64, to which the log-determinants in nats are added; None where they are not wanted.
        """
        for part in self._parts(len(noise)):
            total = None if log_det is None else log_det[part]
            room = self._take_room(len(noise[part]), noise)
            now, then = room.pixels
            squeezed = functional.pixel_unshuffle(pictures[part].permute(0, 3, 1, 2), 2)
            now.pictures.copy_(squeezed.permute(0, 2, 3, 1))
            for step in self._steps:
                step.to_noise(now, then, room, total)
                now, then = then, now
            mean, log_sd = self._mean_and_log_sd(None if kept is None else kept[part].copy_(now.kept))
            split = now.pictures if kept is None else now.pictures[..., now.kept.shape[3] :]
            torch.sub(split, mean, out=noise[part]).mul_(log_sd.neg().exp_())
            if total is not None:
                total += self._log_det
                if self._prior is not None:
                    total -= log_sd.flatten(1).sum(1, dtype=torch.float64)
            self._give_room(len(noise[part]), room)

    def to_data(self, noise: Tensor, kept: Tensor | None, pictures: Tensor, log_det: Tensor | None) -> None:
        """Take noise (N, H, W, C or C / 2) towards data, written to `pictures` (N, 2 H, 2 W, C / 4).

        Parameters
        ----------
        kept : (N, H, W, C / 2), what the next level made; None at the top.
        log_det : as in `to_noise`, here of the other direction.
        """
        for part in self._parts(len(noise)):
            total = None if log_det is None else log_det[part]
            room = self._take_room(len(noise[part]), noise)
            now, then = room.pixels
            mean, log_sd = self._mean_and_log_sd(None if kept is None else kept[part])
            split = now.pictures
            if kept is not None:
                now.kept.copy_(kept[part])
                split = split[..., now.kept.shape[3] :]
            torch.mul(noise[part], log_sd.exp(), out=split).add_(mean)
            if total is not None:
                total -= self._log_det
                if self._prior is not None:
                    total += log_sd.flatten(1).sum(1, dtype=torch.float64)
            for step in reversed(self._steps):
                step.to_data(now, then, room, total)
                now, then = then, now
            _squares(pictures[part]).copy_(now.pictures.view(*now.pictures.shape[:3], -1, 2, 2))
            self._give_room(len(noise[part]), room)

    def _parts(self, count: int) -> list[slice]:
        """Cut `count` pictures into runs of nearly the same length that fit into the cache."""
        runs = -(-count // self._at_a_time)
        return [slice(count * k // runs, count * (k + 1) // runs) for k in range(runs)]

    def _mean_and_log_sd(self, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        if self._prior is None or kept is None:
            return self._mean, self._log_sd
        mean, log_sd = self._prior(kept.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).chunk(2, 3)
        return mean, log_sd.clamp(-self._limit, self._limit)

    def _take_room(self, count: int, like: Tensor) -> _Room:
        with self._lock:
            room = self._rooms.pop(count, None)
        if room is not None:
            return room
        channels, height, width = self._shape
        pixels = tuple(_Pixels(like.new_empty(count, height, width, channels)) for _ in range(2))
        scale = like.new_empty(count * height * width, channels // 2)
        return _Room((pixels[0], pixels[1]), scale, self._steps[0].net.room(count, like))

    def _give_room(self, count: int, room: _Room) -> None:
        if room.scale.device.type != "cpu":
            return  # torch keeps memory of the GPU itself, and a recorded graph must own what it uses
        with self._lock:
            self._rooms[count] = room
            if len(self._rooms) > _ROOMS:
                del self._rooms[next(iter(self._rooms))]


def _squares(pictures: Tensor) -> Tensor:
    """View pictures (N, 2 H, 2 W, C), possibly with gaps, as (N, H, W, C, 2, 2), the order of squeezed channels."""
    count, height, width, channels = pictures.shape
    return pictures.view(count, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 5, 2, 4)
