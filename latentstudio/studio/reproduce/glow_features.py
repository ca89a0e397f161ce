"""Features of pictures that no flow takes part in: what 'near the data' is measured with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.readouts import nearest_rows, picture_features
from latentstudio.studio.reproduce.bench import Floats

COMPONENTS = 64
_LARGE = 1_000_000


@dataclass(frozen=True)
class Features:
    """Principal components of training pictures in grey at no more than 32 x 32 px.

    Attributes
    ----------
    mean : float64 (F,) ; basis : float64 (F, k) orthonormal ; spread : float64 (k,) standard deviations of the scores.
    scores : float32 (n, k) of the training pictures.
    """

    mean: Floats
    basis: Floats
    spread: Floats
    scores: NDArray[np.float32]

    @staticmethod
    def of(images: NDArray[np.float32], components: int = COMPONENTS) -> "Features":
        """Fit to training images (n, C, H, W) in [-1, 1]."""
        rows = picture_features(images, _LARGE).astype(np.float64)
        mean = rows.mean(axis=0)
        _, values, vectors = np.linalg.svd(rows - mean, full_matrices=False)
        count = min(components, int((values > 1e-9 * max(values[0], 1e-300)).sum()))
        basis = vectors[:count].T
        spread = values[:count] / np.sqrt(max(len(rows) - 1, 1))
        return Features(mean, basis, spread, ((rows - mean) @ basis).astype(np.float32))

    @property
    def words(self) -> str:
        """What the feature is."""
        edge = round(len(self.mean) ** 0.5)
        return (
            f"{self.basis.shape[1]} principal components of {len(self.scores):,} training pictures in grey, "
            f"{edge} x {edge} px"
        )

    def project(self, images: NDArray[np.float32]) -> Floats:
        """Scores (n, k) of images (n, C, H, W); pixels are clipped to [-1, 1] and what is not finite is grey."""
        shown = np.nan_to_num(images, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
        rows = picture_features(shown.astype(np.float32), _LARGE)
        scores: Floats = (rows.astype(np.float64) - self.mean) @ self.basis
        return scores

    def nearest(self, images: NDArray[np.float32]) -> Floats:
        """Root-mean-square distance (n,) in grey levels to the nearest training picture, seen through the components.

        What a picture has outside the components counts too: its distance to their span is part of the distance.
        """
        shown = np.nan_to_num(images, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
        rows = picture_features(shown.astype(np.float32), _LARGE).astype(np.float64) - self.mean
        scores = rows @ self.basis
        outside = np.square(rows - scores @ self.basis.T).sum(axis=1)
        k = scores.shape[1]
        _, distance = nearest_rows(self.scores, scores.astype(np.float32))
        squares = np.square(distance[:, 0] / 127.5) * k
        rms: Floats = np.sqrt((squares + outside) / len(self.mean)) * 127.5
        return rms

    def frechet(self, images: NDArray[np.float32], others: NDArray[np.float32], components: int = 16) -> float:
        """Frechet distance of two sets of images (n, C, H, W) in the first whitened components.

        Compare at equal numbers only. It is never called FID, since the features are our own.
        """
        from latentstudio.studio.reproduce.samples import frechet

        k = min(components, self.basis.shape[1], len(images) // 2, len(others) // 2)
        white = [self.project(part)[:, :k] / self.spread[:k] for part in (images, others)]
        return frechet(*white)
