"""Read the weights of Glow from two public layouts into ours, by the names and shapes of their tensors alone.

``glow-pytorch``: ``blocks.I.flows.J.{actnorm,invconv,coupling}`` and ``blocks.I.prior``, finest level first. Its
networks have no ActNorm inside, so that their biases become shifts; its last convolutions see ones beyond the border,
also on the zeros from which it computes the top prior, which therefore differs from pixel to pixel.

``normflows``: a ``MultiscaleFlow`` of ``GlowBlock`` with ``scale_map="sigmoid"``, ``flows.I.J`` and ``q0.I``, coarsest
level first and blocks in the order of sampling. It shifts by ``x - t``, and shift and scale alternate in the output of
its networks. Priors are a Gaussian per pixel or per channel, not conditional. The names do not tell another
``scale_map``, with which the result would be wrong.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentstudio.errors import UserError

GLOW_PYTORCH = "glow-pytorch"
NORMFLOWS = "normflows"
LAYOUTS = (GLOW_PYTORCH, NORMFLOWS)


@dataclass(frozen=True)
class Step:
    """One step of flow in our conventions, float64; see `latentstudio.nn.glow`.

    Attributes
    ----------
    log_scale, shift : (C,), of ActNorm.
    matrix : (C, C), of the 1x1 convolution towards noise.
    first, middle : weight, log_scale and shift of a convolution with ActNorm.
    last, last_bias : the last convolution; its outputs are all h and then all t.
    """

    log_scale: Tensor
    shift: Tensor
    matrix: Tensor
    first: tuple[Tensor, Tensor, Tensor]
    middle: tuple[Tensor, Tensor, Tensor]
    last: Tensor
    last_bias: Tensor


@dataclass(frozen=True)
class Level:
    """Steps towards noise, and the prior: convolution weight and bias, or mean and log standard deviation (C, H, W)."""

    steps: list[Step]
    prior: tuple[Tensor, Tensor]


class Tensors:
    """The tensors of a file, float64, that name themselves when one is missing."""

    def __init__(self, tensors: Mapping[str, Tensor], source: str) -> None:
        self._tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
        self._source = source

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise UserError(f"{self._source} lacks the tensor '{name}', which its layout should have.")
        return self._tensors[name].double()

    def numbers(self, pattern: str) -> list[int]:
        """Return the numbers that the group of `pattern` matches at the beginning of names, ascending."""
        found = {int(match.group(1)) for name in self._tensors if (match := re.match(pattern, name))}
        return sorted(found)

    def layout(self) -> str:
        """Tell which layout it is.

        Raises
        ------
        UserError
            It is none of them.
        """
        if "blocks.0.flows.0.actnorm.loc" in self:
            return GLOW_PYTORCH
        if self.numbers(r"q0\.(\d+)\.") and self.numbers(r"flows\.0\.(\d+)\.flows\.0\.flows\.1\.param_map\."):
            return NORMFLOWS
        raise UserError(f"{self._source} is in no layout that is known; {' and '.join(LAYOUTS)} are.")


def read_levels(tensors: Tensors, layout: str, size: tuple[int, int]) -> list[Level]:
    """Return the levels, finest first.

    Parameters
    ----------
    size : (H, W) of the pictures in px.

    Raises
    ------
    UserError
        A tensor is missing, or its shape does not fit.
    """
    try:
        return _glow_pytorch(tensors, size) if layout == GLOW_PYTORCH else _normflows(tensors, size)
    except (RuntimeError, IndexError) as error:
        raise UserError(f"The tensors do not fit the layout {layout}: {str(error).splitlines()[0]}.") from error


# -- glow-pytorch


def _glow_pytorch(tensors: Tensors, size: tuple[int, int]) -> list[Level]:
    blocks = tensors.numbers(r"blocks\.(\d+)\.")
    levels = []
    for block in blocks:
        flows = tensors.numbers(rf"blocks\.{block}\.flows\.(\d+)\.")
        steps = [_glow_pytorch_step(tensors, f"blocks.{block}.flows.{flow}.") for flow in flows]
        weight, bias = _zero_conv(tensors, f"blocks.{block}.prior.")
        if block == blocks[-1]:
            height, width = size[0] >> len(blocks), size[1] >> len(blocks)
            zeros = torch.zeros(1, weight.shape[1], height, width, dtype=torch.float64)
            padded = torch.nn.functional.pad(zeros, (1, 1, 1, 1), value=1.0)
            mean, log_sd = torch.nn.functional.conv2d(padded, weight, bias)[0].chunk(2)
            weight, bias = mean, log_sd
        levels.append(Level(steps, (weight, bias)))
    return levels


def _glow_pytorch_step(tensors: Tensors, name: str) -> Step:
    scale = tensors[name + "actnorm.scale"].flatten()
    if name + "invconv.weight" in tensors:
        matrix = tensors[name + "invconv.weight"][:, :, 0, 0]
    else:
        matrix = _matrix(*(tensors[f"{name}invconv.{part}"] for part in ("w_p", "w_l", "w_u", "s_sign", "w_s")))
    net = name + "coupling.net."
    last, bias = _zero_conv(tensors, net + "4.")
    return Step(
        log_scale=-scale.abs().log(),
        shift=-tensors[name + "actnorm.loc"].flatten(),
        # A negative scale turns the sign of a channel, which the 1x1 convolution can do as well.
        matrix=matrix * scale.sign(),
        first=_biased(tensors, net + "0."),
        middle=_biased(tensors, net + "2."),
        last=last,
        last_bias=bias,
    )


def _zero_conv(tensors: Tensors, name: str) -> tuple[Tensor, Tensor]:
    factor = (3 * tensors[name + "scale"].flatten()).exp()
    return tensors[name + "conv.weight"] * factor[:, None, None, None], tensors[name + "conv.bias"] * factor


# -- normflows


def _normflows(tensors: Tensors, size: tuple[int, int]) -> list[Level]:
    levels = []
    count = len(tensors.numbers(r"q0\.(\d+)\."))
    for level in range(count):
        index = count - 1 - level
        blocks = tensors.numbers(rf"flows\.{index}\.(\d+)\.flows\.0\.")
        if blocks != list(range(len(blocks))):
            raise UserError("The squeeze of a normflows level has to come after all of its blocks; here it does not.")
        steps = [_normflows_step(tensors, f"flows.{index}.{block}.flows.") for block in reversed(blocks)]
        picture = (size[0] >> (level + 1), size[1] >> (level + 1))
        levels.append(Level(steps, _normflows_prior(tensors, f"q0.{index}.", picture)))
    return levels


def _normflows_prior(tensors: Tensors, name: str, picture: tuple[int, int]) -> tuple[Tensor, Tensor]:
    if f"{name}loc_cc" in tensors:
        raise UserError("The model has one prior for each class; only models without classes can be converted.")
    mean, log_sd = tensors[name + "loc"][0], tensors[name + "log_scale"][0]
    if f"{name}loc_logs" in tensors:
        mean = mean * (3 * tensors[name + "loc_logs"][0]).exp()
        log_sd = log_sd * (3 * tensors[name + "log_scale_logs"][0]).exp()
    shape = (len(mean), *picture)
    return mean.expand(shape), log_sd.expand(shape)


def _normflows_step(tensors: Tensors, name: str) -> Step:
    if name + "1.W" in tensors:
        matrix = tensors[name + "1.W"]
    else:
        matrix = _matrix(*(tensors[f"{name}1.{part}"] for part in ("P", "L", "U", "sign_S", "log_S")))
    net = name + "0.flows.1.param_map.net."
    with_norm = net + "1.actNorm.s" in tensors
    convs = ("0.", "3.", "6.") if with_norm else ("0.", "2.", "4.")
    first, middle = (
        (_normed(tensors, net + convs[0], net + "1.actNorm."), _normed(tensors, net + convs[1], net + "4.actNorm."))
        if with_norm
        else (_biased(tensors, net + convs[0]), _biased(tensors, net + convs[1]))
    )
    last, bias = tensors[net + convs[2] + "weight"], tensors[net + convs[2] + "bias"]
    if len(last) == len(matrix):
        last, bias = torch.cat([last[1::2], -last[0::2]]), torch.cat([bias[1::2], -bias[0::2]])
    else:
        last, bias = -last, -bias
    log_scale, shift = tensors[name + "2.s"].flatten(), tensors[name + "2.t"].flatten()
    return Step(log_scale, shift, matrix, first, middle, last, bias)


def _normed(tensors: Tensors, conv: str, norm: str) -> tuple[Tensor, Tensor, Tensor]:
    """Read a convolution followed by ``x exp(s) + t``."""
    s, t = tensors[norm + "s"].flatten(), tensors[norm + "t"].flatten()
    return tensors[conv + "weight"], -s, -t * (-s).exp()


# -- both


def _biased(tensors: Tensors, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Read a convolution whose bias becomes the shift of an ActNorm."""
    bias = tensors[name + "bias"]
    return tensors[name + "weight"], torch.zeros_like(bias), -bias


def _matrix(permutation: Tensor, lower: Tensor, upper: Tensor, sign: Tensor, log_scale: Tensor) -> Tensor:
    unit = torch.eye(len(lower), dtype=torch.float64)
    return permutation @ (lower.tril(-1) + unit) @ (upper.triu(1) + torch.diag(sign * log_scale.exp()))
