"""How much a picture changes with the number of components that are spoiled, and in which part of the code they lie."""

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
    magnitude_words,
    places,
    some_images,
    spoiled,
)
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Sheet, Table

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DoseResponse:
    """Mean change over images against the number of corrupted components, for each part of the code.

    For each image, `repeats` random orders of a part's components are drawn; the first n of an order are corrupted
    together. The change is measured between visible pictures, clipped to black and white, and averaged over the orders
    first; intervals are Student's t over images, 95 %.
    """

    title: ClassVar[str] = "Dose and response"
    summary: ClassVar[str] = "Change of pictures against the number of corrupted components, by part of the code."
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    counts: tuple[int, ...] = control(
        (1, 3, 10, 30, 100), "Components", "ints", minimum=1, help="How many components are corrupted at once."
    )
    magnitude: float = control(10.0, "Magnitude", "float", help="What the components are set to, or moved by.")
    how: str = how_control()
    parts: tuple[str, ...] = control(
        ("all",), "Parts", "parts", help="One curve for each; all draws every part and the whole code."
    )
    images: int = images_control()
    repeats: int = control(2, "Random sets", "int", minimum=1, maximum=1000, help="For each image.", advanced=True)
    seed: int = control(0, "Random seed", "int", minimum=0, maximum=2**31 - 1, advanced=True)
    threshold: float = control(
        8.0,
        "Changed means",
        "float",
        minimum=0.0,
        maximum=255.0,
        help="Grey levels of 0..255 by which a pixel must differ to count as changed.",
        advanced=True,
    )

    def run(self, study: Study) -> Iterator[Partial]:
        """Encode the images, then corrupt and decode one image and part at a time.

        Raises
        ------
        UserError
            There is no number of components, no such part, or no image has a finite code.
        """
        if not self.counts:
            raise UserError("Dose and response needs at least one number of components; 1, 3, 10 would do.")
        chosen = places(study, self.parts)
        indices = some_images(study, self.images, self.seed)
        encoded = yield from codes_of(study, indices)
        codes = encoded.codes
        tally = _Tally(self, chosen, len(codes), origin_words(study, indices), encoded.left_out)
        done, total = 0, len(codes) * len(chosen)
        for image, code in enumerate(codes):
            for place in range(len(chosen)):
                tally.put(image, place, self._measure(study, code, tally.components[place], (self.seed, image, place)))
                done += 1
                shown = tally.sheet(image + 1) if place == len(chosen) - 1 and image % 4 == 0 else None
                yield Partial(0.1 + 0.899 * done / total, shown, "Decoding")
        yield Partial(1.0, tally.sheet(len(codes)))

    def _measure(self, study: Study, code: "Tensor", components: Indices, seed: tuple[int, ...]) -> Floats:
        """Return RMS change and share of changed pixels in %, float64 (2, counts), NaN where a part is too small.

        NaN too where one of the pictures is not finite: a change to it has no size.
        """
        import torch

        from latentstudio.stats.norms import component_deviation
        from latentstudio.stats.pictures import change_map, visible_if_finite

        deviation = component_deviation(model_of(study).space.prior.kind)
        fitting = [n for n in self.counts if n <= len(components)]
        answer = np.full((2, len(self.counts)), np.nan)
        if not fitting:
            return answer
        random = np.random.default_rng(seed)
        rows = [code]
        for _ in range(self.repeats):
            order = random.permutation(components)
            rows += [spoiled(code, order[:n], self.magnitude, self.how, deviation) for n in fitting]
        pictures = visible_if_finite(decoded_rows(model_of(study), torch.stack(rows).numpy()))
        maps = change_map(pictures[1:], pictures[0]).reshape(self.repeats, len(fitting), -1)
        squares = np.square(pictures[1:] - pictures[0]).reshape(self.repeats, len(fitting), -1)
        kept = [n <= len(components) for n in self.counts]
        spread = np.where(np.isnan(maps), np.nan, maps > self.threshold)
        answer[0, kept] = np.sqrt(squares.mean(axis=2)).mean(axis=0)
        answer[1, kept] = 100.0 * spread.mean(axis=2).mean(axis=0)
        return answer


class _Tally:
    """What was measured so far: float64 (images, places, 2, counts)."""

    def __init__(
        self, analysis: DoseResponse, chosen: dict[str, Indices], images: int, caption: str, said: str
    ) -> None:
        self._analysis, self._names, self._caption = analysis, tuple(chosen), caption
        self.components = tuple(chosen.values())
        self._said = said
        self._values = np.full((images, len(chosen), 2, len(analysis.counts)), np.nan)

    def put(self, image: int, place: int, values: Floats) -> None:
        self._values[image, place] = values

    def sheet(self, images: int) -> Sheet:
        values = self._values[:images]
        mean, half = mean_of(values), half_width(values)
        broken = self._broken(values)
        done = magnitude_words(self._analysis.magnitude, self._analysis.how)
        notes = (
            f"Components {done}; {self._analysis.repeats} random sets for each of {images} images, "
            f"random seed {self._analysis.seed}; 95 % intervals of the mean over images.",
            *filter(None, (self._said, broken)),
        )
        threshold = f"pixels changed by more than {self._analysis.threshold:g} grey levels, %"
        curves = [
            self._curve(mean[:, k], half[:, k], title, label, notes)
            for k, (title, label) in enumerate(
                (("Size of the change", "RMS change, grey levels"), ("Spread of the change", threshold))
            )
        ]
        table = self._table(mean, half)
        return Sheet((*curves, table), title=DoseResponse.title, caption=self._caption)

    def _broken(self, values: Floats) -> str:
        """Say how many answers (images, places, counts) are missing because a picture was not finite."""
        sizes, counts = np.array([len(c) for c in self.components]), np.array(self._analysis.counts)
        fits = np.broadcast_to(counts <= sizes[:, None], values[:, :, 0].shape)
        lost = int((fits & ~np.isfinite(values[:, :, 0])).sum())
        return f"{lost:,} of {int(fits.sum()):,} answers are left out: a picture was not finite." if lost else ""

    def _curve(self, mean: Floats, half: Floats, title: str, label: str, notes: tuple[str, ...]) -> Curve:
        x = np.array(self._analysis.counts, dtype=np.float64)
        order = np.argsort(x)
        lines = []
        for place, name in enumerate(self._names):
            y, ends = mean[place][order], half[place][order]
            known = np.isfinite(y)
            shown = known & np.isfinite(ends)
            ranged = bool(shown.any()) and bool((shown == known).all())
            lines.append(
                Line(
                    name,
                    x[order][known],
                    y[known],
                    ROLES[place] if place < len(ROLES) else "other",
                    "both",
                    (y - ends)[known] if ranged else None,
                    (y + ends)[known] if ranged else None,
                )
            )
        return Curve(
            tuple(lines), "corrupted components", label, x_log=True, title=title, caption=self._caption, notes=notes
        )

    def _table(self, mean: Floats, half: Floats) -> Table:
        rows: list[tuple[str | int | float | None, ...]] = []
        for place, name in enumerate(self._names):
            for at, count in enumerate(self._analysis.counts):
                if np.isfinite(mean[place, 0, at]):
                    numbers = [mean[place, 0, at], half[place, 0, at], mean[place, 1, at], half[place, 1, at]]
                    rows.append((name, count, *(float(v) if np.isfinite(v) else None for v in numbers)))
        columns = ("part", "components", "RMS change", "± 95 %", "changed pixels, %", "± 95 %")
        return Table(columns, tuple(rows), title="Change by dose", caption=self._caption)


def mean_of(values: Floats) -> Floats:
    """Mean of the finite values over the first axis; NaN where there are none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0), dtype=np.float64)


def half_width(values: Floats) -> Floats:
    """Half the width of the 95 % t interval of `mean_of` of values (n, ...); NaN for fewer than two values."""
    from scipy.special import stdtrit

    known = np.isfinite(values)
    n = known.sum(axis=0)
    squares = np.where(known, np.square(values - mean_of(values)), 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = stdtrit(n - 1, 0.975) * np.sqrt(squares / (n - 1) / n)
    return np.asarray(np.where(n > 1, found, np.nan), dtype=np.float64)
