"""How well a flow's codes come back from the pictures that they decode to, near the data and far from it."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from latentstudio.models.base import Ability, LatentModel

SIGMAS = (1.0, 3.0, 5.0)
_CODES = 16


def code_round_trips(model: LatentModel) -> dict[str, dict[str, float | None]]:
    """Decode codes of 1, 3 and 5 times the prior's size and encode them again; empty for models without a density.

    Returns
    -------
    By sigma (``"5"``): ``finite_share`` of the pictures, ``float32`` and ``float64``, the largest difference in a
    component computed so, and ``float32_picture``, the same where float64 computes but float32 holds the picture. Only
    finite pictures count, and None stands where there is none.
    """
    if not {Ability.ENCODE, Ability.DECODE, Ability.LOG_PROB} <= model.abilities or not isinstance(model, nn.Module):
        return {}
    exact: Any = copy.deepcopy(model).double()
    found = {}
    with torch.inference_mode():
        base = model.space.prior.sample(list(range(_CODES)), model.space.size)
        for sigma in SIGMAS:
            codes = sigma * base
            pictures = model.decode(codes)
            finite = torch.isfinite(pictures).flatten(1).all(dim=1)
            images = exact.decode(codes.double())
            held = torch.isfinite(images.float()).flatten(1).all(dim=1)
            wide, images = codes[held].double(), images[held]
            found[f"{sigma:g}"] = {
                "finite_share": float(finite.double().mean()),
                "float32": _largest(model, pictures[finite], codes[finite]),
                "float64": _largest(exact, images, wide),
                "float32_picture": _largest(exact, images.float().double(), wide),
            }
    return found


def _largest(model: LatentModel, pictures: Tensor, codes: Tensor) -> float | None:
    value = float((model.encode(pictures) - codes).abs().max()) if len(codes) else math.nan
    return value if math.isfinite(value) else None
