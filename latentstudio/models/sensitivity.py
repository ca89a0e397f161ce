"""Which components of a code move a place of the picture: derivatives of `decode`, one backward pass for all."""

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.errors import UserError

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

PROBES = 16
"""Backward passes for a place: exact for as many pixel values, random projections for more."""
_AT_ONCE = 4
_GREY_LEVELS = 127.5
_SEED = 20_240_311

Indices = NDArray[np.int64]


def check_region(region: Indices, shape: tuple[int, int, int]) -> None:
    """Check that all pixel numbers (row * width + column) lie in pictures of `shape` (C, H, W).

    Raises
    ------
    UserError
        There is none, or one of them lies outside.
    """
    _, height, width = shape
    if not len(region):
        raise UserError("No place is painted; click or paint in the picture.")
    wrong = region[(region < 0) | (region >= height * width)]
    if len(wrong):
        raise UserError(
            f"There is no pixel {wrong[0]} in pictures of {width} x {height} pixels; "
            f"0 to {height * width - 1} (row times {width} plus column) would do."
        )


def movement(model: "LatentModel", code: Tensor, region: Indices) -> "Iterator[tuple[float, Tensor | None]]":
    """Yield the share done, at last with how far each component moves the region.

    For component k that is the root mean square, over the region's pixel values x_p, of the derivatives dx_p / dz_k, in
    grey levels of 0..255 per unit of z_k. One backward pass gives (J' v)_k for all k; unit vectors v give the rows of
    the Jacobian J, and for regions of more values than `PROBES`, random signs v give an unbiased estimate of the square
    (Hutchinson, https://doi.org/10.1080/03610919008812866) with a relative standard deviation of at most
    sqrt(2 / PROBES).

    Parameters
    ----------
    code : float32 (D,).
    region : int64 (P,) pixels as row * width + column.

    Yields
    ------
    share in (0, 1], and float64 (D,) on the CPU when it is 1; numbers that are not finite become 0.

    Raises
    ------
    UserError
        The region is empty or has pixels outside the picture.
    """
    check_region(region, model.image_shape)
    region = np.unique(region)
    cotangents = _cotangents(region, model.image_shape)
    exact = len(cotangents) == len(region) * model.image_shape[0]
    differentiable = _differentiable(model)
    squares = torch.zeros(code.numel(), dtype=torch.float64)
    for start in range(0, len(cotangents), _AT_ONCE):
        gradients = pulled_back(differentiable, code, cotangents[start : start + _AT_ONCE])
        squares += gradients.double().square().sum(dim=0).cpu()
        done = min(1.0, (start + _AT_ONCE) / len(cotangents))
        if done < 1:
            yield done, None
    values = len(region) * model.image_shape[0]
    answer = _GREY_LEVELS * (squares / (values if exact else values * len(cotangents))).sqrt()
    yield 1.0, torch.where(torch.isfinite(answer), answer, torch.zeros_like(answer))


def pulled_back(model: "LatentModel", code: Tensor, cotangents: Tensor) -> Tensor:
    """Return J' v for cotangents v float32 (n, C, H, W): float32 (n, D), where J is the Jacobian of `decode` at `code`.

    Works under ``torch.inference_mode`` too, which it leaves for the time being.
    """
    with torch.inference_mode(False), torch.enable_grad():
        device = device_of(model)
        repeated = code.detach().clone().to(device).expand(len(cotangents), -1).clone().requires_grad_(True)
        pictures = model.decode(repeated)
        (gradients,) = torch.autograd.grad(pictures, repeated, cotangents.clone().to(pictures))
    return gradients


def _cotangents(region: Indices, shape: tuple[int, int, int]) -> Tensor:
    """Unit vectors of the region's values while they are few, else random signs on the region: (n, C, H, W)."""
    channels, height, width = shape
    pixels = torch.from_numpy(region)
    places = (torch.arange(channels)[:, None] * height * width + pixels).flatten()
    exact = len(places) <= PROBES
    rows = len(places) if exact else PROBES
    made = torch.zeros(rows, channels * height * width)
    if exact:
        made[torch.arange(rows), places] = 1.0
    else:
        generator = torch.Generator().manual_seed(_SEED)
        made[:, places] = torch.randint(0, 2, (rows, len(places)), generator=generator).float() * 2 - 1
    return made.view(rows, channels, height, width)


def _differentiable(model: "LatentModel") -> "LatentModel":
    """Return the model, or a copy whose weights may take part in gradients when it was loaded in inference mode."""
    if not isinstance(model, torch.nn.Module):
        return model
    if not any(t.is_inference() for t in (*model.parameters(), *model.buffers())):
        return model
    with torch.inference_mode(False):
        return deepcopy(model)


def device_of(model: "LatentModel") -> torch.device:
    """The device of the model's first parameter or buffer; the CPU for a model that has none."""
    if isinstance(model, torch.nn.Module):
        for tensor in (*model.parameters(), *model.buffers()):
            return tensor.device
    return torch.device("cpu")
