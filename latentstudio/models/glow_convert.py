"""Turn weights of Glow in a public layout into a model of the family ``glow``.

Files are read as tensors only; a pickle that would execute anything is refused.
"""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import read_glow_config
from latentstudio.models.glow_layouts import GLOW_PYTORCH, NORMFLOWS, Level, Step, Tensors, read_levels
from latentstudio.nn.glow import GlowStep
from latentstudio.nn.glow_prior import ConditionalPrior, FixedPrior
from latentstudio.nn.image_actnorm import ImageActNorm

# Other implementations do not limit h; sigmoid(-58) is still a number that float32 holds.
_NO_LIMIT = 60.0
# Where other programs put the tensors of the model itself, beside an optimiser and the like.
_NESTED = ("state_dict", "model", "model_state_dict", "g", "net")


def read_foreign_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` file, or of a file that torch saved; nothing in it is executed.

    Raises
    ------
    UserError
        The file is missing or broken, holds more than tensors, or holds no tensors.
    """
    try:
        content = _load(path)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than tensors, and reading it would execute what is in it; save the state_dict alone."
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read as a file of tensors: {_first_line(error)}.") from error
    for name in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path} is not a state_dict, a table from names to tensors.")
    if bad := [name for name, t in content.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]:
        raise UserError(f"{path} holds NaN or infinite values in '{bad[0]}'; finite weights are expected.")
    return {str(name): tensor for name, tensor in content.items()}


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    with warnings.catch_warnings():
        # Of old pickle protocols: what matters is whether the tensors can be read.
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def convert_glow(tensors: Mapping[str, Tensor], source: str, size: int, n_bits: int) -> tuple[Glow, str]:
    """Build our model from foreign tensors.

    Parameters
    ----------
    source : name of the file, for messages.
    size : edge of the square pictures in px, which most files do not tell.
    n_bits : bits per pixel value that the model was trained with.

    Returns
    -------
    The model, ready for inference, and the name of the layout.

    Raises
    ------
    UserError
        The layout is not known, a tensor is missing or does not fit, or a 1x1 convolution is singular.
    """
    named = Tensors(tensors, source)
    layout = named.layout()
    levels = read_levels(named, layout, (size, size))
    model = Glow(read_glow_config(_config(levels, layout, size, n_bits)))
    try:
        for ours, level in zip(model.flow.flow_levels(), levels, strict=True):
            for our_step, step in zip(ours.flow_steps(), level.steps, strict=True):
                _fill_step(our_step, step)
            _fill_prior(ours.typed_prior(), level.prior)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"The tensors of {source} do not fit together: {_first_line(error)}.") from error
    return model.eval().requires_grad_(False), layout


def _config(levels: list[Level], layout: str, size: int, n_bits: int) -> dict[str, Any]:
    if not levels or not levels[0].steps or len({len(level.steps) for level in levels}) != 1:
        raise UserError("Every level has to have the same number of steps, at least one; here they differ.")
    first = levels[0].steps[0]
    channels = len(first.matrix)
    return {
        "image_shape": [channels // 4, size, size],
        "levels": len(levels),
        "steps": len(levels[0].steps),
        "width": len(first.first[0]),
        "n_bits": n_bits,
        "coupling": "affine" if len(first.last) == channels else "additive",
        "split_prior": "conditional" if layout == GLOW_PYTORCH else "pixel",
        "top_prior": "pixel",
        "edge": "zeros" if layout == NORMFLOWS else "ones",
        "limit": _NO_LIMIT,
        "prior_limit": _NO_LIMIT,
    }


@torch.no_grad()
def _fill_step(ours: GlowStep, step: Step) -> None:
    net = ours.coupling.net
    _fill_norm(ours.norm, step.log_scale, step.shift)
    ours.conv.set_matrix(step.matrix)
    for conv, norm, (weight, log_scale, shift) in (
        (net.first, net.first_norm, step.first),
        (net.middle, net.middle_norm, step.middle),
    ):
        _copy(conv.weight, weight)
        _fill_norm(norm, log_scale, shift)
    _copy(net.last.conv.weight, step.last)
    assert net.last.conv.bias is not None
    _copy(net.last.conv.bias, step.last_bias)


def _fill_norm(norm: ImageActNorm, log_scale: Tensor, shift: Tensor) -> None:
    _copy(norm.log_scale, log_scale)
    _copy(norm.shift, shift)
    norm.initialised.fill_(1)


@torch.no_grad()
def _fill_prior(ours: nn.Module | None, prior: tuple[Tensor, Tensor]) -> None:
    if isinstance(ours, ConditionalPrior):
        assert ours.conv.conv.bias is not None
        _copy(ours.conv.conv.weight, prior[0])
        _copy(ours.conv.conv.bias, prior[1])
    elif isinstance(ours, FixedPrior):
        _copy(ours.mean, prior[0])
        _copy(ours.log_sd, prior[1])


def _copy(ours: Tensor, theirs: Tensor) -> None:
    # copy_ alone would repeat a tensor of fewer dimensions.
    if ours.shape != theirs.shape:
        raise ValueError(f"a tensor of shape {tuple(theirs.shape)} stands where {tuple(ours.shape)} is expected")
    ours.copy_(theirs)
