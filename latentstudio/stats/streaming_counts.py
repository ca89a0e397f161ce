"""Class sums, histograms, projections and extremes of a stream; see `stats.streaming` for what all have in common."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.stats.streaming import Floats, PowerSums, finite_mask

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ClassSums:
    """Sums of the rows with and without each of K labels, for class means and their complements.

    Attributes
    ----------
    counts : int64 (K, 2) rows without and with the label; rows whose label is missing are in neither.
    sums : float64 (K, 2, D) sums of those rows.
    """

    counts: Integers
    sums: Floats
    left_out: int = 0

    @staticmethod
    def empty(labels: int, size: int) -> "ClassSums":
        """Nothing counted yet."""
        return ClassSums(np.zeros((labels, 2), dtype=np.int64), np.zeros((labels, 2, size)))

    @staticmethod
    def of(values: NDArray[Any], labels: Floats) -> "ClassSums":
        """Sums of values (n, D) by labels (n, K), each 0, 1 or NaN for missing. A category is one column per value.

        Raises
        ------
        ValueError
            A label is something else, or there are not as many as rows.
        """
        known = ~np.isnan(labels)
        if len(labels) != len(values) or not np.isin(labels[known], (0.0, 1.0)).all():
            raise ValueError("labels of class sums are 0, 1 or NaN, one row for each row of values")
        mask = finite_mask(values)
        rows = values[mask].astype(np.float64, copy=False)
        yes = np.where(known, labels, 0.0)[mask]
        no = np.where(known, 1.0 - labels, 0.0)[mask]
        counts = np.stack([no.sum(axis=0), yes.sum(axis=0)], axis=1).astype(np.int64)
        return ClassSums(counts, np.stack([no.T @ rows, yes.T @ rows], axis=1), int((~mask).sum()))

    def merge(self, other: "ClassSums") -> "ClassSums":
        """Sums of both streams together."""
        return ClassSums(self.counts + other.counts, self.sums + other.sums, self.left_out + other.left_out)

    def add(self, values: NDArray[Any], labels: Floats) -> "ClassSums":
        """Sums with values (n, D) counted in."""
        return self.merge(ClassSums.of(values, labels))

    def means(self) -> Floats:
        """Mean of the rows with each label, (K, D); NaN for a label that no row has."""
        return self._means(1)

    def complement_means(self) -> Floats:
        """Mean of the rows known to lack each label, (K, D); NaN where there are none."""
        return self._means(0)

    def _means(self, side: int) -> Floats:
        counts = self.counts[:, side, None]
        return np.where(counts > 0, self.sums[:, side] / np.maximum(counts, 1), np.nan)


@dataclass(frozen=True)
class FixedHistogram:
    """Counts over bins that were chosen beforehand; the last bin includes its upper edge, as in NumPy.

    Attributes
    ----------
    edges : float64 (B + 1,) ascending ; counts : int64 (B,) ; below, above : values outside the edges, infinities
        included ; left_out : values that are NaN.
    """

    edges: Floats
    counts: Integers
    below: int = 0
    above: int = 0
    left_out: int = 0

    @staticmethod
    def empty(edges: Floats) -> "FixedHistogram":
        """Nothing counted yet.

        Raises
        ------
        ValueError
            The edges do not ascend.
        """
        if len(edges) < 2 or not (np.diff(edges) > 0).all() or not np.isfinite(edges).all():
            raise ValueError("the edges of a histogram must be finite and ascend")
        return FixedHistogram(edges, np.zeros(len(edges) - 1, dtype=np.int64))

    @staticmethod
    def of(values: NDArray[Any], edges: Floats) -> "FixedHistogram":
        """Counts of values of any shape."""
        flat = values.reshape(-1).astype(np.float64, copy=False)
        places = bin_places(flat, edges)
        bins = len(edges) - 1
        found = np.bincount(places, minlength=bins + 3)
        return FixedHistogram(
            edges, found[1 : bins + 1].astype(np.int64), int(found[0]), int(found[bins + 1]), int(found[bins + 2])
        )

    @property
    def total(self) -> int:
        """Values counted, those outside the edges included."""
        return int(self.counts.sum()) + self.below + self.above

    def merge(self, other: "FixedHistogram") -> "FixedHistogram":
        """Counts of both streams together.

        Raises
        ------
        ValueError
            The edges differ.
        """
        if not np.array_equal(self.edges, other.edges):
            raise ValueError("histograms with different edges cannot be merged")
        return FixedHistogram(
            self.edges,
            self.counts + other.counts,
            self.below + other.below,
            self.above + other.above,
            self.left_out + other.left_out,
        )

    def add(self, values: NDArray[Any]) -> "FixedHistogram":
        """Counts with values of any shape counted in."""
        return self.merge(FixedHistogram.of(values, self.edges))

    def cdf(self) -> Floats:
        """Share of the values below each edge, (B + 1,); exact at the edges. NaN when nothing is counted."""
        below = self.below + np.concatenate(([0], np.cumsum(self.counts)))
        total = self.total
        return below / total if total else np.full(len(self.edges), np.nan)

    def quantiles(self, p: Floats) -> Floats:
        """Values below which shares p lie, straight between edges; infinite where p falls outside the edges."""
        cdf = self.cdf()
        inside = np.interp(p, cdf, self.edges)
        return np.where(p < cdf[0], -np.inf, np.where(p > cdf[-1], np.inf, inside))


def bin_places(values: Floats, edges: Floats) -> Integers:
    """Place of each value (n,): 0 below the edges, 1..B in the bins, B + 1 above, B + 2 for NaN."""
    bins = len(edges) - 1
    step = (edges[-1] - edges[0]) / bins
    even = np.linspace(edges[0], edges[-1], bins + 1)
    if np.abs(edges - even).max() < 0.25 * step:
        # Even edges: the place by division, then put right by one where rounding says otherwise than the edges.
        guess = np.nan_to_num((np.clip(values, edges[0], edges[-1]) - edges[0]) / step, nan=0.0)
        places: Integers = np.minimum(guess.astype(np.int64), bins - 1)
        places -= values < edges[places]
        places = np.maximum(places, 0)
        places += (values >= edges[places + 1]) & (places < bins - 1)
    else:
        places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    places += 1
    places[values < edges[0]] = 0
    places[values > edges[-1]] = bins + 1
    places[np.isnan(values)] = bins + 2
    return places


@dataclass(frozen=True)
class Projections:
    """Rows projected onto given directions: moments up to the fourth and a histogram for each direction.

    Attributes
    ----------
    directions : float64 (R, D), used as they are: normalise them for lengths in units of the code.
    moments : power sums of the R projections ; edges : float64 (B + 1,) common to all.
    counts : int64 (R, B + 2), below the edges, in each bin, above.
    """

    directions: Floats
    edges: Floats
    moments: PowerSums
    counts: Integers

    @staticmethod
    def empty(directions: Floats, edges: Floats) -> "Projections":
        """Nothing counted yet."""
        FixedHistogram.empty(edges)
        counts = np.zeros((len(directions), len(edges) + 1), dtype=np.int64)
        return Projections(directions, edges, PowerSums.empty(len(directions), 4), counts)

    @staticmethod
    def of(values: NDArray[Any], directions: Floats, edges: Floats) -> "Projections":
        """Project values (n, D)."""
        with np.errstate(invalid="ignore", over="ignore"):
            found = values.astype(np.float64, copy=False) @ directions.T
        # A row that is not finite has no projection, whatever the direction gives each of its components.
        found[~finite_mask(values)] = np.nan
        width, rows = len(edges) + 2, len(directions)
        places = np.stack([bin_places(found[:, k], edges) for k in range(rows)]) if rows else np.zeros((0, len(found)))
        places = places.astype(np.int64) + width * np.arange(rows)[:, None]
        counts = np.bincount(places.ravel(), minlength=rows * width).reshape(rows, width)[:, : width - 1]
        return Projections(directions, edges, PowerSums.of(found, 4), counts.astype(np.int64))

    def merge(self, other: "Projections") -> "Projections":
        """Projections of both streams together.

        Raises
        ------
        ValueError
            Directions or edges differ.
        """
        if not np.array_equal(self.directions, other.directions) or not np.array_equal(self.edges, other.edges):
            raise ValueError("projections onto other directions or edges cannot be merged")
        return Projections(self.directions, self.edges, self.moments.merge(other.moments), self.counts + other.counts)

    def add(self, values: NDArray[Any]) -> "Projections":
        """Projections with values (n, D) counted in."""
        return self.merge(Projections.of(values, self.directions, self.edges))


@dataclass(frozen=True)
class Extremes:
    """The k lowest and k highest values of a stream with the number of the row of each; equal values by row number.

    Attributes
    ----------
    low, high : float64 (at most k,), from the most extreme on ; low_ids, high_ids : int64, their rows.
    """

    k: int
    low: Floats
    low_ids: Integers
    high: Floats
    high_ids: Integers
    left_out: int = 0

    @staticmethod
    def empty(k: int) -> "Extremes":
        """Nothing counted yet."""
        none, nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
        return Extremes(k, none, nobody, none, nobody)

    @staticmethod
    def of(values: NDArray[Any], ids: Integers, k: int) -> "Extremes":
        """Extremes of values (n,) of the rows `ids` (n,); NaN is left out, infinities are extreme."""
        known = ~np.isnan(values)
        chosen, rows = values[known].astype(np.float64, copy=False), ids[known].astype(np.int64, copy=False)
        up = np.lexsort((rows, chosen))[:k]
        down = np.lexsort((rows, -chosen))[:k]
        return Extremes(k, chosen[up], rows[up], chosen[down], rows[down], int((~known).sum()))

    def merge(self, other: "Extremes") -> "Extremes":
        """Extremes of both streams together; the smaller k of the two."""
        k = min(self.k, other.k)
        low = Extremes.of(np.concatenate([self.low, other.low]), np.concatenate([self.low_ids, other.low_ids]), k)
        high = Extremes.of(np.concatenate([self.high, other.high]), np.concatenate([self.high_ids, other.high_ids]), k)
        return Extremes(k, low.low, low.low_ids, high.high, high.high_ids, self.left_out + other.left_out)

    def add(self, values: NDArray[Any], ids: Integers) -> "Extremes":
        """Extremes with values (n,) of the rows `ids` counted in."""
        return self.merge(Extremes.of(values, ids, self.k))
