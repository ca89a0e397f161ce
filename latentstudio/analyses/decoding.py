"""Codes that an analysis made, decoded as frames: pictures that can be dragged, with norms and densities."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import model_of
from latentstudio.data.prepare import to_pixels
from latentstudio.results import Band, Frames, Partial
from latentstudio.stats.norms import norm_law, typical_set

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

BATCH = 8


def decoded_rows(model: "LatentModel", codes: NDArray[Any]) -> NDArray[np.float32]:
    """Decode codes (n, D) on the model's device: float32 (n, C, H, W), neither clipped nor repaired."""
    import torch

    from latentstudio.models.sensitivity import device_of

    batch = torch.from_numpy(np.ascontiguousarray(codes, dtype=np.float32)).to(device_of(model))
    pictures: NDArray[np.float32] = model.decode(batch).float().cpu().numpy()
    return pictures


def decode_all(
    study: Study, codes: NDArray[Any], start: float, stop: float, message: str
) -> Generator[Partial, None, NDArray[np.float32]]:
    """Yield progress while codes (n, D) are decoded in batches; return the pictures, float32 (n, C, H, W)."""
    model, parts = model_of(study), []
    for at in range(0, len(codes), BATCH):
        parts.append(decoded_rows(model, codes[at : at + BATCH]))
        yield Partial(start + (stop - start) * min(at + BATCH, len(codes)) / len(codes), None, message)
    return np.concatenate(parts)


def frames_of(study: Study, codes: NDArray[Any], decoded: NDArray[np.float32]) -> Frames:
    """Return codes (n, D) and their pictures (n, C, H, W) as frames that are measured against the prior."""
    import torch

    from latentstudio.models.sensitivity import device_of

    model, n = model_of(study), len(codes)
    norm = np.linalg.norm(codes.astype(np.float64), axis=1)
    density = None
    if "log_prob" in model.abilities:
        batch = torch.from_numpy(np.ascontiguousarray(codes, dtype=np.float32)).to(device_of(model))
        density = model.code_log_prob(batch).double().cpu().numpy()
    finite = np.isfinite(decoded.reshape(n, -1)).all(axis=1)
    return Frames(
        images=to_pixels(decoded),
        codes=codes.astype(np.float32),
        norm=norm,
        log_prob=density,
        prior_percentile=100.0 * norm_law(model.space.prior.kind, model.space.size).cdf(norm),
        data_percentile=None,
        nearest=None,
        nearest_distance=None,
        ready=np.ones(n, dtype=np.bool_),
        finite=np.asarray(finite, dtype=np.bool_),
    )


def norm_band(study: Study) -> Band:
    """The typical range of norms of prior draws."""
    space = model_of(study).space
    low, high = typical_set(norm_law(space.prior.kind, space.size))
    return Band(low, high, "95 % of prior draws")
