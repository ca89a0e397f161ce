"""Moments of a stream that is read once, in pieces that may be counted apart, on many machines, and merged.

Every accumulator here and in `stats.streaming_counts` is a frozen value with the same three verbs: ``of(values, ...)``
counts one chunk, ``a.merge(b)`` is what one pass over both would have given, and ``a.add(values, ...)`` is short for
merging a chunk in. The memory of each depends on the width of the rows, never on their number. All sums are float64 and
taken about the mean (Chan, Golub and LeVeque, 1979; third and fourth order: Pebay, 2008, SAND2008-6212), so that a
large common offset costs no digits. NumPy alone, so that a worker without torch can count too.

Rows with a component that is not finite are left out as a whole and counted in `left_out`: one code that has overflowed
would otherwise be every sum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def finite_mask(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows of values (n, D) are finite throughout, bool (n,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        sums = values.sum(axis=1, dtype=np.float64)
    # A sum of finite float64 numbers may overflow itself; only then is each component looked at.
    suspects = np.flatnonzero(~np.isfinite(sums))
    mask = np.ones(len(values), dtype=np.bool_)
    mask[suspects] = np.isfinite(values[suspects]).all(axis=1)
    return mask


def finite_rows(values: NDArray[Any]) -> tuple[Floats, int]:
    """Return the finite rows of values (n, D) in float64, and how many were left out.

    Raises
    ------
    ValueError
        The values are not a matrix.
    """
    if values.ndim != 2:
        raise ValueError(f"values of shape {values.shape} are not rows; (n, D) would do")
    mask = finite_mask(values)
    kept = values if mask.all() else values[mask]
    return kept.astype(np.float64, copy=False), int(len(values) - len(kept))


@dataclass(frozen=True)
class PowerSums:
    """Count, mean and central power sums of each component.

    Attributes
    ----------
    mean : float64 (D,) ; m2, m3, m4 : float64 (D,) sums of the second to fourth power of the deviation from the mean;
        the last two are None when only the variance was asked for.
    """

    count: int
    mean: Floats
    m2: Floats
    m3: Floats | None = None
    m4: Floats | None = None
    left_out: int = 0

    @staticmethod
    def empty(size: int, order: int = 2) -> "PowerSums":
        """Nothing counted yet; `order` 2 or 4 is the highest power that is kept."""
        higher = np.zeros(size) if order > 2 else None
        return PowerSums(0, np.zeros(size), np.zeros(size), higher, higher)

    @staticmethod
    def of(values: NDArray[Any], order: int = 2) -> "PowerSums":
        """Power sums of values (n, D)."""
        rows, left_out = finite_rows(values)
        if not len(rows):
            none = PowerSums.empty(values.shape[1], order)
            return PowerSums(0, none.mean, none.m2, none.m3, none.m4, left_out)
        mean = rows.mean(axis=0)
        centred = rows - mean
        # The mean of the deviations is what rounding left over of the mean.
        rest = centred.mean(axis=0)
        mean, centred = mean + rest, centred - rest
        squares = np.square(centred)
        m2 = squares.sum(axis=0)
        if order <= 2:
            return PowerSums(len(rows), mean, m2, left_out=left_out)
        m3, m4 = np.einsum("nd,nd->d", squares, centred), np.einsum("nd,nd->d", squares, squares)
        return PowerSums(len(rows), mean, m2, m3, m4, left_out)

    def merge(self, other: "PowerSums") -> "PowerSums":
        """Power sums of both streams together; the lower order of the two is kept."""
        left_out, n = self.left_out + other.left_out, self.count + other.count
        a, b = self, other
        if not a.count or not b.count:
            whole = a if a.count else b
            both = a.m3 is not None and b.m3 is not None
            return PowerSums(n, whole.mean, whole.m2, whole.m3 if both else None, whole.m4 if both else None, left_out)
        p, q = a.count / n, b.count / n
        delta = b.mean - a.mean
        mean = a.mean + delta * q
        m2 = a.m2 + b.m2 + np.square(delta) * (p * b.count)
        if a.m3 is None or a.m4 is None or b.m3 is None or b.m4 is None:
            return PowerSums(n, mean, m2, left_out=left_out)
        m3 = a.m3 + b.m3 + delta**3 * (n * p * q * (p - q)) + 3 * delta * (p * b.m2 - q * a.m2)
        m4 = a.m4 + b.m4 + delta**4 * (n * p * q * (p * p - p * q + q * q))
        m4 += 6 * np.square(delta) * (p * p * b.m2 + q * q * a.m2) + 4 * delta * (p * b.m3 - q * a.m3)
        return PowerSums(n, mean, m2, m3, m4, left_out)

    def add(self, values: NDArray[Any]) -> "PowerSums":
        """Power sums with values (n, D) counted in."""
        return self.merge(PowerSums.of(values, 2 if self.m3 is None else 4))

    def variance(self) -> Floats:
        """Unbiased variance (D,); NaN below two rows."""
        if self.count < 2:
            return np.full_like(self.m2, np.nan)
        return self.m2 / (self.count - 1)

    def skewness(self) -> Floats:
        """Fisher's g1 = m3 / m2^(3/2) of each component, (D,); NaN where a component does not vary.

        Raises
        ------
        ValueError
            Third powers were not kept.
        """
        if self.m3 is None:
            raise ValueError("skewness needs power sums of order 4")
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.m2 > 0, np.sqrt(self.count) * self.m3 / self.m2**1.5, np.nan)

    def excess_kurtosis(self) -> Floats:
        """Fisher's g2 = m4 / m2^2 - 3 of each component, (D,); NaN where a component does not vary.

        Raises
        ------
        ValueError
            Fourth powers were not kept.
        """
        if self.m4 is None:
            raise ValueError("kurtosis needs power sums of order 4")
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.m2 > 0, self.count * self.m4 / np.square(self.m2) - 3, np.nan)


@dataclass(frozen=True)
class Covariance:
    """Count, mean and summed cross products about the mean of one block of components, for blocks that fit in memory.

    Attributes
    ----------
    mean : float64 (D,) ; products : float64 (D, D).
    """

    count: int
    mean: Floats
    products: Floats
    left_out: int = 0

    @staticmethod
    def empty(size: int) -> "Covariance":
        """Nothing counted yet."""
        return Covariance(0, np.zeros(size), np.zeros((size, size)))

    @staticmethod
    def of(values: NDArray[Any]) -> "Covariance":
        """Cross products of values (n, D): the columns of the block that is wanted."""
        rows, left_out = finite_rows(values)
        if not len(rows):
            none = Covariance.empty(values.shape[1])
            return Covariance(0, none.mean, none.products, left_out)
        mean = rows.mean(axis=0)
        mean = mean + (rows - mean).mean(axis=0)
        centred = rows - mean
        return Covariance(len(rows), mean, centred.T @ centred, left_out)

    def merge(self, other: "Covariance") -> "Covariance":
        """Cross products of both streams together."""
        left_out, n = self.left_out + other.left_out, self.count + other.count
        if not self.count or not other.count:
            whole = self if self.count else other
            return Covariance(n, whole.mean, whole.products, left_out)
        delta = other.mean - self.mean
        products = self.products + other.products + np.outer(delta, delta * (self.count * other.count / n))
        return Covariance(n, self.mean + delta * (other.count / n), products, left_out)

    def add(self, values: NDArray[Any]) -> "Covariance":
        """Cross products with values (n, D) counted in."""
        return self.merge(Covariance.of(values))

    def covariance(self) -> Floats:
        """Unbiased covariance (D, D); NaN below two rows."""
        if self.count < 2:
            return np.full_like(self.products, np.nan)
        return self.products / (self.count - 1)

    def second_moment(self) -> Floats:
        """Mean of x x', (D, D), about zero; NaN when nothing is counted."""
        if not self.count:
            return np.full_like(self.products, np.nan)
        return self.products / self.count + np.outer(self.mean, self.mean)


@dataclass(frozen=True)
class LagProducts:
    """Correlation of each component with the one `lag` places behind it, for a few lags: (D - lag) pairs for each.

    Attributes
    ----------
    lags : int64 (L,) ; mean, m2 : float64 (D,) ; products : float64 (L, D), zero where there is no partner.
    """

    count: int
    lags: NDArray[np.int64]
    mean: Floats
    m2: Floats
    products: Floats
    left_out: int = 0

    @staticmethod
    def empty(size: int, lags: NDArray[np.int64]) -> "LagProducts":
        """Nothing counted yet."""
        return LagProducts(0, lags, np.zeros(size), np.zeros(size), np.zeros((len(lags), size)))

    @staticmethod
    def of(values: NDArray[Any], lags: NDArray[np.int64]) -> "LagProducts":
        """Products of values (n, D) with themselves, moved by each of `lags`."""
        rows, left_out = finite_rows(values)
        size = values.shape[1]
        products = np.zeros((len(lags), size))
        if not len(rows):
            return LagProducts(0, lags, np.zeros(size), np.zeros(size), products, left_out)
        mean = rows.mean(axis=0)
        mean = mean + (rows - mean).mean(axis=0)
        centred = rows - mean
        for place, lag in enumerate(lags):
            kept = max(size - int(lag), 0)
            products[place, :kept] = np.einsum("nd,nd->d", centred[:, :kept], centred[:, int(lag) :])
        return LagProducts(len(rows), lags, mean, np.einsum("nd,nd->d", centred, centred), products, left_out)

    def merge(self, other: "LagProducts") -> "LagProducts":
        """Products of both streams together.

        Raises
        ------
        ValueError
            The lags differ.
        """
        if not np.array_equal(self.lags, other.lags):
            raise ValueError("products of different lags cannot be merged")
        left_out, n = self.left_out + other.left_out, self.count + other.count
        if not self.count or not other.count:
            whole = self if self.count else other
            return LagProducts(n, whole.lags, whole.mean, whole.m2, whole.products, left_out)
        delta, weight = other.mean - self.mean, self.count * other.count / n
        products = self.products + other.products
        for place, lag in enumerate(self.lags):
            kept = max(len(delta) - int(lag), 0)
            products[place, :kept] += weight * delta[:kept] * delta[int(lag) :]
        m2 = self.m2 + other.m2 + weight * np.square(delta)
        return LagProducts(n, self.lags, self.mean + delta * (other.count / n), m2, products, left_out)

    def add(self, values: NDArray[Any]) -> "LagProducts":
        """Products with values (n, D) counted in."""
        return self.merge(LagProducts.of(values, self.lags))

    def correlations(self, place: int) -> Floats:
        """Pearson correlation of each pair at ``lags[place]``, (D - lag,); NaN where a component does not vary."""
        lag = int(self.lags[place])
        kept = max(len(self.m2) - lag, 0)
        scale = np.sqrt(self.m2[:kept] * self.m2[lag:])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(scale > 0, self.products[place, :kept] / scale, np.nan)
