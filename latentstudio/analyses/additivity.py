"""Whether the changes of two corruptions add up: change(A and B) against change(A) + change(B)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.decoding import decoded_rows
from latentstudio.analyses.passes import Indices, model_of, origin_words
from latentstudio.analyses.spoiling import (
    ROLES,
    codes_of,
    how_control,
    images_control,
    places,
    some_images,
    spoiled,
)
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Curve, Heatmap, Line, Partial, Sheet, Table

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
_MAP_LABELS = ("A", "B", "A + B, added", "A and B together", "together − added")


@dataclass(frozen=True)
class Additivity:
    """Two disjoint random sets of components are corrupted alone and together, for several pairs and magnitudes.

    With d(S) the signed change of the decoded picture, neither clipped nor rounded, the discrepancy of a pair is
    ``|d(A and B) - d(A) - d(B)| / |d(A and B)|`` in the Euclidean norm over pixels: 0 where changes add up, as in a
    linear model, and about 1 where they have nothing to do with each other.
    """

    title: ClassVar[str] = "Additivity"
    summary: ClassVar[str] = "Whether the changes of two corruptions add up when both are made at once."
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    magnitudes: tuple[float, ...] = control((3.0, 10.0, 30.0, 100.0), "Magnitudes", "floats")
    how: str = how_control()
    size: int = control(1, "Components of a set", "int", minimum=1, maximum=100_000)
    parts: tuple[str, ...] = control(
        ("all",), "Parts", "parts", help="Sets are drawn within a part; all takes every part and the whole code."
    )
    images: int = images_control()
    pairs: int = control(2, "Pairs of sets", "int", minimum=1, maximum=1000, help="For each image.", advanced=True)
    seed: int = control(0, "Random seed", "int", minimum=0, maximum=2**31 - 1, advanced=True)

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the images, then decode one image and part at a time.

        Raises
        ------
        UserError
            There is no magnitude, no such part, none large enough for two sets, or no image has a finite code.
        """
        if not self.magnitudes:
            raise UserError("Additivity needs at least one magnitude; 3, 10, 30, 100 would do.")
        chosen = {name: own for name, own in places(study, self.parts).items() if len(own) >= 2 * self.size}
        if not chosen:
            raise UserError(f"No part has two sets of {self.size:,} components; a smaller set would do.")
        indices = some_images(study, self.images, self.seed)
        encoded = yield from codes_of(study, indices)
        codes = encoded.codes
        tally = _Tally(self, tuple(chosen), len(codes), origin_words(study, indices), encoded.left_out)
        done, total = 0, len(codes) * len(chosen) * self.pairs
        for image, code in enumerate(codes):
            for place, components in enumerate(chosen.values()):
                random = np.random.default_rng((self.seed, image, place))
                for pair in range(self.pairs):
                    drawn = random.permutation(components)[: 2 * self.size]
                    changes = self._changes(study, code, drawn)
                    tally.put(image, place, pair, changes)
                    done += 1
                    yield Partial(0.1 + 0.899 * done / total, None, "Decoding")
        yield Partial(1.0, tally.sheet())

    def _changes(self, study: Study, code: "Tensor", drawn: Indices) -> Floats:
        """Signed changes of A, B, and both, in grey levels: float64 (magnitudes, 3, C, H, W)."""
        import torch

        from latentstudio.stats.norms import component_deviation
        from latentstudio.stats.pictures import HALF_RANGE

        deviation = component_deviation(model_of(study).space.prior.kind)
        sets = (drawn[: self.size], drawn[self.size :], drawn)
        rows = [code, *(spoiled(code, s, m, self.how, deviation) for m in self.magnitudes for s in sets)]
        pictures = HALF_RANGE * decoded_rows(model_of(study), torch.stack(rows).numpy()).astype(np.float64)
        with np.errstate(invalid="ignore"):
            changes = pictures[1:] - pictures[0]
        return np.asarray(changes.reshape(len(self.magnitudes), 3, *pictures.shape[1:]), dtype=np.float64)


class _Tally:
    """Discrepancy and cosine of every pair, float64 (2, places, magnitudes, images, pairs); the first pair's maps."""

    def __init__(self, analysis: Additivity, names: tuple[str, ...], images: int, caption: str, said: str) -> None:
        self._analysis, self._names, self._caption = analysis, names, caption
        shape = (2, len(names), len(analysis.magnitudes), images, analysis.pairs)
        self._values = np.full(shape, np.nan)
        self._first: Floats | None = None
        self._said = said

    def put(self, image: int, place: int, pair: int, changes: Floats) -> None:
        for at, (a, b, both) in enumerate(changes):
            self._values[:, place, at, image, pair] = compared(a + b, both)
        if self._first is None:
            self._first = changes

    def sheet(self) -> Sheet:
        parts: tuple[Curve | Heatmap | Table, ...] = (self._curve(), self._table())
        return Sheet((*parts, self._maps()), title=Additivity.title, caption=self._caption)

    def _quartiles(self, kind: int, place: int, at: int) -> tuple[int, Floats]:
        values = self._values[kind, place, at].ravel()
        values = values[np.isfinite(values)]
        quartiles = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else np.full(3, np.nan)
        return len(values), np.asarray(quartiles, dtype=np.float64)

    def _curve(self) -> Curve:
        x = np.array(self._analysis.magnitudes, dtype=np.float64)
        order = np.argsort(x)
        lines = []
        for place, name in enumerate(self._names):
            low, middle, high = np.stack([self._quartiles(0, place, at)[1] for at in order], axis=1)
            role = ROLES[place] if place < len(ROLES) else "other"
            known = np.isfinite(middle)
            lines.append(Line(name, x[order][known], middle[known], role, "both", low[known], high[known]))
        lost = int((~np.isfinite(self._values[0])).sum())
        notes = [
            f"Sets of {self._analysis.size:,}; {self._analysis.pairs} pairs for each image, random seed "
            f"{self._analysis.seed}. Median with quartiles; 0 means that the changes add up."
        ]
        if self._said:
            notes.append(self._said)
        if lost:
            notes.append(f"{lost:,} of {self._values[0].size:,} pairs are left out: no change, or one not finite.")
        label = "magnitude" if self._analysis.how == "set" else "magnitude, σ"
        return Curve(
            tuple(lines),
            label,
            "|together − added| / |together|",
            x_log=bool((x > 0).all()),
            title="Discrepancy of added changes",
            caption=self._caption,
            notes=tuple(notes),
        )

    def _table(self) -> Table:
        rows: list[tuple[str | int | float | None, ...]] = []
        for place, name in enumerate(self._names):
            for at, magnitude in enumerate(self._analysis.magnitudes):
                count, (low, middle, high) = self._quartiles(0, place, at)
                cosine = float(self._quartiles(1, place, at)[1][1])
                numbers = (low, middle, high, cosine)
                rows.append((name, magnitude, count, *(float(v) if np.isfinite(v) else None for v in numbers)))
        columns = ("part", "magnitude", "pairs", "lower quartile", "median", "upper quartile", "median cosine")
        return Table(columns, tuple(rows), digits=3, title="Discrepancy", caption=self._caption)

    def _maps(self) -> Heatmap:
        """The first pair at the first magnitude, mean over channels; more than 255 grey levels are shown as 255."""
        assert self._first is not None
        a, b, both = self._first[0].mean(axis=1)
        maps = np.stack([a, b, a + b, both, both - (a + b)])
        return Heatmap(
            np.clip(maps, -255.0, 255.0),
            _MAP_LABELS,
            diverging=True,
            unit="grey levels",
            title=f"Changes of the first pair ({self._names[0]}, magnitude {self._analysis.magnitudes[0]:g})",
            caption=self._caption,
        )


def compared(added: Floats, together: Floats) -> tuple[float, float]:
    """Return the discrepancy of two changes (C, H, W) and their cosine; NaN without a change, or one not finite."""
    size = float(np.linalg.norm(together))
    if not np.isfinite(size) or not np.isfinite(added).all() or size == 0:
        return np.nan, np.nan
    other = float(np.linalg.norm(added))
    cosine = float((added * together).sum()) / (size * other) if other > 0 else np.nan
    return float(np.linalg.norm(together - added)) / size, cosine
