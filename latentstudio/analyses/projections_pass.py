"""One pass of `analyses.projections`: a sample of images, its halves, and both lines of each space."""

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.passes import (
    Indices,
    Pace,
    codes_words,
    data_of,
    dequantises,
    model_of,
    origin_words,
    told,
)
from latentstudio.analyses.projections_fit import Lines, Space
from latentstudio.data.attribute_spec import Members, sample_of
from latentstudio.errors import UserError
from latentstudio.results import Partial, Sheet
from latentstudio.stats.directions import ESTIMATOR_LABELS, ESTIMATORS
from latentstudio.stats.discrimination import Halves, Resampled, best_threshold, bootstrap, split_halves

if TYPE_CHECKING:
    from latentstudio.analyses.projections import Projections

Floats = NDArray[np.float64]

SPACES: dict[str, tuple[Space, ...]] = {"both": ("latent", "image"), "latent": ("latent",), "image": ("image",)}
# Images between two steps of a pass, beyond the chunks in which codes are made.
_BLOCK = 64
# Estimators other than the difference of means hold the half of the fit in memory, and its Gram matrix.
_HELD = 8000
# Shares of the work: the half of the fit, the lines, all projections; the rest are the bootstrap repeats.
_FITTED, _FOUND, _PROJECTED = 0.45, 0.5, 0.92


class Pass:
    """One try: a sample, its halves, and the lines of each space. It ends early where an image cannot be read."""

    def __init__(self, asked: "Projections", study: Study, members: Members, allowed: NDArray[np.bool_]) -> None:
        self.asked, self.study, self.members = asked, study, members
        self.rows: Indices = sample_of(members, asked.sample, asked.seed, allowed)
        known = members.labels[allowed]
        self.known = int(np.isfinite(known).sum())
        self.share = float(np.nanmean(known))
        self.present = members.labels[self.rows] == 1
        identity = data_of(study).attributes.identity
        self.identity = None if identity is None else identity[self.rows]
        self.halves: Halves = split_halves(self.present, self.identity, asked.seed)
        self.unread = np.zeros(len(self.rows), dtype=np.bool_)
        self.far = np.zeros(len(self.rows), dtype=np.bool_)
        self.noisy = dequantises(study, asked.codes)
        self.lines = tuple(self._lines(space) for space in SPACES[asked.space])
        if asked.estimator != "mean_difference" and len(self.rows) > 2 * _HELD:
            raise UserError(
                f"{dict(zip(ESTIMATORS, ESTIMATOR_LABELS, strict=True))[asked.estimator]} takes at most {2 * _HELD:,} "
                f"images and there are {len(self.rows):,}; a smaller sample or the difference of means would do."
            )

    @property
    def factor(self) -> int:
        """Edge in px of the squares that pixels are averaged over."""
        from latentstudio.stats.pictures import shrinking

        _, height, width = model_of(self.study).image_shape
        return shrinking(height, width, self.asked.edge)

    def _lines(self, space: Space) -> Lines:
        model = model_of(self.study)
        pixels = int(np.prod(model.image_shape)) // self.factor**2
        size = model.space.size if space == "latent" else pixels
        return Lines(space, size, self.halves.first, self.present, self.asked.estimator)

    def run(self) -> Iterator[Partial]:
        """Yield progress and partial results; without a final one where `unread` says that an image was missing.

        Raises
        ------
        UserError
            One class has no usable code in the half of the fit.
        """
        from latentstudio.analyses.projections_plots import Shown

        fitted = np.flatnonzero(self.halves.first)
        yield from self._through(fitted, (0.0, _FITTED), "Finding the line", Lines.add, lambda _done: None)
        if self.unread.any():
            if self.unread[fitted].all():
                others = np.flatnonzero(~self.halves.first)
                yield from self._through(others, (_FITTED, _FITTED), "Reading", lambda *_: None, lambda _done: None)
            return
        used = self.present[fitted[~self.far[fitted]]]
        if not used.any() or used.all():
            words = self.members.without if used.any() else self.members.words
            raise UserError(f"No image that is {words} has a code near the prior, so there is no line to fit.")
        for number, lines in enumerate(self.lines):
            for share in lines.fit():
                done = (number + share) / len(self.lines)
                yield Partial(_FITTED + (_FOUND - _FITTED) * done, None, "Finding the line")
        shown = Shown(self)
        pace = Pace(len(self.rows))
        everyone = np.arange(len(self.rows))
        span = (_FOUND, _PROJECTED)
        yield from self._through(
            everyone, span, "Projecting", Lines.project, lambda done: shown.sheet(None) if pace.due(done) else None
        )
        if self.unread.any():
            return
        resampled: Resampled | None = None
        for resampled in self._repeats():
            done = len(resampled.auc) / max(self.asked.repeats, 1)
            yield Partial(_PROJECTED + (0.999 - _PROJECTED) * done, None, "Drawing bootstrap repeats")
        yield Partial(1.0, shown.sheet(resampled))

    def _repeats(self) -> Iterator[Resampled]:
        scores, thresholds = self.scores()
        if not self.asked.repeats or not len(scores):
            return
        other = self.other
        groups = None if self.identity is None else self.identity[other]
        yield from bootstrap(scores, self.present[other], thresholds, groups, self.asked.repeats, self.asked.seed)

    @property
    def other(self) -> Indices:
        """Places of the images that are shown: of the other half, with a usable code."""
        return np.flatnonzero(~self.halves.first & ~self.far & ~self.unread)

    def scores(self) -> tuple[Floats, Floats]:
        """Values of the shown images on every line, (lines, shown), and the threshold of each from the other half."""
        values = np.concatenate([lines.values[:, self.other] for lines in self.lines])
        fitted = self.halves.first & ~self.far
        thresholds = [best_threshold(fair[fitted], self.present[fitted]) for lines in self.lines for fair in lines.fair]
        return values, np.array(thresholds)

    def _through(
        self,
        places: Indices,
        span: tuple[float, float],
        message: str,
        take: Callable[[Lines, Indices, NDArray[np.float32]], None],
        result: Callable[[int], Sheet | None],
    ) -> Iterator[Partial]:
        """Read images in blocks, let every space take them, and ask for a result after each block."""
        start, stop = span
        for first in range(0, len(places), _BLOCK):
            block = places[first : first + _BLOCK]
            past = first + len(block)
            ends = [start + (stop - start) * at / len(places) for at in (first, past)]
            read = yield from self._values(block, ends[0], ends[1], message)
            near = ~self.far[block] & ~self.unread[block]
            for lines, values in zip(self.lines, read, strict=True):
                if near.any():
                    take(lines, block[near], values[near])
            yield Partial(ends[1], None if self.unread.any() else result(past), message)

    def _values(
        self, block: Indices, start: float, stop: float, message: str
    ) -> Generator[Partial, None, list[NDArray[np.float32]]]:
        """Codes and pixels of a block, each float32 (k, D); far and unreadable images are noted, and are zeros."""
        from latentstudio.stats.norms import norm_law, typical_set
        from latentstudio.stats.pictures import shrunk

        model, rows = model_of(self.study), self.rows[block]
        found = []
        for lines in self.lines:
            values = np.zeros((len(block), lines.size), dtype=np.float32)
            if lines.space == "latent":
                coded = yield from told(self.study.codes(rows, self.noisy), start, stop, message)
                values[coded.kept], kept = coded.codes, coded.kept
                law = norm_law(model.space.prior.kind, model.space.size)
                with np.errstate(over="ignore", invalid="ignore"):
                    norms = np.linalg.norm(values.astype(np.float64), axis=1)
                self.far[block] |= ~(norms <= 2 * typical_set(law)[1])
            else:
                images, kept = self.study.read(rows)
                pixels = shrunk(images.float().cpu().numpy(), self.factor)
                values[kept] = pixels.reshape(len(pixels), lines.size)
            self.unread[block] |= ~kept
            found.append(values)
        return found

    def caption(self) -> str:
        """Data set, model, numbers of images, and how they were split."""
        asked, present = self.asked, self.present
        by = "by person" if self.halves.by_person else "by image"
        words = [
            origin_words(self.study, self.rows),
            f"{self.members.words}: {int(present.sum()):,} with, {int((~present).sum()):,} without.",
            f"Lines fitted on one half, split {by}, and the other half shown.",
        ]
        if "latent" in SPACES[asked.space]:
            words.append(codes_words(self.study, asked.codes))
        return " ".join(filter(None, [*words, f"Random seed {asked.seed}."]))

    def notes(self) -> tuple[str, ...]:
        """What has to be said about the images."""
        notes = []
        if len(self.rows) < self.known:
            notes.append(f"A sample of {len(self.rows):,} of {self.known:,} images of which it is known.")
        if self.identity is not None and not self.halves.by_person:
            notes.append("A split by persons would leave a half without one class, so persons may be in both halves.")
        far = int(self.far.sum())
        if far:
            notes.append(
                f"{far:,} {'image is' if far == 1 else 'images are'} left out whose codes lie far outside the prior "
                "or are not finite."
            )
        return tuple(notes)
