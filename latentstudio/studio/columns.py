"""Norm and log-density of every image of a dataset, filled in as they become known, kept on disk once complete."""

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.readable import Unreadable, read_images
from latentstudio.figures.readouts import LIMIT, encode_and_score
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.steps import retold
from latentstudio.studio.requests import ColumnsReady, DatasetColumns
from latentstudio.studio.worker import Job, Step
from latentstudio.studio.workspace import Workspace, chunk_of

TELL_EVERY = 0.25
"""Seconds between two deliveries of whole columns, which are megabytes for a large dataset."""

_SAVE_EVERY = 20.0

_Floats = NDArray[np.float64]


def dataset_columns(request: DatasetColumns, workspace: Workspace) -> Job:
    """Return the job of a `DatasetColumns` request."""
    told = -1.0
    for columns in _growing(request.model, request.data, workspace):
        final = columns.fraction >= 1.0
        if final or told < 0 or time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            yield Step(_copied(columns), columns.fraction, final=final)
        else:
            yield Step(fraction=columns.fraction)


def _copied(columns: ColumnsReady) -> ColumnsReady:
    log_prob = None if columns.log_prob is None else columns.log_prob.copy()
    return ColumnsReady(columns.norm.copy(), log_prob, columns.fraction)


def _growing(model: ModelRef, data: DataRef, workspace: Workspace) -> Iterator[ColumnsReady]:
    size = len(workspace.dataset(data))
    if size > LIMIT:
        yield from _whole_pass(model, data, workspace)
        return
    # A dataset this small is summarised whole for the readouts anyway: one pass serves both.
    norm = np.full(size, np.nan)
    log_prob = np.full(size, np.nan) if "log_prob" in workspace.info(model).abilities else None
    for codes in workspace.codes(model, data):
        norm[codes.indices] = codes.norms
        if log_prob is not None and codes.log_probs is not None:
            log_prob[codes.indices] = codes.log_probs
        yield ColumnsReady(norm, log_prob, codes.fraction)


def _whole_pass(model: ModelRef, data: DataRef, workspace: Workspace) -> Iterator[ColumnsReady]:
    """Encode every image; what is known is saved now and then and when the pass is dropped, and taken up again."""
    looking = workspace.find_latent_store(model, data)
    nothing = ColumnsReady(np.full(len(workspace.dataset(data)), np.nan), None, 0.0)
    stored = yield from retold(looking, lambda _step: nothing)
    if stored is not None:
        yield ColumnsReady(stored.norms, stored.log_probs, 1.0)
        return
    images = workspace.dataset(data)
    key = json.dumps(["columns", 1, workspace.model_digest(model), images.digest])
    has_density = "log_prob" in workspace.info(model).abilities
    norm, log_prob = _stored(workspace, key, len(images), has_density)
    saved = time.monotonic()
    unknown = np.flatnonzero(np.isnan(norm))
    fresh, chunk = False, chunk_of(images)
    try:
        for start in range(0, len(unknown), chunk):
            rows = unknown[start : start + chunk]
            pixels, kept = read_images(images, rows, Unreadable())
            if kept.any():
                norm[rows[kept]], densities = _measured(model, workspace, pixels)
                if log_prob is not None and densities is not None:
                    log_prob[rows[kept]] = densities
                fresh = True
            yield ColumnsReady(norm, log_prob, (len(norm) - len(unknown) + start + len(rows)) / len(norm))
            if time.monotonic() - saved > _SAVE_EVERY:
                _save(workspace, key, norm, log_prob)
                saved, fresh = time.monotonic(), False
    finally:
        if fresh:
            _save(workspace, key, norm, log_prob)
    if not len(unknown):
        yield ColumnsReady(norm, log_prob, 1.0)


def _measured(model: ModelRef, workspace: Workspace, pixels: NDArray[np.uint8]) -> tuple[_Floats, _Floats | None]:
    from latentstudio.data.prepare import fit

    network = workspace.model(model)
    codes, densities = encode_and_score(network, fit(pixels, network.image_shape))
    # Codes that are not finite have an infinite norm here: known, and sorted last.
    norms = np.linalg.norm(np.nan_to_num(codes.astype(np.float64), nan=np.inf), axis=1)
    return norms, densities


def _stored(workspace: Workspace, key: str, size: int, density: bool) -> tuple[_Floats, _Floats | None]:
    arrays: dict[str, NDArray[Any]] = workspace.store.read(key) or {}
    norm, log_prob = arrays.get("norm"), arrays.get("log_prob")
    fits = norm is not None and norm.shape == (size,) and norm.dtype == np.float64
    if density:
        fits = fits and log_prob is not None and log_prob.shape == (size,) and log_prob.dtype == np.float64
    if fits and norm is not None:
        return norm, log_prob if density else None
    return np.full(size, np.nan), np.full(size, np.nan) if density else None


def _save(workspace: Workspace, key: str, norm: _Floats, log_prob: _Floats | None) -> None:
    workspace.store.write(key, {"norm": norm} | ({"log_prob": log_prob} if log_prob is not None else {}))
