"""Prototypes: what the mean code of a class looks like, and that of its complement."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.classes import (
    ClassMeans,
    MeansPass,
    attributes_control,
    far_note,
    mean_pass,
    sample_control,
    seed_control,
    wanted,
)
from latentstudio.analyses.decoding import BATCH, decoded_rows, frames_of
from latentstudio.analyses.passes import model_of, origin_words, studied
from latentstudio.controls import control
from latentstudio.results import Changes, Curve, ImageGrid, Line, Measure, Partial, Sheet, Table
from latentstudio.stats.norms import norm_law
from latentstudio.stats.pictures import change_map, visible

Floats = NDArray[np.float64]
_ENCODING = 0.95
_CHANGED = 8.0
_ROWS = ("Prototypes, the mean code of those with it", "Opposites, the mean code of the others")


@dataclass(frozen=True)
class Prototypes:
    """Decoded class means and complement means, and how far they lie from the mean of all.

    With p the share of a class, the mean of all is p mu_f + (1 - p) mu_notf, so that the opposite of a class differs
    from it by mu - mu_notf = p (mu_f - mu_notf): the rarer the class, the more its opposite is the mean face. Lengths
    of differences stand beside what as many draws of the prior would give.
    """

    title: ClassVar[str] = "Prototypes"
    summary: ClassVar[str] = (
        "Mean faces of classes and of their complements, and why opposites of rare ones look alike."
    )
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    attributes: tuple[str, ...] = attributes_control()
    norm: str = control(
        "as_is",
        "Norm",
        "choice",
        choices=("as_is", "typical"),
        choice_labels=("As it is", "Of the prior"),
        help="Means are far shorter than codes of faces; the prior's norm shows their direction at full length.",
    )
    sample: int = sample_control()
    seed: int = seed_control()

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the images of all classes once, then decode the means."""
        caption = origin_words(study, studied(study))
        asked, notes = wanted(study, self.attributes, self.sample, self.seed)
        reached = 0.0
        for step in mean_pass(study, asked, 0.0, _ENCODING):
            if isinstance(step, Partial):
                reached = step.fraction
                yield step
            elif step.classes:
                yield Partial(1.0 if step.done else reached, self._sheet(study, step, notes, caption))

    def _sheet(self, study: Study, found: MeansPass, notes: tuple[str, ...], caption: str) -> Sheet:
        notes = (*notes, *far_note(found.far))
        grid = self._grid(study, found, caption, notes)
        parts = (grid, self._table(found, caption), shares(found.classes, caption))
        return Sheet(parts, title=self.title, caption=caption)

    def _codes(self, study: Study, classes: tuple[ClassMeans, ...]) -> Floats:
        """Codes of both rows, float64 (2 (K + 1), D): the mean of all and the prototypes; zero and the opposites."""
        widest = _widest(classes)
        first = [widest.overall, *(c.present for c in classes)]
        second = [np.zeros_like(widest.overall), *(c.absent for c in classes)]
        codes = np.stack([*first, *second])
        if self.norm == "typical":
            space = model_of(study).space
            lengths = np.linalg.norm(codes, axis=1, keepdims=True)
            full = norm_law(space.prior.kind, space.size).mean()
            codes *= np.divide(full, lengths, out=np.ones_like(lengths), where=lengths > 0)
        return codes

    def _grid(self, study: Study, found: MeansPass, caption: str, notes: tuple[str, ...]) -> ImageGrid:
        model, classes = model_of(study), found.classes
        codes = self._codes(study, classes)
        decoded = np.concatenate([decoded_rows(model, codes[at : at + BATCH]) for at in range(0, len(codes), BATCH)])
        seen = visible(decoded)
        maps = change_map(seen, seen[:1])
        maps[0] = np.nan
        widest, columns = _widest(classes), len(classes) + 1
        sides = [(np.zeros_like(widest.overall), widest.overall), *((c.absent, c.overall) for c in classes)]
        sides = [*((c.present, c.overall) for c in classes), *sides]
        away = np.array([np.nan, *(float(np.linalg.norm(a - b)) for a, b in sides)])
        said = [
            f"The mean of all is that of the images of whom {widest.words} is known, and maps show where a picture "
            "differs from it. Numbers say how far a class mean lies from the mean of all of whom the class is known."
        ]
        if self.norm == "typical":
            said.append("All codes but zero are scaled to the mean norm of prior draws.")
        labels = ("mean of all", *(c.words for c in classes), "zero code", *(c.without for c in classes))
        return ImageGrid(
            frames_of(study, codes, decoded),
            columns,
            labels=labels,
            row_labels=_ROWS,
            changes=Changes(maps, _CHANGED),
            measures=(Measure("distance from the mean", away, digits=2),),
            members=_members(classes) if found.done else (),
            # No typical range: means are short by nature, and that would be a warning under every picture.
            title="Prototypes and opposites",
            caption=caption,
            notes=(*said, *notes),
        )

    def _table(self, found: MeansPass, caption: str) -> Table:
        rows = tuple(row_of(c) for c in found.classes)
        columns = (
            "class",
            "with",
            "without",
            "share, %",
            "‖μf‖",
            "‖μ¬f‖",
            "‖μf − μ‖",
            "‖μ¬f − μ‖",
            "share × ‖d‖",
            "‖d‖",
            "noise of ‖d‖",
            "‖d‖ / noise",
        )
        note = (
            "d = μf − μ¬f. As μ − μ¬f = share × d, the opposite of a rare class is nearly the mean of all. Noise: the "
            "length that d would have if codes were draws of the prior, σ √(D (1/n₁ + 1/n₀))."
        )
        members = tuple(c.wanted.members.labels == 1 for c in found.classes) if found.done else ()
        return Table(
            columns,
            rows,
            members=tuple(np.flatnonzero(m) for m in members),
            title="Distances of the means",
            caption=caption,
            notes=(note,),
        )


def row_of(c: ClassMeans) -> tuple[str | int | float | None, ...]:
    """Return the numbers of a class as a row of the table."""
    length = float(np.linalg.norm(c.difference))
    distances = (float(np.linalg.norm(v)) for v in (c.present, c.absent, c.present - c.overall, c.absent - c.overall))
    return (c.words, *c.counts, 100 * c.share, *distances, c.share * length, length, c.noise, length / c.noise)


def shares(classes: tuple[ClassMeans, ...], caption: str) -> Curve:
    """Draw the distances of prototypes and opposites from the mean of all against the share of the class."""
    ordered = sorted(classes, key=lambda c: c.share)
    x = np.array([100 * c.share for c in ordered])
    near = np.array([float(np.linalg.norm(c.absent - c.overall)) for c in ordered])
    far = np.array([float(np.linalg.norm(c.present - c.overall)) for c in ordered])
    noise = np.array([c.share * c.noise for c in ordered])
    notes = ["Dashed: how far the opposite would lie from the mean if the codes were draws of the prior."]
    rank = rank_correlation(x, near)
    if rank is not None:
        notes.append(f"Rank correlation of share and distance of the opposite over {len(x)} classes: {rank:.2f}.")
    lines = (
        Line("prototype", x, far, "train", "markers"),
        Line("opposite", x, near, "data", "markers"),
        Line("opposite, noise alone", x, noise, "reference", "line"),
    )
    return Curve(
        lines,
        "share of the class, %",
        "distance from the mean of all",
        title="Rare classes have opposites that look alike",
        caption=caption,
        notes=tuple(notes),
    )


def rank_correlation(a: Floats, b: Floats) -> float | None:
    """Spearman's rank correlation of values (n,); None for fewer than three, or where one of them is constant."""
    if len(a) < 3:
        return None
    from scipy.stats import rankdata

    x, y = rankdata(a) - (len(a) + 1) / 2, rankdata(b) - (len(b) + 1) / 2
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else None


def _widest(classes: tuple[ClassMeans, ...]) -> ClassMeans:
    """The class that is known of most images; the first of those that are equal."""
    return max(classes, key=lambda c: sum(c.wanted.members.counts))


def _members(classes: tuple[ClassMeans, ...]) -> tuple[NDArray[np.int64], ...]:
    """Images that each picture stands for; none for the code of zeros."""
    labels = [c.wanted.members.labels for c in classes]
    everyone = np.flatnonzero(np.isfinite(_widest(classes).wanted.members.labels))
    first = [everyone, *(np.flatnonzero(known == 1) for known in labels)]
    return (*first, np.zeros(0, dtype=np.int64), *(np.flatnonzero(known == 0) for known in labels))
