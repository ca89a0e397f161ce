"""Pictures of principal components, and faces rebuilt from a few of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import Indices, data_of
from latentstudio.data.prepare import to_pixels
from latentstudio.results import Frames, Heatmap, ImageGrid

_LUMA = np.array([0.299, 0.587, 0.114])


def importance(model: Any, shown: int, origin: str) -> Heatmap:
    """Loadings of the first components as maps; the sign is chosen so that the largest loading is positive.

    Colour components are shown by their effect on luma.
    """
    count = min(shown, int(model.space.size))
    maps = np.asarray(model.components(count), dtype=np.float64)
    notes = ["The sign of a component is arbitrary: the loading of largest size is made positive."]
    if maps.ndim == 4:
        maps = maps @ _LUMA
        notes.append("Colour loadings are shown by their effect on luma.")
    flat = maps.reshape(count, -1)
    sign = np.sign(flat[np.arange(count), np.abs(flat).argmax(axis=1)])
    ratios = np.asarray(model.explained_variance_ratio)[:count]
    return Heatmap(
        maps * np.where(sign == 0, 1.0, sign)[:, None, None],
        tuple(f"{k + 1}: {100 * ratio:.1f} %" for k, ratio in enumerate(ratios)),
        diverging=True,
        unit="loading",
        title="Pixel importance of the first components",
        caption=f"{origin}.",
        notes=tuple(notes),
    )


def example_grid(
    study: Study, model: Any, indices: Indices, examples: int, counts: tuple[int, ...], caption: str
) -> ImageGrid | None:
    """Example images, one row each: rebuilt from the first k components for each k, at last the image itself.

    None when not one of them can be read.
    """
    import torch

    places = np.linspace(0, len(indices) - 1, min(examples, len(indices))).round().astype(np.int64)
    chosen = indices[places]
    images, readable = study.read(chosen)
    if not readable.any():
        return None
    scores = model.pca_encode(images)
    shown = []
    for count in counts:
        kept = torch.zeros_like(scores)
        kept[:, :count] = scores[:, :count]
        shown.append(model.pca_decode(kept))
    # (examples, columns, ...), then row by row
    decoded = torch.stack([*shown, images], dim=1).flatten(0, 1)
    columns = len(counts) + 1
    pixels = to_pixels(decoded.float().cpu().numpy())
    difference = np.repeat(pixels[columns - 1 :: columns], columns, axis=0).astype(np.float64) - pixels
    names = [data_of(study).image_id(int(i)) for i in chosen[readable]]
    titles = (*(f"k = {count}" for count in counts), "image")
    return ImageGrid(
        frames=_frames(model, decoded, pixels),
        columns=columns,
        labels=tuple(f"{name}, {title}" for name in names for title in titles),
        error=np.sqrt(np.mean(np.square(difference), axis=(1, 2, 3))),
        title="Rebuilt from the first k components",
        caption=caption,
        notes=("Norm and log-density belong to the code of the picture that is shown.",),
    )


def _frames(model: Any, decoded: Any, pixels: NDArray[np.uint8]) -> Frames:
    from latentstudio.stats.norms import norm_law

    codes = model.encode(decoded)
    norm = codes.double().norm(dim=1).cpu().numpy()
    density = model.log_prob(decoded).double().cpu().numpy() if "log_prob" in model.abilities else None
    law = norm_law(model.space.prior.kind, model.space.size)
    n = len(pixels)
    return Frames(
        images=pixels,
        codes=codes.float().cpu().numpy(),
        norm=norm,
        log_prob=density,
        prior_percentile=100.0 * law.cdf(norm),
        data_percentile=None,
        nearest=None,
        nearest_distance=None,
        ready=np.ones(n, dtype=np.bool_),
        finite=np.isfinite(decoded.float().cpu().numpy()).reshape(n, -1).all(axis=1),
    )
