"""Log-density of images under the model: by class, in total, and over training."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.likelihood_curve import snapshot_parts
from latentstudio.analyses.passes import (
    Indices,
    Pace,
    Split,
    comparable,
    data_of,
    model_of,
    origin_words,
    read_chunks,
    splits,
    studied,
)
from latentstudio.controls import control
from latentstudio.data.imageset import Column
from latentstudio.errors import UserError
from latentstudio.results import Bars, Histogram, Partial, Sheet, Single, Table
from latentstudio.results import Distribution as DistributionResult

Floats = NDArray[np.float64]
Row = tuple[str | int | float | None, ...]
_FAR = 1e9


@dataclass(frozen=True)
class Likelihood:
    """Log-densities in nats, training and held-out images apart.

    Attributes
    ----------
    group_by : column of labels whose values are the classes; empty for totals only. A data set without the default
        column ``identity`` gives totals only.
    across_snapshots : score the images at every snapshot of the training instead.
    """

    title: ClassVar[str] = "Likelihood"
    summary: ClassVar[str] = "Log-density per class and in total, for training and held-out images."
    needs: ClassVar[frozenset[str]] = frozenset({"log_prob"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    group_by: str = control(
        "identity", "Group by", "text", help="A column with categories or yes/no labels; empty shows totals only."
    )
    across_snapshots: bool = control(
        False, "Across snapshots", "bool", help="Follow the log-density through the snapshots of the training."
    )

    def run(self, study: Study) -> Iterator[Partial]:
        """Score the images in chunks; what is kept of each is one number."""
        model, indices = model_of(study), studied(study)
        parts = splits(study, indices)
        caption = origin_words(study, indices)
        if self.across_snapshots:
            yield from snapshot_parts(study, indices, parts, caption)
            return
        classes = self._classes(study, indices)
        scores = np.full(len(indices), np.nan)
        done = np.zeros(len(indices), dtype=np.bool_)
        scored = _Scored(scores, done, parts, classes, indices, model.space.size)
        pace = Pace(len(indices))
        for chunk in read_chunks(study, indices):
            if len(chunk.rows):
                scores[chunk.rows] = model.log_prob(chunk.images).double().cpu().numpy()
                done[chunk.rows] = True
            shown = _sheet(scored, caption) if pace.due(chunk.done) else None
            yield Partial(0.999 * chunk.done / len(indices), shown, "Scoring")
        yield Partial(1.0, _sheet(scored, caption))

    def _classes(self, study: Study, indices: Indices) -> "tuple[tuple[str, NDArray[np.bool_]], ...]":
        """Name and rows of each class that has images."""
        attributes = data_of(study).attributes
        if not self.group_by or (self.group_by == "identity" and "identity" not in attributes):
            return ()
        if self.group_by not in attributes:
            known = ", ".join(n for n, c in attributes.items() if c.kind != "number") or "none"
            raise UserError(f"{data_of(study).title} has no column '{self.group_by}'; there are {known}.")
        column = attributes[self.group_by]
        if column.kind == "number" and column.name != "identity":
            raise UserError(f"'{column.name}' holds numbers; a column with categories or yes/no labels would do.")
        values = column.values[indices]
        found = [(v, values == v) for v in np.unique(values[~np.isnan(values)])]
        named = [(_class_name(column, float(v)), rows) for v, rows in found]
        if np.isnan(values).any():
            named.append(("unknown", np.isnan(values)))
        return tuple(named)


def _class_name(column: Column, value: float) -> str:
    if column.kind == "category":
        return column.categories[int(value)]
    if column.kind == "binary":
        return "yes" if value else "no"
    return f"{value:g}"


@dataclass(frozen=True)
class _Scored:
    """Log-densities of the studied images so far.

    Attributes
    ----------
    scores : float64 (n,) ; done : bool (n,) which are scored.
    classes : name and rows of each class ; indices : dataset index of each row.
    size : components of a code.
    """

    scores: Floats
    done: NDArray[np.bool_]
    parts: tuple[Split, ...]
    classes: tuple[tuple[str, NDArray[np.bool_]], ...]
    indices: Indices
    size: int

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows with a finite score."""
        return self.done & np.isfinite(self.scores)


def _sheet(scored: _Scored, caption: str) -> Sheet:
    scores, done = scored.scores, scored.done
    notes = []
    broken = int((done & ~np.isfinite(scores)).sum())
    if broken:
        notes.append(
            f"{broken:,} of {int(done.sum()):,} log-densities are not finite; totals and means leave them out, medians "
            "count -inf as lowest."
        )
    far = int(_far(scores[scored.usable]).sum())
    if far:
        notes.append(
            f"{far:,} of {int(done.sum()):,} log-densities are more than a billion times as large as the median: "
            "totals, means and deviations speak of them alone, medians of the others."
        )
    shown: list[Single] = [_totals(scored, caption, tuple(notes))]
    if scored.classes:
        shown.extend(_bars(scored, caption))
        shown.append(_class_table(scored, caption))
    shown.append(_histogram(scored, caption))
    return Sheet(tuple(shown), title="Likelihood", caption=caption)


def _far(finite: Floats) -> NDArray[np.bool_]:
    """Which finite log-densities (n,) no sum can hold beside the others; a code that overflows has such a density."""
    if not len(finite):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(np.abs(finite) > _FAR * max(abs(float(np.median(finite))), 1.0), dtype=np.bool_)


def _median(values: Floats) -> float | None:
    """Median with -inf counted as lowest and NaN left out; None when nothing is left."""
    known = values[~np.isnan(values)]
    return float(np.sort(known)[(len(known) - 1) // 2] + np.sort(known)[len(known) // 2]) / 2 if len(known) else None


def _totals(scored: _Scored, caption: str, notes: tuple[str, ...]) -> Table:
    scores, done, parts, size = scored.scores, scored.done, scored.parts, scored.size
    whole = Split("All", "data", np.ones(len(scores), dtype=np.bool_))
    rows: list[Row] = []
    for part in (*parts, whole) if len(parts) > 1 else parts:
        values = scores[part.rows & done]
        finite = values[np.isfinite(values)]
        if not len(values):
            continue
        mean = float(finite.mean()) if len(finite) else None
        rows.append(
            (
                part.label,
                len(values),
                len(values) - len(finite),
                float(finite.sum()) if len(finite) else None,
                mean,
                float(finite.std(ddof=1)) if len(finite) > 1 else None,
                _median(values),
                float(finite.min()) if len(finite) else None,
                None if mean is None else mean / size,
            )
        )
    columns = ("", "images", "not finite", "total", "mean", "sd", "median", "lowest finite", "mean per dimension")
    return Table(columns, tuple(rows), title="Log-density in nats", caption=caption, notes=notes)


def _bars(scored: _Scored, caption: str) -> list[Bars]:
    """Means by class: both splits side by side, or one chart each when one would flatten the other."""
    scores, parts, classes, usable = scored.scores, scored.parts, scored.classes, scored.usable
    values = np.full((len(parts), len(classes)), np.nan)
    for i, part in enumerate(parts):
        for j, (_, rows) in enumerate(classes):
            chosen = scores[part.rows & rows & usable]
            if len(chosen):
                values[i, j] = chosen.mean()
    together = len(parts) == 1 or comparable(values[0], values[1:])
    groups = [list(range(len(parts)))] if together else [[place] for place in range(len(parts))]
    charts = []
    for group in groups:
        rows_shown = np.any([parts[i].rows for i in group], axis=0)
        names = tuple(parts[i].label for i in group)
        charts.append(
            Bars(
                tuple(name for name, _ in classes),
                names,
                values[group],
                "mean log-density, nats per image",
                roles=tuple(parts[i].role for i in group),
                members=tuple(tuple(int(k) for k in scored.indices[rows & rows_shown]) for _, rows in classes),
                title="By class" if together else f"By class, {names[0].lower()}",
                caption=caption,
            )
        )
    return charts


def _class_table(scored: _Scored, caption: str) -> Table:
    scores, done, parts, classes = scored.scores, scored.done, scored.parts, scored.classes
    columns = ["class", "images", "not finite", "total", "mean", "sd"]
    columns += [f"mean, {part.label.lower()}" for part in parts] if len(parts) > 1 else []
    found: list[Row] = []
    for name, rows in classes:
        values = scores[rows & done]
        finite = values[np.isfinite(values)]
        row: list[str | int | float | None] = [name, len(values), len(values) - len(finite)]
        row += [float(finite.sum()), float(finite.mean())] if len(finite) else [None, None]
        row.append(float(finite.std(ddof=1)) if len(finite) > 1 else None)
        for part in parts if len(parts) > 1 else ():
            own = scores[rows & part.rows & scored.usable]
            row.append(float(own.mean()) if len(own) else None)
        found.append(tuple(row))
    return Table(tuple(columns), tuple(found), title="Log-density by class, nats", caption=caption)


def _histogram(scored: _Scored, caption: str) -> DistributionResult:
    """Histograms of the finite scores, on an axis that suits the training images; what lies below it is counted."""
    scores, usable = scored.scores, scored.usable
    known = scores[usable]
    seen = scores[usable & scored.parts[0].rows]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if len(seen):
        start = float(np.quantile(seen, 0.01))
        low = max(low, start - 3 * (float(seen.max()) - start))
    edges = np.linspace(low, high if high > low else low + 1.0, 31)
    histograms, notes = [], []
    for part in scored.parts:
        rows = usable & part.rows
        values = scores[rows]
        counts = np.histogram(values, edges)[0].astype(np.float64)
        histograms.append(Histogram(part.label, edges, counts, part.role, values, scored.indices[rows]))
        below = int((values < edges[0]).sum())
        if below:
            share = f"{below:,} of {len(values):,} images"
            notes.append(f"{part.label}: {share} lie below the axis, down to {values.min():.4g} nats.")
    return DistributionResult(
        tuple(histograms), "log-density, nats per image", title="Distribution", caption=caption, notes=tuple(notes)
    )
