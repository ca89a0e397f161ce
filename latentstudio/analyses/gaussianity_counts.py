"""What `analyses.gaussianity` counts while codes stream by: everything it shows is made from these values."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.passes import Indices, Split
from latentstudio.stats.streaming import LagProducts, PowerSums, finite_mask
from latentstudio.stats.streaming_counts import FixedHistogram

Floats = NDArray[np.float64]

POOLED_EDGES = np.linspace(-8.0, 8.0, 3201)
"""Bins of pooled components: 0.005 standard deviations wide."""

_BLOCK = 128
"""Rows that are counted at once; less would spend the time on calls."""


@dataclass(frozen=True)
class Region:
    """A named range of components: the whole code, or one of its parts."""

    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of components."""
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        """Columns of the codes."""
        return slice(self.start, self.stop)


def regions_of(size: int, parts: dict[str, tuple[int, int]]) -> tuple[Region, ...]:
    """The whole code, then its parts where there are several."""
    whole = Region("whole code", 0, size)
    return (whole, *(Region(name, *ends) for name, ends in parts.items())) if len(parts) > 1 else (whole,)


@dataclass
class _Group:
    """Sums over the images of one split: one set of moments for each half, the rest for both together."""

    halves: list[PowerSums]
    pooled: list[FixedHistogram]
    lags: list[LagProducts]


@dataclass
class Counts:
    """Both passes over the codes. Of each image the norms and projections are kept, of all codes only sums.

    Attributes
    ----------
    indices : int64 (n,) dataset indices ; splits : training and held-out images among them.
    first_half : bool (n,) images on whose mean the line is fitted, half of each split by a seeded draw.
    norms, projections : float64 (n, regions), NaN where not (yet) known.
    far : bool (n,) images whose code is not finite or lies beyond `bound`; they are left out of all sums.
    """

    indices: Indices
    splits: tuple[Split, ...]
    regions: tuple[Region, ...]
    bound: float
    lags: tuple[int, ...]
    seed: int
    done: int = 0
    first_half: NDArray[np.bool_] = field(init=False)
    norms: Floats = field(init=False)
    projections: Floats = field(init=False)
    far: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.indices)
        self.first_half = np.zeros(n, dtype=np.bool_)
        for place, split in enumerate(self.splits):
            rows = np.flatnonzero(split.rows)
            drawn = np.random.default_rng([self.seed, place]).permutation(rows)
            self.first_half[drawn[: (len(rows) + 1) // 2]] = True
        self.norms = np.full((n, len(self.regions)), np.nan)
        self.projections = np.full((n, len(self.regions)), np.nan)
        self.far = np.zeros(n, dtype=np.bool_)
        self._pending: list[Floats] = []
        self._lines: list[list[Floats | None]] | None = None
        self._groups = [self._empty() for _ in self.splits]

    @property
    def atoms(self) -> tuple[Region, ...]:
        """The parts, or the whole code when it has none: neighbours and pools do not cross their borders."""
        return self.regions[1:] or self.regions

    def add(self, codes: Floats) -> None:
        """Count the next codes (n, D) of the first pass."""
        self._pending.append(codes)
        if sum(map(len, self._pending)) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Count what waits for a full block."""
        if not self._pending:
            return
        codes = np.concatenate(self._pending)
        self._pending = []
        rows = slice(self.done, self.done + len(codes))
        finite = finite_mask(codes)
        with np.errstate(over="ignore", invalid="ignore"):
            for place, region in enumerate(self.regions):
                norms = np.linalg.norm(codes[:, region.slice], axis=1)
                self.norms[rows, place] = np.where(finite, norms, np.inf)
        self.far[rows] = ~finite | (self.norms[rows, 0] > self.bound)
        self.done = rows.stop
        for split, group in zip(self.splits, self._groups, strict=True):
            self._count(group, codes, split.rows[rows] & ~self.far[rows], self.first_half[rows])

    def _count(self, group: _Group, codes: Floats, chosen: NDArray[np.bool_], first: NDArray[np.bool_]) -> None:
        if not chosen.any():
            return
        for place, half in enumerate((chosen & first, chosen & ~first)):
            if half.any():
                group.halves[place] = group.halves[place].add(codes[half])
        kept = codes if chosen.all() else codes[chosen]
        for place, region in enumerate(self.atoms):
            group.pooled[place] = group.pooled[place].add(kept[:, region.slice])
            group.lags[place] = group.lags[place].add(kept[:, region.slice])

    def fit_lines(self) -> None:
        """Take the mean direction of the first half of each split; the first pass is over."""
        self.flush()
        self._lines = []
        for group in self._groups:
            mean = group.halves[0].mean
            norms = [float(np.linalg.norm(mean[region.slice])) for region in self.regions]
            self._lines.append(
                [mean[r.slice] / norm if norm > 0 else None for r, norm in zip(self.regions, norms, strict=True)]
            )

    def project(self, rows: slice, codes: Floats) -> None:
        """Project codes (n, D) of the second pass onto the line of their split."""
        if self._lines is None:
            raise RuntimeError("the lines are fitted after the first pass")
        for split, lines in zip(self.splits, self._lines, strict=True):
            chosen = np.flatnonzero(split.rows[rows] & ~self.far[rows])
            for place, (region, line) in enumerate(zip(self.regions, lines, strict=True)):
                if line is not None and len(chosen):
                    self.projections[rows.start + chosen, place] = codes[chosen][:, region.slice] @ line

    def moments(self, group: int) -> PowerSums:
        """Power sums of all components over a split."""
        first, second = self._groups[group].halves
        return first.merge(second)

    def pooled(self, group: int, region: int) -> FixedHistogram:
        """All components of a region over a split, pooled."""
        found = self._groups[group].pooled
        if len(self.regions) == 1 or region > 0:
            return found[max(region - 1, 0)]
        whole = found[0]
        for other in found[1:]:
            whole = whole.merge(other)
        return whole

    def correlations(self, group: int, region: int, lag: int) -> Floats:
        """Correlations of the pairs of a region over a split at ``lags[lag]``; a pair lies within one part."""
        found = self._groups[group].lags
        if len(self.regions) == 1 or region > 0:
            return found[max(region - 1, 0)].correlations(lag)
        return np.concatenate([products.correlations(lag) for products in found])

    def _empty(self) -> _Group:
        lags = np.array(self.lags, dtype=np.int64)
        return _Group(
            halves=[PowerSums.empty(self.regions[0].size, 4) for _ in range(2)],
            pooled=[FixedHistogram.empty(POOLED_EDGES) for _ in self.atoms],
            lags=[LagProducts.empty(region.size, lags) for region in self.atoms],
        )
