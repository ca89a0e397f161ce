"""Whether codes are what the prior says: independent draws of N(0, I), each claim beside what such draws would give."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.gaussianity_counts import Counts, regions_of
from latentstudio.analyses.passes import (
    CHUNK,
    Indices,
    Pace,
    codes_control,
    codes_words,
    data_of,
    dequantises,
    model_of,
    origin_words,
    splits,
    studied,
    told,
)
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.models.parts import ALL
from latentstudio.results import Partial

Floats = NDArray[np.float64]

# Codes farther out than this many times the upper end of the prior's typical set are left out of sums and said so:
# a flow can send an image that it has not seen a thousand times farther, and one such code would be every moment.
_FAR = 2.0
# Numbers that are drawn between two yields, and in all for one split and region, by the simulated repeats.
_DRAWS_AT_ONCE, _DRAWS = 1_000_000, 20_000_000
# Shares of the work: the first pass, the second, and the simulated repeats.
_FIRST, _SECOND = 0.5, 0.95


@dataclass(frozen=True)
class Gaussianity:
    """Norm of the mean, norms, projections on the mean line, moments, quantiles and neighbouring components.

    Two passes over the images: the line through the mean is fitted on half of them in the first, and the other half is
    projected in the second, since a sample projected onto its own mean lies on one side even when it is pure noise.
    """

    title: ClassVar[str] = "Gaussianity"
    summary: ClassVar[str] = "Whether codes are draws of the normal prior: mean, norms, moments and neighbours."
    needs: ClassVar[frozenset[str]] = frozenset({"encode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    part: str = control(ALL, "Part", "part", help="The part that is drawn; tables hold all parts.")
    codes: str = codes_control("auto")
    bins: int = control(30, "Bins", "int", minimum=5, maximum=200)
    seed: int = control(
        0, "Seed", "int", minimum=0, maximum=2**31 - 1, help="Draws the two halves and the simulated repeats."
    )
    repeats: int = control(
        200,
        "Repeats",
        "int",
        minimum=0,
        maximum=10_000,
        help="Simulated sets of draws for the norm of the mean, where images times components are few enough.",
        advanced=True,
    )
    lags: tuple[int, ...] = control(
        (1, 2, 4, 8),
        "Neighbours",
        "ints",
        minimum=1,
        maximum=1_000_000,
        help="How many places behind a component its partner lies.",
        advanced=True,
    )

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the images twice in chunks; what is kept of each is a norm and a projection for each part.

        Raises
        ------
        UserError
            The prior is not normal, there is no such part, or no image can be read.
        """
        from latentstudio.analyses.gaussianity_plots import sheet

        indices = studied(study)
        counts, readable = yield from self._first_pass(study, indices)
        if not readable.all():
            # Halves and seeds are drawn among the images that count, so the pass begins again without the others.
            indices = indices[readable]
            counts, _ = yield from self._first_pass(study, indices)
        shown = self._shown(counts)
        caption = self._caption(study, indices)
        counts.fit_lines()
        for rows in _slices(len(indices)):
            span = _span(rows, len(indices), _FIRST, _SECOND)
            codes, _ = yield from self._codes(study, indices[rows], span, "Projecting on the mean line")
            counts.project(rows, codes)
            yield Partial(span[1], None, "Projecting on the mean line")
        simulated: list[Floats] = []
        for group in range(len(counts.splits)):
            drawn = [np.zeros(0)]
            for norms in self._simulated(counts, group, shown):
                drawn.append(norms)
                yield Partial(_SECOND, None, "Drawing repeats of the prior")
            simulated.append(np.concatenate(drawn))
        yield Partial(1.0, sheet(counts, shown, self.bins, caption, tuple(simulated)))

    def _first_pass(self, study: Study, indices: Indices) -> Generator[Partial, None, tuple[Counts, NDArray[np.bool_]]]:
        """Count codes; return the counts and which images could be read, bool (n,)."""
        from latentstudio.analyses.gaussianity_plots import first_sheet

        counts = self._counts(study, indices)
        shown, readable = self._shown(counts), np.ones(len(indices), dtype=np.bool_)
        caption = self._caption(study, indices)
        pace = Pace(len(indices))
        for rows in _slices(len(indices)):
            span = _span(rows, len(indices), 0.0, _FIRST)
            codes, readable[rows] = yield from self._codes(study, indices[rows], span, "Encoding")
            counts.add(codes)
            result = None
            if readable[: rows.stop].any() and pace.due(rows.stop):
                counts.flush()
                result = first_sheet(counts, shown, self.bins, caption)
            yield Partial(span[1], result, "Encoding")
        if not readable.any():
            raise UserError(f"None of the {len(indices):,} images of {data_of(study).title} can be read.")
        return counts, readable

    def _caption(self, study: Study, indices: Indices) -> str:
        words = (origin_words(study, indices), codes_words(study, self.codes), f"Random seed {self.seed}.")
        return " ".join(filter(None, words))

    def _codes(
        self, study: Study, rows: Indices, span: tuple[float, float], message: str
    ) -> Generator[Partial, None, tuple[Floats, NDArray[np.bool_]]]:
        """Codes of the images at `rows`, float64 (n, D), NaN for unreadable pictures, and which can be read, bool."""
        model = model_of(study)
        codes = np.full((len(rows), model.space.size), np.nan)
        if dequantises(study, self.codes):
            found = yield from told(study.codes(rows, True), *span, message)
            codes[found.kept] = found.codes
            return codes, found.kept
        images, kept = study.read(rows)
        if kept.any():
            codes[kept] = model.encode(images).double().cpu().numpy()
        return codes, kept

    def _counts(self, study: Study, indices: Indices) -> Counts:
        from latentstudio.stats.norms import norm_law, typical_set

        space = model_of(study).space
        if space.prior.kind != "standard_normal":
            raise UserError(
                f"Gaussianity compares codes with draws of N(0, I), and the prior of this model is {space.prior.kind}; "
                "Norms shows them against their own prior."
            )
        bound = _FAR * typical_set(norm_law(space.prior.kind, space.size))[1]
        lags = tuple(sorted(set(self.lags)))
        regions = regions_of(space.size, dict(space.parts))
        return Counts(indices, splits(study, indices), regions, bound, lags, self.seed)

    def _shown(self, counts: Counts) -> int:
        """Place of the region that is drawn."""
        names = [region.name for region in counts.regions]
        if self.part in (ALL, names[0]):
            return 0
        if self.part in names:
            return names.index(self.part)
        raise UserError(f"The code has no part '{self.part}'; there are {', '.join(names[1:]) or 'none'}.")

    def _simulated(self, counts: Counts, group: int, region: int) -> Iterator[Floats]:
        """Norms of the means of simulated sets of draws, some at each yield; none where they would take long."""
        from latentstudio.stats.gaussian_nulls import simulated_mean_norms

        n, size = counts.moments(group).count, counts.regions[region].size
        if not n or n * size * self.repeats > _DRAWS:
            return
        step = max(_DRAWS_AT_ONCE // (n * size), 1)
        for start in range(0, self.repeats, step):
            seeds = range(self.seed + start, self.seed + min(start + step, self.repeats))
            yield simulated_mean_norms(size, n, seeds)


def _slices(total: int) -> Iterator[slice]:
    for start in range(0, total, CHUNK):
        yield slice(start, min(start + CHUNK, total))


def _span(rows: slice, total: int, start: float, stop: float) -> tuple[float, float]:
    """Shares of the work before and after a slice of `total` rows, between `start` and `stop`."""
    width = stop - start
    return start + width * rows.start / total, start + width * rows.stop / total
