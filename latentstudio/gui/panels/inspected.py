"""What the inspector says about one code, as words: pure functions."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.gui.widgets.filter_bar import readable
from latentstudio.gui.widgets.readouts import measured
from latentstudio.results import ImageGrid, Measure, Result, Strip

if TYPE_CHECKING:
    from latentstudio.figures.inspect import Inspection

MOST_NUMBERS = 6
"""Measured factors that are shown; of more, all but the first are in the tool tip only."""


def short(text: str) -> str:
    """Three significant figures of a number; words as they are."""
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return text


def readings(inspection: "Inspection", measures: Sequence[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    """Norm, log-density (nats), measures and error (grey levels): what, its value, and whether it is unusual.

    Parameters
    ----------
    measures : names and values from `measures_of`.
    """
    size = len(inspection.code)
    unusual = not 2.5 <= inspection.prior_percentile <= 97.5
    rows = [(f"Norm of the code ({size} numbers)", f"{inspection.norm:,.2f}", unusual)]
    if inspection.log_prob is not None:
        finite = bool(np.isfinite(inspection.log_prob))
        rows.append(("Log-density", f"{inspection.log_prob:,.1f} nats".replace("-", "−"), not finite))
    rows += [(words, value, False) for words, value in measures]
    if inspection.error is not None:
        rows.append(("Reconstruction error", f"{inspection.error:.1f} / 255", inspection.error > 32))
    return rows


def measures_of(results: Iterable[Result | None], code: NDArray[np.float32]) -> list[tuple[str, str]]:
    """What the first result that shows this very code (D,) has measured of it, such as percentiles of attributes."""
    for result in results:
        if not isinstance(result, Strip | ImageGrid) or not result.measures:
            continue
        if result.frames.codes.shape[1] != len(code):
            continue
        same = np.flatnonzero((result.frames.codes == code).all(axis=1))
        if len(same):
            found = [(_measure_name(m), measured(m, int(same[0]))) for m in result.measures]
            return [(words, text) for words, text in found if text]
    return []


def _measure_name(measure: Measure) -> str:
    """What stands before the number of a measure; its unit stands behind the number."""
    return f"{measure.label}, percentile" if measure.unit == "percentile" else measure.label.partition(", ")[0]


def labels_of(inspection: "Inspection") -> tuple[str, str]:
    """Labels that hold, in words, and a tool tip: measured factors only when they are few, all of them in the tip."""
    holds = [readable(name) for name, text in inspection.attributes.items() if text == "yes"]
    others = [f"{readable(n)} {short(t)}" for n, t in inspection.attributes.items() if t not in ("yes", "no", "–")]
    shown = others if len(others) <= MOST_NUMBERS else others[:1]
    text = " · ".join([*shown, *holds])
    if len(others) > len(shown):
        text += f" · {len(others) - len(shown)} measured factors"
    return text, "\n".join(others) if len(others) > len(shown) else ""
