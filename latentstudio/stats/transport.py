"""Optimal transport of a weighted sum of codes back to the prior (Agustsson et al., 2019, arXiv 1711.01970).

A sum y = sum_i w_i z_i of independent prior draws does not follow the prior: its components have another spread. With a
prior of independent components the cheapest map that mends this acts on each coordinate alone, T = F_prior^-1 o F_y.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CLOSED_FORM_INPUTS = 8
_GRID = 1 << 15


def matched(prior: str, y: Tensor, weights: Sequence[float], correlation: Tensor | None = None) -> Tensor:
    """Map y = sum_i w_i z_i, shape (..., D), so that it follows the prior when the z_i do.

    Parameters
    ----------
    prior : ``"standard_normal"`` or ``"uniform"`` (each component in [-1, 1]).
    weights : w_i; their signs do not matter for the result's law, since both priors are symmetric.
    correlation : (n, n) correlation of the inputs when they are not independent (normal prior only).

    Returns
    -------
    Tensor float64 (..., D). A single weight of 1 returns y itself.
    """
    y = y.double()
    used = [float(w) for w in weights if w != 0]
    if not used:
        raise ValueError("a matched operation needs a weight that is not zero")
    if len(used) == 1 and abs(used[0]) == 1:
        return y
    if prior == "standard_normal":
        return y / normal_spread(weights, correlation)
    if prior == "uniform":
        if correlation is not None:
            raise ValueError("correlated inputs have no closed form under the uniform prior")
        return 2 * uniform_sum_cdf(y, used) - 1
    raise ValueError(f"no transport map is known for the prior {prior!r}")


def normal_spread(weights: Sequence[float], correlation: Tensor | None = None) -> float:
    """Standard deviation sqrt(w' C w) of each component of a weighted sum of N(0, I) draws."""
    w = torch.tensor([float(v) for v in weights], dtype=torch.float64)
    variance = float(w @ w) if correlation is None else float(w @ correlation.double() @ w)
    if variance <= 0:
        raise ValueError("the weighted sum does not vary, so it cannot be matched to the prior")
    return math.sqrt(variance)


def uniform_sum_cdf(y: Tensor, weights: Sequence[float]) -> Tensor:
    """Distribution function of sum_i w_i U_i with independent U_i ~ U(-1, 1), float64, of any shape.

    Up to 8 inputs the closed form is used,
    F(y) = 1 / (n! 2^n prod w) * sum over signs e of prod(e) max(y + e.w, 0)^n,
    at -|y| and reflected, where its terms are fewest. It loses digits when weights are very unequal; where that could
    cost more than 1e-9, and for more inputs, the distribution is built by convolution on a grid (error below 1e-6).
    """
    c = sorted((abs(float(w)) for w in weights if w != 0), reverse=True)
    if not c:
        raise ValueError("the sum needs a weight that is not zero")
    y = y.double()
    total = math.fsum(c)
    low = -y.abs().clamp(max=total)
    scale = math.factorial(len(c)) * 2.0 ** len(c) * math.prod(c)
    if len(c) <= CLOSED_FORM_INPUTS and 2.2e-16 * 2 ** len(c) * total ** len(c) < 1e-9 * scale:
        below = torch.zeros_like(y)
        for signs in itertools.product((1.0, -1.0), repeat=len(c)):
            shift = math.fsum(s * w for s, w in zip(signs, c, strict=True))
            below += math.prod(signs) * (low + shift).clamp(min=0) ** len(c)
        below /= scale
    else:
        grid, cdf = _convolved(c)
        below = torch.from_numpy(np.interp(low.cpu().numpy(), grid, cdf)).to(y.device)
    below = below.clamp(0.0, 0.5)
    return torch.where(y <= 0, below, 1 - below)


def _convolved(c: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grid and distribution function: each further input averages the function over a window of its own width."""
    total = math.fsum(c)
    grid = np.linspace(-total, total, _GRID + 1)
    step = grid[1] - grid[0]
    cdf = np.clip((grid + c[0]) / (2 * c[0]), 0.0, 1.0)
    for w in c[1:]:
        if w < step:
            continue
        area = np.concatenate(([0.0], np.cumsum((cdf[1:] + cdf[:-1]) / 2) * step))
        upper = np.interp(grid + w, grid, area) + np.clip(grid + w - total, 0.0, None)
        cdf = (upper - np.interp(grid - w, grid, area)) / (2 * w)
    return grid, cdf
