"""Specular images: codes mirrored at zero, at half the length and at the whole."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError
from latentstudio.results import Table
from latentstudio.stats.pictures import HALF_RANGE
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_midpoints import reference
from latentstudio.studio.reproduce.glow_subjects import Subject, labelled
from latentstudio.studio.reproduce.samples import out_of_range

_TRAITS: dict[str, tuple[str, ...]] = {
    "hair": ("Black_Hair", "Blond_Hair", "Long_Hair", "bangs", "Bangs", "bald", "Bald"),
    "gender": ("Male", "male", "gender=male", "Wearing_Lipstick"),
    "pose": ("turned_left", "Turned_Left", "turned_right", "Turned_Right", "yaw>0"),
    "other": ("smiling", "Smiling", "mouth_open", "Mouth_Slightly_Open", "Young", "Dark_Skin"),
}
"""What specular images are said to swap, and what else is looked at."""

_SHOWN = 4
_ALPHAS = (-1.0, 0.25, 0.5, 0.75, 1.0)


def traits(lab: GlowLab) -> list[tuple[str, Subject]]:
    """Attributes of the data set that a classifier of pictures tells, with the group that they belong to.

    Raises
    ------
    UserError
        There is none.
    """
    found = []
    for group, specs in _TRAITS.items():
        for spec in specs:
            who = Subject(lab, spec, spec)
            try:
                if who.judge.sees:
                    found.append((group, who))
            except UserError:
                continue
    if not found:
        raise UserError(f"A classifier of pictures tells no attribute of {lab.data.title}; nothing can be swapped.")
    return found


def faces(lab: GlowLab) -> NDArray[np.int64]:
    """Rows of the bench: held-out faces with usable codes, in a seeded order."""
    rows = np.random.default_rng(6).permutation(np.flatnonzero(lab.unseen_rows & lab.usable))
    return np.asarray(rows[: lab.some(64, 12)], dtype=np.int64)


def swapped(before: Floats, after: Floats) -> tuple[float, float, float, float]:
    """Compare scores (n,) of faces and of their specular images.

    Returns
    -------
    Correlation; its z by Fisher's transform; share on the other side of 0.5, percent; and the same share if images and
    faces were paired at random, in closed form.
    """
    n = len(before)
    if n < 4 or before.std() == 0 or after.std() == 0:
        return float("nan"), float("nan"), float("nan"), float("nan")
    r = float(np.corrcoef(before, after)[0, 1])
    z = float(np.arctanh(np.clip(r, -0.999999, 0.999999))) * (n - 3) ** 0.5
    a, b = float((before > 0.5).mean()), float((after > 0.5).mean())
    flipped = float(((before > 0.5) != (after > 0.5)).mean())
    return r, z, 100 * flipped, 100 * (a * (1 - b) + b * (1 - a))


def half_length(lab: GlowLab) -> Finding:
    """S1-F17."""
    lab = labelled(lab)
    rows = faces(lab)
    codes = lab.noisy[rows]
    pictures, mirrored = lab.decoded_raw(codes), lab.decoded_raw(-0.5 * codes)
    found: list[tuple[Any, ...]] = []
    for group, who in traits(lab):
        r, z, flipped, chance = swapped(who.judge.scores(pictures), who.judge.scores(mirrored))
        found.append((group, who.spec, who.judge.auc, r, z, flipped, chance))
    swaps = [row for row in found if row[4] < -2]
    groups = {row[0] for row in swaps}
    asked = {row[0] for row in found} - {"other"}
    near = float(np.median(lab.features.nearest(mirrored)))
    own = float(np.median(lab.features.nearest(pictures)))
    heads = ("", "attribute", "AUC of the classifier", "correlation", "z", "swapped, %", "by chance, %")
    note = (
        "Correlation of the score of a face with that of its specular image over the faces, below 0 where the "
        "attribute is swapped; by chance: if specular images were dealt to the faces at random."
    )
    recipe = lab.code_recipe("reflect", faces=tuple(lab.code(int(r)) for r in rows[:_SHOWN]), alphas=(0.5,))
    best = min(found, key=lambda row: row[4])
    return Finding(
        verdict=verdict_of(
            2 * len(swaps) >= len(found), *(group in groups for group in sorted(asked)), near <= 1.25 * own
        ),
        sentence=(
            f"At half the length the specular image swaps {len(swaps)} of {len(found)} attributes (scores of face and "
            f"image correlate below 0 by more than two standard errors), most {best[1]} (r = {best[3]:.2f}); among "
            f"hair, gender and pose: {', '.join(sorted(groups & asked)) or 'none'} of "
            f"{', '.join(sorted(asked)) or 'none'} that the data set labels. The median distance to the nearest "
            f"training face is {near:.1f} grey levels (faces: {own:.1f})."
        ),
        plates=(
            Plate(recipe, "A face and its specular image at half the length."),
            Plate(Table(heads, tuple(found), notes=(note,))),
        ),
        split=f"held-out images of {lab.split_words}",
        n=f"{len(rows)} faces",
        model=f"{lab.words()}; {lab.data.title}; codes of dequantised images",
        published="figure only: hair, gender and pose are swapped",
        ours=f"{len(swaps)} of {len(found)} swapped",
    )


def _measured(lab: GlowLab, codes: Floats, others: NDArray[np.float32]) -> tuple[float, ...]:
    """Norm, pictures that are finite (%), pixels out of range (%), distance, Frechet distance and contrast of codes."""
    images = lab.decoded_raw(codes.astype(np.float32))
    return (
        float(np.linalg.norm(codes, axis=1).mean()),
        100 * float(np.isfinite(images.reshape(len(images), -1)).all(axis=1).mean()),
        float(out_of_range(images).mean()),
        float(np.median(lab.features.nearest(images))),
        lab.features.frechet(images, others),
        _contrast(images),
    )


def full_length(lab: GlowLab) -> Finding:
    """S1-X6."""
    rows = faces(lab)
    codes = lab.noisy[rows].astype(np.float64)
    train = lab.noisy[~lab.unseen_rows & lab.usable].astype(np.float64)
    mean = train.mean(axis=0)
    sets = {f"about zero, {-a:+g}".replace("-", "−"): -a * codes for a in _ALPHAS}
    sets["about the mean, −0.5"], sets["about the mean, −1"] = mean - 0.5 * (codes - mean), 2 * mean - codes
    sets["draws of the prior"] = lab.draws(len(rows)).astype(np.float64)
    found: dict[str, tuple[float, ...]] = {}
    others = reference(lab, len(rows))
    for name, made in sets.items():
        found[name] = _measured(lab, made, others)
    own, half, full = (found[f"about zero, {name}"] for name in ("+1", "−0.5", "−1"))
    prior = found["draws of the prior"]
    heads = ("", "norm", "finite, %", "clipped, %", "nearest", "Frechet distance", "contrast")
    notes = (
        f"Nearest: median distance to the nearest training face, grey levels ({lab.features.words}). Frechet distance "
        "of whitened components to as many held-out faces. Contrast: standard deviation of the pixels of a picture, "
        "grey levels. +1 is the face itself.",
    )
    shown = tuple(lab.code(int(r)) for r in rows[:_SHOWN])
    spoiled = full[1] < 100 or full[2] > own[2] + 1 or full[3] > 1.25 * own[3]
    return Finding(
        verdict=verdict_of(spoiled, full[4] > half[4], full[4] > 1.25 * prior[4]),
        sentence=(
            f"At full length {full[1]:.0f} % of the specular images are finite and {full[2]:.2f} % of their pixels "
            f"out of range (faces {own[2]:.2f} %, half the length {half[2]:.2f} %); the nearest training face is "
            f"{full[3]:.1f} grey levels away (faces {own[3]:.1f}, half the length {half[3]:.1f}, draws of the prior "
            f"{prior[3]:.1f}), and the Frechet distance to held-out faces is {full[4]:.1f} (faces {own[4]:.1f}, half "
            f"the length {half[4]:.1f}, draws {prior[4]:.1f}). Mirrored at the mean instead of at zero it is "
            f"{found['about the mean, −1'][4]:.1f}."
        ),
        plates=(
            Plate(
                lab.code_recipe("reflect", faces=shown, alphas=(0.25, 0.5, 0.75, 1.0)),
                "From a quarter to the full length.",
            ),
            Plate(Table(heads, tuple((name, *row) for name, row in found.items()), digits=3, notes=notes)),
        ),
        split=f"held-out images of {lab.split_words}; mean of training images",
        n=f"{len(rows)} faces",
        model=f"{lab.words()}; codes of dequantised images",
        published="stated without a number: full length gives corrupted pictures",
        ours=f"Frechet distance {full[4]:.1f} at full, {half[4]:.1f} at half the length",
    )


def _contrast(images: NDArray[np.float32]) -> float:
    shown = np.nan_to_num(images.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
    return HALF_RANGE * float(shown.reshape(len(shown), -1).std(axis=1).mean())


ENTRIES = (
    Entry(
        "S1-F17",
        "Specular images at half the length",
        "The specular image of a face, -z / 2, swaps hair, gender and pose.",
        "Scores of classifiers of pictures for faces and for their specular images: correlation, share of swapped "
        "classes against pairs at random.",
        half_length,
    ),
    Entry(
        "S1-X6",
        "Specular images at full length are corrupted",
        "At full length, -z, specular images are corrupted.",
        "Finite pictures, pixels out of range, distance to the nearest training face and contrast by length; mirrored "
        "at zero and at the mean.",
        full_length,
    ),
)
