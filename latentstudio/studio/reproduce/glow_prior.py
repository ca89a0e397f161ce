"""Whether the codes are draws of the prior: norm of the mean, norms, projections.

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
from latentstudio.results import Sheet, Table
from latentstudio.stats.gaussian_nulls import MeanNormNull, ks_bound, ks_distance
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


def parts(lab: GlowLab, *titles: str) -> tuple[Plate, ...]:
    """The parts of the analysis's sheet whose title begins with one of the words."""
    return tuple(Plate(part) for part in _sheet(lab).parts if part.title.startswith(titles))


def common(lab: GlowLab) -> dict[str, str]:
    """What every entry about the prior says of itself."""
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
            f"prior {unseen[3]:.2f} ({_p_words(unseen[4])}); {unseen[5]:.2f} is left without the mean's own noise."
        ),
        plates=(*parts(lab, "Norm of the mean"), Plate(table)),
        **common(lab),
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
        plates=(*parts(lab, "Norms"), Plate(Table(heads, tuple(rows)))),
        **common(lab),
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
        plates=parts(lab, "Projection on the mean line"),
        **common(lab),
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
        plates=(Plate(Table(heads, tuple(rows), notes=notes)), *parts(lab, "Projection on the mean line")[:1]),
        **common(lab),
        published="all codes in one hemisphere",
        ours=f"{whole[3]:.1f} % positive, mean / sd {whole[6]:.2f}",
    )


def _p_words(p: float) -> str:
    """A p-value in words; the smallest are below what a number can hold."""
    return f"p = {p:.2g}" if p > 0 else "p < 1e-300"


def _wilson(share: float, n: int) -> tuple[float, float]:
    z2 = 1.96**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = 1.96 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return centre - reach, centre + reach


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
)
