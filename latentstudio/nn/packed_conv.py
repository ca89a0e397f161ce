"""Convolutions for inference on the CPU: weights laid out once, ReLU done while the result is in the registers."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Up to here a plain matrix product is faster than a 1x1 convolution, whose call alone takes some 25 us.
_FEW_PIXELS = 512


class PackedConv:
    """A convolution with stride 1 that keeps the size of its picture; pictures in and out are channels-last.

    Where torch was built with oneDNN, weights are kept in its own layout, which saves a reordering per call, and the
    ReLU is fused. Elsewhere the same is done by plain torch.

    Parameters
    ----------
    weight : float64 (outputs, inputs, k, k), k odd.
    bias : float64 (outputs,).
    picture : (height, width) that the layout is chosen for; other sizes work too.
    edge_ones : beyond the border are ones, not zeros.
    relu : follow with ``max(., 0)``.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, picture: tuple[int, int], *, edge_ones: bool = False, relu: bool = False
    ) -> None:
        self._relu = relu
        self._border = weight.shape[2] // 2 if edge_ones else 0
        self._padding = 0 if edge_ones else weight.shape[2] // 2
        self._bias = bias.float()
        self._matrix = weight[:, :, 0, 0].T.float().contiguous() if weight.shape[2] == 1 else None
        plain = weight.float().contiguous(memory_format=torch.channels_last)
        self._plain: Tensor | None = plain
        self._packed: Any = None
        self._operator: Any = None
        if plain.device.type == "cpu" and one_dnn():
            shape = [1, weight.shape[1], picture[0] + 2 * self._border, picture[1] + 2 * self._border]
            pad, one = [self._padding] * 2, [1, 1]
            self._packed = _reorder()(plain.to_mkldnn(), pad, one, one, 1, shape)
            self._operator = torch.ops.mkldnn._convolution_pointwise
            self._plain = None

    def __call__(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        if self._matrix is not None and x.shape[0] * x.shape[2] * x.shape[3] <= _FEW_PIXELS:
            rows = torch.addmm(self._bias, x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]), self._matrix)
            y = rows.view(len(x), x.shape[2], x.shape[3], -1).permute(0, 3, 1, 2)
            return y.relu_() if self._relu else y
        if self._border:
            x = functional.pad(x, (self._border,) * 4, value=1.0)
        if self._plain is None:
            pad, one = [self._padding] * 2, [1, 1]
            kind = "relu" if self._relu else "none"
            packed: Tensor = self._operator(x, self._packed, self._bias, pad, one, one, 1, kind, [], "")
            return packed
        y = functional.conv2d(x, self._plain, self._bias, padding=self._padding)
        return y.relu_() if self._relu else y


def one_dnn() -> bool:
    """Tell whether torch has the fused convolution of oneDNN."""
    return (
        bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and _reorder() is not None
    )


def _reorder() -> Any:
    return getattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", None)
