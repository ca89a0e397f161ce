"""What is left of the picture in the codes: neighbours that correlate, components that are not normal."""

import math

import numpy as np

from latentstudio.results import Curve, Line, Table
from latentstudio.stats.gaussian_nulls import MomentNull
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_prior import common, counts_of, parts


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
            *parts(lab, "Moments", "Quantiles", "Neighbouring", "Correlations"),
        ),
        **common(lab),
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
        "S1-X8",
        "Codes are still correlated and not normal",
        "Codes are correlated and not normal, although they should not be.",
        "Correlation of neighbours in each level's map, skewness and kurtosis by component, quantiles.",
        still_correlated,
    ),
)
