"""Encode a whole dataset under a model into a latent store, in chunks short enough for the hand to wait."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentstudio.data.latent_manifest import DTYPES, SHARD_ROWS, Manifest
from latentstudio.data.latent_shelf import place_of, store_facts, stores
from latentstudio.data.latent_store import LatentStore, verify
from latentstudio.data.latent_writer import LatentWriter
from latentstudio.errors import UserError
from latentstudio.figures.readouts import encode_and_score
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.studio.requests import CodesStored, StoreCodes
from latentstudio.studio.worker import Job, Step
from latentstudio.studio.workspace import Workspace, chunk_of


@dataclass(frozen=True)
class Progress:
    """How far a pass is.

    Attributes
    ----------
    done, planned : images stored, and those that this part of the store will hold.
    encoded : images that this run has encoded ; encode_seconds : time in the model, writing left out.
    """

    done: int
    planned: int
    encoded: int = 0
    encode_seconds: float = 0.0
    message: str = "Encoding"

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

    Parameters
    ----------
    manifest : from `plan` ; folder : where the store lies, by default in the cache.
    chunk : images between two yields; 0 for as many as the hand on the mouse can wait for.

    Raises
    ------
    UserError
        A picture cannot be read, the disk is full, or the folder is not ours to write.
    """
    from latentstudio.data.prepare import fit

    images = workspace.dataset(data)
    network = workspace.model(model)
    step = chunk or chunk_of(images)
    with LatentWriter(folder or place_of(manifest), manifest) as writer:
        for message in writer.prepare():
            yield Progress(writer.done, writer.planned, message=message)
        encoded, seconds = 0, 0.0
        while rows := writer.next_rows(step):
            pixels = images.images(np.arange(rows.start, rows.stop))
            began = time.perf_counter()
            codes, log_probs = encode_and_score(network, fit(pixels, network.image_shape))
            seconds += time.perf_counter() - began
            writer.append(codes, log_probs)
            encoded += len(rows)
            yield Progress(writer.done, writer.planned, encoded, seconds)
        yield Progress(writer.done, writer.planned, encoded, seconds, "Stored")


def store_codes(request: StoreCodes, workspace: Workspace) -> Job:
    """Return the job of a `StoreCodes` request."""
    manifest = plan(workspace, request.model, request.data, request.dtype)
    last = Progress(0, 0)
    for part in encode_into_store(workspace, request.model, request.data, manifest):
        last = part
        yield Step(fraction=0.999 * last.fraction, message=f"{last.message}: {last.done:,} of {last.planned:,} images")
    folder = place_of(manifest)
    stored = CodesStored(str(folder), last.done, last.encoded, store_facts(folder).bytes)
    yield Step(stored, 1.0, final=True)


def complete_store(workspace: Workspace, model: ModelRef, data: DataRef) -> Generator[None, None, LatentStore | None]:
    """Find the complete store of a dataset under a model in the cache, the most exact one, and return it; or None.

    Yields between blocks of files that are verified, which is most often none. A damaged store counts as absent: it is
    put in order when it is next written.
    """
    digests = (workspace.model_digest(model), workspace.dataset(data).digest)
    found = []
    for facts in stores():
        manifest = facts.manifest
        if manifest and manifest.complete and (manifest.model_digest, manifest.data_digest) == digests:
            found.append((tuple(DTYPES).index(manifest.dtype), str(facts.folder), manifest))
    for _, folder, manifest in sorted(found, key=lambda entry: entry[:2]):
        faults = []
        for fault in verify(Path(folder), manifest):
            if fault:
                faults.append(fault)
            yield
        if not faults:
            return LatentStore(Path(folder), manifest)
    return None
