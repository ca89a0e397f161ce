"""Run an operation: inputs to codes, codes to measured frames, frames to a strip or a grid."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.controls import build
from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import to_pixels
from latentstudio.errors import UserError
from latentstudio.figures.changes import changes_of, measures_of
from latentstudio.figures.directions import directions_for
from latentstudio.figures.frames import GREY, Board
from latentstudio.figures.inputs import MEAN_CODE, MEAN_IMAGE, InputReader, Prepared, check_slots
from latentstudio.figures.means import mean_image_of, mean_of
from latentstudio.figures.readouts import DatasetCodes, Floats
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.splits import held_out_of
from latentstudio.figures.workspace import Workspace, changes, model_words
from latentstudio.operations import OPERATIONS
from latentstudio.operations.base import Codes, Surroundings
from latentstudio.results import ImageGrid, Measure, Partial, Strip
from latentstudio.stats.directions import Direction, Wish
from latentstudio.steps import retold

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel
    from latentstudio.models.library import ModelInfo

_DECODING = 0.6


@dataclass
class OperationRun:
    """What one run has opened so far."""

    recipe: Recipe
    operation: Any
    model: "LatentModel"
    info: "ModelInfo"
    inputs: dict[str, Prepared]
    data: ImageSet | None
    codes: DatasetCodes | None
    notes: list[str]
    directions: dict[Wish, Direction] = field(default_factory=dict)
    moving: "Tensor | None" = None


def run_operation(recipe: Recipe, workspace: Workspace, chunk: int) -> Iterator[Partial]:
    """Yield the frames as they are decoded, at last with the readouts against the data set."""
    run = open_run(recipe, workspace)
    if wants_data_means(run.operation, recipe):
        yield from read_data(run, workspace, 0.0, 0.4)
    yield from read_directions(run, workspace, 0.0, 0.5)
    yield from read_movement(run)
    codes = make_codes(run)
    board = Board(run.model, codes.codes.detach().float().cpu())
    span = _DECODING if run.data is not None else 1.0
    for share in board.decode(chunk):
        yield Partial(span * share * 0.999, _result(run, codes, board), "Decoding")
    watching = _DECODING + (0.2 if getattr(run.operation, "watches", tuple)() else 0.0)
    codes = yield from _watched(run, codes, workspace, watching)
    if watching > _DECODING:
        yield Partial(watching, _result(run, codes, board), "Decoding")
    if run.data is not None:
        yield from read_data(run, workspace, watching, 0.99)
        if run.codes is not None:
            board.measure(run.codes, held_out_of(run.info, run.data))
    yield Partial(1.0, _result(run, codes, board))


def open_run(recipe: Recipe, workspace: Workspace) -> OperationRun:
    """Open model, inputs and data set, and check that they fit the operation.

    Raises
    ------
    UserError
        Something is missing or does not fit.
    """
    if recipe.name not in OPERATIONS:
        raise UserError(f"There is no operation '{recipe.name}'; there are {', '.join(OPERATIONS)}.")
    operation = build(OPERATIONS[recipe.name], recipe.params)
    if recipe.model is None:
        raise UserError(f"{operation.title} needs a model; choose one.")
    info, model = workspace.info(recipe.model), workspace.model(recipe.model)
    lacking = sorted(operation.needs - {str(a) for a in model.abilities})
    if lacking:
        raise UserError(f"{info.name} cannot {' or '.join(lacking)}, which {operation.title.lower()} needs.")
    check_slots(recipe, operation)
    reader = InputReader(recipe, workspace, model, info)
    names = [slot.name for slot in operation.slots] + [n for n in (MEAN_CODE, MEAN_IMAGE) if n in recipe.inputs]
    inputs = {name: reader.slot(name) for name in names}
    notes = [note for prepared in inputs.values() for note in prepared.notes]
    data = None
    if recipe.data is not None:
        try:
            data = workspace.dataset(recipe.data)
        except UserError as error:
            if wants_data_means(operation, recipe):
                raise
            notes.append(f"Nothing is measured against the data set: {error}")
    notes.extend(changes(recipe, info, data))
    if MEAN_CODE in inputs:
        notes.extend(f"Sealed in the recipe: {origin}" for origin in inputs[MEAN_CODE].origins if origin)
    return OperationRun(recipe, operation, model, info, inputs, data, None, notes)


def wants_data_means(operation: Any, recipe: Recipe) -> bool:
    """Whether the data set has to be read before the operation can give codes."""
    needs_mean = getattr(operation, "needs_mean", None)
    wanted = operation.wants_means if needs_mean is None else needs_mean(recipe.inputs)
    return bool(wanted) and not recipe.inputs.get("group") and MEAN_CODE not in recipe.inputs


def read_directions(run: OperationRun, workspace: Workspace, start: float, stop: float) -> Iterator[Partial]:
    """Fill ``run.directions`` with what the operation wishes for, and yield progress without results.

    Raises
    ------
    UserError
        There is no data set, or no such attribute in it.
    """
    run.directions |= yield from _found(run, workspace, "wishes", start, stop)


def read_watched(run: OperationRun, workspace: Workspace, start: float, stop: float) -> Iterator[Partial]:
    """Fill ``run.directions`` with those along which frames are only measured, and yield progress without results."""
    run.directions |= yield from _found(run, workspace, "watches", start, stop)


def _found(
    run: OperationRun, workspace: Workspace, which: str, start: float, stop: float
) -> Generator[Partial, None, dict[Wish, Direction]]:
    looking = directions_for(run.operation, run.recipe, run.model, run.data, workspace, which)
    return (yield from retold(looking, lambda told: Partial(start + (stop - start) * told[0], None, told[1])))


def _watched(run: OperationRun, codes: Codes, workspace: Workspace, stop: float) -> Generator[Partial, None, Codes]:
    """Measure the frames along the directions that are watched; the pictures need not wait for those."""
    watches: tuple[Wish, ...] = getattr(run.operation, "watches", tuple)()
    if not watches:
        return codes
    yield from read_watched(run, workspace, _DECODING, stop)
    flat = codes.codes.detach().double().cpu().numpy()
    found = [run.directions[wish] for wish in watches]
    further = tuple(Measure(d.words, d.quantile_of(flat), "percentile", brief=False) for d in found)
    return replace(codes, measures=(*codes.measures, *further))


def read_data(run: OperationRun, workspace: Workspace, start: float, stop: float) -> Iterator[Partial]:
    """Fill ``run.codes`` and yield progress without results."""
    recipe = run.recipe
    if run.codes is not None or recipe.model is None or recipe.data is None or run.data is None:
        return
    if "encode" not in run.model.abilities:
        run.notes.append("Nothing is measured against the data set: the model has no encoder.")
        return
    for found in workspace.codes(recipe.model, recipe.data):
        run.codes = found
        if found.fraction < 1:
            yield Partial(start + (stop - start) * found.fraction, None, f"Encoding {run.data.title}")
    if run.codes is not None:
        run.notes.extend(run.codes.notes)


def read_movement(run: OperationRun) -> Iterator[Partial]:
    """Find out how far each component moves the place that the operation asks about, and yield progress."""
    region = getattr(run.operation, "wanted_region", ())
    if not region:
        return
    from latentstudio.models.sensitivity import movement

    code = next(prepared.codes[0] for prepared in run.inputs.values() if len(prepared.codes))
    for done, moving in movement(run.model, code, np.array(region, dtype=np.int64)):
        run.moving = moving
        if done < 1:
            yield Partial(0.3 * done, None, "Finding the components")


def make_codes(run: OperationRun) -> Codes:
    """Let the operation compute."""
    import torch

    moving = run.moving
    about = {} if moving is None else {"moving": lambda: moving}
    surroundings = Surroundings(
        run.model.space,
        lambda: mean_of(run),
        lambda: mean_image_of(run),
        lambda wish: run.directions[wish],
        {name: prepared.labels for name, prepared in run.inputs.items()},
        **about,
    )
    with torch.inference_mode():
        made: Codes = run.operation.codes({n: p.codes for n, p in run.inputs.items()}, surroundings)
    return made


def _result(run: OperationRun, codes: Codes, board: Board) -> Strip | ImageGrid:
    notes = tuple(dict.fromkeys((*run.notes, *codes.notes, *board.notes())))
    ids = tuple("" if i < 0 or run.data is None else run.data.image_id(i) for i in board.nearest)
    title, caption = run.operation.title, _caption(run, codes)
    if codes.positions is not None:
        ends = tuple(", ".join(run.inputs[s.name].labels) for s in run.operation.slots if not s.many)
        if codes.axis:
            ends = ("", "")
        return Strip(
            frames=board.frames(),
            positions=codes.positions,
            row_labels=codes.row_labels,
            end_labels=(ends[0] if ends else "", ends[1] if len(ends) > 1 else "mean"),
            norm_band=board.norm_band,
            log_prob_band=board.log_prob_band,
            nearest_ids=ids,
            title=title,
            caption=caption,
            notes=notes,
            measures=measures_of(board, codes, None),
            axis=codes.axis,
        )
    originals, error = _originals(run, codes, board)
    changes = changes_of(board, codes)
    shown = run.inputs[codes.originals_slot].labels if codes.originals_slot else codes.labels
    return ImageGrid(
        frames=board.frames(),
        columns=codes.columns,
        labels=shown,
        originals=originals,
        error=error,
        row_labels=_row_labels(run, codes),
        changes=changes,
        measures=measures_of(board, codes, changes),
        norm_band=board.norm_band,
        log_prob_band=board.log_prob_band,
        nearest_ids=ids,
        title=title,
        caption=caption,
        notes=notes,
    )


def _row_labels(run: OperationRun, codes: Codes) -> tuple[str, ...]:
    own = run.inputs[codes.row_slot].labels if codes.row_slot else ()
    labels = (*own, *codes.row_labels)
    return labels if len(labels) > 1 else ()


def _originals(run: OperationRun, codes: Codes, board: Board) -> tuple[NDArray[np.uint8] | None, Floats | None]:
    """Pictures that belong to the frames, grey where an input is a bare code, and the error to each decoded one."""
    if codes.originals_slot is None:
        return None, None
    pictures = run.inputs[codes.originals_slot].pictures
    if all(picture is None for picture in pictures):
        return None, None
    originals = np.full_like(board.pictures, GREY)
    error = np.full(len(pictures), np.nan)
    for row, picture in enumerate(pictures):
        if picture is not None:
            originals[row] = to_pixels(picture[None])[0]
            if board.ready[row]:
                difference = originals[row].astype(np.float64) - board.pictures[row]
                error[row] = np.sqrt(np.mean(np.square(difference)))
    return originals, error


def _caption(run: OperationRun, codes: Codes) -> str:
    parts = []
    for slot in run.operation.slots:
        prepared = run.inputs[slot.name]
        if len(prepared.labels) > 4:
            kinds = sorted(set(prepared.origins) - {""})
            parts.append(f"{slot.label}: {len(prepared.labels)} inputs" + (f" ({'; '.join(kinds)})" if kinds else ""))
        elif prepared.labels:
            parts.append(f"{slot.label}: {prepared.described()}")
    if codes.labels and run.recipe.name == "sample":
        parts.append(f"random seeds {codes.labels[0]} to {codes.labels[-1]}, temperature {run.operation.temperature:g}")
    if run.data is not None:
        n = len(run.data) if run.codes is None else run.codes.planned - run.codes.lost
        split = "training and held-out images" if run.codes is not None else "images"
        parts.append(f"data set {run.data.title}, n = {n:,} {split}")
    parts.append(f"model {model_words(run.recipe)}")
    return "; ".join(parts) + "."
