"""What the principal components of a model hold: variance, pixels, and how many a face needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.components_pictures import example_grid, importance
from latentstudio.analyses.passes import Pace, Split, model_of, origin_words, read_chunks, splits, studied
from latentstudio.controls import control
from latentstudio.errors import UserError
from latentstudio.results import Curve, Line, Partial, Sheet, Single

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Explained variance, pixel maps of the first components, and reconstruction against the number of components.

    Attributes
    ----------
    shown : number of component maps.
    counts : numbers of components with which example pictures are rebuilt.
    examples : number of example pictures, evenly spread over the images.
    """

    title: ClassVar[str] = "Components"
    summary: ClassVar[str] = "Principal components: variance, pixels, and how many a face needs."
    needs: ClassVar[frozenset[str]] = frozenset({"encode", "decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = True

    shown: int = control(10, "Component maps", "int", minimum=1, maximum=64)
    examples: int = control(4, "Example pictures", "int", minimum=1, maximum=16)
    counts: tuple[int, ...] = control(
        (1, 4, 16, 32, 64), "Rebuilt from", "ints", minimum=1, help="Numbers of components, one column each."
    )

    def run(self, study: Study) -> Iterator[Partial]:
        """Show variance and maps at once, then pass over the images for the reconstruction error.

        Raises
        ------
        UserError
            The model has no principal components.
        """
        model: Any = model_of(study)
        if not hasattr(model, "components") or not hasattr(model, "pca_encode"):
            raise UserError(f"A {model.family} model has no principal components; one on PCA scores would do.")
        indices = studied(study)
        caption = origin_words(study, indices)
        parts = splits(study, indices)
        first: list[Single] = [variance_curve(model, study.origin), importance(model, self.shown, study.origin)]
        yield Partial(0.01, Sheet(tuple(first), title="Components", caption=caption), "Projecting")
        examples = example_grid(study, model, indices, self.examples, self._counts(model), caption)
        if examples is not None:
            first.append(examples)
        yield Partial(0.05, Sheet(tuple(first), title="Components", caption=caption), "Projecting")
        errors = _Errors(model, parts)
        pace = Pace(len(indices))
        for chunk in read_chunks(study, indices):
            if len(chunk.rows):
                errors.add(chunk.images, chunk.rows)
            fraction = 0.05 + 0.949 * chunk.done / len(indices)
            if pace.due(chunk.done):
                sheet = Sheet((first[0], errors.curve(caption), *first[1:]), title="Components", caption=caption)
                yield Partial(fraction, sheet, "Projecting")
            else:
                yield Partial(fraction, None, "Projecting")
        yield Partial(1.0, Sheet((first[0], errors.curve(caption), *first[1:]), title="Components", caption=caption))

    def _counts(self, model: Any) -> tuple[int, ...]:
        kept = sorted({min(count, model.space.size) for count in self.counts})
        return tuple(kept) or (int(model.space.size),)


def variance_curve(model: Any, origin: str) -> Curve:
    """Cumulative share of the training images' variance, with marks at the model's size and at 90 %."""
    total = 100 * np.cumsum(model.explained_variance_ratio)
    size = int(model.space.size)
    number = np.arange(1, len(total) + 1, dtype=np.float64)
    kept = float(total[size - 1])
    lines = [
        Line("All training images", number, total, "train"),
        Line(f"{size} kept: {kept:.2f} %", np.array([float(size)]), np.array([kept]), "data", "markers"),
    ]
    notes = []
    if total[-1] >= 90:
        needed = int(np.searchsorted(total, 90.0)) + 1
        label = f"{needed} for 90 %: {total[needed - 1]:.2f} %"
        lines.append(Line(label, np.array([float(needed)]), total[needed - 1 : needed], "other", "markers"))
    else:
        notes.append(f"The {len(total)} known components explain {total[-1]:.2f} %, less than 90 %.")
    notes.append("Fitted to the training images of the model alone.")
    return Curve(
        tuple(lines),
        "number of components",
        "explained variance, %",
        title="Explained variance",
        caption=f"{origin}.",
        notes=tuple(notes),
    )


class _Errors:
    """Sum of squared residuals for every number of components and split; memory does not grow with the images.

    Components are orthonormal, so the residual of the first k is what the centred image has left after its first k
    squared scores are taken off.
    """

    def __init__(self, model: Any, parts: tuple[Split, ...]) -> None:
        self._model, self._parts = model, parts
        self._sums = np.zeros((len(parts), model.space.size + 1))
        self._counts = np.zeros(len(parts), dtype=np.int64)

    def add(self, images: Any, rows: NDArray[np.int64]) -> None:
        scores = self._model.pca_encode(images).double().cpu().numpy()
        centred = ((images - self._model.mean_image.to(images)) / 2).flatten(1).double().cpu().numpy()
        energy = np.square(centred).sum(axis=1, keepdims=True)
        left = np.concatenate([energy, energy - np.cumsum(np.square(scores), axis=1)], axis=1).clip(min=0)
        left /= centred.shape[1]
        for place, part in enumerate(self._parts):
            own = part.rows[rows]
            self._sums[place] += left[own].sum(axis=0)
            self._counts[place] += int(own.sum())

    def curve(self, caption: str) -> Curve:
        number = np.arange(self._sums.shape[1], dtype=np.float64)
        lines, notes = [], []
        for part, total, count in zip(self._parts, self._sums, self._counts, strict=True):
            if count:
                rmse = 255 * np.sqrt(total / count)
                lines.append(Line(part.label, number, rmse, part.role))
                notes.append(f"{part.label}: {rmse[-1]:.2f} grey levels are left with all components.")
        return Curve(
            tuple(lines),
            "number of components",
            "root-mean-square error, grey levels of 255",
            title="Reconstruction from the first components",
            caption=caption,
            notes=tuple(notes),
        )
