"""Edits of many faces by several strengths, measured: classifiers of pictures, norms, distances to training faces."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.data.prepare import fit, to_pixels
from latentstudio.errors import UserError
from latentstudio.results import Table
from latentstudio.stats.pictures import HALF_RANGE
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import Subject, pictures_at, subject
from latentstudio.studio.reproduce.samples import out_of_range

_HEADS = ("alpha", "score", "standard error", "past the middle, %", "norm", "nearest", "clipped, %", "finite, %")


@dataclass(frozen=True)
class Edited:
    """Edits of some faces by several strengths, float64 (faces, strengths) each.

    Attributes
    ----------
    scores : of the judge; 0 is the average face without the attribute, 1 with it ; norms : of the codes.
    nearest : distance to the nearest training face, grey levels ; clipped : share of pixels out of range, percent.
    finite : share of pixels that are finite, percent.
    """

    strengths: Floats
    scores: Floats
    norms: Floats
    nearest: Floats
    clipped: Floats
    finite: Floats

    def at(self, strength: float) -> int:
        """Column of a strength."""
        return int(np.flatnonzero(self.strengths == strength)[0])

    def gain(self, strength: float) -> tuple[float, float]:
        """Mean change of the score from strength 0, and its standard error over faces; infinite for a single face."""
        moved = self.scores[:, self.at(strength)] - self.scores[:, self.at(0.0)]
        spread = float(moved.std(ddof=1)) / math.sqrt(len(moved)) if len(moved) > 1 else math.inf
        return float(moved.mean()), spread

    def passed(self, strength: float) -> float:
        """Share of the faces, percent, that the judge takes for ones with the attribute."""
        return 100 * float((self.scores[:, self.at(strength)] > 0.5).mean())

    def table(self, notes: tuple[str, ...]) -> Table:
        """One row for each strength."""
        rows = []
        for k, strength in enumerate(self.strengths):
            scores = self.scores[:, k]
            error = float(scores.std(ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else None
            means = (float(part[:, k].mean()) for part in (self.norms, self.nearest, self.clipped, self.finite))
            rows.append((float(strength), float(scores.mean()), error, self.passed(float(strength)), *means))
        return Table(_HEADS, tuple(rows), digits=3, notes=notes)


def edited(who: Subject, rows: NDArray[np.int64], strengths: tuple[float, ...]) -> Edited:
    """Edit faces, given by dataset indices (n,), and measure what comes out.

    Raises
    ------
    UserError
        No classifier of pictures tells the attribute, so that nothing can judge the edits.
    """
    lab, judge = who.lab, who.judge
    if not judge.sees:
        raise UserError(
            f"A classifier of pictures does not tell {who.words} (AUC {judge.auc:.2f}); nothing can judge the edits."
        )
    codes = who.edited(rows, strengths).reshape(-1, lab.info.latent_size)
    images = lab.decoded_raw(codes)
    shape = (len(rows), len(strengths))
    flat = images.reshape(len(images), -1)
    norms = np.linalg.norm(codes.astype(np.float64), axis=1)
    finite = 100 * np.isfinite(flat).mean(axis=1)
    parts = (judge.scores(images), norms, lab.features.nearest(images), out_of_range(images), finite)
    return Edited(np.array(strengths), *(np.asarray(p, dtype=np.float64).reshape(shape) for p in parts))


def notes_of(who: Subject) -> tuple[str, ...]:
    """What stands under a table of edits."""
    d = who.direction
    about = (
        f"{who.words}: {d.counts[0]:,} images with and {d.counts[1]:,} without, length {d.length:.3g} (noise alone "
        f"{d.noise:.3g}), AUC {d.auc:.2f} on images not used to find it."
    )
    return tuple(filter(None, (who.judge.sentence, about, *d.notes, who.note)))


def known_subjects(lab: GlowLab, names: tuple[str, ...]) -> tuple[Subject, ...]:
    """The attributes that can be looked at; those that neither data set has, or nothing can judge, are left out.

    Raises
    ------
    UserError
        None is left; the sentence is that of the last.
    """
    found, why = [], ""
    for name in names:
        try:
            who = subject(lab, name)
            if who.judge.sees:
                found.append(who)
            else:
                why = f"A classifier of pictures does not tell {who.words} (AUC {who.judge.auc:.2f})."
        except UserError as error:
            why = str(error)
    if not found:
        raise UserError(why)
    return tuple(found)


def there_and_back(who: Subject, rows: NDArray[np.int64], strength: float) -> tuple[float, float]:
    """Add an attribute, show the picture in 8 bits, encode it, take the attribute away again.

    Returns
    -------
    Root-mean-square difference in grey levels to the face itself, after adding, and after taking away again.
    """
    lab, step = who.lab, strength * who.direction.vector
    faces, _ = pictures_at(lab, rows)
    added = fit(to_pixels(lab.decoded_raw(who.edited(rows, (strength,))[:, 0])), lab.info.image_shape)
    model = lab.model()
    with torch.inference_mode():
        device = next(model.parameters()).device
        codes = model.encode(torch.from_numpy(added).to(device)).float().cpu().numpy().astype(np.float64)
    back = lab.decoded_raw((codes - step).astype(np.float32))
    return _difference(added, faces), _difference(back, faces)


def _difference(images: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    shown = np.nan_to_num(images.astype(np.float64), nan=-1.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
    squares = np.square(shown - others).reshape(len(shown), -1).mean(axis=1)
    return float(np.median(np.sqrt(squares))) * HALF_RANGE
