"""Which components of a face's code move a place of its picture, ranked, with a map of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.decoding import decoded_rows
from latentstudio.analyses.passes import Indices, model_of
from latentstudio.controls import Slot, control
from latentstudio.errors import UserError
from latentstudio.models.parts import components_of, part_of, part_words
from latentstudio.results import Heatmap, Partial, Sheet, Table

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
_AT_ONCE = 4
_MAPS = 15


@dataclass(frozen=True)
class Sensitivity:
    """Components ranked by how far they move a place, found by backward passes and confirmed by decoding.

    Attributes
    ----------
    region : pixels as row * width + column; none is the whole picture.
    components : look at these instead of the strongest.
    parts : only components of these parts are ranked.
    step : the strongest are moved by this many standard deviations of the prior to see what they really do.
    """

    title: ClassVar[str] = "Sensitivity"
    summary: ClassVar[str] = "Which components of the code move a place of the picture, and what else they move."
    needs: ClassVar[frozenset[str]] = frozenset({"decode"})
    needs_model: ClassVar[bool] = True
    needs_data: ClassVar[bool] = False
    slots: ClassVar[tuple[Slot, ...]] = (Slot("face", "Face", hint="Drop a face to look into"),)

    region: tuple[int, ...] = control(
        (), "Pixels", "ints", minimum=0, empty="whole picture", help="Row times width plus column, from 0."
    )
    top: int = control(12, "Components shown", "int", minimum=1, maximum=1000)
    parts: tuple[str, ...] = control(("all",), "Parts", "parts", help="Only components of these parts are ranked.")
    step: float = control(3.0, "Step, sigmas", "float", minimum=0.01, maximum=1000.0, help="Size of the trial moves.")
    components: tuple[int, ...] = control(
        (), "Only these", "ints", minimum=0, empty="the strongest", help="Numbers of components to look at."
    )

    def run(self, study: Study) -> Iterator[Partial]:
        """Find the derivatives, then decode a trial move of each of the strongest."""
        from latentstudio.models.sensitivity import movement
        from latentstudio.stats.norms import component_deviation

        model = model_of(study)
        _, height, width = model.image_shape
        region = np.unique(np.array(self.region, dtype=np.int64)) if self.region else np.arange(height * width)
        code = self._code(study)
        ranked = self._candidates(study)
        moving: Floats | None = None
        for done, found in movement(model, code, region):
            moving = None if found is None else found.numpy() * component_deviation(model.space.prior.kind)
            yield Partial(0.5 * done, None, "Finding the components")
        assert moving is not None
        ranked = ranked[np.argsort(-moving[ranked], kind="stable")][: self.top]
        trials = _Trials(self, study, region, ranked, moving)
        for start in range(0, len(ranked), _AT_ONCE):
            trials.add(code, start, min(start + _AT_ONCE, len(ranked)))
            yield Partial(0.5 + 0.499 * min(start + _AT_ONCE, len(ranked)) / len(ranked), None, "Decoding")
        yield Partial(1.0, trials.sheet())

    def _code(self, study: Study) -> "Tensor":
        given = study.inputs.get("face")
        if given is None or not len(given):
            raise UserError("Sensitivity needs a face; drop one, or give a code.")
        if not bool(given[0].isfinite().all()):
            raise UserError("The code of the face is not finite, so nothing moves it; another face would do.")
        return given[0]

    def _candidates(self, study: Study) -> Indices:
        space = model_of(study).space
        allowed = components_of(space.parts, self.parts)
        if not self.components:
            return allowed
        wanted = np.unique(np.array(self.components, dtype=np.int64))
        if wanted[-1] >= space.size:
            raise UserError(f"The code has no component {wanted[-1]}; 0 to {space.size - 1} would do.")
        kept = wanted[np.isin(wanted, allowed)]
        if not len(kept):
            raise UserError("None of the chosen components lies in the chosen parts; choose others, or all parts.")
        return kept


class _Trials:
    """What trial moves of the ranked components do."""

    def __init__(self, analysis: Sensitivity, study: Study, region: Indices, ranked: Indices, moving: Floats) -> None:
        from latentstudio.stats.norms import component_deviation

        model = model_of(study)
        self._analysis, self._study, self._region, self._ranked = analysis, study, region, ranked
        self._moving, self._model = moving, model
        self._deviation = component_deviation(model.space.prior.kind)
        self._maps = np.full((len(ranked), *model.image_shape[1:]), np.nan)
        self._effect = np.full((len(ranked), 2), np.nan)

    def add(self, code: "Tensor", start: int, stop: int) -> None:
        """Decode the moves of components `start` to `stop` of the ranking."""
        import torch

        from latentstudio.stats.pictures import change_map, visible

        rows = [code]
        for component in self._ranked[start:stop]:
            moved = code.clone()
            moved[int(component)] += self._analysis.step * self._deviation
            rows.append(moved)
        pictures = visible(decoded_rows(self._model, torch.stack(rows).numpy()))
        differences = pictures[1:] - pictures[0]
        self._maps[start:stop] = change_map(pictures[1:], pictures[0])
        squares = np.square(differences).mean(axis=1).reshape(len(differences), -1)
        self._effect[start:stop, 0] = np.sqrt(squares[:, self._region].mean(axis=1))
        total = squares.sum(axis=1)
        inside = squares[:, self._region].sum(axis=1)
        self._effect[start:stop, 1] = 100 * inside / np.where(total > 0, total, np.nan)

    def sheet(self) -> Sheet:
        """A table of the ranked components, and the maps of the first."""
        from latentstudio.models.sensitivity import PROBES

        caption = f"{self._study.origin}; {self._place()}."
        step = f"{self._analysis.step:g} σ"
        rows: list[tuple[str | int | float | None, ...]] = []
        for rank, component in enumerate(self._ranked):
            effect, inside = (float(v) if np.isfinite(v) else None for v in self._effect[rank])
            part = part_words(part_of(self._model.space.parts, int(component)))
            spread = 100.0 * float((self._maps[rank] > 8.0).mean())
            rows.append((rank + 1, int(component), part, float(self._moving[component]), effect, inside, spread))
        columns = (
            "rank",
            "component",
            "part",
            "moves the place, grey levels per σ",
            f"change there at +{step}",
            "of its change there, %",
            "changed pixels, %",
        )
        notes: tuple[str, ...] = (
            "Ranked by the root mean square of the derivatives of the place's pixels; confirmed by decoding a move of "
            f"{step}. Changed: by more than 8 of 255 grey levels.",
        )
        if len(self._region) * self._model.image_shape[0] > PROBES:
            notes += (f"The derivatives are estimated by {PROBES} random projections (relative error about 18 %).",)
        table = Table(columns, tuple(rows), title="Components that move the place", caption=caption, notes=notes)
        maps = Heatmap(
            self._maps[:_MAPS],
            tuple(str(k) for k in self._ranked[:_MAPS]),
            unit="grey levels",
            title=f"What each moves by +{step}",
            caption=caption,
        )
        return Sheet((table, maps), title=Sensitivity.title, caption=caption)

    def _place(self) -> str:
        if not self._analysis.region:
            return "place: the whole picture"
        width = self._model.image_shape[2]
        row, column = divmod(int(self._region[0]), width)
        if len(self._region) == 1:
            return f"place: pixel in row {row}, column {column}"
        rows, columns = np.divmod(self._region, width)
        return (
            f"place: {len(self._region):,} pixels in rows {rows.min()} to {rows.max()}, "
            f"columns {columns.min()} to {columns.max()}"
        )
