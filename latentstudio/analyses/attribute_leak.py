"""What an edit of one attribute does to all others, judged by classifiers that have not seen the edited faces."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from latentstudio.analyses.base import Study
from latentstudio.analyses.edit_controls import estimator_control, judge_control, keep_control, sample_control
from latentstudio.analyses.held_out_edits import (
    Bench,
    Floats,
    bench_of,
    far_limit,
    offered,
    seen_again,
)
from latentstudio.analyses.passes import origin_words
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Heatmap, Partial, Sheet, Table
from latentstudio.stats.classifiers import probability
from latentstudio.stats.intervals import of_columns

MOST = 12
REFLECTION = "reflection"
_ROWS, _LEAKS = 48, 3


@dataclass(frozen=True)
class AttributeLeak:
    """Each edited attribute is added to held-out faces, and every watched attribute is classified before and after.

    Both sides go the same way: decoded, clipped and rounded to 8-bit pixels, encoded again. The change is that of the
    classifier's probability, in percentage points; a flip is a face of which the classifier says something else than
    before. Intervals resample the faces (bootstrap, 95 %).
    """

    title: ClassVar[str] = "Attribute leak"
    summary: ClassVar[str] = "What an edit of one attribute changes besides it, judged by held-out classifiers."
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    attributes: tuple[str, ...] = control(
        (), "Edited", "attributes", help=f"One row each; none stands for all labels, at most {MOST}."
    )
    watched: tuple[str, ...] = control(
        (), "Watched", "attributes", help=f"Further columns; none stands for all labels, at most {MOST}."
    )
    strength: float = control(
        1.0,
        "Strength",
        "float",
        minimum=-20.0,
        maximum=20.0,
        help="Alpha: 1 is the distance between faces with and without the attribute. A reflection takes z to −alpha z.",
    )
    estimator: str = estimator_control()
    edit: str = control(
        "attribute",
        "Edit",
        "choice",
        choices=("attribute", REFLECTION),
        choice_labels=("Attribute", "Reflection"),
        help="Add each attribute, or mirror the codes at zero.",
    )
    faces: int = control(32, "Faces", "int", minimum=2, maximum=4096, help="Faces of the held-out half to edit.")
    keep: tuple[str, ...] = keep_control()
    judge: str = judge_control()
    images: int = sample_control()
    seed: int = control(0, "Random seed", "int", minimum=0, maximum=2**31 - 1, advanced=True)

    def run(self, study: Study) -> Iterator[Partial]:
        """Fit the classifiers, then edit, decode and encode one attribute after the other."""
        edited, notes = ((REFLECTION,), ()) if self.edit == REFLECTION else offered(study, self.attributes, MOST)
        watched, said = offered(study, self.watched, MOST)
        specs = (*(edited if self.edit != REFLECTION else ()), *watched, *self.keep)
        bench = yield from bench_of(
            study, tuple(dict.fromkeys(filter(None, specs))), self.images, self.seed, self.judge, 0.0, 0.6
        )
        if self.edit != REFLECTION:
            edited = tuple(spec for spec in edited if spec in bench.specs)
            if not edited:
                raise UserError(self._why(bench))
        faces = bench.codes[bench.faces(self.faces, self.seed)].astype(np.float64)
        tally = _Tally(self, bench, edited, len(faces), (*notes, *said), origin_words(study, bench.rows))
        total = len(faces) * (1 + len(edited))
        for number, spec in enumerate((None, *edited)):
            codes, place = self._edited(bench, faces, spec), 0
            for seen in seen_again(study, codes):
                scores = bench.scores(seen)
                far = np.linalg.norm(seen.codes.astype(np.float64), axis=1) > far_limit(study)
                tally.put(number, place, scores, int(far.sum()))
                place += len(scores)
                yield Partial(0.6 + 0.399 * (number * len(faces) + place) / total, None, "Editing and classifying")
            if number:
                yield Partial(0.6 + 0.399 * (number + 1) * len(faces) / total, tally.sheet(number), "")
        yield Partial(1.0, tally.sheet(len(edited)))

    def _why(self, bench: Bench) -> str:
        """Say what is wrong with the attributes that were asked for, or, if none was, with all."""
        asked = tuple(f"{spec} is left out" for spec in self.attributes if spec)
        said = [note for note in bench.notes[1:] if not asked or note.startswith(asked)]
        return " ".join(said) or "No attribute is left to edit; choose one with members in both halves."

    def _edited(self, bench: Bench, faces: Floats, spec: str | None) -> Floats:
        if spec is None:
            return faces
        if spec == REFLECTION and self.edit == REFLECTION:
            return -self.strength * faces
        return faces + self.strength * bench.step(spec, self.estimator, self.keep)


class _Tally:
    """Scores of every watched attribute, float64 (1 + edits, faces, k): the first of faces that are not edited."""

    def __init__(
        self,
        analysis: AttributeLeak,
        bench: Bench,
        edited: tuple[str, ...],
        faces: int,
        notes: tuple[str, ...],
        caption: str,
    ) -> None:
        self._analysis, self._bench, self._caption = analysis, bench, caption
        self._edited = tuple(REFLECTION if e not in bench.specs else bench.words[bench.specs.index(e)] for e in edited)
        self._scores = np.full((1 + len(edited), faces, len(bench.specs)), np.nan)
        self._notes, self._far = notes, 0

    def put(self, edit: int, place: int, scores: Floats, far: int) -> None:
        self._scores[edit, place : place + len(scores)] = scores
        self._far += far

    def sheet(self, edits: int) -> Sheet:
        """The matrix and the table of the first `edits` edits."""
        before, after = self._scores[0], self._scores[1 : 1 + edits]
        start = probability(before)
        change = 100.0 * (probability(after) - start)
        flips = np.where(np.isfinite(after) & np.isfinite(before), 100.0 * ((after > 0) != (before > 0)), np.nan)
        scaled = (after - before) / self._bench.spread
        shape = (len(self._edited), len(self._bench.specs))
        maps = np.full((2, *shape), np.nan)
        maps[0, :edits], maps[1, :edits] = _mean(change), _mean(flips)
        heatmap = Heatmap(
            maps,
            ("Change of P, points", "Flips, %"),
            diverging=True,
            columns=2,
            unit="%",
            row_labels=self._edited,
            column_labels=self._bench.words,
            title="What an edit (row) changes (column)",
            caption=self._caption,
            notes=self._said(),
        )
        return Sheet(
            (heatmap, self._table(edits, _mean(100.0 * start), change, flips, _mean(scaled))),
            title=AttributeLeak.title,
            caption=self._caption,
        )

    def _said(self) -> tuple[str, ...]:
        analysis = self._analysis
        done = (
            f"Codes z were taken to {-analysis.strength:g} z"
            if analysis.edit == REFLECTION
            else f"Strength {analysis.strength:g}, {analysis.estimator.replace('_', ' ')}"
        )
        if analysis.keep and analysis.edit != REFLECTION:
            done += f", perpendicular to {', '.join(analysis.keep)}"
        notes = [
            f"{done}; {self._scores.shape[1]} faces; 95 % intervals by 1,000 resamplings of the faces.",
            *self._bench.notes,
            *self._notes,
        ]
        lost = int((~np.isfinite(self._scores).all(axis=2) & ~np.isnan(self._scores).all()).sum())
        if self._far:
            notes.append(f"{self._far:,} pictures had codes far outside the prior when they were encoded again.")
        if lost and not np.isnan(self._scores[-1]).all():
            notes.append(f"{lost:,} pictures were not finite, or had no finite code, and are left out.")
        return tuple(notes)

    def _table(self, edits: int, start: Floats, change: Floats, flips: Floats, scaled: Floats) -> Table:
        rows: list[tuple[str | int | float | None, ...]] = []
        bench, seed = self._bench, self._analysis.seed
        brief = len(self._edited) * len(bench.words) > _ROWS
        for edit in range(edits):
            low, high = of_columns(change[edit], seed)
            flip_low, flip_high = of_columns(flips[edit], seed)
            means, flipped = _mean(change[edit]), _mean(flips[edit])
            for at in self._told(edit, scaled[edit]) if brief else range(len(bench.words)):
                numbers = (
                    *(start[at], means[at], low[at], high[at]),
                    *(flipped[at], flip_low[at], flip_high[at], scaled[edit, at], bench.auc[at]),
                )
                rows.append(
                    (self._edited[edit], bench.words[at], *(float(v) if np.isfinite(v) else None for v in numbers))
                )
        columns = (
            *("edited", "watched", "P before, %", "change", "from", "to"),
            *("flips, %", "from ", "to ", "change, σ", "AUC"),
        )
        title = f"The attribute itself, and the {_LEAKS} others that change most" if brief else "Change by attribute"
        return Table(columns, tuple(rows), title=title, caption=self._caption)

    def _told(self, edit: int, scaled: Floats) -> list[int]:
        """Places of the watched attributes that stand in a table too long for all: itself, and the largest leaks."""
        own = [at for at, words in enumerate(self._bench.words) if words == self._edited[edit]]
        order = np.argsort(-np.nan_to_num(np.abs(scaled)))
        return [*own, *(int(at) for at in order if at not in own)][: len(own) + _LEAKS]


def _mean(values: Floats) -> Floats:
    """Mean over faces, the axis before the last, of what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    counts = known.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-2) / counts, dtype=np.float64)
