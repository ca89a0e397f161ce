"""The likelihood of a finite sample has no upper bound: what the training images gain, unseen ones lose.

Two densities that are fitted exactly, without a network and without luck: the normal law of greatest likelihood on
fewer and fewer images, and a mixture with one narrow normal law on each training image. Both reach any likelihood of
their training images, and both fail on the others. The pictures are small and dequantised, so that densities are bits
per dimension of 8-bit pictures.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import CHUNK, Indices, data_of, studied
from latentstudio.controls import control
from latentstudio.data.prepare import fit as fitted
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Sheet, Table

Floats = NDArray[np.float64]
Pair = tuple[float, float]

_KERNELS = 200
_WIDTHS: Floats = 2.0 ** np.arange(6, -11, -1, dtype=np.float64)
_ABOVE = (1.02, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)


def normal_bits(train: Floats, unseen: Floats) -> Pair:
    """Bits per dimension of the normal law of greatest likelihood on `train` (n, d): on `train` and on `unseen`.

    On n <= d rows the covariance is singular and the likelihood has no bound: minus infinity, and infinity for the
    others, which lie outside the flat that the law is concentrated on.
    """
    n, d = train.shape
    if n <= d:
        return -math.inf, math.inf
    mean = train.mean(axis=0)
    covariance = (train - mean).T @ (train - mean) / n
    sign, log_det = np.linalg.slogdet(covariance)
    if sign <= 0 or not math.isfinite(log_det):
        return -math.inf, math.inf
    half = 0.5 * (d * math.log(2 * math.pi) + log_det)
    away = unseen - mean
    squares = np.einsum("nd,nd->n", away, np.linalg.solve(covariance, away.T).T)
    return (half + d / 2) / (d * math.log(2)), (half + 0.5 * float(squares.mean())) / (d * math.log(2))


def expected_normal_bits(log_det: float, d: int, n: int) -> Pair:
    """What `normal_bits` gives on average when the images truly are normal, with that log-determinant.

    By the expectations of the logarithm of a Wishart determinant and of an inverse Wishart matrix; the second needs
    n > d + 2.
    """
    from scipy.special import digamma

    of_sample = log_det + float(digamma((n - 1 - np.arange(d)) / 2).sum()) + d * math.log(2 / n)
    half = 0.5 * (d * math.log(2 * math.pi) + of_sample)
    squares = d * (n + 1) / (n - d - 2) if n > d + 2 else math.inf
    return (half + d / 2) / (d * math.log(2)), (half + squares / 2) / (d * math.log(2))


def kernel_bits(train: Floats, unseen: Floats, width: float) -> Pair:
    """Bits per dimension of the mixture of N(x_i, width^2 I) over the rows of `train` (n, d): on both sets."""
    return _mixture_bits(_squares(train, train), train.shape, width), _mixture_bits(
        _squares(unseen, train), train.shape, width
    )


def _squares(a: Floats, b: Floats) -> Floats:
    """Squared distances (len(a), len(b)), computed from differences: equal rows have distance 0."""
    return np.stack([np.square(b - row).sum(axis=1) for row in a])


def _mixture_bits(squares: Floats, shape: tuple[int, int], width: float) -> float:
    n, d = shape
    logs = -squares / (2 * width**2)
    top = logs.max(axis=1)
    density = top + np.log(np.exp(logs - top[:, None]).sum(axis=1)) - math.log(n)
    density -= d * math.log(width) + 0.5 * d * math.log(2 * math.pi)
    return float(-density.mean() / (d * math.log(2)))


@dataclass(frozen=True)
class UnboundedLikelihood:
    """Fit exactly and compare the images of the fit with others, as the number of images or the width shrinks."""

    title: ClassVar[str] = "Unbounded likelihood"
    summary: ClassVar[str] = "Bits per dimension of training and unseen images for densities fitted to ever fewer."
    needs: ClassVar[frozenset[str]] = frozenset()
    needs_model: ClassVar[bool] = False
    needs_data: ClassVar[bool] = True

    edge: int = control(8, "Edge of the pictures", "int", minimum=2, maximum=24, help="In px; pictures are made small.")
    images: int = control(4000, "Images at most", "int", minimum=50, maximum=100_000)
    repeats: int = control(5, "Repeats", "int", minimum=1, maximum=100, help="Fits to other images of the same number.")
    seed: int = control(0, "Seed", "int", minimum=0, maximum=2**31 - 1)

    def run(self, study: Study) -> Iterator[Partial]:
        """Read the pictures in chunks, then fit.

        Raises
        ------
        UserError
            There are fewer readable pictures than a fit and a comparison need.
        """
        indices = studied(study)
        rng = np.random.default_rng(self.seed)
        if len(indices) > self.images:
            indices = np.sort(rng.choice(indices, self.images, replace=False))
        read, lost = [], Unreadable()
        for start in range(0, len(indices), CHUNK):
            read.append(self._read(study, indices[start : start + CHUNK], lost))
            yield Partial(0.5 * min(start + CHUNK, len(indices)) / len(indices), None, "Reading")
        rows = np.concatenate(read)
        if not len(rows):
            raise UserError(f"None of the {len(indices):,} images of {data_of(study).title} can be read.")
        if len(rows) < 8:
            raise UserError(f"Only {len(rows)} pictures can be read; at least 8 are needed for a fit and a comparison.")
        # Spreads every 8-bit value over its bin, so that the density is one of the discrete pictures.
        rows = rng.permutation(np.rint(rows)) + rng.random(rows.shape)
        fit, unseen = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        sizes = self._sizes(len(fit), rows.shape[1])
        found: list[Pair] = []
        for n in sizes:
            fits = [fit[rng.choice(len(fit), n, replace=False)] for _ in range(self.repeats if n < len(fit) else 1)]
            pairs = np.array([normal_bits(chosen, unseen) for chosen in fits])
            found.append((float(pairs[:, 0].mean()), float(pairs[:, 1].mean())))
            yield Partial(0.5 + 0.3 * len(found) / len(sizes), None, "Fitting normal laws")
        kernels: list[Pair] = []
        for width in _WIDTHS:
            kernels.append(kernel_bits(fit[:_KERNELS], unseen[:_KERNELS], float(width)))
            yield Partial(0.8 + 0.19 * len(kernels) / len(_WIDTHS), None, "Fitting mixtures")
        yield Partial(1.0, self._sheet(study, rows, sizes, found, kernels, lost.sentence()))

    def _read(self, study: Study, chunk: Indices, lost: Unreadable) -> Floats:
        pixels, _ = read_images(data_of(study), chunk, lost)
        if not len(pixels):
            return np.zeros((0, self.edge**2))
        small = fitted(pixels, (1, self.edge, self.edge)).reshape(len(pixels), -1)
        return (small.astype(np.float64) + 1) * 127.5

    def _sizes(self, most: int, d: int) -> tuple[int, ...]:
        asked = {max(d // 2, 2), d, *(max(round(d * times), d + 3) for times in _ABOVE), most}
        return tuple(sorted(n for n in asked if 2 <= n <= most))

    def _sheet(
        self, study: Study, rows: Floats, sizes: tuple[int, ...], found: list[Pair], kernels: list[Pair], unread: str
    ) -> Sheet:
        count = len(rows)
        caption = (
            f"{study.origin}; {count:,} pictures of {self.edge} x {self.edge} px in grey, half of them for the fits, "
            f"the other half unseen; random seed {self.seed}."
        )
        shown = (
            self._normal_curve(rows, sizes, found, caption, unread),
            _normal_table(sizes, found, rows.shape[1], caption),
            _kernel_curve(kernels, min(_KERNELS, count // 2), caption),
            _kernel_table(kernels, caption),
        )
        return Sheet(shown, title="Unbounded likelihood", caption=caption)

    def _normal_curve(
        self, rows: Floats, sizes: tuple[int, ...], found: list[Pair], caption: str, unread: str
    ) -> Curve:
        x, bits = np.array(sizes, dtype=np.float64), np.array(found)
        bits = np.where(np.isfinite(bits), bits, np.nan)
        d = rows.shape[1]
        sign, log_det = np.linalg.slogdet(np.cov(rows.T, bias=True)) if len(rows) > d else (0.0, math.nan)
        fine = [n for n in sizes if n > d + 2]
        lines = [
            Line("images of the fit", x, bits[:, 0], "train", "both"),
            Line("unseen images", x, bits[:, 1], "held_out", "both"),
        ]
        if sign > 0 and fine:
            expected = np.array([expected_normal_bits(float(log_det), d, n) for n in fine])
            lines += [
                Line("if images were normal", np.array(fine, dtype=np.float64), expected[:, k], "reference")
                for k in (0, 1)
            ]
        return Curve(
            tuple(lines),
            "images of the fit",
            "bits per dimension",
            x_log=True,
            title="A normal law fitted to ever fewer images",
            caption=caption,
            notes=(
                f"With {d} images or fewer the covariance is singular: the likelihood of the fitted images has no "
                "bound, that of all others is zero. Averages over the repeats.",
                *filter(None, [unread]),
            ),
        )


def _normal_table(sizes: tuple[int, ...], found: list[Pair], d: int, caption: str) -> Table:
    rows = tuple((n, n / d, *pair, pair[1] - pair[0]) for n, pair in zip(sizes, found, strict=True))
    columns = ("images of the fit", "images per dimension", "bits/dim of the fit", "unseen", "gap")
    return Table(columns, rows, digits=3, title="Normal law", caption=caption)


def _kernel_curve(kernels: list[Pair], count: int, caption: str) -> Curve:
    bits = np.array(kernels)
    return Curve(
        (
            Line("images of the fit", _WIDTHS, bits[:, 0], "train", "both"),
            Line("unseen images", _WIDTHS, np.where(bits[:, 1] < 40, bits[:, 1], np.nan), "held_out", "both"),
        ),
        "width of each normal law, grey levels",
        "bits per dimension",
        x_log=True,
        title="A normal law on every training image, ever narrower",
        caption=caption,
        notes=(
            f"{count:,} training images. Each halving of the width gains one bit per dimension on the images of the "
            "fit, without end; values of unseen images above 40 bits are left out.",
        ),
    )


def _kernel_table(kernels: list[Pair], caption: str) -> Table:
    rows = tuple((float(w), *pair, pair[1] - pair[0]) for w, pair in zip(_WIDTHS, kernels, strict=True))
    columns = ("width, grey levels", "bits/dim of the fit", "unseen", "gap")
    return Table(columns, rows, digits=4, title="Mixture", caption=caption)
