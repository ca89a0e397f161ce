"""Principal component analysis as a fixed linear layer; scikit-learn fits it, the tensors are ours."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# Above this many multiplications of a full singular value decomposition a randomised one is used.
_FULL_LIMIT = 2e10
_MARGIN = 2


class Pca(nn.Module):
    """Scores ``(x - mean) @ components.T`` of rows x (N, P), and back.

    The sign of every component is fixed: its loading of largest magnitude is positive.

    Parameters
    ----------
    inputs : values per row, P.
    size : components kept, D.
    described : number of components whose explained variance is stored, at least D.
    """

    mean: Tensor
    components: Tensor
    variances: Tensor
    ratios: Tensor

    def __init__(self, inputs: int, size: int, described: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("components", torch.zeros(size, inputs))
        self.register_buffer("variances", torch.ones(size))
        self.register_buffer("ratios", torch.zeros(described))

    @staticmethod
    def described(rows: int, inputs: int, size: int) -> int:
        """How many components `fit` describes for `rows` rows of `inputs` values when `size` are kept.

        All of them where a full decomposition is affordable; twice the kept ones otherwise.
        """
        most = min(rows, inputs)
        return most if _affordable(rows, inputs) else min(most, _MARGIN * size)

    def fit(self, rows: Tensor) -> None:
        """Set mean, components, variances and explained variance ratios from rows (N, P), in float64.

        Raises
        ------
        ValueError
            There are fewer rows than components.
        """
        from sklearn.decomposition import PCA

        x = rows.double().cpu().numpy()
        count = self.described(len(x), x.shape[1], len(self.components))
        if count < len(self.components):
            raise ValueError(f"{len(self.components)} components need at least as many images; there are {len(x)}.")
        solver = "full" if _affordable(*x.shape) else "randomized"
        fitted = PCA(n_components=count, svd_solver=solver, random_state=0).fit(x)
        basis = _with_fixed_signs(fitted.components_)[: len(self.components)]
        self.mean.copy_(torch.from_numpy(fitted.mean_))
        self.components.copy_(torch.from_numpy(basis))
        self.variances.copy_(torch.from_numpy(fitted.explained_variance_[: len(self.components)]))
        self.ratios = torch.from_numpy(fitted.explained_variance_ratio_).to(self.mean)

    def encode(self, rows: Tensor) -> Tensor:
        """Scores (N, D) of rows (N, P)."""
        return (rows - self.mean) @ self.components.T

    def decode(self, scores: Tensor) -> Tensor:
        """Rows (N, P) of scores (N, D)."""
        return torch.addmm(self.mean, scores, self.components)


def _affordable(rows: int, inputs: int) -> bool:
    return float(rows) * inputs * min(rows, inputs) <= _FULL_LIMIT


def _with_fixed_signs(components: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = components[np.arange(len(components)), np.abs(components).argmax(1)]
    return cast("NDArray[np.float64]", components * np.sign(largest)[:, None])
