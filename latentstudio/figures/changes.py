"""How far decoded pictures differ from those they are compared with, and how far they go beyond black and white."""

import numpy as np
from numpy.typing import NDArray

from latentstudio.figures.frames import Board
from latentstudio.operations.base import Codes
from latentstudio.results import Changes, Measure
from latentstudio.stats.pictures import HALF_RANGE, change_map, visible

Floats = NDArray[np.float64]


def changes_of(board: Board, codes: Codes) -> Changes | None:
    """Return the maps of change of the frames that are decoded, or None when the operation compares nothing."""
    if not codes.compare:
        return None
    shown = visible(board.decoded)
    maps = np.full((len(shown), *shown.shape[2:]), np.nan)
    for frame, other in enumerate(codes.compare):
        if frame != other and board.ready[frame] and board.ready[other]:
            maps[frame] = change_map(shown[frame], shown[other])
    return Changes(maps, codes.threshold)


def measures_of(board: Board, codes: Codes, changes: Changes | None) -> tuple[Measure, ...]:
    """Return what the operation wants measured of each frame, NaN while a frame is not decoded."""
    found: list[Measure] = []
    if "changed" in codes.measured and changes is not None:
        found += _spread(changes)
    if "clipped" in codes.measured:
        found.append(Measure("clipped, %", clipped_share(board)))
    return (*found, *codes.measures)


def clipped_share(board: Board) -> Floats:
    """Per cent of pixel values beyond black or white, or not finite, float64 (N,)."""
    values = board.decoded.reshape(len(board.decoded), -1)
    # A value within half a grey level of the end is shown as it is.
    inside = np.abs(np.nan_to_num(values, nan=np.inf)) <= 1 + 0.5 / HALF_RANGE
    share = 100.0 * (1 - inside.mean(axis=1, dtype=np.float64))
    return np.where(board.ready, share, np.nan)


def _spread(changes: Changes) -> list[Measure]:
    """Share of changed pixels, and where the change is: its centre and how far it reaches, weighted by its size."""
    maps = changes.maps
    known = np.asarray(np.isfinite(maps).all(axis=(1, 2)))
    weights = np.where(known[:, None, None], maps, 0.0)
    total = weights.sum(axis=(1, 2))
    scale = np.where(total > 0, total, np.nan)
    rows, columns = np.indices(maps.shape[1:], dtype=np.float64)
    row = (weights * rows).sum(axis=(1, 2)) / scale
    column = (weights * columns).sum(axis=(1, 2)) / scale
    squared = (rows - row[:, None, None]) ** 2 + (columns - column[:, None, None]) ** 2
    reach = np.sqrt((weights * squared).sum(axis=(1, 2)) / scale)
    share = np.where(known, 100.0 * (maps > changes.threshold).mean(axis=(1, 2)), np.nan)
    rms = np.where(known, np.sqrt(np.square(weights).mean(axis=(1, 2))), np.nan)
    return [
        Measure("changed, %", share),
        Measure("RMS change", rms, brief=False),
        Measure("reach, px", reach),
        Measure("centre row", row, brief=False),
        Measure("centre column", column, brief=False),
    ]
