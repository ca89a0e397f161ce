"""The network inside a coupling of Glow, for inference: three products with everything else folded into them."""

from typing import NamedTuple

import torch
from torch import Tensor

from latentstudio.nn.glow_coupling import CouplingNet, ZeroConv3x3
from latentstudio.nn.image_actnorm import ImageActNorm
from latentstudio.nn.packed_conv import PackedConv, PackedProduct, Taps, Windows, border_of_ones

# Up to so many multiplications the surroundings of the pixels are written out, and the first convolution is a product.
_FEW_PRODUCTS = 2_000_000


class FoldedConv(NamedTuple):
    """A convolution in float64: weight (outputs, inputs, k, k) and bias (outputs,)."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def with_norm(cls, weight: Tensor, norm: ImageActNorm) -> "FoldedConv":
        """Fold the ActNorm that follows a convolution of `weight` (out, in, k, k) without bias into it."""
        scale = (-norm.log_scale.double()).exp()
        return cls(weight.double() * scale[:, None, None, None], -norm.shift.double() * scale)

    @classmethod
    def of_zero_conv(cls, conv: ZeroConv3x3) -> "FoldedConv":
        """Fold ``exp(3 log_scale)`` in."""
        assert conv.conv.bias is not None
        scale = (3 * conv.log_scale.double()).exp()
        return cls(conv.conv.weight.double() * scale[:, None, None, None], conv.conv.bias.double() * scale)


class NetRoom(NamedTuple):
    """Memory that a `FusedNet` works in; networks of the same size may share it, one after the other.

    Attributes
    ----------
    dense : (N, H, W, inputs), the input without gaps.
    windows : for the first convolution as a product, or None.
    first, middle : (N H W, width) each, or None where the product brings its own.
    taps : for the last convolution as a product, or None where the product brings its own.
    """

    dense: Tensor
    windows: Windows | None
    first: Tensor | None
    middle: Tensor | None
    taps: Taps | None


class FusedNet:
    """A frozen copy of a `CouplingNet`.

    Parameters
    ----------
    net : the network.
    picture : (H, W).
    factor, raised : float64 (outputs,), by which the output is multiplied, and what is then added.
    dtype : of the arithmetic, float32 or, on a GPU, bfloat16.
    """

    def __init__(
        self, net: CouplingNet, picture: tuple[int, int], factor: Tensor, raised: Tensor, dtype: torch.dtype
    ) -> None:
        self._picture = picture
        self._dtype = dtype
        first = FoldedConv.with_norm(net.first.weight, net.first_norm)
        middle = FoldedConv.with_norm(net.middle.weight, net.middle_norm)
        last = FoldedConv.of_zero_conv(net.last)
        last = FoldedConv(last.weight * factor[:, None, None, None], last.bias * factor + raised)
        self._width, self._inputs = first.weight.shape[:2]
        self._first = PackedConv(*first, picture, relu=True, dtype=dtype)
        self._convs: tuple[PackedConv, PackedConv] | None = None
        edge_ones = net.last.edge == "ones"
        if raised.device.type != "cpu":
            self._convs = (
                PackedConv(*middle, picture, relu=True, dtype=dtype),
                PackedConv(*last, picture, edge_ones=edge_ones, dtype=dtype),
            )
            return
        rows = picture[0] * picture[1]
        self._few_pixels = _FEW_PRODUCTS // first.weight.numel()
        self._first_product: PackedProduct | None = None
        if rows <= self._few_pixels:
            self._first_product = PackedProduct(Windows.matrix(first.weight), first.bias, rows, relu=True)
        self._middle = PackedProduct(middle.weight[:, :, 0, 0].T, middle.bias, rows, relu=True)
        self._last = PackedProduct(Taps.matrix(last.weight), Taps.bias(last.bias), rows)
        self._border = border_of_ones(last.weight, picture).float() if edge_ones else None

    def room(self, count: int, like: Tensor) -> NetRoom:
        """Return memory for `count` pictures on the device of `like`."""
        pixels = count * self._picture[0] * self._picture[1]
        shape = (count, *self._picture, self._inputs)
        dense = torch.empty(shape, dtype=self._dtype, device=like.device)
        if self._convs is not None:
            return NetRoom(dense, None, None, None, None)
        windows = None
        if self._first_product is not None and pixels <= self._few_pixels:
            windows = Windows(shape, dense)
        small = self._middle.is_small(pixels)
        first, middle = (dense.new_empty(pixels, self._width) if wanted else None for wanted in (windows, small))
        taps = None
        if self._last.is_small(pixels):
            taps = Taps(dense.new_empty(pixels, self._last.outputs), self._picture)
        return NetRoom(dense, windows, first, middle, taps)

    def __call__(self, kept: Tensor, room: NetRoom) -> Tensor:
        """Map pixels (N, H, W, inputs), possibly with gaps, to rows (N H W, outputs), possibly with gaps, float32."""
        if room.windows is not None and self._first_product is not None:
            hidden = self._first_product(room.windows.of(kept), room.first)
        else:
            room.dense.copy_(kept)
            pictures = self._first(room.dense.permute(0, 3, 1, 2))
            if self._convs is not None:
                middle, last = self._convs
                return _rows(last(middle(pictures))).float()
            hidden = _rows(pictures)
        products = self._last(self._middle(hidden, room.middle), None if room.taps is None else room.taps.products)
        taps = Taps(products, self._picture) if room.taps is None else room.taps
        return taps.add_up(self._border)


def _rows(pictures: Tensor) -> Tensor:
    """View channels-last pictures (N, C, H, W) as pixels (N H W, C)."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, pictures.shape[1])
