"""Tables and plots of `analyses.gaussianity`, every number with its null."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.gaussianity_counts import Counts
from latentstudio.analyses.gaussianity_tables import (
    correlation_table,
    mean_table,
    moment_table,
    norm_table,
    projection_table,
)
from latentstudio.results import Band, Curve, Distribution, Histogram, Line, Sheet, Single
from latentstudio.stats.gaussian_nulls import MeanNormNull, MomentNull, ks_bound, own_mean_law
from latentstudio.stats.norms import ChiLaw, expected_counts, typical_set

Floats = NDArray[np.float64]
_POINTS = 400
_CLOSED_REPEATS = 1000


def first_sheet(counts: Counts, region: int, bins: int, caption: str) -> Sheet:
    """What is quick to make while codes still come in, however many components they have."""
    shown = (
        mean_table(counts, (), region, caption),
        _norms(counts, region, bins, caption),
        norm_table(counts, caption),
    )
    return Sheet(shown, title="Gaussianity", caption=caption)


def sheet(counts: Counts, region: int, bins: int, caption: str, simulated: tuple[Floats, ...]) -> Sheet:
    """All that is known; the projections come with the second pass, `simulated` with the end."""
    shown: list[Single] = [mean_table(counts, simulated, region, caption)]
    shown += _mean_norms(counts, region, bins, caption, simulated)
    shown += [_norms(counts, region, bins, caption), norm_table(counts, caption)]
    if np.isfinite(counts.projections).any():
        shown += [_projections(counts, region, bins, caption), projection_table(counts, caption)]
    shown += [moment_table(counts, caption), _quantiles(counts, region, caption)]
    if any(len(counts.correlations(g, region, k)) for g in range(len(counts.splits)) for k in range(len(counts.lags))):
        shown += [_neighbours(counts, region, caption), correlation_table(counts, caption)]
    return Sheet(tuple(shown), title="Gaussianity", caption=caption)


def _mean_norms(
    counts: Counts, region: int, bins: int, caption: str, simulated: tuple[Floats, ...]
) -> list[Distribution]:
    """The norm of each split's mean among repeats of the prior with as many images."""
    found = []
    where = counts.regions[region]
    for group, norms in enumerate(simulated):
        split, sums = counts.splits[group], counts.moments(group)
        if not sums.count:
            continue
        null = MeanNormNull(where.size, sums.count)
        value = float(np.linalg.norm(sums.mean[where.slice]))
        low, high = null.interval(0.999)
        edges = np.linspace(min(low, value), max(high, value), bins + 1)
        if len(norms):
            drawn = np.histogram(norms, edges)[0].astype(np.float64)
            repeats, label = len(norms), f"{len(norms):,} simulated repeats"
        else:
            repeats, label = _CLOSED_REPEATS, f"{_CLOSED_REPEATS:,} repeats, closed form"
            drawn = repeats * np.diff(null.cdf(edges))
        x = np.linspace(edges[0], edges[-1], _POINTS)
        width = float(edges[1] - edges[0])
        law = repeats * (null.cdf(x + width / 2) - null.cdf(x - width / 2))
        mark = Line(
            f"{split.label}: {value:.4g}", np.full(2, value), np.array([0.0, max(drawn.max(), 1.0)]), split.role
        )
        found.append(
            Distribution(
                (Histogram(label, edges, drawn, "reference"),),
                f"norm of the mean of {sums.count:,} codes",
                y_label="repeats",
                references=(Line("closed form", x, law, "reference"), mark),
                band=Band(*null.interval(), "95 % of repeats"),
                title=f"Norm of the mean, {split.label.lower()}",
                caption=caption,
                notes=(f"{where.name}, {where.size:,} components; null: chi law over the root of n, exact for draws.",),
            )
        )
    return found


def _norms(counts: Counts, region: int, bins: int, caption: str) -> Distribution:
    where = counts.regions[region]
    law = ChiLaw(where.size)
    low, high = typical_set(law)
    ends = [float(v) for v in law.quantile(np.array([0.001, 0.999]))]
    norms = counts.norms[: counts.done, region]
    near = norms[norms <= 2 * ends[1]]
    edges = np.linspace(min([ends[0], *near]), max([ends[1], *near]), bins + 1)
    x, width = np.linspace(edges[0], edges[-1], _POINTS), float(edges[1] - edges[0])
    histograms, references, notes = [], [], []
    for split in counts.splits:
        rows = np.flatnonzero(split.rows[: counts.done])
        values, members = norms[rows], counts.indices[rows]
        within = np.histogram(values[np.isfinite(values)], edges)[0].astype(np.float64)
        histograms.append(Histogram(f"{split.label} ({len(rows):,})", edges, within, split.role, values, members))
        references.append(Line(f"{len(rows):,} prior draws", x, expected_counts(law, x, width, len(rows)), "reference"))
        beyond = int((values > edges[-1]).sum())
        if beyond:
            notes.append(f"{split.label}: {beyond:,} of {len(rows):,} codes lie beyond the axis.")
    return Distribution(
        tuple(histograms),
        f"norm of the code, {where.name}",
        references=tuple(references),
        band=Band(low, high, "95 % of prior draws"),
        title="Norms against the chi law",
        caption=caption,
        notes=tuple(notes),
    )


def _projections(counts: Counts, region: int, bins: int, caption: str) -> Distribution:
    """The half that the line was fitted on and the other half, each with its own null."""
    where, values = counts.regions[region], counts.projections[:, region]
    known = values[np.isfinite(values)]
    edges = np.linspace(min(-3.5, known.min()), max(3.5, known.max()), bins + 1)
    x, width = np.linspace(edges[0], edges[-1], _POINTS), float(edges[1] - edges[0])
    histograms, references = [], []
    for split in counts.splits:
        for own in (False, True):
            rows = np.flatnonzero(split.rows & (counts.first_half == own) & np.isfinite(values))
            if not len(rows):
                continue
            label = f"{split.label}, {'the half of the fit' if own else 'other half'} ({len(rows):,})"
            role = "other" if own else split.role
            hits = np.histogram(values[rows], edges)[0].astype(np.float64)
            histograms.append(Histogram(label, edges, hits, role, values[rows], counts.indices[rows]))
            mean, spread = own_mean_law(where.size, len(rows)) if own else (0.0, 1.0)
            density = np.exp(-0.5 * np.square((x - mean) / spread)) / (spread * math.sqrt(2 * math.pi))
            name = "null of the own mean" if own else "null of the other half"
            references.append(Line(f"{name} ({len(rows):,})", x, density * width * len(rows), "reference"))
    return Distribution(
        tuple(histograms),
        f"projection on the mean line, {where.name}",
        references=tuple(references),
        title="Projection on the mean line",
        caption=caption,
        notes=(
            "The line goes through the mean of one half of each split. That half lies on its positive side even when "
            "the codes are pure noise; only the other half can show a bias.",
        ),
    )


def _quantiles(counts: Counts, region: int, caption: str) -> Curve:
    from scipy.special import ndtri

    p = np.concatenate([[1e-4, 1e-3, 5e-3], np.linspace(0.01, 0.99, 99), [0.995, 0.999, 0.9999]])
    x = np.asarray(ndtri(p))
    lines, notes = [], []
    for group, split in enumerate(counts.splits):
        pool = counts.pooled(group, region)
        if not pool.total:
            continue
        # Beyond the last pooled value a quantile is a guess, so extreme shares need enough components.
        y = np.where(np.minimum(p, 1 - p) * pool.total >= 1, pool.quantiles(p), np.nan)
        lines.append(Line(split.label, x, np.where(np.isfinite(y), y, np.nan), split.role))
        distance = float(np.abs(pool.cdf() - _normal_cdf(pool.edges)).max())
        notes.append(
            f"{split.label}: the pooled components differ from N(0, 1) by at most {distance:.4f} in share; 95 % of "
            f"sets of {pool.total:,} independent draws stay below {ks_bound(pool.total):.4f}."
        )
    lines.append(Line("N(0, 1)", x, x, "reference"))
    return Curve(
        tuple(lines),
        "quantile of N(0, 1)",
        f"quantile of pooled components, {counts.regions[region].name}",
        title="Quantiles of pooled components",
        caption=caption,
        notes=tuple(notes),
    )


def _normal_cdf(x: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(x), dtype=np.float64)


def _neighbours(counts: Counts, region: int, caption: str) -> Curve:
    lines = []
    lags = np.array(counts.lags, dtype=np.float64)
    bound = 0.0
    for group, split in enumerate(counts.splits):
        n = counts.moments(group).count
        if n < 3:
            continue
        pairs = [counts.correlations(group, region, k) for k in range(len(lags))]
        lines.append(
            Line(f"{split.label}, mean", lags, np.array([_over(np.mean, r) for r in pairs]), split.role, "both")
        )
        spread = Line(f"{split.label}, sd", lags, np.array([_over(np.std, r) for r in pairs]), "other", "both")
        null = Line(f"null of the sd, n = {n:,}", lags, np.full(len(lags), MomentNull(n).correlation()[1]), "reference")
        lines += [spread, null]
        bound = max(bound, 1.96 * MomentNull(n).correlation()[1] / math.sqrt(max(min(map(len, pairs)), 1)))
    return Curve(
        tuple(lines),
        "places apart in the code",
        "correlation of pairs of components",
        band=Band(-bound, bound, "95 % of means under the prior"),
        title="Neighbouring components",
        caption=caption,
    )


def _over(of: Callable[[Floats], np.float64], values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(of(known)) if len(known) else math.nan
