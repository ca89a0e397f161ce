"""Run an analysis: open what it may look at, advance it, and add what has changed since the recipe was made."""

import dataclasses
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses import ANALYSES
from latentstudio.analyses.base import Found, Study
from latentstudio.controls import build
from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import fit, fit_words
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.errors import UserError
from latentstudio.figures.code_bank import CodeBank
from latentstudio.figures.devices import device_of
from latentstudio.figures.directions import direction_of
from latentstudio.figures.inputs import InputReader, check_slots
from latentstudio.figures.readouts import mean_bound
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.splits import held_out_of
from latentstudio.figures.workspace import Workspace, changes, model_words
from latentstudio.results import Partial, Result, Sheet

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel


def run_analysis(recipe: Recipe, workspace: Workspace) -> Iterator[Partial]:
    """Yield the analysis's partial results."""
    import torch

    if recipe.name not in ANALYSES:
        raise UserError(f"There is no analysis '{recipe.name}'; there are {', '.join(ANALYSES)}.")
    analysis = build(ANALYSES[recipe.name], recipe.params)
    if analysis.needs_model and recipe.model is None:
        raise UserError(f"{analysis.title} needs a model; choose one.")
    if analysis.needs_data and recipe.data is None:
        raise UserError(f"{analysis.title} needs a data set; choose one.")
    lost = Unreadable()
    study, notes = study_of(recipe, workspace, analysis.needs_data, lost)
    study, said = with_inputs(study, analysis, recipe, workspace)
    notes += said
    if study.model is not None:
        lacking = sorted(analysis.needs - {str(a) for a in study.model.abilities})
        if lacking:
            raise UserError(f"{model_words(recipe)} cannot {' or '.join(lacking)}, which {analysis.title} needs.")
    parts = analysis.run(study)
    while True:
        # Entered for each step only: other runs are advanced between two yields.
        with torch.inference_mode():
            part = next(parts, None)
        if part is None:
            return
        said = (*notes, lost.sentence()) if lost else notes
        yield part if part.result is None else dataclasses.replace(part, result=with_notes(part.result, said))


def study_of(recipe: Recipe, workspace: Workspace, needs_data: bool, lost: Unreadable) -> tuple[Study, tuple[str, ...]]:
    """Open everything that an analysis may look at, and say what has changed since the recipe was made.

    Pictures that cannot be read during the run are noted in `lost`.
    """
    info = None if recipe.model is None else workspace.info(recipe.model)
    model = None if recipe.model is None else workspace.model(recipe.model)
    data = workspace.dataset(recipe.data) if recipe.data is not None and needs_data else None
    held_out = held_out_of(info, data) if info is not None and data is not None else None

    def at_snapshot(step: int) -> "LatentModel":
        if recipe.model is None:
            raise UserError("Snapshots belong to a model; choose one.")
        return workspace.model(msgspec.structs.replace(recipe.model, snapshot=step))

    study = Study(
        model=model,
        folder=None if info is None else Path(info.path),
        training={} if info is None else info.training,
        data=data,
        selection=_selection(recipe, data),
        held_out=held_out,
        read=lambda indices: _read(model, data, indices, lost),
        at_snapshot=at_snapshot,
        snapshots=() if info is None else info.snapshots,
        origin=_origin(recipe, data),
        groups=recipe.groups,
    )
    if recipe.model is not None and recipe.data is not None and data is not None and model is not None:
        bank = workspace.bank(recipe.model, recipe.data)
        bound, images = mean_bound(model), data
        study = dataclasses.replace(
            study,
            codes=lambda rows, dequantised=False: _told_of(bank, rows, dequantised, lost),
            direction=lambda wish: direction_of(bank, images, recipe.groups, wish, bound),
        )
    words = (
        ""
        if data is None or model is None or info is None
        else fit_words(data.image_shape, model.image_shape, info.name)
    )
    return study, (*changes(recipe, info, data), *filter(None, [words]))


def _told_of(
    bank: CodeBank, rows: NDArray[np.int64], dequantised: bool, lost: Unreadable
) -> Generator[float, None, Found]:
    """Ask the bank, and note the pictures that it could not read among those of this run."""
    found = yield from bank.codes(rows, dequantised)
    for row in rows[~found.kept].tolist():
        lost.reasons.setdefault(row, bank.lost.reasons.get(row, "unreadable"))
    return found


def with_inputs(study: Study, analysis: Any, recipe: Recipe, workspace: Workspace) -> tuple[Study, tuple[str, ...]]:
    """Return the study with the codes of the analysis's slots, and what is to be said about them.

    Raises
    ------
    UserError
        A slot that must not be empty is, or an input does not fit.
    """
    slots = getattr(analysis, "slots", ())
    if not slots or study.model is None or recipe.model is None:
        return study, ()
    check_slots(recipe, analysis)
    reader = InputReader(recipe, workspace, study.model, workspace.info(recipe.model))
    prepared = {slot.name: reader.slot(slot.name) for slot in slots}
    inputs = {name: found.codes for name, found in prepared.items()}
    words = [f"{slot.label}: {prepared[slot.name].described()}" for slot in slots if prepared[slot.name].labels]
    origin = "; ".join(filter(None, (*words, study.origin)))
    notes = tuple(note for found in prepared.values() for note in found.notes)
    return dataclasses.replace(study, inputs=inputs, origin=origin), notes


def _selection(recipe: Recipe, data: ImageSet | None) -> NDArray[np.int64] | None:
    if recipe.selection is None or data is None:
        return None
    chosen = np.array(recipe.selection, dtype=np.int64)
    wrong = chosen[(chosen < 0) | (chosen >= len(data))]
    if len(wrong):
        raise UserError(f"{data.title} has no image number {wrong[0]}; 0 to {len(data) - 1} would do.")
    return chosen


def _read(
    model: "LatentModel | None", data: ImageSet | None, indices: NDArray[np.int64], lost: Unreadable
) -> "tuple[Tensor, NDArray[np.bool_]]":
    import torch

    if model is None or data is None:
        raise UserError("Prepared images need both a model and a data set; choose them.")
    pixels, kept = read_images(data, indices, lost)
    if not len(pixels):
        return torch.empty(0, *model.image_shape), kept
    return torch.from_numpy(fit(pixels, model.image_shape)).to(device_of(model)), kept


def _origin(recipe: Recipe, data: ImageSet | None) -> str:
    parts = []
    if data is not None:
        parts.append(f"data set {data.title}")
    if recipe.model is not None:
        parts.append(f"model {model_words(recipe)}")
    return "; ".join(parts)


def with_notes(result: Result, notes: tuple[str, ...]) -> Result:
    """Return the result with further notes; those of a sheet go to its first part."""
    if not notes:
        return result
    if isinstance(result, Sheet):
        first = dataclasses.replace(result.parts[0], notes=(*result.parts[0].notes, *notes))
        return dataclasses.replace(result, parts=(first, *result.parts[1:]))
    return dataclasses.replace(result, notes=(*result.notes, *notes))
