"""How strong an edit should be: the classifier's answer, the norm and the density against alpha, below zero too."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.edit_advice import advice
from latentstudio.analyses.edit_controls import estimator_control, judge_control, keep_control, sample_control
from latentstudio.analyses.held_out_edits import (
    Bench,
    Floats,
    bench_of,
    offered,
    seen_again,
)
from latentstudio.analyses.passes import Role, model_of, origin_words
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Band, Curve, Line, Partial, Sheet, Table
from latentstudio.stats.classifiers import probability
from latentstudio.stats.intervals import of_columns
from latentstudio.stats.percentiles import central_range

_SHARE = 0.9
_MOST = 12


@dataclass(frozen=True)
class EditCurve:
    """One attribute is added to held-out faces by every strength; half of them have it, where there are such.

    The classifier sees pictures of 8 bits, encoded again; norm and log-density are those of the edited codes, beside
    the central 95 % of the sample's own. A code is outside the data when its norm, or its log-density, is beyond that
    of every image of the sample.
    """

    title: ClassVar[str] = "Edit strength"
    summary: ClassVar[str] = "Classifier, norm and density against the strength of an edit, and where the best may lie."
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    attribute: str = control("", "Attribute", "attribute", help="What is added; none stands for the first label.")
    strengths: tuple[float, ...] = control(
        (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0),
        "Strengths",
        "floats",
        minimum=-100,
        maximum=100,
        help="1 is the distance between faces with and without the attribute; below 0 removes it.",
    )
    estimator: str = estimator_control()
    faces: int = control(24, "Faces", "int", minimum=2, maximum=4096, help="Faces of the held-out half to edit.")
    keep: tuple[str, ...] = keep_control()
    judge: str = judge_control()
    images: int = sample_control()
    seed: int = control(0, "Random seed", "int", minimum=0, maximum=2**31 - 1, advanced=True)

    def run(self, study: Study) -> Iterator[Partial]:
        """Fit the classifier, then edit, decode and encode strength by strength."""
        strengths = np.unique(np.array((*self.strengths, 0.0)))
        if len(strengths) < 3:
            raise UserError("A curve needs two strengths besides 0; 0, 1, 2 would do.")
        found, _ = offered(study, (self.attribute,), _MOST)
        notes = () if self.attribute else (f"No attribute is chosen; {found[0]} is the first label of the data set.",)
        spec = found[0]
        specs = tuple(dict.fromkeys((spec, *filter(None, self.keep))))
        bench = yield from bench_of(study, specs, self.images, self.seed, self.judge, 0.0, 0.6)
        if spec not in bench.specs:
            raise UserError(" ".join(bench.notes[1:]) or f"{spec} has too few members.")
        chosen = self._faces(bench, spec)
        step = bench.step(spec, self.estimator, self.keep)
        tally = _Tally(self, bench, spec, chosen, strengths, notes, origin_words(study, bench.rows))
        tally.densities = yield from _densities(study, bench.codes)
        for number, strength in enumerate(strengths):
            codes = bench.codes[chosen].astype(np.float64) + strength * step
            yield from self._measure(study, tally, codes, number)
            if number % 3 == 2:
                yield Partial(0.7 + 0.299 * (number + 1) / len(strengths), tally.sheet(), "Editing and classifying")
        yield Partial(1.0, tally.sheet())

    def _measure(self, study: Study, tally: "_Tally", codes: Floats, number: int) -> Iterator[Partial]:
        import torch

        from latentstudio.models.sensitivity import device_of

        tally.norms[number] = np.linalg.norm(codes, axis=1)
        model, place = model_of(study), 0
        for seen in seen_again(study, codes):
            rows = slice(place, place + len(seen.codes))
            tally.scores[number, rows] = tally.bench.scores(seen)[:, tally.column]
            if tally.densities is not None:
                chunk = torch.from_numpy(codes[rows].astype(np.float32)).to(device_of(model))
                tally.log_probs[number, rows] = model.code_log_prob(chunk).double().cpu().numpy()
            place = rows.stop
            done = (number + place / len(codes)) / len(tally.strengths)
            yield Partial(0.7 + 0.299 * done, None, "Editing and classifying")

    def _faces(self, bench: Bench, spec: str) -> NDArray[np.int64]:
        """Half of the faces have the attribute, as far as there are such."""
        labels = bench.labels[:, bench.specs.index(spec)]
        with_it = bench.faces(max(self.faces // 2, 1), self.seed, labels == 1)
        without = bench.faces(max(self.faces - len(with_it), 1), self.seed, labels == 0)
        return np.concatenate([without, with_it])


def _densities(study: Study, codes: NDArray[np.float32]) -> Generator[Partial, None, Floats | None]:
    """Log-densities of the sample's codes, nats (n,); None when the model has none."""
    import torch

    from latentstudio.models.sensitivity import device_of

    model = model_of(study)
    if "log_prob" not in model.abilities:
        return None
    found = []
    for begin in range(0, len(codes), 64):
        chunk = torch.from_numpy(codes[begin : begin + 64]).to(device_of(model))
        found.append(model.code_log_prob(chunk).double().cpu().numpy())
        yield Partial(0.6 + 0.1 * begin / len(codes), None, "Log-densities of the data set")
    return np.concatenate(found)


class _Tally:
    """What was measured: float64 (strengths, faces) each."""

    def __init__(
        self,
        analysis: EditCurve,
        bench: Bench,
        spec: str,
        chosen: NDArray[np.int64],
        strengths: Floats,
        notes: tuple[str, ...],
        caption: str,
    ) -> None:
        self._analysis, self._notes, self._caption = analysis, notes, caption
        self.bench, self.strengths = bench, strengths
        self.column = bench.specs.index(spec)
        self._words = bench.words[self.column]
        self._has = bench.labels[chosen, self.column] == 1
        shape = (len(strengths), len(chosen))
        self.scores, self.norms, self.log_probs = (np.full(shape, np.nan) for _ in range(3))
        self.densities: Floats | None = None
        self._data_norms = np.linalg.norm(bench.codes.astype(np.float64), axis=1)

    def sheet(self) -> Sheet:
        """All curves and the table."""
        parts = [self._answer(), self._curve(self.norms, self._data_norms, "Norm of the code", "norm")]
        if self.densities is not None:
            parts.append(self._curve(self.log_probs, self.densities, "Log-density of the code", "log-density, nats"))
        parts.append(self._outside())
        return Sheet((*parts, self._table()), title=EditCurve.title, caption=self._caption)

    def _line(self, label: str, values: Floats, role: Role) -> Line:
        """Mean over faces with its interval, against the strength."""
        mean, low, high = self._interval(values)
        known = np.isfinite(mean)
        return Line(label, self.strengths[known], mean[known], role, "both", low[known], high[known])

    def _interval(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        known = np.isfinite(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)
        low, high = of_columns(values.T, self._analysis.seed)
        return mean, low, high

    def _answer(self) -> Curve:
        percent = 100.0 * probability(self.scores)
        lines = []
        for side, label, role in ((~self._has, "faces without it", "data"), (self._has, "faces with it", "held_out")):
            if side.any():
                lines.append(self._line(label, percent[:, side], role))  # type: ignore[arg-type]
        return Curve(
            tuple(lines),
            "strength",
            f"P({self._words}), %",
            title=f"Classifier of {self._words}",
            caption=self._caption,
            notes=self._said(percent),
        )

    def _said(self, percent: Floats) -> tuple[str, ...]:
        analysis, bench = self._analysis, self.bench
        mean, low, high = self._interval(percent)
        words = advice(self.strengths, mean, low, high, self._gone(), float(bench.auc[self.column]))
        kept = f", perpendicular to {', '.join(analysis.keep)}" if analysis.keep else ""
        about = (
            f"{int((~self._has).sum())} faces without and {int(self._has.sum())} with {self._words}, "
            f"{analysis.estimator.replace('_', ' ')}{kept}; AUC of the classifier {bench.auc[self.column]:.2f}; "
            "95 % intervals by 1,000 resamplings of the faces."
        )
        lost = int((~np.isfinite(self.scores[self._measured()])).sum())
        broken = f"{lost:,} edited pictures were not finite, or had no finite code, and are left out of the answer."
        return (words, about, *bench.notes, *self._notes, *((broken,) if lost else ()))

    def _measured(self) -> NDArray[np.bool_]:
        """Strengths whose faces have been edited."""
        return np.asarray(~np.isnan(self.norms).all(axis=1), dtype=np.bool_)

    def _gone(self) -> Floats:
        """Share of the faces whose code is outside the data, at each strength."""
        return np.asarray(np.maximum(*self._beyond()).mean(axis=1), dtype=np.float64)

    def _beyond(self) -> tuple[Floats, Floats]:
        """Where the norm, and where the log-density, is beyond that of every image, or no finite density: 0 or 1."""
        norms = (self.norms < self._data_norms.min()) | (self.norms > self._data_norms.max())
        dense = np.zeros_like(norms)
        if self.densities is not None and np.isfinite(self.densities).any():
            finite = self.densities[np.isfinite(self.densities)]
            inside = (self.log_probs >= finite.min()) & (self.log_probs <= finite.max())
            dense = ~np.isnan(self.norms) & ~inside
        return norms.astype(np.float64), dense.astype(np.float64)

    def _curve(self, values: Floats, data: Floats, title: str, label: str) -> Curve:
        typical = central_range(data)
        band = None if typical is None else Band(*typical, "95 % of the sample's images")
        line = self._line("edited codes, mean", values, "data")
        return Curve((line,), "strength", label, band=band, title=title, caption=self._caption)

    def _outside(self) -> Curve:
        norms, dense = self._beyond()
        lines = [self._line("norm", 100.0 * norms, "data")]
        if self.densities is not None:
            lines.append(self._line("log-density", 100.0 * dense, "held_out"))
        distance = self._distance()
        note = "How far: " + ", ".join(
            f"{d:.2g} at {s:g}" for s, d in zip(self.strengths, distance, strict=True) if np.isfinite(d)
        )
        return Curve(
            tuple(lines),
            "strength",
            "faces outside, %",
            title="Outside the range of the data set",
            caption=self._caption,
            notes=(f"{note} (mean distance of the norm from the range of the sample, in widths of that range).",),
        )

    def _distance(self) -> Floats:
        """Mean distance of the norms from the sample's range, in widths of that range; 0 inside."""
        low, high = float(self._data_norms.min()), float(self._data_norms.max())
        beyond = np.maximum(np.maximum(low - self.norms, self.norms - high), 0.0)
        return np.asarray(beyond.mean(axis=1) / max(high - low, 1e-300), dtype=np.float64)

    def _table(self) -> Table:
        percent = 100.0 * probability(self.scores)
        sides = [self._interval(percent[:, side])[0] for side in (~self._has, self._has)]
        mean, low, high = self._interval(percent)
        flips = 100.0 * ((self.scores > 0) != (self.scores[np.flatnonzero(self.strengths == 0)[0]] > 0)).mean(axis=1)
        norm, density = self._interval(self.norms)[0], self._interval(self.log_probs)[0]
        gone, distance, rows = 100.0 * self._gone(), self._distance(), []
        for at, strength in enumerate(self.strengths):
            known = np.isfinite(self.scores[at]).any()
            numbers = [mean[at], low[at], high[at], *(side[at] for side in sides), flips[at], norm[at], density[at]]
            numbers += [gone[at], distance[at]]
            rows.append((float(strength), *(float(v) if known and np.isfinite(v) else None for v in numbers)))
        columns = (
            *("strength", "P, %", "from", "to", "P without", "P with", "flips, %"),
            *("norm", "log-density", "outside, %", "distance"),
        )
        return Table(columns, tuple(rows), title="By strength", caption=self._caption)
