"""The law of the norm of a prior draw: the thin shell in which codes of a high-dimensional prior lie."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MONTE_CARLO_DRAWS = 50_000
MONTE_CARLO_SIZE = 256
_SEED = 20_240_229


@dataclass(frozen=True)
class ChiLaw:
    """Norm of N(0, I) in `size` dimensions: the chi distribution, exactly."""

    size: int
    method: str = "chi distribution"

    def cdf(self, r: Floats | float) -> Floats:
        """Share of prior draws with a norm below r; NaN stays NaN."""
        from scipy.special import gammainc

        r = np.asarray(r, dtype=np.float64)
        return np.asarray(gammainc(self.size / 2, np.square(np.clip(r, 0.0, None)) / 2), dtype=np.float64)

    def quantile(self, p: Floats | float) -> Floats:
        """Norm below which a share p of the draws lies."""
        from scipy.special import gammaincinv

        return np.asarray(np.sqrt(2 * gammaincinv(self.size / 2, np.asarray(p, dtype=np.float64))), dtype=np.float64)

    def mean(self) -> float:
        """Expected norm, sqrt(2) Gamma((D+1)/2) / Gamma(D/2)."""
        return math.sqrt(2) * math.exp(math.lgamma((self.size + 1) / 2) - math.lgamma(self.size / 2))


@dataclass(frozen=True)
class SquareLaw:
    """Norm of U(-1, 1) in many dimensions: a shifted gamma law for the square, matched to three moments.

    Each squared component has mean 1/3, variance 4/45 and third central moment 16/945, so the square of the norm is
    Pearson type III with skewness 0.639 / sqrt(D); from 256 dimensions on its distribution function is right to 1e-3.
    """

    size: int
    method: str = "three moments of the squared norm"

    def _gamma(self) -> tuple[float, float, float]:
        mean, variance, third = self.size / 3, 4 * self.size / 45, 16 * self.size / 945
        shape = 4 * variance**3 / third**2
        scale = third / (2 * variance)
        return shape, scale, mean - shape * scale

    def cdf(self, r: Floats | float) -> Floats:
        """Share of prior draws with a norm below r; NaN stays NaN."""
        from scipy.special import gammainc

        shape, scale, start = self._gamma()
        r = np.asarray(r, dtype=np.float64)
        square = (np.square(np.clip(r, 0.0, None)) - start) / scale
        return np.asarray(gammainc(shape, np.clip(square, 0.0, None)), dtype=np.float64)

    def quantile(self, p: Floats | float) -> Floats:
        """Norm below which a share p of the draws lies."""
        from scipy.special import gammaincinv

        shape, scale, start = self._gamma()
        square = start + scale * gammaincinv(shape, np.asarray(p, dtype=np.float64))
        return np.asarray(np.sqrt(np.clip(square, 0.0, self.size)), dtype=np.float64)

    def mean(self) -> float:
        """Expected norm, by quadrature of the quantile function."""
        return float(np.mean(self.quantile((np.arange(4000) + 0.5) / 4000)))


@dataclass(frozen=True)
class DrawnLaw:
    """Norm of U(-1, 1) in few dimensions, from sorted Monte-Carlo draws with a fixed random seed."""

    size: int
    draws: Floats
    method: str = f"{MONTE_CARLO_DRAWS} Monte-Carlo draws"

    def cdf(self, r: Floats | float) -> Floats:
        """Share of prior draws with a norm below r; NaN stays NaN."""
        r = np.asarray(r, dtype=np.float64)
        knots = np.concatenate(([0.0], self.draws, [math.sqrt(self.size)]))
        return np.asarray(np.interp(r, knots, np.linspace(0.0, 1.0, len(knots))), dtype=np.float64)

    def quantile(self, p: Floats | float) -> Floats:
        """Norm below which a share p of the draws lies."""
        return np.asarray(np.quantile(self.draws, np.asarray(p, dtype=np.float64)), dtype=np.float64)

    def mean(self) -> float:
        """Mean norm of the draws."""
        return float(self.draws.mean())


NormLaw = ChiLaw | SquareLaw | DrawnLaw


@lru_cache(maxsize=64)
def norm_law(prior: str, size: int) -> NormLaw:
    """Return the law of the norm of a code of `size` components.

    Parameters
    ----------
    prior : ``"standard_normal"`` or ``"uniform"`` (U(-1, 1)).
    """
    if prior == "standard_normal":
        return ChiLaw(size)
    if prior != "uniform":
        raise ValueError(f"the law of the norm is not known for the prior {prior!r}")
    if size >= MONTE_CARLO_SIZE:
        return SquareLaw(size)
    generator = np.random.default_rng(_SEED)
    draws = np.empty(MONTE_CARLO_DRAWS)
    for start in range(0, MONTE_CARLO_DRAWS, 5000):
        draws[start : start + 5000] = np.linalg.norm(generator.uniform(-1, 1, (5000, size)), axis=1)
    draws.sort()
    draws.flags.writeable = False
    return DrawnLaw(size, draws)


def component_deviation(prior: str) -> float:
    """Standard deviation of one component of a prior draw: 1 for N(0, 1), 1 / sqrt(3) for U(-1, 1)."""
    return {"standard_normal": 1.0, "uniform": math.sqrt(1 / 3)}[prior]


def length_of_noise(size: int, counts: Iterable[int], deviation: float = 1.0) -> float:
    """Length that the difference of the means of prior draws in two classes would have, sigma sqrt(D (1/n1 + 1/n0)).

    Parameters
    ----------
    size : components D ; counts : draws in each class, empty ones left out ; deviation : of one component.
    """
    return deviation * float(np.sqrt(size * sum(1 / n for n in counts if n)))


def typical_set(law: NormLaw, share: float = 0.95) -> tuple[float, float]:
    """Range of the norm that holds the central `share` of prior draws."""
    low, high = law.quantile(np.array([(1 - share) / 2, (1 + share) / 2]))
    return float(low), float(high)


def far_bound(prior: str, size: int) -> float:
    """Norm up to which a code counts for means of codes: twice the upper end of the prior's typical set.

    A flow can send an image that it has not seen a thousand times farther out than any draw of the prior, and one such
    code would be the mean.
    """
    return 2 * typical_set(norm_law(prior, size))[1]


def expected_counts(law: NormLaw, x: Floats, width: float, n: int) -> Floats:
    """How many of n prior draws fall into a bin of that width around each x; the density scaled to a histogram."""
    return n * (law.cdf(x + width / 2) - law.cdf(x - width / 2))
