"""Recorded passes of a fused Glow on a GPU.

A pass is some hundreds of small kernels, and at the sizes of a strip of pictures the processor takes longer to start
them than the GPU to run them. A CUDA graph starts all of them at once. It works on fixed memory and for one number of
pictures, so passes are recorded for the numbers in use, and the least recently used one is dropped.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latentstudio.nn.fused_glow import FusedGlow

Pass = Callable[[Tensor], Any]

# More pictures than this keep the GPU busy without a graph.
_MOST_PICTURES = 64
_MOST_GRAPHS = 8


class _Recorded(NamedTuple):
    """A graph with its input and its outputs, all in memory of its own."""

    graph: Any
    rows: Tensor
    answers: tuple[Tensor, ...]


class GraphedGlow:
    """A `FusedGlow` on a GPU that repeats recorded passes; the same methods and answers. Safe between threads.

    Parameters
    ----------
    fused : the flow, made from weights on a GPU.
    """

    def __init__(self, fused: FusedGlow) -> None:
        self._fused = fused
        self._recorded: OrderedDict[tuple[str, int], _Recorded] = OrderedDict()
        self._lock = Lock()

    def to_noise(self, x: Tensor) -> Tensor:
        """Map pictures (N, C, H, W) to noise (N, D)."""
        return self._run("to_noise", self._fused.to_noise, x)[0]

    def to_noise_with_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pictures (N, C, H, W) to noise (N, D), with the log-determinant in nats, float64 (N,)."""
        noise, log_det = self._run("to_noise_with_log_det", self._fused.to_noise_with_log_det, x)
        return noise, log_det

    def to_data(self, noise: Tensor) -> Tensor:
        """Map noise (N, D) to pictures (N, C, H, W)."""
        return self._run("to_data", self._fused.to_data, noise)[0]

    def to_data_with_log_det(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Map noise (N, D) to pictures (N, C, H, W), with the log-determinant in nats, float64 (N,)."""
        pictures, log_det = self._run("to_data_with_log_det", self._fused.to_data_with_log_det, noise)
        return pictures, log_det

    def _run(self, name: str, work: Pass, rows: Tensor) -> tuple[Tensor, ...]:
        """Return the answers of `work` at `rows`, in memory that no later call touches."""
        if len(rows) > _MOST_PICTURES:
            return _as_tuple(work(rows))
        with self._lock:
            recorded = self._recorded.get((name, len(rows)))
            if recorded is None:
                recorded = _record(work, rows)
                self._recorded[name, len(rows)] = recorded
                if len(self._recorded) > _MOST_GRAPHS:
                    self._recorded.popitem(last=False)
            self._recorded.move_to_end((name, len(rows)))
            with torch.inference_mode():
                recorded.rows.copy_(rows)
            recorded.graph.replay()
            return tuple(answer.clone() for answer in recorded.answers)


def _record(work: Pass, rows: Tensor) -> _Recorded:
    """Record `work` for as many pictures as `rows` has."""
    with torch.inference_mode(), torch.cuda.device(rows.device):
        fixed = rows.clone(memory_format=torch.contiguous_format)
        # A few passes beforehand, on a stream of their own, let the libraries choose kernels and take their memory.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                work(fixed)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answers = _as_tuple(work(fixed))
    return _Recorded(graph, fixed, answers)


def _as_tuple(answers: Any) -> tuple[Tensor, ...]:
    return answers if isinstance(answers, tuple) else (answers,)
