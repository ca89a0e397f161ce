"""Convolutions for inference: weights laid out once, ReLU done while the result is in the registers.

Pictures are channels-last. A pixel's channels are then a row of a matrix, and a 1x1 convolution is a matrix product. On
the CPU a 3x3 convolution to few channels is one, too: its nine taps are outputs of one product, each then moved by a
pixel and added up. The convolution kernels of oneDNN fill their registers with 16 outputs even where a coupling wants
four, and take some 20 us before they start.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Up to so many multiplications the product of torch's BLAS is done before oneDNN has started; beyond, oneDNN is twice
# as fast on processors that are not Intel's. Measured at 16 to 2304 rows.
_FEW_PRODUCTS = 2_000_000


class PackedProduct:
    """The rows of a matrix times a fixed matrix, plus a bias.

    Parameters
    ----------
    matrix : float64 (inputs, outputs).
    bias : float64 (outputs,).
    rows : typical number of rows, for which the layout is chosen; other numbers work too.
    relu : follow with ``max(., 0)``.
    """

    def __init__(self, matrix: Tensor, bias: Tensor, rows: int, *, relu: bool = False) -> None:
        self._relu = relu
        self._bias = bias.float().contiguous()
        self._few_rows = _FEW_PRODUCTS // matrix.numel()
        self._packed: Any = None
        self._operator: Any = None
        if matrix.device.type == "cpu" and one_dnn():
            self._packed = torch.ops.mkldnn._reorder_linear_weight(matrix.T.float().contiguous(), rows)
            self._operator = torch.ops.mkldnn._linear_pointwise.default
        self._matrix = matrix.float().contiguous() if self._packed is None or self._few_rows else None
        self.outputs = matrix.shape[1]

    def is_small(self, rows: int) -> bool:
        """Tell whether so many rows are written into a tensor that the caller gives."""
        return self._packed is None or rows <= self._few_rows

    def __call__(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """Map (P, inputs) to (P, outputs), written to `out` if `is_small` and given."""
        if self.is_small(len(rows)):
            assert self._matrix is not None
            y = torch.addmm(self._bias, rows, self._matrix, out=out)
            return y.relu_() if self._relu else y
        kind = "relu" if self._relu else "none"
        packed: Tensor = self._operator(rows, self._packed, self._bias, kind, [], "")
        return packed


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
    dtype : of the arithmetic, of pictures in and out.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        picture: tuple[int, int],
        *,
        edge_ones: bool = False,
        relu: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._relu = relu
        self._border = weight.shape[2] // 2 if edge_ones else 0
        self._padding = 0 if edge_ones else weight.shape[2] // 2
        self._bias = bias.to(dtype)
        plain = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self._plain: Tensor | None = plain
        self._packed: Any = None
        self._operator: Any = None
        if plain.device.type == "cpu" and dtype == torch.float32 and one_dnn():
            shape = [1, weight.shape[1], picture[0] + 2 * self._border, picture[1] + 2 * self._border]
            pad, one = [self._padding] * 2, [1, 1]
            self._packed = _reorder()(plain.to_mkldnn(), pad, one, one, 1, shape)
            self._operator = torch.ops.mkldnn._convolution_pointwise.default
            self._plain = None

    def __call__(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        if self._border:
            x = functional.pad(x, (self._border,) * 4, value=1.0)
        if self._plain is None:
            pad, one = [self._padding] * 2, [1, 1]
            kind = "relu" if self._relu else "none"
            packed: Tensor = self._operator(x, self._packed, self._bias, pad, one, one, 1, kind, [], "")
            return packed
        y = functional.conv2d(x, self._plain, self._bias, padding=self._padding)
        return y.relu_() if self._relu else y


class Windows:
    """Room for the 3 x 3 surroundings of every pixel, as rows of a matrix; beyond the border are zeros.

    Parameters
    ----------
    shape : (N, H, W, C).
    like : tensor that gives type and device.
    """

    def __init__(self, shape: tuple[int, int, int, int], like: Tensor) -> None:
        count, height, width, channels = shape
        padded = like.new_zeros(count, height + 2, width + 2, channels)
        self._inside = padded[:, 1:-1, 1:-1]
        by_picture, by_row, by_pixel, _ = padded.stride()
        # Three neighbours in a row of the picture lie next to each other in memory.
        self._views = padded.as_strided(
            (count, height, width, 3, 3 * channels), (by_picture, by_row, by_pixel, by_row, 1)
        )
        self._columns = like.new_empty(count, height, width, 3, 3 * channels)
        self._rows = self._columns.view(-1, 9 * channels)

    def of(self, pictures: Tensor) -> Tensor:
        """Return the surroundings (N H W, 9 C), ordered (row, column, channel), of pictures (N, H, W, C)."""
        self._inside.copy_(pictures)
        self._columns.copy_(self._views)
        return self._rows

    @staticmethod
    def matrix(weight: Tensor) -> Tensor:
        """Return the weights (outputs, inputs, 3, 3) of a convolution as (9 inputs, outputs) for these rows."""
        return weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0])


class Taps:
    """The nine products of a 3x3 convolution at every pixel, to be moved to where they belong and added up.

    Parameters
    ----------
    products : (N H W, 9 C), ordered (column of the tap, row of the tap, channel); overwritten by `add_up`.
    picture : (H, W).
    """

    def __init__(self, products: Tensor, picture: tuple[int, int]) -> None:
        self.products = products
        channels = products.shape[1] // 9
        by_column = products.view(-1, *picture, 3, 3 * channels)
        middle = by_column[:, :, :, 1]
        by_row = middle.view(*middle.shape[:3], 3, channels)
        answer = by_row[:, :, :, 1]
        # Pairs (what is added to, what is added): first along the rows of the picture for three taps at a time.
        self._moves = (
            (middle[:, :, 1:], by_column[:, :, :-1, 0]),
            (middle[:, :, :-1], by_column[:, :, 1:, 2]),
            (answer[:, 1:], by_row[:, :-1, :, 0]),
            (answer[:, :-1], by_row[:, 1:, :, 2]),
        )
        self._answer = answer
        self._rows: Tensor = answer.flatten(0, 2)

    def add_up(self, border: Tensor | None) -> Tensor:
        """Return the convolution as rows (N H W, C), a view of `products`; `border` (H, W, C) is added to it."""
        for target, source in self._moves:
            target.add_(source)
        if border is not None:
            self._answer.add_(border)
        return self._rows

    @staticmethod
    def matrix(weight: Tensor) -> Tensor:
        """Return the weights (outputs, inputs, 3, 3) of a convolution as the matrix (inputs, 9 outputs) of all taps."""
        return weight.permute(1, 3, 2, 0).reshape(weight.shape[1], -1)

    @staticmethod
    def bias(bias: Tensor) -> Tensor:
        """Return the bias (outputs,) as one of all taps: only the middle one brings it."""
        taps = bias.new_zeros(9, len(bias))
        taps[4] = bias
        return taps.flatten()


def border_of_ones(weight: Tensor, picture: tuple[int, int]) -> Tensor:
    """Return what ones beyond the border add to a 3x3 convolution, (H, W, outputs), in the type of the weights."""
    inside = weight.new_zeros(1, weight.shape[1], *picture)
    beyond = functional.pad(inside, (1, 1, 1, 1), value=1.0)
    return functional.conv2d(beyond, weight)[0].permute(1, 2, 0).contiguous()


def one_dnn() -> bool:
    """Tell whether torch has the fused convolution and product of oneDNN."""
    return (
        bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and _reorder() is not None
    )


def _reorder() -> Any:
    return getattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", None)
