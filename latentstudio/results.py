"""What a recipe gives back: plain, read-only numpy values that any face of the program can draw.

Nothing here knows torch, Qt or matplotlib, so results cross a process boundary by pickling. Every result has a
`caption` that names data set, split, number of images, random seed and model.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


def _freeze(value: Any) -> None:
    """Make every array inside a result read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            _freeze(getattr(value, f.name))
    elif isinstance(value, (tuple, list)):
        for item in value:
            _freeze(item)


class _ReadOnly:
    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True)
class Band(_ReadOnly):
    """A range of a readout, e.g. the typical set of the prior: 95 % of prior draws have a norm in [low, high]."""

    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Frames(_ReadOnly):
    """Decoded codes with everything measured about each.

    Attributes
    ----------
    images : uint8 (N, H, W, C), C = 1 or 3
        Decoded pictures; frames that are not decoded yet are mid-grey.
    codes : float32 (N, D)
    norm : float64 (N,)
        Euclidean norm of each code.
    log_prob : float64 (N,) in nats per image, or None when the model has no density.
    prior_percentile : float64 (N,) in [0, 100]
        Share of prior draws whose norm is smaller.
    data_percentile : float64 (N,) in [0, 100], or None without a data set
        Share of the data set's codes whose norm is smaller.
    nearest : int64 (N,), or None
        Index of the most similar image of the data set (Euclidean distance of pixels, see `operations.readouts`).
    nearest_distance : float64 (N,), or None
        Root-mean-square pixel difference to it, in grey levels of 0..255.
    ready : bool (N,)
        Whether the frame is decoded.
    finite : bool (N,)
        Whether the model's answer was finite before it was clipped to a picture.
    """

    images: Bytes
    codes: NDArray[np.float32]
    norm: Floats
    log_prob: Floats | None
    prior_percentile: Floats
    data_percentile: Floats | None
    nearest: NDArray[np.int64] | None
    nearest_distance: Floats | None
    ready: NDArray[np.bool_]
    finite: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Measure(_ReadOnly):
    """Something that is measured of every frame besides norm and density.

    Attributes
    ----------
    values : float64 (frames,), NaN where there is none ; unit : may be ``"percentile"`` (0 to 100).
    brief : whether it stands under the frames, too.
    """

    label: str
    values: Floats
    unit: str = ""
    digits: int = 1
    brief: bool = True


PATH_ROLES: dict[str, str] = {
    "Linear": "data",
    "Norm-preserving": "train",
    "Spherical": "held_out",
    "Matched": "other",
}
"""Colour role of each kind of path by its row label, the same in the window and on paper."""


@dataclass(frozen=True)
class Strip(_ReadOnly):
    """Paths through the latent space, one row each: frame ``row * columns + column`` is position ``positions[column]``.

    Attributes
    ----------
    positions : float64 (columns,)
        Place along the path, 0 at the first end and 1 at the second; outside [0, 1] is extrapolation.
    row_labels : one per path, e.g. ("Linear", "Spherical").
    axis : what the positions count, e.g. ``"strength"``; empty for the way from A to B.
    norm_band, log_prob_band : typical range of prior draws (norm) and of the data set (log-density).
    """

    frames: Frames
    positions: Floats
    row_labels: tuple[str, ...]
    end_labels: tuple[str, str] = ("", "")
    norm_band: Band | None = None
    log_prob_band: Band | None = None
    nearest_ids: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    axis: str = ""

    @property
    def columns(self) -> int:
        """Number of frames of each path."""
        return len(self.positions)


@dataclass(frozen=True)
class Changes(_ReadOnly):
    """Where each frame's picture differs from the one that it is compared with.

    Attributes
    ----------
    maps : float64 (N, H, W), largest difference over the channels, in grey levels of 0..255; all NaN for a frame that
        is compared with nothing or not decoded yet.
    threshold : grey levels above which a pixel counts as changed.
    """

    maps: Floats
    threshold: float

    @property
    def span(self) -> tuple[float, float]:
        """Ends of the colour scale that all maps share, in grey levels."""
        finite = self.maps[np.isfinite(self.maps)]
        return 0.0, max(1.0, float(finite.max())) if len(finite) else 1.0

    def known(self, frame: int) -> bool:
        """Whether a frame has a map."""
        return bool(np.isfinite(self.maps[frame]).any())


@dataclass(frozen=True)
class ImageGrid(_ReadOnly):
    """Pictures in rows and columns, e.g. samples, or originals over their reconstructions.

    Attributes
    ----------
    originals : uint8 (N, H, W, C) or None
        Input pictures that belong to the frames (for reconstructions), drawn above them.
    error : float64 (N,) or None
        Root-mean-square pixel error between original and frame, in grey levels of 0..255.
    row_labels : one per row, or none.
    changes : maps of change, drawn beneath the frames.
    measures : further numbers of each frame.
    members : dataset indices of the images that a frame stands for, int64 (n,) each; a click selects them. Empty for
        grids whose frames stand for nothing but themselves.
    """

    frames: Frames
    columns: int
    labels: tuple[str, ...] = ()
    originals: Bytes | None = None
    error: Floats | None = None
    row_labels: tuple[str, ...] = ()
    changes: Changes | None = None
    measures: tuple[Measure, ...] = ()
    members: tuple[NDArray[np.int64], ...] = ()
    norm_band: Band | None = None
    log_prob_band: Band | None = None
    nearest_ids: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line(_ReadOnly):
    """One line or set of markers of a `Curve` or `Distribution`. `role` chooses colour and dash for all faces alike.

    `low` and `high`, float64 of the same length, are the ends of an interval around each y, drawn as a shade.
    """

    label: str
    x: Floats
    y: Floats
    role: Literal["data", "train", "held_out", "reference", "other"] = "data"
    style: Literal["line", "markers", "both"] = "line"
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True)
class Curve(_ReadOnly):
    """Lines over one pair of axes. Non-finite y values are gaps; how many there are is said in `notes`."""

    lines: tuple[Line, ...]
    x_label: str
    y_label: str
    x_log: bool = False
    y_log: bool = False
    band: Band | None = None
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Histogram(_ReadOnly):
    """Counts over bins, normalised on demand. `members` lets a brush select the images of a bar."""

    label: str
    edges: Floats
    counts: Floats
    role: Literal["data", "train", "held_out", "reference", "other"] = "data"
    values: Floats | None = None
    members: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Axis(_ReadOnly):
    """The line that the values of a distribution are projections on.

    Attributes
    ----------
    space : ``"latent"`` for codes, ``"image"`` for pixels in [-1, 1] as the model sees them, flattened from (C, H, W).
    unit : float32 (D,) unit vector, or zeros where there is no such line.
    factor : pixels were averaged over squares of this edge in px before they were projected.
    """

    name: str
    space: Literal["latent", "image"]
    unit: NDArray[np.float32]
    factor: int = 1


@dataclass(frozen=True)
class Distribution(_ReadOnly):
    """Histograms on common axes with reference densities (already scaled to counts) and a typical band."""

    histograms: tuple[Histogram, ...]
    x_label: str
    y_label: str = "images"
    references: tuple[Line, ...] = ()
    band: Band | None = None
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()
    axis: Axis | None = None


@dataclass(frozen=True)
class Bars(_ReadOnly):
    """One bar per label and series; `values` is float64 (series, labels), NaN where there is none."""

    labels: tuple[str, ...]
    series: tuple[str, ...]
    values: Floats
    y_label: str
    roles: tuple[Literal["data", "train", "held_out", "reference", "other"], ...] = ()
    members: tuple[tuple[int, ...], ...] = ()
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table(_ReadOnly):
    """Rows of numbers and words. A cell is str, int, float or None; floats are shown with `digits` decimals.

    Attributes
    ----------
    shaded : numbers of the columns whose values, on one scale from 0 to 1, are shown as a tint of the cell, too.
    members : dataset indices of the images that a row stands for, int64 (n,) each; a click selects them.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]
    digits: int = 2
    shaded: tuple[int, ...] = ()
    members: tuple[NDArray[np.int64], ...] = ()
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scatter(_ReadOnly):
    """Points float64 (N, 2) with the dataset index of each, -1 for none, coloured by a label."""

    points: Floats
    members: NDArray[np.int64]
    groups: NDArray[np.int64]
    group_labels: tuple[str, ...]
    x_label: str = ""
    y_label: str = ""
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heatmap(_ReadOnly):
    """A stack of maps float64 (N, H, W), drawn side by side; `diverging` maps are centred on zero.

    A matrix has names of its rows and columns, and then its numbers are written into it.
    """

    maps: Floats
    labels: tuple[str, ...]
    diverging: bool = False
    columns: int = 5
    unit: str = ""
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[float, float]:
        """Ends of the colour scale that all maps share."""
        finite = self.maps[np.isfinite(self.maps)]
        if not len(finite):
            return (-1.0, 1.0) if self.diverging else (0.0, 1.0)
        if self.diverging:
            reach = float(np.abs(finite).max()) or 1.0
            return -reach, reach
        low, high = float(finite.min()), float(finite.max())
        return low, high if high > low else low + 1.0


Single = Strip | ImageGrid | Curve | Distribution | Bars | Table | Scatter | Heatmap


@dataclass(frozen=True)
class Sheet(_ReadOnly):
    """Several results of one analysis, shown under one another, e.g. a table and its bars."""

    parts: tuple[Single, ...]
    title: str = ""
    caption: str = ""


Result = Single | Sheet


@dataclass(frozen=True)
class Partial:
    """A step of a running recipe: how far it is, and what can be shown already.

    Attributes
    ----------
    fraction : float in [0, 1]; 1 means that `result` is final.
    message : what is being done, for the progress line.
    """

    fraction: float
    result: Result | None = None
    message: str = ""
    seconds: float = field(default=0.0, compare=False)


def final(parts: Iterator[Partial]) -> Result:
    """Run a generator of partial results to its end and return the last result.

    Raises
    ------
    RuntimeError
        The generator gave no result at all.
    """
    result: Result | None = None
    for part in parts:
        if part.result is not None:
            result = part.result
    if result is None:
        raise RuntimeError("the recipe ended without a result")
    return result
