"""Tables of `analyses.projections`: the half of the fit beside the other, with intervals and nulls."""

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.projections_fit import NAMES, OPPOSITE, ZERO
from latentstudio.results import Table
from latentstudio.stats.directions import auc_of
from latentstudio.stats.discrimination import Resampled, accuracy_of

if TYPE_CHECKING:
    from latentstudio.analyses.projections_pass import Pass

Floats = NDArray[np.float64]
Row = tuple[str | int | float | None, ...]


def discrimination_table(looked: "Pass", resampled: Resampled | None, caption: str) -> Table:
    """AUC and accuracy on every line, of the half of the fit and of the other."""
    rows: list[Row] = []
    _, thresholds = looked.scores()
    fitted, other = looked.halves.first & ~looked.far, looked.other
    halves = (np.flatnonzero(fitted), other)
    for place, (lines, kind) in enumerate((lines, kind) for lines in looked.lines for kind in range(2)):
        numbers: list[float | None] = []
        sides = [_known(lines.values[kind, half], looked.present[half]) for half in halves]
        numbers += [_cell(auc_of(*side)) for side in sides]
        numbers += _interval(resampled, "auc", place)
        numbers += [_cell(accuracy_of(*side, thresholds[place])) for side in sides]
        numbers += _interval(resampled, "accuracy", place)
        rows.append((lines.space, NAMES[kind], *numbers))
    columns = (
        "space",
        "projection",
        "AUC, fit half",
        "AUC, other half",
        "2.5 %",
        "97.5 %",
        "accuracy, fit half",
        "other half",
        "2.5 %",
        "97.5 %",
    )
    drawn = 0 if resampled is None else len(resampled.auc)
    whom = "persons" if looked.identity is not None else "images"
    notes = [
        f"{int(fitted.sum()):,} images in the half of the fit, {len(other):,} in the other. Accuracy is the mean of "
        "both classes' shares, 0.5 by chance, at a threshold from the half of the fit.",
    ]
    if drawn:
        notes.append(f"Intervals: 95 % of {drawn:,} bootstrap repeats over {whom} of the other half.")
    return Table(columns, tuple(rows), digits=3, title="Discrimination", caption=caption, notes=tuple(notes))


def claims_table(looked: "Pass", resampled: Resampled, caption: str) -> Table:
    """Differences of held-out AUC between spaces and between projections, with intervals over the same repeats."""
    places = {(lines.space, kind): 2 * n + kind for n, lines in enumerate(looked.lines) for kind in range(2)}
    values, _ = looked.scores()
    present = looked.present[looked.other]
    auc = [auc_of(row, present) for row in values]
    pairs = [((space, OPPOSITE), (space, ZERO)) for space in ("latent", "image")]
    pairs += [(("latent", kind), ("image", kind)) for kind in range(2)]
    rows: list[Row] = []
    for one, other in pairs:
        if one not in places or other not in places:
            continue
        a, b = places[one], places[other]
        low, high = resampled.interval(resampled.auc[:, a] - resampled.auc[:, b])
        words = "cannot be told apart"
        if low > 0 or high < 0:
            words = f"{one[0]}, {NAMES[one[1]]} is {'better' if low > 0 else 'worse'}"
        name = f"{one[0]}, {NAMES[one[1]]} − {other[0]}, {NAMES[other[1]]}"
        rows.append((name, _cell(auc[a] - auc[b]), _cell(low), _cell(high), words))
    columns = ("difference of AUC, other half", "", "2.5 %", "97.5 %", "")
    note = "All lines are judged by the same bootstrap repeats. The claims: latent beats image, opposite beats zero."
    return Table(columns, tuple(rows), digits=3, title="Which tells more", caption=caption, notes=(note,))


def means_table(looked: "Pass", caption: str) -> Table:
    """Mean and spread of the projections of each class; of the half of the fit beside what pure noise would give."""
    rows: list[Row] = []
    fitted = looked.halves.first & ~looked.far
    for lines in looked.lines:
        for kind in range(2):
            for side, words in ((looked.present, looked.members.words), (~looked.present, looked.members.without)):
                for half, name in ((fitted, "of the fit"), (~looked.halves.first & ~looked.far, "other")):
                    values = lines.values[kind, half & side]
                    values = values[np.isfinite(values)]
                    if not len(values):
                        continue
                    spread = float(values.std(ddof=1)) if len(values) > 1 else None
                    facts: Row = (lines.space, NAMES[kind], words, name, len(values), float(values.mean()), spread)
                    null = _null(looked, lines.space, kind, side is looked.present, name)
                    rows.append((*facts, 100 * float((values > 0).mean()), null))
    columns = ("space", "projection", "class", "half", "images", "mean", "sd", "positive, %", "mean of pure noise")
    note = (
        "A class projected on a line through its own mean lies on the positive side even when codes are pure noise; "
        "only the other half can show that it is there."
    )
    return Table(columns, tuple(rows), digits=2, title="Means", caption=caption, notes=(note,))


def _null(looked: "Pass", space: str, kind: int, with_it: bool, half: str) -> float | None:
    """Mean projection of independent draws of the prior on lines fitted to draws; known for differences of means.

    With s the deviation of a component and e1, e0 the errors of both means, of squared length D s^2 / n each, the line
    of the difference has length s sqrt(D (1/n1 + 1/n0)), and a class has the inner product +-D s^2 / n with it.
    """
    from latentstudio.analyses.passes import model_of
    from latentstudio.stats.norms import component_deviation

    if space != "latent" or (kind == OPPOSITE and looked.asked.estimator != "mean_difference"):
        return None
    if half == "other":
        return 0.0
    lines = next(found for found in looked.lines if found.space == space)
    n1, n0 = lines.counts
    deviation = component_deviation(model_of(looked.study).space.prior.kind)
    if kind == ZERO:
        return deviation * math.sqrt(lines.size / n1) if with_it else 0.0
    length = math.sqrt(lines.size * (1 / n1 + 1 / n0))
    return deviation * (lines.size / n1 if with_it else -lines.size / n0) / length


def _known(values: Floats, present: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores that are known, and who of them has the property."""
    known = np.isfinite(values)
    return values[known], present[known]


def _interval(resampled: Resampled | None, of: Literal["auc", "accuracy"], place: int) -> list[float | None]:
    if resampled is None:
        return [None, None]
    values = resampled.auc if of == "auc" else resampled.accuracy
    return [_cell(end) for end in resampled.interval(values[:, place])]


def _cell(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
