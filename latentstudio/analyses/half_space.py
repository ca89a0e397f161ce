"""How far apart the two halves of a normal law lie, and how often adding that difference changes the half.

A published argument for attribute vectors takes the mean of a half-space as e / (2 sqrt(2 pi)), about 0.6, and says
that a step by the difference of the two means crosses the plane with a probability that grows to 1 with the dimension.
The mean is sqrt(2 / pi) = 0.798 along the normal of the plane and 0 along it, in every dimension; a step by alpha times
the difference of the means crosses from the far half with probability ``2 Phi(2 alpha sqrt(2 / pi)) - 1``, 0.889 for
alpha = 1, and that does not depend on the dimension either.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.controls import control
from latentstudio.results import Band, Curve, Line, Partial, Sheet, Table

Floats = NDArray[np.float64]

HALF_MEAN = math.sqrt(2 / math.pi)
"""Mean of N(0, 1) given that it is positive."""

PRINTED_HALF_MEAN = math.e / (2 * math.sqrt(2 * math.pi))
"""What the publication has instead."""

_NUMBERS_AT_ONCE = 1_000_000
_ALPHAS = np.linspace(0.0, 3.0, 61)


def crossing_probability(step: float) -> float:
    """Probability that a draw of N(0, 1) below 0 is above 0 after a step of that length: ``2 Phi(step) - 1``."""
    return math.erf(step / math.sqrt(2))


@dataclass(frozen=True)
class HalfSums:
    """Draws of N(0, I) cut by a plane through the origin.

    Attributes
    ----------
    size : dimensions ; counts : draws on the negative and on the positive side.
    difference : float64 (size,) mean of the positive half minus mean of the negative one.
    places : float64 (n,) signed distances of all draws from the plane.
    normal : float64 (size,) unit normal of the plane.
    """

    size: int
    counts: tuple[int, int]
    difference: Floats
    places: Floats
    normal: Floats

    @property
    def half_mean(self) -> float:
        """Mean distance from the plane, both halves together."""
        return float(np.abs(self.places).mean())

    @property
    def along(self) -> float:
        """Difference of the means along the normal; 2 sqrt(2 / pi) is expected."""
        return float(self.difference @ self.normal)

    @property
    def length(self) -> float:
        """Length of the difference of the means, with the noise of all the other directions in it."""
        return float(np.linalg.norm(self.difference))

    @property
    def expected_length(self) -> float:
        """Root of the expected squared length: the difference itself, and the noise of two means of so many draws."""
        low, high = (max(c, 1) for c in self.counts)
        noise = (self.size - 1 + 1 - 2 / math.pi) * (1 / low + 1 / high)
        return math.sqrt((2 * HALF_MEAN) ** 2 + noise)

    def crossing(self, step: float) -> float:
        """Share of the draws of the negative half that a step along the normal takes over the plane."""
        negative = self.places[self.places < 0]
        return float((negative + step > 0).mean()) if len(negative) else math.nan


def cut(size: int, draws: int, seed: int) -> Iterator[HalfSums | None]:
    """Draw in chunks, yielding None after each and the sums at the end; memory is that of one chunk."""
    rng = np.random.default_rng([seed, size])
    normal = rng.standard_normal(size)
    normal /= np.linalg.norm(normal)
    sums, counts, places = np.zeros((2, size)), np.zeros(2, dtype=np.int64), np.empty(draws)
    step = max(_NUMBERS_AT_ONCE // size, 1)
    for start in range(0, draws, step):
        rows = rng.standard_normal((min(step, draws - start), size))
        place = rows @ normal
        places[start : start + len(rows)] = place
        for half, chosen in enumerate((place < 0, place >= 0)):
            sums[half] += rows[chosen].sum(axis=0)
            counts[half] += int(chosen.sum())
        yield None
    means = sums / np.maximum(counts, 1)[:, None]
    yield HalfSums(size, (int(counts[0]), int(counts[1])), means[1] - means[0], places, normal)


@dataclass(frozen=True)
class HalfSpace:
    """Simulate the halves of N(0, I) in several dimensions and compare with the closed forms."""

    title: ClassVar[str] = "Half-spaces"
    summary: ClassVar[str] = "The mean of half of a normal law, and how often adding the difference changes the half."
    needs: ClassVar[frozenset[str]] = frozenset()
    needs_model: ClassVar[bool] = False
    needs_data: ClassVar[bool] = False

    dimensions: tuple[int, ...] = control(
        (2, 10, 100, 1000, 10_000), "Dimensions", "ints", minimum=1, maximum=1_000_000
    )
    draws: int = control(4000, "Draws", "int", minimum=100, maximum=1_000_000)
    seed: int = control(0, "Seed", "int", minimum=0, maximum=2**31 - 1)

    def run(self, study: Study) -> Iterator[Partial]:
        """Cut each dimension's draws by a plane; the study is not looked at."""
        found: list[HalfSums] = []
        sizes = sorted(set(self.dimensions)) or [2]
        for place, size in enumerate(sizes):
            for sums in cut(size, self.draws, self.seed):
                if sums is None:
                    yield Partial(0.999 * place / len(sizes), None, f"Drawing in {size:,} dimensions")
                else:
                    found.append(sums)
        yield Partial(1.0, self._sheet(found))

    def _sheet(self, found: list[HalfSums]) -> Sheet:
        caption = f"Simulation of N(0, I) without data or model; {self.draws:,} draws each, random seed {self.seed}."
        shown = (_table(found, caption), _over_size(found, caption), _over_alpha(found[-1], caption))
        return Sheet(shown, title="Half-spaces", caption=caption)


def _table(found: list[HalfSums], caption: str) -> Table:
    rows = tuple(
        (
            sums.size,
            sums.half_mean,
            sums.along,
            sums.length,
            sums.expected_length,
            sums.crossing(2 * HALF_MEAN),
            sums.crossing(2 * PRINTED_HALF_MEAN),
        )
        for sums in found
    )
    exact = (
        "closed form",
        HALF_MEAN,
        2 * HALF_MEAN,
        None,
        None,
        crossing_probability(2 * HALF_MEAN),
        crossing_probability(2 * PRINTED_HALF_MEAN),
    )
    columns = (
        "dimensions",
        "mean of a half",
        "difference along the normal",
        "its length",
        "expected with noise",
        "crosses",
        "with the printed mean",
    )
    notes = (
        "The half's mean is sqrt(2 / pi). The length of a difference of two sample means has the noise of every other "
        "direction in it, sqrt(4 D / n) for halves of n / 2 draws, and so grows with the dimension D.",
    )
    return Table(columns, (*rows, exact), digits=4, title="Halves of a normal law", caption=caption, notes=notes)


def _over_size(found: list[HalfSums], caption: str) -> Curve:
    sizes = np.array([sums.size for sums in found], dtype=np.float64)
    expected = crossing_probability(2 * HALF_MEAN)
    shares = np.array([sums.crossing(2 * HALF_MEAN) for sums in found])
    spread = 1.96 * math.sqrt(expected * (1 - expected) / max(min(sums.counts[0] for sums in found), 1))
    ends = np.array([sizes[0], sizes[-1]])
    return Curve(
        (
            Line("simulated", sizes, shares, "data", "both"),
            Line("2 Phi(1.5958) - 1", ends, np.full(2, expected), "reference"),
        ),
        "dimensions",
        "share that crosses the plane",
        x_log=True,
        band=Band(expected - spread, expected + spread, "95 % of simulations"),
        title="Crossing the plane by the difference of the means",
        caption=caption,
    )


def _over_alpha(sums: HalfSums, caption: str) -> Curve:
    reached = np.array([sums.crossing(2 * HALF_MEAN * a) for a in _ALPHAS])
    exact = np.array([crossing_probability(2 * HALF_MEAN * a) for a in _ALPHAS])
    return Curve(
        (
            Line(f"simulated, {sums.size:,} dimensions", _ALPHAS, reached, "data"),
            Line("closed form", _ALPHAS, exact, "reference"),
        ),
        "strength alpha",
        "share that crosses the plane",
        title="Crossing against the strength",
        caption=caption,
    )
