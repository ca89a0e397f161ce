"""Pick frames out of frames, and say which dataset image is nearest to one."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.recipe import Recipe
from latentstudio.results import Frames, ImageGrid, Strip

if TYPE_CHECKING:
    from latentstudio.figures.inspect import Inspection


def take(frames: Frames, chosen: Sequence[int]) -> Frames:
    """Return some of the frames, in the order of `chosen`."""
    at = np.asarray(chosen, dtype=np.int64)
    return Frames(
        images=frames.images[at],
        codes=frames.codes[at],
        norm=frames.norm[at],
        log_prob=None if frames.log_prob is None else frames.log_prob[at],
        prior_percentile=frames.prior_percentile[at],
        data_percentile=None if frames.data_percentile is None else frames.data_percentile[at],
        nearest=None if frames.nearest is None else frames.nearest[at],
        nearest_distance=None if frames.nearest_distance is None else frames.nearest_distance[at],
        ready=frames.ready[at],
        finite=frames.finite[at],
    )


def at_position(strip: Strip, position: float) -> Frames | None:
    """Return the frames of all paths at a position that is a column of the strip; None between columns."""
    column = column_of(strip, position)
    return None if column < 0 else take(strip.frames, range(column, len(strip.frames), strip.columns))


def nearest_image(result: Strip | ImageGrid, recipe: Recipe | None, frame: int) -> tuple[str, int, str] | None:
    """Return (dataset, index, id) of the dataset image nearest to a frame, or None where it is not known."""
    frames = result.frames
    if recipe is None or recipe.data is None or frames.nearest is None or not 0 <= frame < len(frames):
        return None
    index = int(frames.nearest[frame])
    if index < 0:
        return None
    name = result.nearest_ids[frame] if frame < len(result.nearest_ids) else str(index)
    return recipe.data.spec, index, name


def side_by_side(first: Frames, second: Frames) -> Frames:
    """Return the frames of both; what only one of them knows is NaN, or no image, for the other."""

    def both(name: str) -> NDArray[Any] | None:
        found = [getattr(part, name) for part in (first, second)]
        if all(values is None for values in found):
            return None
        lacking = -1 if name == "nearest" else np.nan
        known = next(values for values in found if values is not None)
        filled = [
            np.full(len(part), lacking, dtype=known.dtype) if values is None else values
            for part, values in zip((first, second), found, strict=True)
        ]
        return np.concatenate(filled)

    return Frames(**{f.name: both(f.name) for f in fields(Frames)})  # type: ignore[arg-type]


def column_of(strip: Strip, position: float) -> int:
    """Return the column at a position, -1 where the strip has none there."""
    columns = np.flatnonzero(np.abs(strip.positions - position) < 1e-9)
    return int(columns[0]) if len(columns) else -1


def inspected_frames(inspection: "Inspection") -> Frames:
    """Return the inspected face as one frame."""
    return Frames(
        images=inspection.image[None],
        codes=inspection.code[None],
        norm=np.array([inspection.norm]),
        log_prob=None if inspection.log_prob is None else np.array([inspection.log_prob]),
        prior_percentile=np.array([inspection.prior_percentile]),
        data_percentile=None,
        nearest=None,
        nearest_distance=None,
        ready=np.ones(1, dtype=np.bool_),
        finite=np.array([inspection.finite]),
    )
