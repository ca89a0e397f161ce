"""Whether the codes are draws of the prior: norm of the mean, norms, projections, moments, neighbours.

Codes here are of dequantised images, as in training. The code of a picture without that noise is shorter: where a
picture is smooth, the directions that hold the noise are empty.
"""

import math
from typing import Any

import numpy as np

from latentstudio.analyses.gaussianity_counts import Counts, regions_of
from latentstudio.analyses.gaussianity_plots import sheet as gaussianity_sheet
from latentstudio.analyses.passes import Split
from latentstudio.figures.readouts import mean_bound
from latentstudio.results import Curve, Line, Sheet, Table
from latentstudio.stats.gaussian_nulls import MeanNormNull, MomentNull, ks_bound, ks_distance
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab

_LAGS = (1, 2, 4, 8)
_BINS = 40


def counts_of(lab: GlowLab) -> Counts:
    """Everything that `analyses.gaussianity` counts, over the dequantised codes of the bench.

    Raises
    ------
    UserError
        Hardly any image has a usable code.
    """
    _ = lab.usable

    def make() -> Counts:
        unseen = lab.unseen_rows
        splits = (Split("Training", "train", ~unseen), Split("Held out", "held_out", unseen))
        model = lab.model()
        regions = regions_of(lab.info.latent_size, dict(model.space.parts))
        counts = Counts(lab.indices, splits, regions, mean_bound(model), _LAGS, 0)
        codes = lab.noisy.astype(np.float64)
        for start in range(0, len(codes), 128):
            counts.add(codes[start : start + 128])
        counts.fit_lines()
        for start in range(0, len(codes), 128):
            rows = slice(start, min(start + 128, len(codes)))
            counts.project(rows, codes[rows])
        return counts

    return lab.once("gaussianity", make)


def _sheet(lab: GlowLab) -> Sheet:
    caption = f"Codes of dequantised images of {lab.data.title}; {lab.n_words}; random seed 0."
    empty = (np.zeros(0), np.zeros(0))
    return lab.once("gaussianity sheet", lambda: gaussianity_sheet(counts_of(lab), 0, _BINS, caption, empty))


def _parts(lab: GlowLab, *titles: str) -> tuple[Plate, ...]:
    """The parts of the analysis's sheet whose title begins with one of the words."""
    return tuple(Plate(part) for part in _sheet(lab).parts if part.title.startswith(titles))


def _common(lab: GlowLab) -> dict[str, str]:
    words = f"{lab.words()}; codes of dequantised images"
    return {"split": lab.split_words, "n": lab.n_words, "model": words}


def mean_norm(lab: GlowLab) -> Finding:
    """S1-F5."""
    counts = counts_of(lab)
    found = []
    for group, split in enumerate(counts.splits):
        sums = counts.moments(group)
        if not sums.count:
            continue
        null = MeanNormNull(lab.info.latent_size, sums.count)
        value = float(np.linalg.norm(sums.mean))
        # The squared norm of a sample mean is biased upwards by the trace of the covariance over n.
        bias = math.sqrt(max(value**2 - float(sums.variance().sum()) / sums.count, 0.0))
        found.append((split.label, sums.count, value, null.expected(), null.p_value(value), bias))
    unseen = found[-1]
    table = Table(
        ("", "images", "norm of the mean", "repeats of a Gaussian, mean", "p", "without its own noise"),
        tuple(found),
        digits=4,
        notes=(
            "Repeats: the law of the norm of the mean of as many draws in closed form, chi over the root of n; "
            "the figure shows what 1,000 repeats would give. 'Without its own noise': root of |m|^2 - tr(C) / n.",
        ),
    )
    return Finding(
        verdict=verdict_of(unseen[4] < 0.001),
        sentence=(
            f"The mean of {unseen[1]:,} held-out codes has norm {unseen[2]:.2f}, and that of as many draws of the "
            f"prior {unseen[3]:.2f} (p = {unseen[4]:.2g}); {unseen[5]:.2f} is left without the mean's own noise."
        ),
        plates=(*_parts(lab, "Norm of the mean"), Plate(table)),
        **_common(lab),
        published="about 28; a Gaussian of 202,599 draws gives 0.985",
        ours=f"{unseen[2]:.2f} against {unseen[3]:.2f}",
    )


def norms(lab: GlowLab) -> Finding:
    """S1-F6."""
    _ = lab.usable
    law, unseen = lab.law, lab.unseen_rows
    rows: list[tuple[Any, ...]] = []
    spread = math.sqrt(lab.info.latent_size - law.mean() ** 2)
    for words, codes in (("dequantised", lab.noisy), ("middle of the bins", lab.codes)):
        for label, chosen in (("training", ~unseen), ("held out", unseen)):
            values = np.linalg.norm(codes[chosen].astype(np.float64), axis=1)
            known = values[np.isfinite(values)]
            off = (float(np.median(known)) - law.mean()) / spread
            rows.append(
                (
                    words,
                    label,
                    len(values),
                    len(values) - len(known),
                    float(np.median(known)),
                    float(known.mean()),
                    float(known.std(ddof=1)) if len(known) > 1 else None,
                    100 * float(np.mean((values >= lab.band[0]) & (values <= lab.band[1]))),
                    off,
                )
            )
    rows.append(("draws of the prior", "", None, None, float(law.quantile(0.5)), law.mean(), spread, 95.0, 0.0))
    heads = ("codes", "", "images", "not finite", "median", "mean", "sd", "within 95 % band, %", "median off, sds")
    held = rows[1]
    middle = rows[3]
    values = np.linalg.norm(lab.noisy[unseen].astype(np.float64), axis=1)
    distance, bound = ks_distance(values, law), ks_bound(len(values))
    higher = held[4] > law.mean()
    return Finding(
        verdict=verdict_of(higher, distance > bound),
        sentence=(
            f"Held-out codes have a median norm of {held[4]:.2f}, {held[8]:+.1f} standard deviations from that of the "
            f"prior, {law.mean():.2f} (KS distance {distance:.2f}, 95 % of draws stay below {bound:.3f}); they are "
            f"{'longer' if higher else 'shorter'} than draws. Without pixel noise the median is {middle[4]:.2f}."
        ),
        plates=(*_parts(lab, "Norms"), Plate(Table(heads, tuple(rows)))),
        **_common(lab),
        published="457 against 443.4 (printed as sqrt(256*256*256)); 19 sd of the chi law",
        ours=f"{held[4]:.1f} against {law.mean():.1f}, {held[8]:+.1f} sd",
    )


def projections(lab: GlowLab) -> Finding:
    """S1-F7."""
    counts = counts_of(lab)
    values, found = counts.projections[:, 0], []
    for split in counts.splits:
        usable = split.rows & np.isfinite(values)
        own, other = values[usable & counts.first_half], values[usable & ~counts.first_half]
        if len(own) > 1 and len(other) > 1:
            found.append((split.label, len(other), float(other.mean()), float(other.std(ddof=1)), own, other))
    _, n, mean, spread, own, other = found[-1]
    own_null = MeanNormNull(lab.info.latent_size, len(own)).expected()
    z = mean * math.sqrt(n)
    return Finding(
        verdict=verdict_of(z > 3.3),
        sentence=(
            f"On a line fitted to one half of the held-out codes the other half projects at {mean:.2f} with sd "
            f"{spread:.2f}, where draws give 0 and 1 ({z:.1f} standard errors); the half of the fit itself is at "
            f"{own.mean():.2f}, but pure noise projected on its own mean would already be at {own_null:.2f}."
        ),
        plates=_parts(lab, "Projection on the mean line"),
        **_common(lab),
        published="all codes on one side (projected on their own mean)",
        ours=f"mean {mean:.2f}, sd {spread:.2f}, {100 * float((other > 0).mean()):.0f} % positive",
    )


def hemisphere(lab: GlowLab) -> Finding:
    """S1-X1."""
    counts = counts_of(lab)
    rows = []
    for split in counts.splits:
        for place, region in enumerate(counts.regions):
            values = counts.projections[:, place]
            other = values[split.rows & np.isfinite(values) & ~counts.first_half]
            if len(other) < 3:
                continue
            share = float((other > 0).mean())
            effect = float(other.mean() / other.std(ddof=1))
            low, high = _wilson(share, len(other))
            rows.append((split.label, region.name, len(other), 100 * share, 100 * low, 100 * high, effect))
    whole = [r for r in rows if r[1] == "whole code"][-1]
    heads = ("", "part", "images", "positive, %", "2.5 %", "97.5 %", "mean / sd")
    notes = ("Of the half that the line was not fitted on; draws of the prior give 50 % and 0. Intervals by Wilson.",)
    return Finding(
        verdict=verdict_of(whole[4] > 50, whole[3] > 95),
        sentence=(
            f"{whole[3]:.1f} % of the held-out codes that the line was not fitted on lie on its positive side "
            f"({whole[4]:.1f} to {whole[5]:.1f}), mean over sd {whole[6]:.2f}: 'all in one hemisphere' says no more "
            "than that the mean is large against the sd along one direction."
        ),
        plates=(Plate(Table(heads, tuple(rows), notes=notes)), *_parts(lab, "Projection on the mean line")[:1]),
        **_common(lab),
        published="all codes in one hemisphere",
        ours=f"{whole[3]:.1f} % positive, mean / sd {whole[6]:.2f}",
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    z2 = 1.96**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = 1.96 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return centre - reach, centre + reach


def neighbour_correlations(lab: GlowLab, codes: Floats) -> dict[str, tuple[int, float, float]]:
    """Correlations of components that are neighbours in a level's map, over the images of `codes` (n, D).

    Returns
    -------
    By level and direction, e.g. ``"level_1, across"``: pairs, mean correlation, root mean square.
    """
    shape = lab.model().flow.shape
    centred = codes - codes.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    white = centred / np.where(spread > 0, spread, 1)
    found = {}
    for level, (name, (start, stop)) in enumerate(lab.model().space.parts.items()):
        maps = white[:, start:stop].reshape(len(codes), *shape.noise_shape(level))
        for words, axis in (("across", 3), ("down", 2), ("channels", 1)):
            count = maps.shape[axis]
            if count < 2:
                continue
            first = np.take(maps, range(count - 1), axis=axis)
            second = np.take(maps, range(1, count), axis=axis)
            r = (first * second).mean(axis=0).ravel()
            found[f"{name}, {words}"] = (len(r), float(r.mean()), float(np.sqrt(np.square(r).mean())))
    return found


def still_correlated(lab: GlowLab) -> Finding:
    """S1-X8."""
    unseen = lab.unseen_rows & lab.usable
    codes = lab.noisy[unseen].astype(np.float64)
    n = len(codes)
    found = neighbour_correlations(lab, codes)
    spread = MomentNull(n).correlation()[1]
    rows = [
        (name, pairs, mean, mean / (spread / math.sqrt(pairs)), rms, spread)
        for name, (pairs, mean, rms) in found.items()
    ]
    sums = counts_of(lab).moments(1)
    kurtosis, skewness = sums.excess_kurtosis(), sums.skewness()
    null_k, null_s = MomentNull(sums.count).excess_kurtosis(), MomentNull(sums.count).skewness()
    outside_k = float(np.mean(np.abs(kurtosis - null_k[0]) > 3 * null_k[1]))
    outside_s = float(np.mean(np.abs(skewness) > 3 * null_s[1]))
    strongest = max(rows, key=lambda row: abs(row[3]))
    heads = ("neighbours", "pairs", "mean correlation", "z", "root mean square", "null of it")
    notes = (
        f"Over {n:,} held-out images. z: the mean correlation in standard errors of independent pairs; the root mean "
        "square of the correlations of independent draws is 1 / sqrt(n - 1).",
    )
    correlated = abs(strongest[3]) > 4 or max(r[4] for r in rows) > 1.2 * spread
    return Finding(
        verdict=verdict_of(correlated, outside_k > 0.01),
        sentence=(
            f"Neighbouring components still correlate, most {strongest[0]} with a mean of {strongest[2]:.3f} (z = "
            f"{strongest[3]:.0f}) and a root mean square of {strongest[4]:.3f} against {spread:.3f} for draws; "
            f"{100 * outside_k:.1f} % of the components have a kurtosis and {100 * outside_s:.1f} % a skewness beyond "
            "three standard errors (draws: a few per mille)."
        ),
        plates=(
            Plate(Table(heads, tuple(rows), digits=4, notes=notes)),
            Plate(_moment_curve(kurtosis, skewness, null_k, null_s)),
            *_parts(lab, "Moments", "Quantiles", "Neighbouring", "Correlations"),
        ),
        **_common(lab),
        published="codes are still correlated and not normal, though they should be; stated without a number",
        ours=f"r = {strongest[2]:.3f} ({strongest[0]}); {100 * outside_k:.1f} % beyond 3 se of kurtosis",
    )


def _moment_curve(
    kurtosis: Floats, skewness: Floats, null_k: tuple[float, float], null_s: tuple[float, float]
) -> Curve:
    """Sorted standardised moments of the components against the quantiles of N(0, 1)."""
    from scipy.special import ndtri

    lines = []
    x = np.array([])
    for label, values, (mean, spread), role in (
        ("excess kurtosis", kurtosis, null_k, "data"),
        ("skewness", skewness, null_s, "other"),
    ):
        known = np.sort((values[np.isfinite(values)] - mean) / spread)
        p = (np.arange(len(known)) + 0.5) / max(len(known), 1)
        places = [np.linspace(0, len(known) - 1, 400), np.arange(40), len(known) - 1 - np.arange(40)]
        keep = (
            np.unique(np.concatenate(places).clip(0, len(known) - 1).astype(int)) if len(known) else np.array([], int)
        )
        x = np.asarray(ndtri(p))[keep]
        lines.append(Line(label, x, known[keep], "data" if role == "data" else "other"))
    lines.append(Line("independent normal draws, about", x, x, "reference"))
    return Curve(
        tuple(lines),
        "quantile of N(0, 1)",
        "moment of a component, in standard errors",
        title="Moments of single components",
    )


ENTRIES = (
    Entry(
        "S1-F5",
        "Norm of the mean against repeats of a true Gaussian",
        "The norm of the sample mean is far larger than in 1000 repeats of a Gaussian.",
        "Norm of the mean of dequantised codes against its exact null at the same n and dimension.",
        mean_norm,
    ),
    Entry(
        "S1-F6",
        "Norms of codes against the normal law",
        "Norms of codes are larger than those of a normal law.",
        "Norms of dequantised codes of training and held-out images against the chi law.",
        norms,
    ),
    Entry(
        "S1-F7",
        "Projections on the line through the mean",
        "Projected on the line through the mean, all codes lie on one side; those of a normal law do not.",
        "The line is fitted on half of the codes and the other half projected, beside the null of the own mean.",
        projections,
    ),
    Entry(
        "S1-X1",
        "The flow is biased, to one hemisphere",
        "All images are in one hemisphere of the latent space.",
        "Share of positive projections of the half that the line was not fitted on, mean over sd, per level.",
        hemisphere,
    ),
    Entry(
        "S1-X8",
        "Codes are still correlated and not normal",
        "Codes are correlated and not normal, although they should not be.",
        "Correlation of neighbours in each level's map, skewness and kurtosis by component, quantiles.",
        still_correlated,
    ),
)
