"""The heuristic of which features a flow can edit, measured: local, unique, well sampled, with an opposite, in norm."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.classes import (
    Wanted,
    attributes_control,
    held_out_faces,
    note_unread,
    sample_control,
    seed_control,
    wanted,
)
from latentstudio.analyses.decoding import BATCH, decoded_rows
from latentstudio.analyses.edit_controls import estimator_control, faces_control, strength_control
from latentstudio.analyses.edit_faces import Classes, classes_of, pictures_of
from latentstudio.analyses.feature_criteria import WEAK, WINDOW, Estimate, Judge, sampling, separation, uniqueness
from latentstudio.analyses.passes import Indices, data_of, model_of, origin_words, studied, told
from latentstudio.errors import UserError
from latentstudio.results import Heatmap, Partial, Sheet, Table
from latentstudio.stats.directions import estimate
from latentstudio.stats.intervals import of_mean
from latentstudio.stats.localisation import locality
from latentstudio.stats.norms import component_deviation, far_bound
from latentstudio.stats.percentiles import percentile_of
from latentstudio.stats.pictures import change_map, halved, visible_if_finite

Floats = NDArray[np.float64]
Row = tuple[str | int | float | None, ...]

CRITERIA = ("local", "unique", "well sampled", "opposite", "in norm")
_FACES = 0.06
_DEFINITIONS = (
    f"Local: 1 − the part of the picture that the smallest square window with {WINDOW:.0%} of the squared change takes "
    f"up; a change that is even all over gives {1 - WINDOW:.1f}.",
    "Unique: v₀ / (v₀ + v₁), where v₁ is the variance among members within that window (of the mean change) and v₀ "
    "that among the others, each picture less its mean there: above 0.5 members look more alike there than the "
    "others do.",
    "Well sampled: 1 − (noise / ‖d‖)², the part of the direction's squared length that is not what as many draws of "
    "the prior would give; the square of the cosine between estimate and truth, where codes are like the prior.",
    "Opposite: how far −d moves the score of a classifier of pixels away from the feature, in distances between the "
    "mean scores of both classes; 0 if nothing comes of taking the feature away. 'Added' is the same for +d. Not said "
    f"where that classifier has an AUC below {WEAK:g} on images it was not fitted on.",
    "In norm: the share of results whose norm lies in the central 95 % of those of the data set.",
)


@dataclass(frozen=True)
class FeatureSheet:
    """A matrix of features and criteria, each averaged over held-out faces with a bootstrap interval.

    Directions and classifiers are found without the faces that are edited, and judged on a half of the images that they
    were not fitted on.
    """

    title: ClassVar[str] = "Feature sheet"
    summary: ClassVar[str] = "Which features can be edited: local, unique, well sampled, with an opposite, in norm."
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    attributes: tuple[str, ...] = attributes_control()
    strength: float = strength_control()
    faces: int = faces_control(16)
    estimator: str = estimator_control()
    sample: int = sample_control()
    seed: int = seed_control()

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the faces, then look at one attribute after the other; a row comes with each."""
        caption = origin_words(study, studied(study))
        chosen, words = held_out_faces(study, self.faces, self.seed)
        asked, notes = wanted(study, self.attributes, self.sample, self.seed, chosen)
        faces, lost = yield from self._faces(study, chosen)
        if lost:
            notes = (*notes, f"{lost} faces are left out whose codes lie far outside the prior or are not finite.")
        notes = (
            f"Strength {self.strength:g} on {len(faces.codes)} of {words}.",
            f"Intervals: 95 %, bootstrap, seed {self.seed}.",
            *notes,
        )
        measured: list[Measured] = []
        for number, one in enumerate(asked):
            start, stop = (_FACES + (0.999 - _FACES) * k / len(asked) for k in (number, number + 1))
            measured.append((yield from self._measure(study, faces, one, start, stop)))
            last = number == len(asked) - 1
            yield Partial(
                1.0 if last else stop,
                sheet_of(measured, caption, (*notes, *(t for m in measured for t in m.left_out()))),
                "Measuring",
            )

    def _faces(self, study: Study, chosen: Indices) -> Generator[Partial, None, tuple["Faces", int]]:
        """Codes and pictures of the faces that are edited, and how many are too far out."""
        model = model_of(study)
        found = yield from told(study.codes(chosen), 0.0, _FACES, "Encoding the faces")
        note_unread(study, chosen[~found.kept])
        if not len(found.codes):
            raise UserError(f"None of the {len(chosen):,} images of {data_of(study).title} can be read.")
        space = model.space
        near = np.linalg.norm(found.codes.astype(np.float64), axis=1) <= far_bound(space.prior.kind, space.size)
        if not near.any():
            raise UserError("The codes of all faces lie far outside the prior; choose other faces, or another model.")
        codes = found.codes[near].astype(np.float64)
        return Faces(codes, _seen(study, codes)), int((~near).sum())

    def _measure(
        self, study: Study, faces: "Faces", asked: Wanted, start: float, stop: float
    ) -> Generator[Partial, None, "Measured"]:
        middle, late = start + 0.5 * (stop - start), start + 0.9 * (stop - start)
        known = yield from classes_of(study, asked, start, middle)
        what = f"Reading faces for {asked.members.words}"
        pictures, rows = yield from pictures_of(study, known.rows, middle, late, what)
        readable = np.isin(known.rows, rows)
        small = halved(pictures)
        judge = Judge.of(small.reshape(len(small), -1), known.present[readable], self.seed)
        step = self.strength * estimate(known.codes, known.present, self.estimator)[0]
        yield Partial(late, None, f"Editing {asked.members.words}")
        added = _seen(study, faces.codes + step)
        yield Partial(late + 0.05 * (stop - start), None, f"Editing {asked.members.words}")
        taken = _seen(study, faces.codes - step)
        change = _mean_map(change_map(added, faces.pictures))
        unique = uniqueness(small, known.present[readable], halved(change[None, None])[0].astype(np.float64), self.seed)
        return self._measured(study, faces, known, judge, step, (added, taken), asked.members.words, unique)

    def _measured(
        self,
        study: Study,
        faces: "Faces",
        known: Classes,
        judge: Judge,
        step: Floats,
        changed: tuple[Floats, Floats],
        words: str,
        unique: Estimate,
    ) -> "Measured":
        maps = change_map(changed[0], faces.pictures)
        local = of_mean(np.array([locality(np.square(m), WINDOW) for m in maps]), self.seed)
        before, added, taken = (judge.scores(p) for p in (faces.pictures, *changed))
        opposite = of_mean((before - taken) / judge.distance, self.seed)
        more = of_mean((added - before) / judge.distance, self.seed)
        norms = np.linalg.norm(known.codes.astype(np.float64), axis=1)
        low, high = np.quantile(norms, [0.025, 0.975])
        source, after = np.linalg.norm(faces.codes, axis=1), np.linalg.norm(faces.codes + step, axis=1)
        inside = of_mean(((after >= low) & (after <= high)).astype(np.float64), self.seed)
        shift = of_mean(percentile_of(after, norms) - percentile_of(source, norms), self.seed)
        sampled, ratio = sampling(known.codes, known.present, component_deviation(model_of(study).space.prior.kind))
        return Measured(
            words,
            known.counts,
            (local, unique, (sampled, np.nan, np.nan), opposite, inside),
            ratio,
            separation(known.codes, known.present, self.estimator, self.seed),
            judge.auc,
            more,
            shift,
            _mean_map(maps),
            known.far,
            int(np.isnan(np.concatenate(changed)).any(axis=(1, 2, 3)).sum()),
        )


@dataclass(frozen=True)
class Faces:
    """Faces to edit: codes float64 (n, D), and what they look like decoded, float64 (n, C, H, W) grey levels."""

    codes: Floats
    pictures: Floats


@dataclass(frozen=True)
class Measured:
    """What was found of one feature; estimates are a value and the ends of its interval, NaN where there is none.

    Attributes
    ----------
    criteria : in the order of `CRITERIA` ; ratio : length of d over noise ; auc : of the direction on images it was not
        found on ; pixel_auc : of the classifier of pixels ; added : what +d does to its score ; shift : percentile
        points of the norm ; change : mean change map (H, W).
    far : images left out of the direction ; broken : edited pictures left out.
    """

    words: str
    counts: tuple[int, int]
    criteria: tuple[Estimate, ...]
    ratio: float
    auc: float
    pixel_auc: float
    added: Estimate
    shift: Estimate
    change: Floats
    far: int
    broken: int

    def left_out(self) -> tuple[str, ...]:
        """Sentences about what is no part of the measurements."""
        codes = f"{self.words} leaves out {self.far:,} images whose codes lie far outside the prior or are not finite."
        pictures = f"{self.broken:,} edited pictures of {self.words} are not finite and left out."
        return ((codes,) if self.far else ()) + ((pictures,) if self.broken else ())


def sheet_of(measured: list[Measured], caption: str, notes: tuple[str, ...]) -> Sheet:
    """The matrix, maps of the changes, and the intervals."""
    rows: list[Row] = []
    intervals: list[Row] = []
    for m in measured:
        values = tuple(_number(value) for value, _, _ in m.criteria)
        rest = tuple(_number(v) for v in (m.added[0], m.ratio, m.auc, m.pixel_auc, m.shift[0]))
        rows.append((m.words, *values, m.counts[0], *rest))
        named = (
            *zip(CRITERIA, m.criteria, strict=True),
            ("added", m.added),
            ("norm, Δ percentile", m.shift),
        )
        intervals += [(m.words, n, *(_number(v) for v in found)) for n, found in named if np.isfinite(found[1])]
    extra = ("images with it", "added", "‖d‖ / noise", "AUC", "AUC of pixels", "norm, Δ percentile")
    matrix = Table(
        ("feature", *CRITERIA, *extra),
        tuple(rows),
        shaded=tuple(range(1, len(CRITERIA) + 1)),
        title="Features and criteria",
        caption=caption,
        notes=notes,
    )
    maps = Heatmap(
        np.stack([m.change for m in measured]),
        tuple(m.words for m in measured),
        columns=8,
        unit="grey levels",
        title="Mean change of the edited faces",
        caption=caption,
    )
    spread = Table(
        ("feature", "criterion", "value", "95 % from", "to"),
        tuple(intervals),
        title="Intervals, and what the criteria are",
        caption=caption,
        notes=_DEFINITIONS,
    )
    return Sheet((matrix, maps, spread), title=FeatureSheet.title, caption=caption)


def _seen(study: Study, codes: Floats) -> Floats:
    """Decode codes (n, D) to what is seen, grey levels (n, C, H, W); NaN for pictures that are not finite."""
    parts = [decoded_rows(model_of(study), codes[at : at + BATCH]) for at in range(0, len(codes), BATCH)]
    return visible_if_finite(np.concatenate(parts))


def _mean_map(maps: Floats) -> Floats:
    """Mean (H, W) of the maps (n, H, W) that are finite; NaN when none is."""
    known = maps[np.isfinite(maps).all(axis=(1, 2))]
    return np.asarray(known.mean(axis=0) if len(known) else np.full(maps.shape[1:], np.nan), dtype=np.float64)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
