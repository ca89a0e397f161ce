"""Tables of `analyses.gaussianity`: one row for each split and part, each number beside its null."""

import math

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.gaussianity_counts import Counts
from latentstudio.results import Table
from latentstudio.stats.gaussian_nulls import (
    MeanNormNull,
    MomentNull,
    ks_bound,
    ks_distance,
    ks_p_value,
    own_mean_law,
)
from latentstudio.stats.norms import ChiLaw

Floats = NDArray[np.float64]
Row = tuple[str | int | float | None, ...]


def mean_table(counts: Counts, simulated: tuple[Floats, ...], shown: int, caption: str) -> Table:
    """Norm of the mean code. Simulated repeats are there for the part that is drawn, when they were drawn."""
    rows: list[Row] = []
    for group, split in enumerate(counts.splits):
        sums = counts.moments(group)
        if not sums.count:
            continue
        for place, region in enumerate(counts.regions):
            null = MeanNormNull(region.size, sums.count)
            value = float(np.linalg.norm(sums.mean[region.slice]))
            norms = simulated[group] if place == shown and group < len(simulated) else np.zeros(0)
            repeated = float(norms.mean()) if len(norms) else None
            facts = (split.label, region.name, sums.count, region.size, value, null.expected(), *null.interval())
            rows.append((*facts, repeated, null.p_value(value)))
    columns = ("", "part", "images", "components", "norm of the mean", "null", "2.5 %", "97.5 %", "simulated null", "p")
    return Table(columns, tuple(rows), digits=4, title="Norm of the mean", caption=caption, notes=_left_out(counts))


def norm_table(counts: Counts, caption: str) -> Table:
    """Norms against the chi law; infinite norms count as largest in the distance and not in mean and spread."""
    rows: list[Row] = []
    for split in counts.splits:
        chosen = np.flatnonzero(split.rows[: counts.done])
        for place, region in enumerate(counts.regions):
            norms = counts.norms[chosen, place]
            finite = norms[np.isfinite(norms)]
            if not len(finite):
                continue
            law = ChiLaw(region.size)
            distance = ks_distance(norms, law)
            spread = float(finite.std(ddof=1)) if len(finite) > 1 else None
            null_spread = math.sqrt(max(region.size - law.mean() ** 2, 0.0))
            facts = (split.label, region.name, len(norms), float(finite.mean()), law.mean(), spread, null_spread)
            rows.append((*facts, distance, ks_bound(len(norms)), ks_p_value(distance, len(norms))))
    columns = ("", "part", "images", "mean norm", "null", "sd", "null", "KS distance", "95 % below", "p")
    note = "KS: largest difference in share between the norms and the chi law; 95 % of sets of prior draws stay below."
    return Table(columns, tuple(rows), digits=4, title="Norms", caption=caption, notes=(note,))


def projection_table(counts: Counts, caption: str) -> Table:
    """Mean projection and share on the positive side, of the half of the fit and of the other half."""
    from scipy.special import erfc, ndtr

    rows: list[Row] = []
    for split in counts.splits:
        for place, region in enumerate(counts.regions):
            values = counts.projections[:, place]
            usable = split.rows & np.isfinite(values)
            own, other = values[usable & counts.first_half], values[usable & ~counts.first_half]
            if not len(own) or not len(other):
                continue
            mean, spread = own_mean_law(region.size, len(own))
            bound, z = 1.96 / math.sqrt(len(other)), float(other.mean()) * math.sqrt(len(other))
            share_null = 100 * float(ndtr(mean / spread)) if spread else None
            facts: Row = (split.label, region.name, "of the fit", len(own), float(own.mean()), mean, None)
            rows.append((*facts, 100 * float((own > 0).mean()), share_null, None))
            facts = (split.label, region.name, "other", len(other), float(other.mean()), 0.0, bound)
            rows.append((*facts, 100 * float((other > 0).mean()), 50.0, float(erfc(abs(z) / math.sqrt(2)))))
    columns = ("", "part", "half", "images", "mean", "null", "95 % within ±", "positive, %", "null", "p")
    note = "p: share of sets of prior draws whose other half has a mean projection at least as far from zero."
    return Table(columns, tuple(rows), digits=4, title="Projection on the mean line", caption=caption, notes=(note,))


def moment_table(counts: Counts, caption: str) -> Table:
    """Mean, variance, skewness and excess kurtosis of each component: their mean and spread over the components."""
    rows: list[Row] = []
    for group, split in enumerate(counts.splits):
        sums = counts.moments(group)
        if sums.count < 4:
            continue
        null = MomentNull(sums.count)
        for region in counts.regions:
            for name, values, (mean, spread) in (
                ("mean", sums.mean, null.mean()),
                ("variance", sums.variance(), null.variance()),
                ("skewness", sums.skewness(), null.skewness()),
                ("excess kurtosis", sums.excess_kurtosis(), null.excess_kurtosis()),
            ):
                known = values[region.slice][np.isfinite(values[region.slice])]
                if not len(known):
                    continue
                z = (float(known.mean()) - mean) / (spread / math.sqrt(len(known)))
                sd = float(known.std(ddof=1)) if len(known) > 1 else None
                rows.append((split.label, region.name, name, float(known.mean()), mean, z, sd, spread))
    columns = ("", "part", "moment", "mean over components", "null", "z", "sd over components", "null")
    notes = ["z: distance of the mean from its null in standard errors of independent components."]
    small = [s.label.lower() for g, s in enumerate(counts.splits) if counts.moments(g).count < 4]
    if small:
        notes.append(f"Moments need four images; there are fewer: {', '.join(small)}.")
    return Table(columns, tuple(rows), digits=4, title="Moments", caption=caption, notes=tuple(notes))


def correlation_table(counts: Counts, caption: str) -> Table:
    """Correlations of components a few places apart."""
    from scipy.special import stdtrit

    rows: list[Row] = []
    for group, split in enumerate(counts.splits):
        n = counts.moments(group).count
        if n < 3:
            continue
        for place, region in enumerate(counts.regions):
            for k, lag in enumerate(counts.lags):
                found = counts.correlations(group, place, k)
                known = found[np.isfinite(found)]
                if not len(known):
                    continue
                spread = MomentNull(n).correlation()[1]
                t = float(stdtrit(n - 2, 1 - 0.025 / len(known)))
                largest, bound = float(np.abs(known).max()), t / math.sqrt(n - 2 + t * t)
                within = 1.96 * spread / math.sqrt(len(known))
                facts = (split.label, region.name, lag, len(known), float(known.mean()), within)
                rows.append((*facts, float(known.std()), spread, largest, bound))
    columns = ("", "part", "places apart", "pairs", "mean", "95 % within ±", "sd", "null", "largest", "95 % below")
    notes = ("Pairs lie within one part. Neighbours in the code are neighbours in the picture where a part is a map.",)
    return Table(columns, tuple(rows), digits=4, title="Correlations", caption=caption, notes=notes)


def _left_out(counts: Counts) -> tuple[str, ...]:
    notes = ["The null is exact: the mean of n draws of N(0, I) has a chi distributed norm, divided by the root of n."]
    for split in counts.splits:
        rows = split.rows[: counts.done]
        norms, far = counts.norms[: counts.done, 0][rows], counts.far[: counts.done][rows]
        broken = int(np.isinf(norms).sum())
        if broken:
            notes.append(f"{split.label}: {broken:,} of {len(norms):,} images have no finite code.")
        if far.sum() > broken:
            notes.append(
                f"{split.label}: {int(far.sum()) - broken:,} of {len(norms):,} codes have a norm above "
                f"{counts.bound:.4g}, twice the end of the prior's typical set. The norms count them; mean, "
                "projections, moments, quantiles and correlations leave them out, so those are of the others only."
            )
    return tuple(notes)
