"""Which images a brush takes: pure functions over results, so that a selection never depends on pixels."""

import numpy as np
from numpy.typing import NDArray

from latentstudio.results import Distribution, Floats, Scatter

Indices = NDArray[np.int64]


def snapped(edges: Floats, low: float, high: float) -> tuple[int, int]:
    """Return the bars [first, past) that a range touches; at least the one in which it lies.

    Parameters
    ----------
    edges : float64 (bars + 1,), ascending.
    """
    bars = len(edges) - 1
    first = int(np.clip(np.searchsorted(edges, low, side="right") - 1, 0, bars - 1))
    past = int(np.clip(np.searchsorted(edges, high, side="left"), first + 1, bars))
    return first, past


def members_between(distribution: Distribution, low: float, high: float) -> Indices:
    """Return the images of all histograms whose value lies in [low, high); the last edge belongs to the last bar."""
    found: list[Indices] = []
    for histogram in distribution.histograms:
        if histogram.values is None or histogram.members is None:
            continue
        values = histogram.values
        inside = (values >= low) & (values < high)
        if high >= histogram.edges[-1]:
            inside |= values == histogram.edges[-1]
        found.append(histogram.members[inside])
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def counts_of_selection(values: Floats, members: Indices, edges: Floats, selection: Indices) -> Floats:
    """Return how many selected images fall in each bar, float64 (bars,)."""
    chosen = values[np.isin(members, selection)]
    counts: Floats = np.histogram(chosen[np.isfinite(chosen)], edges)[0].astype(np.float64)
    return counts


def members_in_box(scatter: Scatter, x0: float, x1: float, y0: float, y1: float) -> Indices:
    """Return the images of the points inside a rectangle; a point whose member is -1 stands for none."""
    x, y = scatter.points[:, 0], scatter.points[:, 1]
    inside: Indices = scatter.members[(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) & (scatter.members >= 0)]
    return inside
