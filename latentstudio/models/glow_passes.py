"""Passes through a Glow: fused where nothing but the answer is wanted, plain where gradients are."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from latentstudio.nn.fused_glow import FusedGlow
from latentstudio.nn.glow import GlowFlow
from latentstudio.nn.glow_graphs import GraphedGlow


class GlowPasses:
    """Run a flow in either direction. A fused copy is made at the first need, and again when a weight has changed.

    Parameters
    ----------
    at_once : pictures that a pass of the plain flow takes at a time.

    Attributes
    ----------
    gpu_dtype : of the coupling networks on a GPU. With bfloat16 they are faster and answers are those of the plain flow
        to some three digits only; the processor always computes in float32.
    """

    def __init__(self, flow: GlowFlow, at_once: int) -> None:
        self._flow = flow
        self._at_once = at_once
        self.gpu_dtype = torch.float32
        self._fused: tuple[tuple[int, torch.dtype], FusedGlow | GraphedGlow] | None = None
        # Tensors whose changes make the copy out of date; gathering them takes as long as decoding a small picture.
        self._watched: tuple[Tensor, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the fused flow out of copies; it is made again when it is wanted."""
        return {**self.__dict__, "_fused": None, "_watched": ()}

    def forget(self) -> None:
        """Drop the fused flow: tensors have been replaced by others."""
        self._fused = None
        self._watched = ()

    def to_noise(self, v: Tensor) -> Tensor:
        """Map pictures (N, C, H, W) to noise (N, D)."""
        plan = self._plan(v)
        return self._in_parts(self._flow.to_noise, v)[0] if plan is None else plan.to_noise(v)

    def to_noise_with_log_det(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Map pictures (N, C, H, W) to noise (N, D), with the log-determinant in nats, float64 (N,)."""
        plan = self._plan(v)
        return self._in_parts(self._flow.to_noise, v) if plan is None else plan.to_noise_with_log_det(v)

    def to_data(self, noise: Tensor) -> Tensor:
        """Map noise (N, D) to pictures (N, C, H, W)."""
        plan = self._plan(noise)
        data = self._in_parts(self._flow.to_data, noise)[0] if plan is None else plan.to_data(noise)
        return data.view(-1, *self._flow.shape.image)

    def to_data_with_log_det(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Map noise (N, D) to pictures (N, C, H, W), with the log-determinant in nats, float64 (N,)."""
        plan = self._plan(noise)
        found = self._in_parts(self._flow.to_data, noise) if plan is None else plan.to_data_with_log_det(noise)
        return found[0].view(-1, *self._flow.shape.image), found[1]

    def mend(self, answer: Tensor, inputs: Tensor, again: Callable[[GlowFlow, Tensor], Tensor]) -> Tensor:
        """Compute in float64 the rows of `answer` (N,) that are not finite: float32 overflows far from the data."""
        bad = ~torch.isfinite(answer)
        if inputs.dtype == torch.float32 and bool(bad.any()):
            answer = answer.clone()
            answer[bad] = again(deepcopy(self._flow).double(), inputs[bad].double())
        return answer

    def _in_parts(self, work: Callable[[Tensor], tuple[Tensor, Tensor]], rows: Tensor) -> tuple[Tensor, Tensor]:
        if not len(rows):
            return rows.flatten(1), rows.new_zeros(0, dtype=torch.float64)
        answers = [work(rows[start : start + self._at_once]) for start in range(0, len(rows), self._at_once)]
        return torch.cat([a for a, _ in answers]), torch.cat([b for _, b in answers])

    def _plan(self, rows: Tensor) -> FusedGlow | GraphedGlow | None:
        """Return the fused flow, or None where the plain one must run: training, gradients, another type or device."""
        first = next(self._flow.parameters())
        usable = first.device.type in ("cpu", "cuda") and first.dtype == rows.dtype == torch.float32
        if self._flow.training or torch.is_grad_enabled() or not usable or not len(rows):
            return None
        if not self._watched:
            tensors = self._flow.state_dict(keep_vars=True).values()
            self._watched = tuple(tensor for tensor in tensors if not tensor.is_inference())
        version = (sum(tensor._version for tensor in self._watched), self.gpu_dtype)
        if self._fused is None or self._fused[0] != version:
            on_gpu = first.device.type == "cuda"
            fused = FusedGlow(self._flow, self.gpu_dtype if on_gpu else torch.float32)
            self._fused = (version, GraphedGlow(fused) if on_gpu else fused)
        return self._fused[1]
