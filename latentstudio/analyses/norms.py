"""How far codes lie from the origin, against the thin shell in which draws of the prior lie."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import Indices, Pace, Split, model_of, origin_words, read_chunks, splits, studied
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Band, Distribution, Histogram, Line, Partial, Sheet, Table

if TYPE_CHECKING:
    from latentstudio.stats.norms import NormLaw

Floats = NDArray[np.float64]

# Variance of one component of a prior draw.
_VARIANCE = {"standard_normal": 1.0, "uniform": 1 / 3}


@dataclass(frozen=True)
class Norms:
    """Histogram of code norms of training and held-out images, with what prior draws of the same number would give.

    The norm of the mean code is compared with its null: the mean of n independent draws has a norm near sqrt(D v / n),
    where v is the variance of one component.
    """

    title: ClassVar[str] = "Norms"
    summary: ClassVar[str] = "Distribution of code norms against the prior and its typical set."
    needs: ClassVar[frozenset[str]] = frozenset({"encode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    bins: int = control(30, "Bins", "int", minimum=5, maximum=200)
    part: str = control(
        "",
        "Part of the code",
        "text",
        help="Name of a part of the latent space; empty is the whole code.",
        advanced=True,
    )

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the images in chunks; what is kept of each is its norm."""
        model, indices = model_of(study), studied(study)
        start, stop = self._range(study)
        tally = _Tally(indices, splits(study, indices), stop - start, model.space.prior.kind)
        caption = origin_words(study, indices)
        pace = Pace(len(indices))
        for chunk in read_chunks(study, indices):
            if len(chunk.rows):
                codes = model.encode(chunk.images).double().cpu().numpy()
                tally.add(chunk.rows, codes[:, start:stop])
            shown = tally.sheet(self.bins, caption) if pace.due(chunk.done) else None
            yield Partial(0.999 * chunk.done / len(indices), shown, "Encoding")
        yield Partial(1.0, tally.sheet(self.bins, caption))

    def _range(self, study: Study) -> tuple[int, int]:
        space = model_of(study).space
        if not self.part:
            return 0, space.size
        if self.part not in space.parts:
            raise UserError(f"The code has no part '{self.part}'; there are {', '.join(space.parts)}.")
        return space.parts[self.part]


class _Tally:
    """Norms so far, and the sums of codes for the mean of each split."""

    def __init__(self, indices: Indices, parts: tuple[Split, ...], size: int, prior: str) -> None:
        from latentstudio.stats.norms import norm_law

        self._indices, self._parts, self._size, self._prior = indices, parts, size, prior
        self._norms = np.full(len(indices), np.nan)
        self._done = self._lost = 0
        self._sums = np.zeros((len(parts), size))
        self._law: NormLaw = norm_law(prior, size)

    def add(self, rows: Indices, codes: Floats) -> None:
        norms = np.linalg.norm(codes, axis=1)
        self._norms[rows] = norms
        self._done += len(rows)
        self._lost += int((~np.isfinite(norms)).sum())
        finite = np.isfinite(codes).all(axis=1)
        for place, part in enumerate(self._parts):
            self._sums[place] += codes[part.rows[rows] & finite].sum(axis=0)

    def sheet(self, bins: int, caption: str) -> Sheet:
        return Sheet((self._distribution(bins, caption), self._table(caption)), title="Norms", caption=caption)

    def _values(self, part: Split) -> tuple[Floats, Indices]:
        chosen = part.rows & np.isfinite(self._norms)
        return self._norms[chosen], self._indices[chosen]

    def _distribution(self, bins: int, caption: str) -> Distribution:
        from latentstudio.stats.norms import expected_counts, typical_set

        low, high = typical_set(self._law)
        finite = self._norms[np.isfinite(self._norms)]
        lowest, highest = (float(v) for v in self._law.quantile(np.array([0.001, 0.999])))
        # A few codes can lie a thousand times farther out; the axis ends at twice the shell and the rest is counted.
        shown = finite[finite <= 2 * highest]
        ends = [lowest, highest, *((float(shown.min()), float(shown.max())) if len(shown) else ())]
        edges = np.linspace(min(ends), max(ends), bins + 1)
        width = float(edges[1] - edges[0])
        x = np.linspace(edges[0], edges[-1], 400)
        histograms, references = [], []
        for part in self._parts:
            values, members = self._values(part)
            counts = np.histogram(values, edges)[0].astype(np.float64)
            histograms.append(Histogram(f"{part.label} ({len(values):,})", edges, counts, part.role, values, members))
            expected = expected_counts(self._law, x, width, len(values))
            references.append(Line(f"{len(values):,} prior draws", x, expected, "reference"))
        notes = [f"Prior: {self._prior}, {self._size} components; law of its norm: {self._law.method}."]
        for part in self._parts:
            values, _ = self._values(part)
            beyond = int((values > edges[-1]).sum())
            if beyond:
                notes.append(
                    f"{part.label}: {beyond:,} of {len(values):,} codes lie beyond the axis, up to {values.max():,.0f}."
                )
        if self._lost:
            notes.append(f"{self._lost:,} of {self._done:,} codes are not finite and left out.")
        return Distribution(
            tuple(histograms),
            "norm of the code",
            references=tuple(references),
            band=Band(low, high, "95 % of prior draws"),
            title="Norms of the codes",
            caption=caption,
            notes=tuple(notes),
        )

    def _table(self, caption: str) -> Table:
        from latentstudio.stats.norms import typical_set

        low, high = typical_set(self._law)
        rows: list[tuple[str | int | float | None, ...]] = []
        for place, part in enumerate(self._parts):
            values, _ = self._values(part)
            n = len(values)
            if not n:
                continue
            inside = 100 * float(np.mean((values >= low) & (values <= high)))
            spread = float(values.std(ddof=1)) if n > 1 else None
            mean_norm = float(np.linalg.norm(self._sums[place] / n))
            null = math.sqrt(self._size * _VARIANCE[self._prior] / n)
            rows.append(
                (part.label, n, float(values.mean()), spread, float(np.median(values)), inside, mean_norm, null)
            )
        draws = np.asarray(self._law.quantile((np.arange(2000) + 0.5) / 2000))
        rows.append(
            ("Prior", None, self._law.mean(), float(draws.std()), float(self._law.quantile(0.5)), 95.0, None, None)
        )
        columns = (
            "",
            "images",
            "mean norm",
            "sd",
            "median",
            "inside typical set, %",
            "norm of the mean",
            "its null",
        )
        return Table(columns, tuple(rows), title="Norms", caption=caption)
