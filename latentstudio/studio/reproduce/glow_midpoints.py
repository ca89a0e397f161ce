"""Do norm-preserving transitions look worse than straight ones, and do their norms explain it? Faces halfway."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.operations.interpolate import PATH_LABELS, PATHS
from latentstudio.results import ImageGrid, Table
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_paths import CODES, STEPS, on_path
from latentstudio.studio.reproduce.samples import gradient_energy, picture_grid

_TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def midpoints(lab: GlowLab) -> dict[str, NDArray[np.float32]]:
    """Codes (n, D) halfway between pairs of held-out faces, by label of the path."""

    def make() -> dict[str, NDArray[np.float32]]:
        pairs = list(lab.pairs(lab.some(64, 8)))
        half = np.array([0.5])
        return {
            label: np.concatenate([on_path(lab, lab.noisy[a], lab.noisy[b], path, half) for a, b in pairs])
            for path, label in zip(PATHS, PATH_LABELS, strict=True)
        }

    return lab.once("midpoints", make)


def measured(lab: GlowLab, codes: NDArray[np.float32]) -> tuple[Floats, float, float, float, NDArray[np.float32]]:
    """Distances (n,) to the nearest training picture, median, Frechet distance, sharpness, and the images."""
    images = lab.decoded_raw(codes)
    others = reference(lab, len(codes))
    near = lab.features.nearest(images)
    sharp = gradient_energy(torch.from_numpy(np.nan_to_num(images))) / gradient_energy(torch.from_numpy(others))
    return near, float(np.median(near)), lab.features.frechet(images, others), sharp, images


def reference(lab: GlowLab, count: int) -> NDArray[np.float32]:
    """Held-out images to compare with, the same for every set, in a seeded order."""
    rows = np.random.default_rng(1).permutation(np.flatnonzero(lab.unseen_rows))[:count]
    return lab.images[torch.from_numpy(rows)].numpy()


def looks_worse(lab: GlowLab) -> Finding:
    """S1-X2."""
    rows: list[tuple[Any, ...]] = []
    near: dict[str, Floats] = {}
    frechet: dict[str, float] = {}
    sets = dict(midpoints(lab))
    count = len(sets["Linear"])
    draws = lab.draws(count)
    sets |= {f"samples, T = {t:g}": t * draws for t in _TEMPERATURES}
    for label, codes in sets.items():
        near[label], median, frechet[label], sharp, _ = measured(lab, codes)
        norm = float(np.linalg.norm(codes.astype(np.float64), axis=1).mean())
        rows.append((label, norm, median, frechet[label], sharp))
    real = np.random.default_rng(2).permutation(np.flatnonzero(lab.unseen_rows))[:count]
    faces = lab.images[torch.from_numpy(real)].numpy()
    own = lab.features.nearest(faces)
    rows.append(
        ("held-out faces", None, float(np.median(own)), lab.features.frechet(faces, reference(lab, count)), 1.0)
    )
    worse = near["Norm-preserving"] > near["Linear"]
    share, p = float(worse.mean()), _sign_test(int(worse.sum()), len(worse))
    by_nearest = share > 0.5 and p < 0.05
    by_frechet = frechet["Norm-preserving"] > frechet["Linear"]
    temper = float(np.median(near["samples, T = 1"]) - np.median(near["samples, T = 0.7"]))
    gap = float(np.median(near["Norm-preserving"]) - np.median(near["Linear"]))
    notes = (
        f"Feature: {lab.features.words}; what lies outside the components counts. Distances in grey levels, medians. "
        "Frechet distance of the first whitened components to held-out faces, at equal numbers. Sharpness: gradient "
        "energy over that of held-out faces.",
    )
    heads = ("", "mean norm", "nearest training face", "Frechet distance", "sharpness")
    a, b = next(lab.pairs(1))
    side = lab.code_recipe("interpolate", a=lab.code(a), b=lab.code(b), paths=PATHS, steps=STEPS)
    return Finding(
        verdict=verdict_of(by_nearest, by_frechet),
        sentence=_verdict_words(share, count, p, gap, temper, frechet),
        plates=(
            Plate(side, "All four paths between the same two faces."),
            Plate(_temperatures(lab), "The same base noise at several temperatures, the control."),
            Plate(Table(heads, tuple(rows), notes=notes)),
        ),
        split=f"held-out images of {lab.split_words}",
        n=f"{count} midpoints of each path, {count} samples of each temperature",
        model=f"{lab.words()}; {CODES}",
        seed=f"0 to {count - 1} for samples",
        published="looks worse, stated without a number",
        ours=f"farther on {100 * share:.0f} % of pairs",
    )


def _verdict_words(share: float, count: int, p: float, gap: float, temper: float, frechet: dict[str, float]) -> str:
    explained = "so that the norm alone can explain it" if temper * gap > 0 else "so that the norm does not explain it"
    return (
        "Halfway, the norm-preserving path is farther from the training faces than the straight line on "
        f"{100 * share:.0f} % of {count} pairs (p = {p:.2g}; medians {gap:+.1f} grey levels apart), with Frechet "
        f"distances {frechet['Norm-preserving']:.1f} and {frechet['Linear']:.1f}. Plain samples of T = 1 against "
        f"T = 0.7 differ by {temper:+.1f} grey levels, {explained}."
    )


def _sign_test(hits: int, n: int) -> float:
    """Two-sided p-value of so many hits in n fair tosses."""
    from scipy.stats import binomtest

    return float(binomtest(hits, n).pvalue) if n else math.nan


def _temperatures(lab: GlowLab) -> ImageGrid:
    draws = lab.draws(4)
    pictures = np.concatenate([lab.pictures(t * draws) for t in _TEMPERATURES])
    order = np.arange(len(pictures)).reshape(len(_TEMPERATURES), -1).T.ravel()
    labels = tuple(f"T = {t:g}" for _ in draws for t in _TEMPERATURES)
    return picture_grid(np.ascontiguousarray(pictures[order]), len(_TEMPERATURES), labels)


ENTRIES = (
    Entry(
        "S1-X2",
        "Norm-preserving transitions look worse",
        "The norm-preserving transition looks worse than the straight line (a negative result).",
        "Midpoints of four paths, and samples at several temperatures as control: distance to the nearest training "
        "face in features that no flow takes part in, and Frechet distance.",
        looks_worse,
    ),
)
