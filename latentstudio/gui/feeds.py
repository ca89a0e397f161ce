"""Datasets, thumbnails, single pictures and measured columns: what the window asks the engine besides recipes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.gui.lanes import Lanes
from latentstudio.gui.views import FetchProgress, PictureReady
from latentstudio.studio.requests import (
    Answer,
    ColumnsReady,
    DatasetColumns,
    DatasetFacts,
    OpenDataset,
    Picture,
    ThumbnailBatch,
    Thumbnails,
    Urgency,
)


@dataclass(frozen=True)
class FeedEvents:
    """Where the answers go."""

    opened: Callable[[str, DatasetFacts], None]
    progress: Callable[[FetchProgress], None]
    thumbnails: Callable[[ThumbnailBatch], None]
    picture: Callable[[PictureReady], None]
    columns: Callable[[ColumnsReady | None], None]
    failed: Callable[[str], None]


class Feeds:
    """Opens datasets and brings their pictures and columns."""

    def __init__(self, lanes: Lanes, events: FeedEvents) -> None:
        self._lanes = lanes
        self._events = events
        self._columns_of: tuple[ModelRef, DataRef] | None = None
        self.columns: ColumnsReady | None = None

    def open(self, spec: str, fetch: bool = False) -> None:
        """Open a dataset, or do nothing while it is being opened; `fetch` allows a download."""
        lane = f"dataset:{spec}"
        if self._lanes.running(lane) and not fetch:
            return
        self._lanes.submit(lane, Urgency.VISIBLE, OpenDataset(spec, fetch), lambda answer: self._dataset(spec, answer))

    def cancel_open(self, spec: str) -> None:
        """Stop opening or downloading a dataset."""
        self._lanes.cancel(f"dataset:{spec}")
        self._events.progress(FetchProgress(spec, 0.0, "", done=True, error="Stopped."))

    def _dataset(self, spec: str, answer: Answer) -> None:
        if answer.error:
            self._events.progress(FetchProgress(spec, 0.0, "", done=True, error=answer.error))
        elif isinstance(answer.payload, DatasetFacts):
            self._events.progress(FetchProgress(spec, 1.0, "", done=True))
            self._events.opened(spec, answer.payload)
        else:
            self._events.progress(FetchProgress(spec, answer.fraction, answer.message))

    def thumbnails(self, data: DataRef, indices: Sequence[int], edge: int, lane: str) -> None:
        """Ask for small pictures; a newer request of the same `lane` replaces this one."""
        request = Thumbnails(data, tuple(int(i) for i in indices), edge)
        self._lanes.submit(f"thumbnails:{lane}", Urgency.THUMBNAILS, request, self._thumbnails)

    def cancel_thumbnails(self, lane: str) -> None:
        """Forget the small pictures that have not come yet."""
        self._lanes.cancel(f"thumbnails:{lane}")

    def _thumbnails(self, answer: Answer) -> None:
        if isinstance(answer.payload, ThumbnailBatch):
            self._events.thumbnails(answer.payload)
        elif answer.error:
            self._events.failed(answer.error)

    def picture(self, data: DataRef, index: int) -> None:
        """Ask for one picture at its native resolution."""

        def arrived(answer: Answer) -> None:
            if isinstance(answer.payload, np.ndarray):
                self._events.picture(PictureReady(data.spec, index, answer.payload))
            elif answer.error:
                self._events.failed(answer.error)

        self._lanes.submit(f"picture:{data.spec}:{index}", Urgency.VISIBLE, Picture(data, index), arrived)

    def measure(self, model: ModelRef | None, data: DataRef | None) -> None:
        """Ask for norm and log-density of every image, once for every pair of model and dataset."""
        wanted = (model, data) if model is not None and data is not None else None
        if wanted == self._columns_of:
            return
        self._columns_of = wanted
        self._lanes.cancel("columns")
        self.columns = None
        self._events.columns(None)
        if model is not None and data is not None:
            self._lanes.submit("columns", Urgency.BACKGROUND, DatasetColumns(model, data), self._columns)

    def _columns(self, answer: Answer) -> None:
        if isinstance(answer.payload, ColumnsReady):
            self.columns = answer.payload
            self._events.columns(answer.payload)
        elif answer.error:
            self._events.failed(answer.error)
