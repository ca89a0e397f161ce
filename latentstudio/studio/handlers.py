"""What each request of `studio.requests` does: a generator per kind, each chunk short enough for the hand to wait."""

import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from latentstudio.data.imageset import ImageSet
from latentstudio.figures.recipe import Figure
from latentstudio.paths import replacing
from latentstudio.results import Partial, Result
from latentstudio.studio.beside import beside
from latentstudio.studio.cache import ResultCache
from latentstudio.studio.columns import dataset_columns
from latentstudio.studio.host import Holdings
from latentstudio.studio.photo_jobs import align_photo, read_photo
from latentstudio.studio.requests import (
    AlignPhoto,
    DatasetColumns,
    DatasetFacts,
    Inspect,
    OpenDataset,
    Picture,
    Preload,
    ReadPhoto,
    RenderFigure,
    RunRecipe,
    ThumbnailBatch,
    Thumbnails,
)
from latentstudio.studio.store_jobs import clear_stores, list_stores, verify_store
from latentstudio.studio.store_requests import ClearStores, ListStores, StoreCodes, VerifyStore
from latentstudio.studio.worker import Job, Step
from latentstudio.studio.workspace import Workspace

RESULTS_BYTES = 64 << 20
THUMBNAILS_CHUNK = 24
IDS_CHUNK = 20_000


def make_handlers(device: str = "cpu", ahead: bool = False) -> "Handlers":
    """Build the tools of an engine.

    Parameters
    ----------
    ahead : import torch at once, in a thread beside the worker, so that the first recipe need not wait for all of it.
    """
    handlers = Handlers(Workspace(device))
    if ahead:
        threading.Thread(target=_import_torch, name="import-torch", daemon=True).start()
    return handlers


class Handlers:
    """The tools of the real engine: requests to jobs over one workspace.

    Parameters
    ----------
    workspace : what is open.
    results_bytes : most that finished results may take, which are given again when the same recipe comes back.
    """

    def __init__(self, workspace: Workspace, results_bytes: int = RESULTS_BYTES) -> None:
        self.workspace = workspace
        self._results = ResultCache(results_bytes)
        self._jobs: dict[type[Any], Callable[[Any], Job]] = {
            RunRecipe: self._run_recipe,
            OpenDataset: self._open_dataset,
            Thumbnails: self._thumbnails,
            Picture: self._picture,
            DatasetColumns: self._columns,
            StoreCodes: self._store,
            ListStores: lambda request: list_stores(request, self.workspace),
            VerifyStore: verify_store,
            ClearStores: clear_stores,
            Inspect: self._inspect,
            ReadPhoto: read_photo,
            AlignPhoto: align_photo,
            RenderFigure: self._render,
            Preload: self._preload,
        }

    def start(self, request: Any) -> Job:
        """Return the job of a request.

        Raises
        ------
        TypeError
            It is no request.
        """
        if type(request) not in self._jobs:
            raise TypeError(f"{type(request).__name__} is no request")
        return self._jobs[type(request)](request)

    def release_memory(self) -> None:
        """Let go of everything that can be loaded or computed again."""
        self._results.clear()
        self.workspace.release_memory()

    def holdings(self) -> Holdings:
        """Say what is loaded."""
        return self.workspace.holdings()

    def close(self) -> None:
        """Have nothing of its own to end."""

    def _run_recipe(self, request: RunRecipe) -> Job:
        from latentstudio.figures.run import run_recipe

        recipe = request.recipe
        yield from _numerics()
        key = f"{recipe.key} {self.workspace.model_digest(recipe.model) if recipe.model else ''}"
        known = self._results.get(key)
        if known is not None:
            yield Step(Partial(1.0, known), 1.0, final=True)
            return
        for partial in run_recipe(recipe, self.workspace):
            final = partial.fraction >= 1.0 and partial.result is not None
            if final and partial.result is not None:
                self._results.put(key, partial.result)
            yield Step(partial, partial.fraction, partial.message, final)

    def _open_dataset(self, request: OpenDataset) -> Job:
        verb = "Downloading" if request.fetch else "Opening"
        yield Step(message=f"{verb} {request.spec} …")
        workspace, spec = self.workspace, request.spec
        if request.fetch or not _quick(spec):
            data = yield from beside(lambda: workspace.open_anew(spec, request.fetch), f"{verb} {spec} …")
            workspace.remember(spec, data)
        data = workspace.raw_dataset(spec)
        ids = yield from _ids(data)
        yield from beside(lambda: _touch_labels(data), "Reading labels …")
        yield Step(
            DatasetFacts(
                spec=data.spec,
                title=data.title,
                size=len(data),
                image_shape=data.image_shape,
                digest=data.digest,
                ids=ids,
                attributes=data.attributes,
                splits=data.splits,
                notes=tuple(getattr(data, "notes", ())),
            ),
            1.0,
            final=True,
        )

    def _thumbnails(self, request: Thumbnails) -> Job:
        cache = self.workspace.thumbnails(request.data.spec)
        total = len(request.indices)
        for start in range(0, total, THUMBNAILS_CHUNK):
            indices = request.indices[start : start + THUMBNAILS_CHUNK]
            pixels, failed = cache.batch(indices, request.edge)
            done = (start + len(indices)) / total
            batch = ThumbnailBatch(request.data.spec, request.edge, indices, pixels, failed)
            yield Step(batch, done, final=done >= 1.0)

    def _picture(self, request: Picture) -> Job:
        yield Step(self.workspace.raw_dataset(request.data.spec).picture(request.index), 1.0, final=True)

    def _columns(self, request: DatasetColumns) -> Job:
        yield from _numerics()
        yield from dataset_columns(request, self.workspace)

    def _store(self, request: StoreCodes) -> Job:
        from latentstudio.studio.latent_encoding import store_codes

        yield from _numerics()
        yield from store_codes(request, self.workspace)

    def _inspect(self, request: Inspect) -> Job:
        from latentstudio.figures.inspect import inspect_recipe

        yield from _numerics()
        told = None
        for inspection, fraction in inspect_recipe(request.recipe, self.workspace):
            yield Step(None if inspection is told else inspection, fraction, final=fraction >= 1.0)
            told = inspection

    def _render(self, request: RenderFigure) -> Job:
        from latentstudio.figures.embed import figure_json
        from latentstudio.figures.export import format_of, painted, sealed_figure

        form = "png" if request.path is None else format_of(Path(request.path), request.format or None)
        yield Step(message="Collecting codes …")
        figure = sealed_figure(request.figure, self.workspace)
        if form == "json":
            content = msgspec.json.format(figure_json(figure), indent=1)
        else:
            results = yield from self._results_of(figure)
            # Drawing is the longest part and needs nothing of the workspace: the hand need not wait for it.
            content = yield from beside(lambda: painted(figure, results, form), "Drawing …")
        if request.path is None:
            yield Step(content, 1.0, final=True)
            return
        with replacing(Path(request.path)) as stream:
            stream.write(content)
        yield Step(str(request.path), 1.0, final=True)

    def _results_of(self, figure: Figure) -> Generator[Step, None, list[list[Result]]]:
        from latentstudio.figures.run import run_recipe

        count, done = sum(map(len, figure.rows)), 0
        rows: list[list[Result]] = []
        for row in figure.rows:
            rows.append([])
            for recipe in row:
                last: Result | None = None
                for partial in run_recipe(recipe, self.workspace):
                    last = partial.result if partial.result is not None else last
                    yield Step(fraction=0.9 * (done + partial.fraction) / count, message=partial.message)
                if last is None:
                    raise RuntimeError(f"{recipe.name} ended without a result")
                rows[-1].append(last)
                done += 1
        return rows

    def _preload(self, request: Preload) -> Job:
        yield from _numerics()
        total = len(request.models) + len(request.datasets)
        for done, model in enumerate(request.models):
            yield Step(fraction=done / total, message=f"Loading {model.name} …")
            self.workspace.model(model)
        for done, data in enumerate(request.datasets, len(request.models)):
            yield Step(fraction=done / total, message=f"Opening {data.spec} …")
            self.workspace.dataset(data)
        yield Step(fraction=1.0, final=True)


def _numerics() -> Generator[Step, None, None]:
    """Have torch imported, which takes seconds, while jobs that need none of it go on."""
    # While a module is being imported it is there already, but not yet what it defines.
    if not hasattr(sys.modules.get("latentstudio.models.checkpoint"), "load"):
        yield from beside(_import_torch, "Starting the numerics …")


def _import_torch() -> None:
    import latentstudio.models.checkpoint  # noqa: F401 - what counts is that the next import is quick


def _quick(spec: str) -> bool:
    """Whether opening is a matter of milliseconds, or needs the workspace's models: then it happens in the worker."""
    return spec.partition("?")[0].partition(":")[0] in ("faces", "samples")


def _ids(data: ImageSet) -> Generator[Step, None, tuple[str, ...] | None]:
    """Collect the names of the images in chunks; None when they are just numbers, as a look at a few of them tells."""
    size = len(data)
    probe = np.unique(np.linspace(0, max(size - 1, 0), min(size, 64)).astype(np.int64))
    if all(data.image_id(int(i)) == str(i) for i in probe):
        return None
    names: list[str] = []
    for start in range(0, size, IDS_CHUNK):
        names += [data.image_id(i) for i in range(start, min(start + IDS_CHUNK, size))]
        yield Step(fraction=0.9 * len(names) / size, message="Reading names …")
    return tuple(names)


def _touch_labels(data: ImageSet) -> None:
    """Have labels computed here that are computed at the first look, rather than in the window."""
    for name in data.attributes:
        data.attributes[name]
        return
