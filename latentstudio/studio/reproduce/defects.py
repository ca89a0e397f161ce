"""Where samples differ from data: a map of variation and sharpness, region by region."""

import numpy as np
import torch

from latentstudio.results import Heatmap, Table
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab

REGIONS = {
    "eyes": (0.28, 0.46, 0.12, 0.88),
    "nose": (0.44, 0.66, 0.36, 0.64),
    "mouth": (0.70, 0.88, 0.28, 0.72),
    "forehead": (0.02, 0.20, 0.20, 0.80),
    "whole": (0.0, 1.0, 0.0, 1.0),
}
"""Rows and columns of an aligned face, as fractions of the picture."""

_COUNT = 320


def _maps(images: torch.Tensor) -> tuple[Floats, Floats]:
    """Standard deviation of each pixel, and mean gradient energy around it, both (H, W) in grey levels."""
    grey = images.clamp(-1, 1).double().mean(dim=1).numpy() * 127.5
    across, down = np.diff(grey, axis=2)[:, :-1], np.diff(grey, axis=1)[:, :, :-1]
    energy = np.sqrt(np.square(across) + np.square(down)).mean(axis=0)
    return grey.std(axis=0)[:-1, :-1], energy


def _region(values: Floats, place: tuple[float, float, float, float]) -> float:
    h, w = values.shape
    top, bottom, left, right = place
    return float(values[int(top * h) : int(bottom * h), int(left * w) : int(right * w)].mean())


def defects(lab: Lab) -> Finding:
    """S0-X11."""
    model = lab.model()
    with torch.inference_mode():
        samples = model.decode(model.space.prior.sample(list(range(_COUNT)), model.space.size))
        rebuilt = model.pca_decode(model.pca_encode(lab.images[lab.seen]))
    sets = {"data": lab.images[lab.seen], "data after PCA": rebuilt, "samples": samples}
    spread = {name: _maps(images)[0] for name, images in sets.items()}
    energy = {name: _maps(images)[1] for name, images in sets.items()}
    rows = []
    for region, place in REGIONS.items():
        e = [_region(energy[name], place) for name in sets]
        s = [_region(spread[name], place) for name in sets]
        rows.append((region, e[1] / e[0], e[2] / e[0], e[2] / e[1], s[2] / s[0]))
    heads = ("region", "PCA over data", "samples over data", "samples over PCA", "variation, samples over data")
    ratio = np.log2(np.maximum(energy["samples"], 1e-6) / np.maximum(energy["data"], 1e-6))
    maps = Heatmap(
        np.stack([energy["data"], energy["data after PCA"], energy["samples"]]),
        ("data", "data after PCA", "samples"),
        unit="mean gradient, grey levels",
        columns=4,
    )
    lost = Heatmap(ratio[None], ("samples against data",), diverging=True, unit="log2 of the ratio", columns=4)
    by_name = {row[0]: row for row in rows}
    blurred = [name for name in ("eyes", "nose", "mouth") if by_name[name][2] < 0.95]
    mean = {k: float(np.mean([by_name[name][k] for name in ("eyes", "nose", "mouth")])) for k in (1, 2)}
    share = (1 - mean[1]) / max(1 - mean[2], 1e-9)
    worst = min(("eyes", "nose", "mouth"), key=lambda name: by_name[name][2])
    return Finding(
        verdict=verdict_of(by_name["nose"][2] < 0.95, by_name["eyes"][2] < 0.95, by_name["mouth"][2] < 0.95),
        sentence=(
            f"Samples have {100 * by_name['nose'][2]:.0f} % of the data's gradient at the nose, "
            f"{100 * by_name['eyes'][2]:.0f} % at the eyes (where glasses sit) and {100 * by_name['mouth'][2]:.0f} % "
            f"at the mouth; {'blurred: ' + ', '.join(blurred) if blurred else 'no region is blurred'}, worst {worst}. "
            f"After PCA alone the data keep {100 * by_name['nose'][1]:.0f} %, {100 * by_name['eyes'][1]:.0f} % and "
            f"{100 * by_name['mouth'][1]:.0f} %: the projection accounts for {100 * min(share, 1):.0f} % of the blur."
        ),
        plates=(Plate(maps, "Sharpness."), Plate(lost, "Sharpness lost."), Plate(Table(heads, tuple(rows)))),
        split=f"training images of {lab.split_words}; samples of random seeds 0 to {_COUNT - 1}",
        n=f"{len(lab.seen)} images, {_COUNT} samples",
        model=lab.words(),
        seed=f"0 to {_COUNT - 1}",
        published="blurred nose, inconsistent mouth, transparent glasses, stated without numbers",
    )
