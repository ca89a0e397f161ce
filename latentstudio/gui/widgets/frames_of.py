"""Pick frames out of frames, and say which dataset image is nearest to one."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.recipe import Recipe
from latentstudio.results import Frames, ImageGrid, Strip


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


def joined(first: Frames, second: Frames) -> Frames:
    """Return the frames of both; what only one of them knows is left out."""

    def both(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if a is None or b is None else np.concatenate([a, b])

    pairs = {f.name: both(getattr(first, f.name), getattr(second, f.name)) for f in fields(Frames)}
    return Frames(**pairs)  # type: ignore[arg-type]


def column_of(strip: Strip, position: float) -> int:
    """Return the column at a position, -1 where the strip has none there."""
    columns = np.flatnonzero(np.abs(strip.positions - position) < 1e-9)
    return int(columns[0]) if len(columns) else -1
