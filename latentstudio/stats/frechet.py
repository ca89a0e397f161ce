"""Frechet distance between two normal distributions, the formula behind FID (Heusel et al., 2017, arXiv 1706.08500)."""

import torch
from torch import Tensor

from latentstudio.stats.moments import Moments


def root(matrix: Tensor) -> Tensor:
    """Symmetric square root of a positive semi-definite matrix; negative eigenvalues (rounding) count as 0."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    result: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return result


def frechet_distance(mean_1: Tensor, cov_1: Tensor, mean_2: Tensor, cov_2: Tensor) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2), the squared 2-Wasserstein distance.

    The symmetric form is real by construction and holds for singular covariances (fewer images than features). The
    result is biased upwards by sampling: compare only at equal n, and print the distance of two real halves beside it.

    Parameters
    ----------
    mean_1, mean_2 : (D,) ; cov_1, cov_2 : (D, D).
    """
    mean_1, cov_1, mean_2, cov_2 = (v.double() for v in (mean_1, cov_1, mean_2, cov_2))
    half = root(cov_1)
    inner = half @ cov_2 @ half
    cross = torch.linalg.eigvalsh((inner + inner.T) / 2).clamp(min=0).sqrt().sum()
    distance = (mean_1 - mean_2).square().sum() + cov_1.trace() + cov_2.trace() - 2 * cross
    return max(float(distance), 0.0)


def frechet_between(a: Moments, b: Moments) -> float:
    """Frechet distance of two feature streams counted with ``cross=True``."""
    return frechet_distance(a.mean, a.variance(), b.mean, b.variance())
