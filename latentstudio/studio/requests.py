"""Plain data that crosses from a face of the program to the worker and back; no torch, no Qt."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from latentstudio.figures.recipe import DataRef, Figure, ModelRef, Recipe
from latentstudio.studio.store_requests import ClearStores, ListStores, StoreCodes, VerifyStore


class Urgency(IntEnum):
    """Which job the worker advances first; a smaller number goes first."""

    HAND = 0
    VISIBLE = 1
    THUMBNAILS = 2
    BACKGROUND = 3


@dataclass(frozen=True)
class RunRecipe:
    """Run a recipe; answers are `results.Partial`."""

    recipe: Recipe


@dataclass(frozen=True)
class OpenDataset:
    """Open a dataset; the answer is `DatasetFacts`, with progress texts before it (downloads)."""

    spec: str
    fetch: bool = False


@dataclass(frozen=True)
class DatasetFacts:
    """What the window knows of a dataset: everything but the pixels.

    Attributes
    ----------
    ids : names of the images, or None when they are just numbers (``str(index)``).
    attributes : the AttributeTable; splits : as published with the data, or None.
    notes : sentences about what was left out or repaired while opening.
    """

    spec: str
    title: str
    size: int
    image_shape: tuple[int, int, int]
    digest: str
    ids: tuple[str, ...] | None
    attributes: Any
    splits: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures of dataset images; the answer is `ThumbnailBatch`, in chunks, in the order of `indices`."""

    data: DataRef
    indices: tuple[int, ...]
    edge: int


@dataclass(frozen=True)
class ThumbnailBatch:
    """uint8 (n, edge, edge, 3) pictures of `indices`; `failed` maps an index to the sentence that says why."""

    spec: str
    edge: int
    indices: tuple[int, ...]
    pixels: Any
    failed: dict[int, str]


@dataclass(frozen=True)
class Picture:
    """One picture at its native resolution; the answer is uint8 (h, w, C)."""

    data: DataRef
    index: int


@dataclass(frozen=True)
class DatasetColumns:
    """Norm and log-density of every image under a model, to sort and filter by; answers are `ColumnsReady`."""

    model: ModelRef
    data: DataRef


@dataclass(frozen=True)
class ColumnsReady:
    """float64 (N,) columns, NaN where not computed (yet); `fraction` of the images done."""

    norm: Any
    log_prob: Any | None
    fraction: float


@dataclass(frozen=True)
class Inspect:
    """Everything about one code; the answer is `figures.inspect.Inspection`."""

    recipe: Recipe


@dataclass(frozen=True)
class ReadPhoto:
    """A photo file for a person to mark the eyes on; the answer is uint8 (h, w, C), upright.

    Attributes
    ----------
    longest : the longer side is reduced to this many px, so that a crop can follow the hand.
    """

    path: str
    longest: int = 1600


@dataclass(frozen=True)
class AlignPhoto:
    """Crop a photo file by two eye positions (x, y in px of the upright photo), or by its centre when eyes is None.

    The answer is uint8 (H, W, C).

    Attributes
    ----------
    image_shape : (C, H, W) that the model wants, as `ModelInfo.image_shape`.
    data : the dataset specification whose framing is used; empty for CelebA's.
    """

    path: str
    eyes: tuple[tuple[float, float], tuple[float, float]] | None
    image_shape: tuple[int, int, int]
    data: str = ""


@dataclass(frozen=True)
class RenderFigure:
    """Draw a figure to a file (or to PNG bytes when `path` is None); the answer is the path or the bytes."""

    figure: Figure
    path: str | None
    format: str


@dataclass(frozen=True)
class Preload:
    """Get models and datasets ready, so that the first recipe finds them; the answer is progress alone."""

    models: tuple[ModelRef, ...] = ()
    datasets: tuple[DataRef, ...] = ()


Request = (
    RunRecipe
    | OpenDataset
    | Thumbnails
    | Picture
    | DatasetColumns
    | StoreCodes
    | ListStores
    | VerifyStore
    | ClearStores
    | Inspect
    | ReadPhoto
    | AlignPhoto
    | RenderFigure
    | Preload
)


@dataclass(frozen=True)
class Ticket:
    """The number of a request within its lane; newer requests have greater numbers."""

    lane: str
    number: int


@dataclass(frozen=True)
class Answer:
    """A step of a request's answer.

    Attributes
    ----------
    payload : what the request's docstring promises; None for pure progress.
    done : no more answers will come for this ticket.
    error : a sentence when the request failed; detail : the traceback for the log.
    milliseconds : working time spent so far on this request.
    """

    ticket: Ticket
    payload: Any = None
    fraction: float = 0.0
    message: str = ""
    done: bool = False
    error: str = ""
    detail: str = ""
    milliseconds: float = 0.0


@dataclass(frozen=True)
class EngineStatus:
    """A sign of life: where the work runs and what it holds.

    Attributes
    ----------
    host : ``"thread"`` or ``"process"``; pid : the process that computes, 0 while there is none.
    memory_bytes : resident memory of that process.
    models : names of the loaded models.
    message : a sentence for the person, e.g. that the engine died and was started again; mostly empty.
    alive : False when the engine has given up; every further request is answered with an error.
    """

    host: str
    device: str
    threads: int
    memory_bytes: int
    models: tuple[str, ...]
    pid: int = 0
    message: str = ""
    alive: bool = True


Listener = Callable[[Answer | EngineStatus], None]


class Engine(Protocol):
    """A worker somewhere: a thread of this process (`ThreadEngine`) or a process of its own (`ProcessEngine`)."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Register a function that receives every `Answer` and `EngineStatus`; the function returned ends that.

        It is called from a thread of the engine's choosing and must return quickly.
        """
        ...

    def submit(self, lane: str, urgency: Urgency, request: Request) -> Ticket:
        """Ask for something; returns at once.

        Newest request of a lane wins: an earlier one of that lane that has not started is forgotten, a running one is
        dropped at its next chunk, and neither is answered any more.
        """
        ...

    def cancel(self, lane: str) -> None:
        """Drop what runs or waits in a lane; it is not answered any more."""
        ...

    def close(self, timeout: float = 5.0) -> None:
        """End within `timeout` seconds, even in the middle of work; later requests are ignored."""
        ...
