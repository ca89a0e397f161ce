"""Samples along the training, and what changes in them."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.figures.readouts import nearest_rows
from latentstudio.figures.recipe import ModelRef
from latentstudio.results import Curve, Frames, ImageGrid, Line, Table
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab

_COUNT = 320
_FEATURES = 32
_SHOWN = 6


def quality(lab: Lab, snapshot: int) -> dict[str, float]:
    """Measure samples of a snapshot (random seeds 0 to 319) against the data.

    Returns
    -------
    finite share; sharpness: gradient energy over that of training images after PCA; nearest: median root-mean-square
    distance to the nearest training image in grey levels; frechet: Frechet distance of 32 whitened PCA scores.
    """
    return lab.once(f"quality {snapshot}", lambda: _quality(lab, snapshot))


def _quality(lab: Lab, snapshot: int) -> dict[str, float]:
    model = lab.model(snapshot)
    with torch.inference_mode():
        codes = model.space.prior.sample(list(range(_COUNT)), model.space.size)
        images = model.decode(codes)
        rebuilt = model.pca_decode(model.pca_encode(lab.images))
        finite = torch.isfinite(images).flatten(1).all(dim=1).numpy()
        scores = (model.pca_encode(images[finite].clamp(-1, 1)).double().numpy() / np.sqrt(model.variances))[
            :, :_FEATURES
        ]
    shown = images[finite].clamp(-1, 1).flatten(1).numpy()
    _, distance = nearest_rows(lab.images[lab.seen].flatten(1).numpy(), shown)
    return {
        "finite": float(finite.mean()),
        "sharpness": gradient_energy(images[finite]) / gradient_energy(rebuilt[lab.seen]),
        "nearest": float(np.median(distance)),
        "frechet": frechet(scores, lab.scores[lab.seen][:, :_FEATURES]),
    }


def floors(lab: Lab) -> dict[str, float]:
    """What real images give in the same measures: training halves against each other, held-out against training."""
    _, distance = nearest_rows(lab.images[lab.seen].flatten(1).numpy(), lab.images[lab.held_out].flatten(1).numpy())
    order = np.random.default_rng(0).permutation(lab.seen)
    halves = np.array_split(lab.scores[order][:, :_FEATURES], 2)
    return {"nearest": float(np.median(distance)), "frechet": frechet(*halves)}


def out_of_range(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share in % of the values of decoded images (n, C, H, W) that lie beyond black or white, float64 (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(100 * (np.abs(images.reshape(len(images), -1)) > 1).mean(axis=1), dtype=np.float64)


def gradient_energy(images: torch.Tensor) -> float:
    """Mean squared difference of neighbouring pixels, a measure of sharpness; images (N, C, H, W)."""
    images = images.clamp(-1, 1)
    across, down = images.diff(dim=3), images.diff(dim=2)
    return float(across.square().mean() + down.square().mean())


def frechet(a: Floats, b: Floats) -> float:
    """Frechet distance between rows of features; never called FID, since the features are our own."""
    from latentstudio.stats.frechet import frechet_distance

    tensors = [t for rows in (a, b) for t in (torch.from_numpy(rows.mean(axis=0)), torch.from_numpy(np.cov(rows.T)))]
    return frechet_distance(*tensors)


def samples_at(place: int) -> Callable[[Lab], Finding]:
    """Return the experiment S0-F3 to F7 for the snapshot at `place` among the snapshots."""

    def run(lab: Lab) -> Finding:
        epoch = lab.snapshots[place]
        found, real = quality(lab, epoch), floors(lab)
        ref = ModelRef(name=lab.model_name, snapshot=epoch)
        recipe = lab.recipe("sample", ref, count=16, columns=8, seed=0)
        like, sharp = found["nearest"] <= 1.25 * real["nearest"], found["sharpness"] >= 0.5
        return Finding(
            verdict=verdict_of(found["finite"] == 1.0, like, sharp),
            sentence=(
                f"Of {_COUNT} samples {100 * found['finite']:.0f} % are finite; the median distance to the nearest "
                f"training face is {found['nearest']:.1f} grey levels (held-out faces: {real['nearest']:.1f}), and "
                f"their sharpness is {found['sharpness']:.2f} of the data's after PCA: near the data, "
                f"{'and sharp' if sharp else 'but blurred'}."
            ),
            plates=(Plate(recipe, "The same base noise as at every other length."),),
            split=lab.split_words,
            n=f"16 shown, {_COUNT} measured",
            model=lab.words(ref),
            seed=f"0 to {_COUNT - 1}",
            published="figure only",
        )

    return run


def samples_along_training(lab: Lab) -> Finding:
    """S0-X1."""
    epochs = lab.snapshots
    found = [quality(lab, e) for e in epochs]
    real = floors(lab)
    means = [float(lab.log_probs(e)[~lab.held_out].mean()) for e in epochs]
    grid, moved = _strips(lab)
    rows = [
        (e, m, f["frechet"], f["nearest"], f["sharpness"], 100 * f["finite"], d)
        for e, m, f, d in zip(epochs, means, found, moved, strict=True)
    ]
    heads = (
        "epoch",
        "training mean log p",
        "Frechet distance",
        "nearest training face",
        "sharpness",
        "finite, %",
        "moved",
    )
    notes = (
        f"Frechet feature distance of {_FEATURES} whitened PCA scores; two halves of the training images: "
        f"{real['frechet']:.2f}. 'Moved': mean grey-level distance to the same sample at the length before.",
    )
    curve = Curve(
        (Line("Frechet distance", np.array(epochs, float), np.array([f["frechet"] for f in found]), "data", "both"),),
        "epoch",
        "Frechet feature distance",
        x_log=True,
    )
    middle = next((i for i, e in enumerate(epochs) if e >= 500), 0)
    change = abs(found[-1]["frechet"] - found[middle]["frechet"]) / max(found[middle]["frechet"], 1e-9)
    rise = means[-1] - means[middle]
    return Finding(
        verdict=verdict_of(change < 0.25, rise > 10),
        sentence=(
            f"From epoch {epochs[middle]} to {epochs[-1]} the mean training log-density rises by {rise:.1f} nats per "
            f"image while the Frechet feature distance goes from {found[middle]['frechet']:.2f} to "
            f"{found[-1]['frechet']:.2f} ({100 * change:.0f} %): the likelihood says little about the pictures."
        ),
        plates=(Plate(grid, "One base noise per row."), Plate(Table(heads, tuple(rows), notes=notes)), Plate(curve)),
        split=lab.split_words,
        n=f"{_SHOWN} shown, {_COUNT} measured",
        model=f"{lab.words()} and its snapshots",
        seed=f"0 to {_COUNT - 1}",
        published="samples look the same from 500 to 5000 epochs",
    )


def _strips(lab: Lab) -> tuple[ImageGrid, list[float | None]]:
    """One row per base noise, one column per snapshot, then the nearest training face; and how far samples move."""
    codes = lab.model().space.prior.sample(list(range(_SHOWN)), lab.info.latent_size)
    columns = [lab.decoded(codes, ModelRef(name=lab.model_name, snapshot=epoch)) for epoch in lab.snapshots]
    flat = [c.reshape(_SHOWN, -1).astype(np.float64) for c in columns]
    moved: list[float | None] = [None]
    moved += [float(np.sqrt(np.square(b - a).mean(axis=1)).mean()) for a, b in pairwise(flat)]
    scaled = columns[-1].transpose(0, 3, 1, 2).reshape(_SHOWN, -1).astype(np.float32) / 127.5 - 1
    nearest, _ = nearest_rows(lab.images[lab.seen].flatten(1).numpy(), scaled)
    near = lab.seen[nearest[:, 0]]
    columns.append(np.ascontiguousarray(lab.data.images(near)))
    images = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
    per_row = [*(f"epoch {e}" for e in lab.snapshots), "nearest"]
    labels = tuple(
        f"nearest: {lab.data.image_id(int(near[i]))}" if word == "nearest" else word
        for i in range(_SHOWN)
        for word in per_row
    )
    return picture_grid(images, len(per_row), labels), moved


def picture_grid(images: NDArray[np.uint8], columns: int, labels: tuple[str, ...]) -> ImageGrid:
    """A grid of pictures without codes of their own: their norms are unknown."""
    count = len(images)
    frames = Frames(
        images=images,
        codes=np.zeros((count, 0), np.float32),
        norm=np.full(count, np.nan),
        log_prob=None,
        prior_percentile=np.full(count, np.nan),
        data_percentile=None,
        nearest=None,
        nearest_distance=None,
        ready=np.ones(count, bool),
        finite=np.ones(count, bool),
    )
    return ImageGrid(frames, columns, labels)
