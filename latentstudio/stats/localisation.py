"""Where a change of a picture lies: the smallest window that holds most of it, its centre, and how far it has moved."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def smallest_window(weights: Floats, share: float) -> tuple[int, int, int, int]:
    """Return (row, column, height, width) of the smallest square window that holds `share` of all weight.

    Windows are squares, cut to the picture where it is narrower; among windows of one size the heaviest is taken.

    Parameters
    ----------
    weights : (H, W), not negative, not all zero ; share : in (0, 1].

    Raises
    ------
    ValueError
        There is no weight at all, or the share is outside (0, 1].
    """
    total = float(weights.sum())
    if not 0 < share <= 1 or not np.isfinite(total) or total <= 0:
        raise ValueError("a window holds a share in (0, 1] of weights of which some are above 0")
    rows, columns = weights.shape
    sums = np.zeros((rows + 1, columns + 1))
    sums[1:, 1:] = weights.cumsum(axis=0).cumsum(axis=1)
    least, most = 1, max(rows, columns)
    wanted = share * total * (1 - 1e-12)  # the whole picture always holds all, whatever the rounding
    while least < most:
        middle = (least + most) // 2
        if _heaviest(sums, middle)[0] >= wanted:
            most = middle
        else:
            least = middle + 1
    _, row, column = _heaviest(sums, least)
    return row, column, min(least, rows), min(least, columns)


def _heaviest(sums: Floats, edge: int) -> tuple[float, int, int]:
    rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
    h, w = min(edge, rows), min(edge, columns)
    inside = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return float(inside[row, column]), int(row), int(column)


def locality(weights: Floats, share: float) -> float:
    """Return 1 minus the part of the picture that the smallest window with `share` of the weight takes up.

    A change of one pixel gives 1 - 1/(H W), an even one about 1 - share; NaN where nothing changes or the change is not
    finite.
    """
    total = float(weights.sum())
    if not np.isfinite(total) or total <= 0:
        return float("nan")
    _, _, height, width = smallest_window(weights, share)
    return 1.0 - height * width / weights.size


def centre_of(weights: Floats) -> tuple[float, float]:
    """Return the centre of gravity (row, column) of weights (H, W); NaN without any."""
    total = float(weights.sum())
    if not np.isfinite(total) or total <= 0:
        return float("nan"), float("nan")
    rows, columns = np.indices(weights.shape)
    return float((rows * weights).sum()) / total, float((columns * weights).sum()) / total


def moved(pictures: NDArray[np.generic], down: int, across: int) -> NDArray[np.generic]:
    """Move pictures (..., H, W) by whole pixels; what comes in at an edge repeats the outermost row or column."""
    height, width = pictures.shape[-2:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - across, 0, width - 1)
    return pictures[..., rows[:, None], columns[None, :]]


def likeness_when_moved(first: Floats, second: Floats, down: int, across: int) -> float:
    """Return the correlation of `second` (H, W) with `first` moved by whole pixels, over the pixels that both cover.

    NaN where one of the two is constant there, or nothing is covered.
    """
    height, width = first.shape
    if abs(down) >= height or abs(across) >= width:
        return float("nan")
    here = second[max(down, 0) : height + min(down, 0), max(across, 0) : width + min(across, 0)]
    there = first[max(-down, 0) : height + min(-down, 0), max(-across, 0) : width + min(-across, 0)]
    a, b = here - here.mean(), there - there.mean()
    size = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / size if size > 0 and np.isfinite(size) else float("nan")


def part_followed(first: Floats, second: Floats, down: int, across: int) -> float:
    """Return the part of a move that a change followed: 0 where it stayed in place, 1 where it moved along.

    `second` (H, W) is compared with `first` moved by every whole number of pixels along the way, from as far behind as
    the move is long to twice its length; the likeliest place counts, the nearest to the start of those that are equal.
    NaN where there is nothing to compare.
    """
    steps = max(abs(down), abs(across))
    if steps == 0:
        return float("nan")
    parts = sorted((k / steps for k in range(-steps, 2 * steps + 1)), key=abs)
    found = [likeness_when_moved(first, second, round(t * down), round(t * across)) for t in parts]
    if not np.isfinite(found).any():
        return float("nan")
    best = float(np.nanmax(found))
    return next(t for t, likeness in zip(parts, found, strict=True) if likeness >= best - 1e-9)
