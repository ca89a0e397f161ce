"""Histograms of `analyses.projections`: by class with the threshold, and of the whole data set with its references."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.projections_fit import NAMES, Lines
from latentstudio.analyses.projections_tables import claims_table, discrimination_table, means_table
from latentstudio.results import Axis, Band, Distribution, Histogram, Line, Sheet, Single
from latentstudio.stats.discrimination import Resampled, best_threshold
from latentstudio.stats.norms import component_deviation

if TYPE_CHECKING:
    from latentstudio.analyses.projections_pass import Pass

Floats = NDArray[np.float64]
_POINTS = 400
_REACH = 3.5
"""Standard deviations of a reference that its histogram's axis holds."""
_CENTRAL = 1.96
"""Standard deviations on either side that hold 95 % of a normal law."""
SPACE_WORDS = {"latent": "latent space", "image": "image space"}


class Shown:
    """Makes the sheet from what a pass knows so far; the lines do not change any more."""

    def __init__(self, looked: "Pass") -> None:
        self.looked = looked
        self._axes = [
            [Axis(NAMES[kind], lines.space, lines.units[kind], looked.factor if lines.space == "image" else 1)]
            for lines in looked.lines
            for kind in range(2)
        ]

    def sheet(self, resampled: Resampled | None) -> Sheet | None:
        """All plots and tables; None while no image of the other half is known of either class."""
        looked = self.looked
        present = looked.present[self._known(looked.lines[0])]
        if not len(present):
            return None
        caption = looked.caption()
        parts: list[Single] = []
        for number, lines in enumerate(looked.lines):
            parts += [self._by_class(lines, number, kind, caption) for kind in range(2)]
            parts += [self._whole(lines, number, kind, caption) for kind in range(2)]
        parts.append(discrimination_table(looked, resampled, caption))
        if resampled is not None and len(resampled.auc):
            parts.append(claims_table(looked, resampled, caption))
        parts.append(means_table(looked, caption))
        parts[0] = replace(parts[0], notes=(*parts[0].notes, *looked.notes()))
        return Sheet(tuple(parts), title="Projections", caption=caption)

    def _known(self, lines: Lines) -> NDArray[np.int64]:
        """Places of the shown images that are projected already."""
        other = self.looked.other
        known: NDArray[np.int64] = other[np.isfinite(lines.values[0, other])]
        return known

    def _label(self, lines: Lines, kind: int) -> str:
        unit = "sd of the prior" if lines.space == "latent" else "pixels, −1 black, 1 white"
        if lines.space == "image" and self.looked.factor > 1:
            factor = self.looked.factor
            unit += f", averaged over {factor} × {factor} px"
        return f"{NAMES[kind]} projection ({unit})"  # the space stands in the title; plots are narrow

    def _by_class(self, lines: Lines, number: int, kind: int, caption: str) -> Distribution:
        """Both classes, each as shares of its own images, so that a rare one can be seen."""
        looked, known = self.looked, self._known(lines)
        values, present = lines.values[kind, known], looked.present[known]
        edges = np.linspace(*_span(values), looked.asked.bins + 1)
        histograms = []
        sides: tuple[tuple[NDArray[np.bool_], str, Literal["data", "other"]], ...] = (
            (present, looked.members.words, "data"),
            (~present, looked.members.without, "other"),
        )
        for side, words, role in sides:
            hits = np.histogram(values[side], edges)[0] * (100 / max(int(side.sum()), 1))
            label = f"{words} ({int(side.sum()):,})"
            histograms.append(Histogram(label, edges, hits, role, values[side], looked.rows[known[side]]))
        fitted = looked.halves.first & ~looked.far
        at = best_threshold(lines.fair[kind, fitted], looked.present[fitted])
        references: tuple[Line, ...] = ()
        if np.isfinite(at):
            top = max(float(h.counts.max(initial=0)) for h in histograms)
            references = (Line("threshold", np.full(2, at), np.array([0.0, max(top, 1.0)]), "reference"),)
        return Distribution(
            tuple(histograms),
            self._label(lines, kind),
            "% of the class",
            references,
            title=f"{NAMES[kind].capitalize()} projection by class, {SPACE_WORDS[lines.space]}",
            caption=caption,
            axis=self._axes[2 * number + kind][0],
        )

    def _whole(self, lines: Lines, number: int, kind: int, caption: str) -> Distribution:
        """The classes in the shares that they have in the data set, against noise and a normal law."""
        looked, known = self.looked, self._known(lines)
        chosen = known[natural(looked.present[known], looked.share, looked.asked.seed)]
        values = lines.values[kind, chosen]
        deviation, noise = self._noise(lines)
        span = _span(np.concatenate([values, [-_REACH * deviation, _REACH * deviation]]))
        edges = np.linspace(*span, looked.asked.bins + 1)
        hits = np.histogram(values, edges)[0].astype(np.float64)
        # Noise of pixels is so much narrower than pictures of faces that its curve would press their bars flat.
        pixels = lines.space == "image"
        band = Band(-_CENTRAL * deviation, _CENTRAL * deviation, f"95 % of {noise}") if pixels else None
        laws = [] if pixels else [(0.0, deviation, noise)]
        if len(values) > 1 and values.std() > 0:
            laws.append((float(values.mean()), float(values.std(ddof=1)), "normal of the same mean and sd"))
        x, width = np.linspace(*span, _POINTS), float(edges[1] - edges[0])
        notes = [] if len(chosen) == len(known) else [_thinned(looked.members.words, looked.share, len(chosen))]
        return Distribution(
            (Histogram(f"data set ({len(values):,})", edges, hits, "data", values, looked.rows[chosen]),),
            self._label(lines, kind),
            "images",
            tuple(Line(words, x, _expected(x, width, m, sd, len(values)), "reference") for m, sd, words in laws),
            band,
            title=f"{NAMES[kind].capitalize()} projection of the data set, {SPACE_WORDS[lines.space]}",
            caption=caption,
            notes=tuple(notes),
            axis=self._axes[2 * number + kind][0],
        )

    def _noise(self, lines: Lines) -> tuple[float, str]:
        """Standard deviation of a projection of noise on any unit vector, and what the noise is.

        A sum of D independent uniform components with weights of squared sum 1 is normal but for terms of the order of
        the sum of fourth powers of the weights.
        """
        from latentstudio.analyses.passes import model_of

        if lines.space == "image":
            return math.sqrt(1 / 3) / self.looked.factor, "uniform noise"
        return component_deviation(model_of(self.looked.study).space.prior.kind), "draws of the prior"


def natural(present: NDArray[np.bool_], share: float, seed: int) -> NDArray[np.int64]:
    """Places among present (n,), ascending, where the classes have their `share` in the data set; seeded."""
    n1, n0 = int(present.sum()), int((~present).sum())
    if not n1 or not n0 or not 0 < share < 1:
        return np.arange(len(present))
    keep1, keep0 = n1, n0
    if n1 / (n1 + n0) > share:
        keep1 = min(n1, max(1, round(n0 * share / (1 - share))))
    else:
        keep0 = min(n0, max(1, round(n1 * (1 - share) / share)))
    if n1 + n0 - keep1 - keep0 <= 0.02 * (n1 + n0):
        return np.arange(len(present))  # the halves are not exactly alike in their shares
    generator = np.random.default_rng([seed, 2])
    sides = ((present, keep1), (~present, keep0))
    kept = [generator.choice(np.flatnonzero(side), count, replace=False) for side, count in sides]
    return np.sort(np.concatenate(kept)).astype(np.int64)


def _thinned(words: str, share: float, count: int) -> str:
    return f"{count:,} images of the other half, so that {words} has its share in the data set, {100 * share:.3g} %."


def _span(values: Floats) -> tuple[float, float]:
    """Ends of an axis; a single value gets room around it."""
    low, high = float(values.min()), float(values.max())
    if high > low:
        return low, high
    room = max(abs(low) * 0.1, 1e-6)
    return low - room, high + room


def _expected(x: Floats, width: float, mean: float, deviation: float, count: int) -> Floats:
    """How many of `count` draws of a normal law fall into a bin of that width around each x."""
    from scipy.special import ndtr

    ends = (ndtr((x + sign * width / 2 - mean) / deviation) for sign in (1, -1))
    return np.asarray(count * (next(ends) - next(ends)), dtype=np.float64)
