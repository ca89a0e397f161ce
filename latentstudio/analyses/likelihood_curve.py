"""Log-density through the snapshots of a training run, with the straight line that the research saw in it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import Indices, Split, comparable, read_chunks
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Sheet, Single, Table

Floats = NDArray[np.float64]


def snapshot_parts(study: Study, indices: Indices, parts: tuple[Split, ...], caption: str) -> Iterator[Partial]:
    """Score all images at every snapshot; a partial result follows each snapshot.

    Raises
    ------
    UserError
        The model has fewer than two snapshots.
    """
    if len(study.snapshots) < 2:
        raise UserError("The curve needs a model with at least two snapshots; this one has too few.")
    scores = np.full((len(study.snapshots), len(indices)), np.nan)
    read = np.zeros(len(indices), dtype=np.bool_)
    for place, step in enumerate(study.snapshots):
        model = study.at_snapshot(step)
        for chunk in read_chunks(study, indices):
            if len(chunk.rows):
                scores[place, chunk.rows] = model.log_prob(chunk.images).double().cpu().numpy()
                read[chunk.rows] = True
            done = (place + chunk.done / len(indices)) / len(study.snapshots)
            yield Partial(0.999 * done, None, f"Scoring at step {step:,}")
        if place >= 1 and place < len(study.snapshots) - 1:
            steps = np.array(study.snapshots[: place + 1], dtype=np.float64)
            done = (place + 1) / len(study.snapshots)
            yield Partial(0.999 * done, _sheet(steps, scores[: place + 1, read], _among(parts, read), caption))
    steps = np.array(study.snapshots, dtype=np.float64)
    yield Partial(1.0, _sheet(steps, scores[:, read], _among(parts, read), caption))


def _among(parts: tuple[Split, ...], read: NDArray[np.bool_]) -> tuple[Split, ...]:
    """The parts among the images that could be read."""
    kept = tuple(Split(part.label, part.role, part.rows[read]) for part in parts)
    return tuple(part for part in kept if part.rows.any())


def linear_fit(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Slope, intercept and coefficient of determination R2 of the least-squares line; R2 is NaN for constant y."""
    slope, intercept = np.polyfit(x, y, 1)
    residual = float(np.sum(np.square(y - (slope * x + intercept))))
    total = float(np.sum(np.square(y - y.mean())))
    return float(slope), float(intercept), 1 - residual / total if total > 0 else float("nan")


def _sheet(steps: Floats, scores: Floats, parts: tuple[Split, ...], caption: str) -> Sheet:
    shown: list[Single] = [_total_curve(steps, scores, parts, caption)]
    if len(parts) > 1:
        shown.extend(_median_curves(steps, scores, parts, caption))
    shown.append(_table(steps, scores, parts, caption))
    return Sheet(tuple(shown), title="Likelihood over training", caption=caption)


def _finite_total(values: Floats) -> float:
    """Sum over images, NaN when one of them is not finite: a sum of what is left would not compare."""
    return float(values.sum()) if np.isfinite(values).all() else float("nan")


def _total_curve(steps: Floats, scores: Floats, parts: tuple[Split, ...], caption: str) -> Curve:
    part = parts[0]
    totals = np.array([_finite_total(row[part.rows]) for row in scores])
    lines = [Line(f"{part.label}, total of {int(part.rows.sum()):,}", steps, totals, part.role, "both")]
    notes = []
    known = np.isfinite(totals)
    if known.sum() >= 2:
        slope, intercept, r2 = linear_fit(steps[known], totals[known])
        fitted = slope * steps[known] + intercept
        lines.append(Line(f"Straight line, R² = {r2:.3f}", steps[known], fitted, "reference"))
        notes.append(f"Straight line through {int(known.sum())} snapshots: {slope:+.4g} nats a step, R² = {r2:.4f}.")
    if not known.all():
        notes.append(f"At {int((~known).sum())} snapshots the total is not finite.")
    return Curve(
        tuple(lines),
        "training step",
        "total log-density, nats",
        title=f"Total log-density, {part.label.lower()}",
        caption=caption,
        notes=tuple(notes),
    )


def _median_curves(steps: Floats, scores: Floats, parts: tuple[Split, ...], caption: str) -> list[Curve]:
    """Medians of training and held-out images: together, or apart where one would flatten the other."""
    lines = [
        Line(part.label, steps, np.array([_median(row[part.rows]) for row in scores]), part.role, "both")
        for part in parts
    ]
    notes: tuple[str, ...] = ("Medians, because a few held-out images can be millions of nats below the rest.",)
    lost = int((~np.isfinite(scores)).sum())
    if lost:
        notes += (f"{lost:,} of {scores.size:,} log-densities are not finite; see the table.",)
    together = comparable(lines[0].y, lines[1].y)
    groups = [tuple(lines)] if together else [(line,) for line in lines]
    return [
        Curve(
            group,
            "training step",
            "median log-density, nats per image",
            title="Median" if together else f"Median, {group[0].label.lower()}",
            caption=caption,
            notes=notes,
        )
        for group in groups
    ]


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.quantile(known, 0.5, method="lower")) if len(known) else float("nan")


def _table(steps: Floats, scores: Floats, parts: tuple[Split, ...], caption: str) -> Table:
    rows: list[tuple[str | int | float | None, ...]] = []
    for step, row in zip(steps, scores, strict=True):
        for part in parts:
            values = row[part.rows]
            finite = values[np.isfinite(values)]
            rows.append(
                (
                    int(step),
                    part.label,
                    len(values),
                    len(values) - len(finite),
                    float(finite.sum()) if len(finite) else None,
                    float(finite.mean()) if len(finite) else None,
                    _median(values),
                    float(finite.min()) if len(finite) else None,
                )
            )
    columns = ("step", "split", "images", "not finite", "total of finite", "mean of finite", "median", "lowest finite")
    return Table(columns, tuple(rows), title="Log-density at each snapshot, nats", caption=caption)
