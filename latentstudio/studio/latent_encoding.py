"""Encode a whole dataset under a model into a latent store, in chunks short enough for the hand to wait."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.data.latent_manifest import DTYPES, SHARD_ROWS, Manifest, read_manifest
from latentstudio.data.latent_shelf import place_of, store_facts
from latentstudio.data.latent_writer import LatentWriter
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.errors import UserError
from latentstudio.figures.readouts import Floats, encode_and_score
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.studio.store_requests import CodesStored, StoreCodes
from latentstudio.studio.worker import Job, Step
from latentstudio.studio.workspace import Workspace

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

HAND_WAITS = 0.05
"""Seconds that a chunk may take: what the first move of a drag waits for at worst; the pass rests during the others."""

_MOST = 256
_PROBES = 16
_RECENT = 20.0
_STARVED = 0.2


@dataclass(frozen=True)
class Progress:
    """How far a pass is.

    Attributes
    ----------
    done, planned : images stored, and those that this part of the store will hold.
    encoded : images that this run has encoded ; encode_seconds : time in the model, writing left out.
    lost : a sentence about images whose pictures cannot be read; empty when there is none.
    """

    done: int
    planned: int
    encoded: int = 0
    encode_seconds: float = 0.0
    message: str = "Encoding"
    lost: str = ""

    @property
    def fraction(self) -> float:
        """Share that is stored."""
        return self.done / self.planned if self.planned else 1.0


def plan(
    workspace: Workspace,
    model: ModelRef,
    data: DataRef,
    dtype: str = "float32",
    part: tuple[int, int] = (1, 1),
    shard_rows: int = SHARD_ROWS,
) -> Manifest:
    """Return the empty manifest of a store of `data` under `model`.

    Raises
    ------
    UserError
        The model has no encoder, or there is no such model, dataset, number type or part.
    """
    info, images = workspace.info(model), workspace.dataset(data)
    if "encode" not in info.abilities:
        raise UserError(f"The model '{info.name}' has no encoder.")
    if dtype not in DTYPES:
        raise UserError(f"Codes cannot be stored as '{dtype}'; {' or '.join(DTYPES)} would do.")
    if not 1 <= part[0] <= part[1]:
        raise UserError(f"There is no part {part[0]} of {part[1]}; 1/{max(part[1], 1)} would do.")
    return Manifest(
        model=info.name,
        model_digest=workspace.model_digest(model),
        snapshot=model.snapshot,
        data=images.spec,
        data_title=images.title,
        data_digest=images.digest,
        rows=len(images),
        size=info.latent_size,
        dtype=dtype,
        density="log_prob" in info.abilities,
        shard_rows=shard_rows,
        part=part,
    )


def encode_into_store(
    workspace: Workspace,
    model: ModelRef,
    data: DataRef,
    manifest: Manifest,
    folder: Path | None = None,
    chunk: int = 0,
) -> Iterator[Progress]:
    """Encode what is missing of a store; may be dropped at any yield and taken up again.

    A picture that cannot be read takes a place without numbers; the pass ends when none can be read any more.

    Parameters
    ----------
    manifest : from `plan` ; folder : where the store lies, by default in the cache.
    chunk : images between two yields; 0 for as many as the hand on the mouse can wait for.

    Raises
    ------
    UserError
        The pictures are gone, the disk is full, or the folder is not ours to write.
    """
    images, network = workspace.dataset(data), workspace.model(model)
    size = chunk or 1
    with LatentWriter(folder or place_of(manifest), manifest) as writer:
        for message in writer.prepare():
            yield Progress(writer.done, writer.planned, message=message)
        encoded, seconds, lost = 0, 0.0, Unreadable()
        while rows := writer.next_rows(size):
            began = time.perf_counter()
            pixels, read = read_images(images, np.arange(rows.start, rows.stop), lost)
            if not read.all() and _gone(workspace.raw_dataset(data.spec)):
                raise UserError(
                    f"The pictures of {images.title} cannot be read any more; {writer.done:,} of {writer.planned:,} "
                    f"images are kept. The first: {lost.reasons[rows[int(np.argmin(read))]]}"
                )
            codes, log_probs, spent = _encoded(network, pixels, read, manifest)
            writer.append(codes, log_probs, read)
            seconds, encoded = seconds + spent, encoded + len(rows)
            if not chunk:
                size = _next_size(size, (time.perf_counter() - began) / len(rows))
            yield Progress(writer.done, writer.planned, encoded, seconds, lost=lost.sentence())
        yield Progress(writer.done, writer.planned, encoded, seconds, "Stored", lost.sentence())


def _gone(data: ImageSet) -> bool:
    """Whether pictures from all over the dataset cannot be read: its drive is gone, not one file broken."""
    for index in np.unique(np.linspace(0, len(data) - 1, min(len(data), _PROBES)).astype(np.int64)):
        try:
            data.images([int(index)])
        except UserError:
            continue
        return False
    return True


def _encoded(
    network: "LatentModel", pixels: NDArray[np.uint8], read: NDArray[np.bool_], manifest: Manifest
) -> tuple[NDArray[np.float32], Floats | None, float]:
    """Codes (n, D) and log-densities (n,) with a place for every picture asked for, and the seconds in the model."""
    from latentstudio.data.prepare import fit

    codes = np.zeros((len(read), manifest.size), dtype=np.float32)
    log_probs = np.zeros(len(read)) if manifest.density else None
    if not len(pixels):
        return codes, log_probs, 0.0
    images = fit(pixels, network.image_shape)
    began = time.perf_counter()
    found, densities = encode_and_score(network, images)
    spent = time.perf_counter() - began
    if len(found) == len(codes):
        return found, densities, spent
    codes[read] = found
    if log_probs is not None and densities is not None:
        log_probs[read] = densities
    return codes, log_probs, spent


def _next_size(size: int, per_image: float) -> int:
    """As many images as fit into `HAND_WAITS`, at most twice as many as before."""
    return int(min(max(HAND_WAITS / per_image, 1), 2 * size, _MOST))


def store_codes(request: StoreCodes, workspace: Workspace) -> Job:
    """Return the job of a `StoreCodes` request."""
    folder, manifest = _place_and_plan(request, workspace)
    last, pace, worked = Progress(0, 0), _Pace(), 0.0
    parts, began = encode_into_store(workspace, request.model, request.data, manifest, folder), time.monotonic()
    for part in parts:
        last, worked = part, worked + time.monotonic() - began
        words = f"{last.message}: {last.done:,} of {last.planned:,} images{pace.words(last, worked)}"
        yield Step(fraction=0.999 * last.fraction, message=words)
        began = time.monotonic()
    stored = CodesStored(str(folder), last.done, last.encoded, store_facts(folder).bytes, last.lost)
    yield Step(stored, 1.0, final=True)


def _place_and_plan(request: StoreCodes, workspace: Workspace) -> tuple[Path, Manifest]:
    if not request.folder:
        manifest = plan(workspace, request.model, request.data, request.dtype)
        return place_of(manifest), manifest
    folder = Path(request.folder)
    begun = read_manifest(folder)
    manifest = plan(workspace, request.model, request.data, begun.dtype, begun.part, begun.shard_rows)
    for what, name, before, now in (
        ("model", begun.model, begun.model_digest, manifest.model_digest),
        ("data set", begun.data_title, begun.data_digest, manifest.data_digest),
    ):
        if before != now:
            raise UserError(
                f"The {what} {name} has changed since this store was begun, so its codes are not continued; "
                "clear it and encode anew."
            )
    return folder, manifest


class _Pace:
    """Images a second over the last `_RECENT` seconds, and how long the rest will take at that."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int, float]] = deque()

    def words(self, progress: Progress, worked: float) -> str:
        """Return words such as ``" · 85 a second · 37 min left"``; empty before it is known.

        `worked` is the time in seconds that the pass has had; when it is little, what is on screen is computed first.
        """
        now = time.monotonic()
        if progress.encoded:
            self._past.append((now, progress.encoded, worked))
        while len(self._past) > 2 and now - self._past[0][0] > _RECENT:
            self._past.popleft()
        if len(self._past) < 2 or now - self._past[0][0] < 0.5 or progress.done == progress.planned:
            return ""
        if worked - self._past[0][2] < _STARVED * (now - self._past[0][0]):
            return " · waits for what is on screen"
        rate = (self._past[-1][1] - self._past[0][1]) / (now - self._past[0][0])
        if rate <= 0:
            return ""
        return f" · {rate:,.0f} a second · {time_words((progress.planned - progress.done) / rate)} left"


def time_words(seconds: float) -> str:
    """Write a time as a person would say it: ``"40 s"``, ``"37 min"``, ``"2.4 h"``."""
    if seconds < 99:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
