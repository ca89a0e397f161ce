"""How often a random division of codes into two classes is separable by a plane, against Cover's theorem.

Cover, "Geometrical and Statistical Properties of Systems of Linear Inequalities", IEEE Trans. Electronic Computers,
1965

A plane can divide n points in general position in D dimensions in C(n, D + 1) of the 2^n ways, so nearly every random
division is separable while n is below 2 (D + 1). That a linear classifier separates its training images of an attribute
therefore says nothing where there are fewer images than dimensions; only unseen images can tell.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import data_of, model_of, read_chunks, studied
from latentstudio.controls import control
from latentstudio.data.attribute_spec import Members, members_of
from latentstudio.errors import UserError
from latentstudio.results import Band, Curve, Line, Partial, Sheet, Table

Floats = NDArray[np.float64]

_RATIOS = (0.5, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 4.0)


def separable_share(n: int, size: int) -> float:
    """Share of the divisions of n points in general position that a plane with offset in `size` dimensions separates.

    Cover's C(n, D + 1) / 2^n = 2^(1 - n) sum over k = 0 to D of binomial(n - 1, k), for n >= 1.
    """
    ways: int = sum(math.comb(n - 1, k) for k in range(min(size + 1, n)))
    return float(ways / 2 ** (n - 1))


def is_separable(points: Floats, labels: NDArray[np.bool_]) -> bool:
    """Whether a plane has all `points` (n, D) with a true label on one side and all others on the other; exact.

    A linear programme looks for w, b with ``+-(w x + b) >= 1``; the classes are separable when there is one.
    """
    from scipy.optimize import linprog

    signs = np.where(labels, 1.0, -1.0)
    scaled = points / max(float(np.abs(points).max()), 1e-300)
    inequalities = -signs[:, None] * np.column_stack([scaled, np.ones(len(points))])
    size = inequalities.shape[1]
    answer = linprog(np.zeros(size), inequalities, -np.ones(len(points)), bounds=(None, None), method="highs")
    return bool(answer.status == 0)


def interpolating_scores(train: Floats, labels: NDArray[np.bool_], unseen: Floats) -> tuple[Floats, Floats]:
    """Scores of the least-squares classifier of smallest norm with values +-1: of `train` (n, D) and of `unseen`.

    With n <= D points in general position it reaches every label exactly.
    """
    centre = train.mean(axis=0)
    a = np.column_stack([train - centre, np.ones(len(train))])
    b = np.column_stack([unseen - centre, np.ones(len(unseen))])
    weights = np.linalg.pinv(a @ a.T, hermitian=True) @ np.where(labels, 1.0, -1.0)
    return a @ (a.T @ weights), b @ (a.T @ weights)


@dataclass(frozen=True)
class Separability:
    """Random divisions of projected codes, counted exactly; and random labels in the whole latent space."""

    title: ClassVar[str] = "Separability"
    summary: ClassVar[str] = "How often random labels of codes are linearly separable, against Cover's theorem."
    needs: ClassVar[frozenset[str]] = frozenset({"encode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    dimensions: int = control(
        20, "Dimensions", "int", minimum=1, maximum=200, help="Codes are projected on so many random directions."
    )
    trials: int = control(60, "Divisions", "int", minimum=5, maximum=10_000, help="Random divisions for each number.")
    images: int = control(400, "Images at most", "int", minimum=8, maximum=4000)
    attribute: str = control("", "Attribute", "attribute", help="What to compare random labels with; may be empty.")
    seed: int = control(0, "Seed", "int", minimum=0, maximum=2**31 - 1)

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode some images, then divide them again and again.

        Raises
        ------
        UserError
            There are fewer than eight usable images, or the attribute is not there or has one class.
        """
        real = self._labels(study)
        indices = studied(study)
        if real is not None:
            indices = indices[np.isfinite(real.labels[indices])]
        rng = np.random.default_rng(self.seed)
        indices = np.sort(rng.permutation(indices)[: self.images])
        rows, codes, broken = [], [], 0
        for chunk in read_chunks(study, indices) if len(indices) else ():
            if len(chunk.rows):
                found = model_of(study).encode(chunk.images).double().cpu().numpy()
                finite = np.isfinite(found).all(axis=1)
                codes.append(found[finite])
                broken += int((~finite).sum())
                rows.append(indices[chunk.rows[finite]])
            yield Partial(0.4 * chunk.done / len(indices), None, "Encoding")
        points = np.concatenate(codes) if codes else np.zeros((0, 1))
        if len(points) < 8:
            images = "1 image has" if len(points) == 1 else f"{len(points)} images have"
            raise UserError(f"Only {images} a finite code to divide; at least 8 are needed.")
        size = min(self.dimensions, points.shape[1])
        projected = points @ np.linalg.qr(rng.standard_normal((points.shape[1], size)))[0]
        counts = self._counts(size, len(points))
        shares: list[float] = []
        for n in counts:
            yield Partial(0.4 + 0.5 * len(shares) / len(counts), None, f"Dividing {n} images")
            hits = 0
            for trial in range(self.trials):
                drawn = projected[rng.choice(len(projected), n, replace=False)]
                hits += is_separable(drawn, rng.random(n) < 0.5)
                if trial % 10 == 9:
                    yield Partial(0.4 + 0.5 * len(shares) / len(counts), None, f"Dividing {n} images")
            shares.append(hits / self.trials)
        caption = f"{study.origin}; {len(points):,} codes, random seed {self.seed}."
        given = [("random labels", rng.random(len(points)) < 0.5)]
        if real is not None:
            given.append((real.words, real.labels[np.concatenate(rows)] == 1))
        lost = (f"{broken:,} images have no finite code and are left out.",) if broken else ()
        shown = (*self._cover(counts, shares, size, caption, lost), _whole(points, given, caption, rng))
        yield Partial(1.0, Sheet(shown, title="Separability", caption=caption))

    def _labels(self, study: Study) -> Members | None:
        if not self.attribute:
            return None
        found = members_of(self.attribute, data_of(study).attributes, study.groups)
        if not all(found.counts):
            with_it, without = found.counts
            raise UserError(
                f"{with_it} images are {found.words} and {without} are {found.without}; both are needed to compare "
                "random labels with."
            )
        return found

    def _counts(self, size: int, available: int) -> tuple[int, ...]:
        asked = {max(round(ratio * (size + 1)), 2) for ratio in _RATIOS}
        return tuple(sorted(n for n in asked if n <= available)) or (min(2, available),)

    def _cover(
        self, counts: tuple[int, ...], shares: list[float], size: int, caption: str, lost: tuple[str, ...]
    ) -> tuple[Curve, Table]:
        x, found = np.array(counts, dtype=np.float64) / (size + 1), np.array(shares)
        every = np.arange(2, max(counts) + 1)
        law = np.array([separable_share(int(n), size) for n in every])
        expected = np.array([separable_share(n, size) for n in counts])
        spread = 1.96 * np.sqrt(expected * (1 - expected) / self.trials)
        curve = Curve(
            (
                Line("divisions found separable", x, found, "data", "both"),
                Line("Cover's theorem", every / (size + 1), law, "reference"),
            ),
            "images per dimension, n / (D + 1)",
            "share of random divisions that are separable",
            band=Band(0.5 - 0.98 / math.sqrt(self.trials), 0.5 + 0.98 / math.sqrt(self.trials), "95 % around a half"),
            title="Random divisions of codes",
            caption=caption,
            notes=(
                f"Codes projected on {size} random directions; {self.trials} random divisions of random images for "
                "each number, each decided exactly by a linear programme.",
                *lost,
            ),
        )
        rows = tuple(
            (n, n / (size + 1), share, law, within)
            for n, share, law, within in zip(
                counts, shares, map(float, expected), map(float, np.maximum(spread, 0)), strict=True
            )
        )
        columns = ("images", "images per dimension", "separable", "Cover", "95 % within ±")
        return curve, Table(columns, rows, digits=4, title="Random divisions", caption=caption)


def _whole(points: Floats, given: list[tuple[str, NDArray[np.bool_]]], caption: str, rng: np.random.Generator) -> Table:
    order = rng.permutation(len(points))
    seen, unseen = order[: len(order) // 2], order[len(order) // 2 :]
    rows: list[tuple[str | int | float | None, ...]] = []
    for name, labels in given:
        fitted, others = interpolating_scores(points[seen], labels[seen], points[unseen])
        right = [
            100 * float(((scores > 0) == labels[part]).mean()) for scores, part in ((fitted, seen), (others, unseen))
        ]
        most = 100 * max(float(labels[unseen].mean()), 1 - float(labels[unseen].mean()))
        rows.append((name, len(seen), points.shape[1], right[0], right[1], _auc(others, labels[unseen]), most))
    columns = (
        "labels",
        "images of the fit",
        "dimensions",
        "right on them, %",
        "on unseen, %",
        "unseen AUC",
        "larger class, %",
    )
    notes = (
        "Least squares of smallest norm in the whole latent space. With fewer images than dimensions it separates any "
        "labels; chance on unseen images shows that nothing was learned.",
    )
    return Table(columns, tuple(rows), title="Labels in the whole latent space", caption=caption, notes=notes)


def _auc(scores: Floats, labels: NDArray[np.bool_]) -> float | None:
    """Share of pairs of the two classes in the right order, ties half."""
    from scipy.stats import rankdata

    positive = int(labels.sum())
    negative = len(labels) - positive
    if not positive or not negative:
        return None
    ranks = rankdata(scores)
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))
