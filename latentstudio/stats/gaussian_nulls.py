"""What n independent draws of N(0, I) in D dimensions would give: the nulls beside every number about Gaussianity.

For a normal prior the closed forms are exact for every n and D; the simulated repeats are there to be compared with.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.stats.norms import ChiLaw, NormLaw

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MeanNormNull:
    """Norm of the mean of n draws: chi with D degrees of freedom over sqrt(n), about sqrt(D / n)."""

    size: int
    n: int

    def expected(self) -> float:
        """Expected norm of the mean."""
        return ChiLaw(self.size).mean() / math.sqrt(self.n)

    def interval(self, share: float = 0.95) -> tuple[float, float]:
        """Range that holds the central `share` of repeats."""
        low, high = ChiLaw(self.size).quantile(np.array([(1 - share) / 2, (1 + share) / 2])) / math.sqrt(self.n)
        return float(low), float(high)

    def cdf(self, values: Floats) -> Floats:
        """Share of repeats below each value."""
        return ChiLaw(self.size).cdf(np.asarray(values) * math.sqrt(self.n))

    def p_value(self, value: float) -> float:
        """Share of repeats with a norm at least as large; 0 where it is below the smallest number."""
        from scipy.special import gammaincc

        return float(gammaincc(self.size / 2, self.n * value**2 / 2))


def simulated_mean_norms(size: int, n: int, seeds: range) -> Floats:
    """Norm of the mean of n draws of N(0, I), once for each seed, (len(seeds),); holds one repeat at a time."""
    norms = [
        np.linalg.norm(np.random.default_rng([seed, n, size]).standard_normal((n, size)).mean(0)) for seed in seeds
    ]
    return np.array(norms, dtype=np.float64)


def own_mean_law(size: int, n: int) -> tuple[float, float]:
    """Mean and standard deviation of the projections of n draws onto the direction of their own mean m.

    Given m they are |m| plus normal noise of variance 1 - 1/n, since deviations from the mean are independent of it:
    pure noise lies on one side of the origin, by sqrt(D / n).
    """
    null = MeanNormNull(size, n)
    spread_of_norm = max(size / n - null.expected() ** 2, 0.0)
    return null.expected(), math.sqrt(1 - 1 / n + spread_of_norm)


def ks_distance(values: Floats, law: NormLaw) -> float:
    """Kolmogorov-Smirnov distance between values (n,) and a law; infinite values count as largest."""
    known = np.sort(values)
    n = len(known)
    if not n:
        return math.nan
    cdf = np.where(np.isinf(known), 1.0, law.cdf(np.where(np.isinf(known), 0.0, known)))
    return float(max((np.arange(1, n + 1) / n - cdf).max(), (cdf - np.arange(n) / n).max()))


def ks_p_value(distance: float, n: int) -> float:
    """Share of samples of n draws with at least that distance from their own law (Stephens, 1970, from n = 5 on)."""
    from scipy.special import kolmogorov

    root = math.sqrt(n)
    return float(kolmogorov((root + 0.12 + 0.11 / root) * distance))


def ks_bound(n: int, share: float = 0.95) -> float:
    """Distance that a share of samples of n draws does not exceed."""
    from scipy.special import kolmogi

    root = math.sqrt(n)
    return float(kolmogi(1 - share)) / (root + 0.12 + 0.11 / root)


@dataclass(frozen=True)
class MomentNull:
    """Mean and standard deviation, over repeats, of the moments of one component of n draws of N(0, 1).

    Skewness g1 and excess kurtosis g2 are biased as computed; these are their exact moments (Fisher, 1930).
    """

    n: int

    def mean(self) -> tuple[float, float]:
        """Of the mean."""
        return 0.0, 1 / math.sqrt(self.n)

    def variance(self) -> tuple[float, float]:
        """Of the unbiased variance."""
        return 1.0, math.sqrt(2 / (self.n - 1))

    def skewness(self) -> tuple[float, float]:
        """Of g1."""
        n = self.n
        return 0.0, math.sqrt(6 * (n - 2) / ((n + 1) * (n + 3)))

    def excess_kurtosis(self) -> tuple[float, float]:
        """Of g2."""
        n = self.n
        return -6 / (n + 1), math.sqrt(24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5)))

    def correlation(self) -> tuple[float, float]:
        """Of Pearson's correlation of two independent components."""
        return 0.0, 1 / math.sqrt(self.n - 1)
