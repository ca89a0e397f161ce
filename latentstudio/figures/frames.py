"""Decode codes in chunks and measure every frame."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.prepare import to_pixels
from latentstudio.figures.devices import device_of
from latentstudio.figures.readouts import DatasetCodes, Floats, nearest_rows, picture_features, tensor_norms
from latentstudio.results import Band, Frames
from latentstudio.stats.norms import norm_law, typical_set
from latentstudio.stats.percentiles import central_range, percentile_of

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel

GREY = 128


class Board:
    """The frames of one run while they are being made; `frames` copies what there is.

    Parameters
    ----------
    codes : Tensor float32 (N, D) on the CPU.
    """

    def __init__(self, model: "LatentModel", codes: "Tensor") -> None:
        channels, height, width = model.image_shape
        n = len(codes)
        self._model = model
        self._codes = codes
        self._images = np.full((n, height, width, channels), GREY, dtype=np.uint8)
        self._decoded = np.zeros((n, channels, height, width), dtype=np.float32)
        self._norm = tensor_norms(codes)
        self._log_prob = np.full(n, np.nan) if "log_prob" in model.abilities else None
        law = norm_law(model.space.prior.kind, model.space.size)
        self._prior_percentile: Floats = 100.0 * law.cdf(self._norm)
        low, high = typical_set(law)
        self.norm_band = Band(low, high, "95 % of prior draws")
        self.log_prob_band: Band | None = None
        self._data_percentile: Floats | None = None
        self._nearest: NDArray[np.int64] | None = None
        self._nearest_distance: Floats | None = None
        self._ready = np.zeros(n, dtype=np.bool_)
        self._finite = np.ones(n, dtype=np.bool_)

    def decode(self, chunk: int) -> Iterator[float]:
        """Decode chunk by chunk; yields the share that is ready."""
        n = len(self._codes)
        for start in range(0, n, chunk):
            self._decode(slice(start, min(start + chunk, n)))
            yield float(self._ready.mean())

    def _decode(self, rows: slice) -> None:
        import torch

        with torch.inference_mode():
            codes = self._codes[rows].to(device_of(self._model))
            both = None if self._log_prob is None else getattr(self._model, "decode_with_log_prob", None)
            found, density = both(codes) if both is not None else (self._model.decode(codes), None)
            images = found.float().cpu().numpy()
            if self._log_prob is not None:
                density = self._model.code_log_prob(codes) if density is None else density
                self._log_prob[rows] = density.double().cpu().numpy()
        self._decoded[rows] = images
        self._images[rows] = to_pixels(images)
        self._finite[rows] = np.isfinite(images).reshape(len(images), -1).all(axis=1)
        self._ready[rows] = True

    def measure(self, codes: DatasetCodes, held_out: NDArray[np.bool_] | None = None) -> None:
        """Add what the data set tells: percentile among its norms, its typical densities, the most similar pictures.

        Parameters
        ----------
        held_out : bool (number of images,), None when unknown. The typical densities are those of training images
            where there are some; held-out ones can be millions of nats lower.
        """
        self._data_percentile = percentile_of(self._norm, codes.norms)
        if codes.log_probs is not None:
            seen = np.zeros(len(codes.indices), dtype=np.bool_) if held_out is None else ~held_out[codes.indices]
            among = codes.log_probs[seen] if seen.any() else codes.log_probs
            typical = central_range(among)
            whose = "95 % of the training images" if seen.any() else "95 % of the data set"
            self.log_prob_band = None if typical is None else Band(*typical, whose)
        if len(codes.indices):
            shown = np.clip(np.nan_to_num(self._decoded, nan=-1.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
            rows, distances = nearest_rows(
                codes.features, picture_features(shown, codes.planned), squares=codes.feature_squares
            )
            self._nearest = np.where(self._finite, codes.indices[rows[:, 0]], -1)
            self._nearest_distance = np.where(self._finite, distances[:, 0], np.nan)

    @property
    def nearest(self) -> list[int]:
        """Dataset index for each frame, -1 where the picture is not finite; empty while unknown."""
        return [] if self._nearest is None else [int(i) for i in self._nearest]

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The decoded pictures so far, uint8 (N, H, W, C)."""
        return self._images

    @property
    def decoded(self) -> NDArray[np.float32]:
        """What the model answered so far, float32 (N, C, H, W), neither clipped nor repaired."""
        return self._decoded

    @property
    def ready(self) -> NDArray[np.bool_]:
        """Which frames are decoded, bool (N,)."""
        return self._ready

    def frames(self) -> Frames:
        """A read-only copy of the present state."""

        def kept(values: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
            return None if values is None else values.copy()

        return Frames(
            images=self._images.copy(),
            codes=self._codes.cpu().numpy().copy(),
            norm=self._norm.copy(),
            log_prob=kept(self._log_prob),  # type: ignore[arg-type]
            prior_percentile=self._prior_percentile.copy(),
            data_percentile=kept(self._data_percentile),  # type: ignore[arg-type]
            nearest=kept(self._nearest),  # type: ignore[arg-type]
            nearest_distance=kept(self._nearest_distance),  # type: ignore[arg-type]
            ready=self._ready.copy(),
            finite=self._finite.copy(),
        )

    def notes(self) -> tuple[str, ...]:
        """Sentences about frames that are not numbers."""
        found = []
        broken = int((self._ready & ~self._finite).sum())
        if broken:
            found.append(f"{broken} of {int(self._ready.sum())} pictures are not finite; the missing pixels are black.")
        if self._log_prob is not None:
            lost = int((self._ready & ~np.isfinite(self._log_prob)).sum())
            if lost:
                found.append(f"{lost} of {int(self._ready.sum())} log-densities are not finite.")
        return tuple(found)
