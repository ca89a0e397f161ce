"""The folder of all latent stores: what is there, how much it takes, clearing it, and joining stores made in parts."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from latentstudio.data.latent_manifest import (
    DTYPES,
    Manifest,
    codes_name,
    read_manifest,
    scalars_name,
    write_manifest,
)
from latentstudio.data.latent_shard import OpenShard, journal_name
from latentstudio.data.latent_store import LatentStore, checksum, file_stamp, read_stamps, verify, write_stamps
from latentstudio.data.latent_writer import LatentWriter, is_ours, remove_store_files
from latentstudio.data.locks import locked
from latentstudio.errors import NewerVersionError, UserError
from latentstudio.paths import cache_home
from latentstudio.steps import retold

State = Literal["complete", "unfinished", "newer", "damaged"]


@dataclass(frozen=True)
class StoreFacts:
    """One folder of the shelf.

    Attributes
    ----------
    manifest : None when it cannot be read ; bytes : what its files take on disk ; note : why it cannot be used.
    stored : images that need not be encoded again, those of the shard at work included.
    """

    folder: Path
    manifest: Manifest | None
    state: State
    bytes: int
    note: str = ""
    stored: int = 0


def shelf() -> Path:
    """Folder of the stores that the program makes by itself, in the user's cache."""
    return cache_home() / "latents"


def place_of(plan: Manifest) -> Path:
    """Where the store of a plan lies unless another folder is given."""
    i, n = plan.part
    return shelf() / (plan.key if n == 1 else f"{plan.key}.{i}of{n}")


def stores(folder: Path | None = None) -> list[StoreFacts]:
    """Describe every store of a shelf by its manifest and sizes; nothing is verified."""
    home, found = folder or shelf(), []
    for path in sorted(home.iterdir()) if home.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # cleared by another process meanwhile
            if path.is_dir():
                found.append(store_facts(path))
    return found


def find_complete(model_digest: str, data_digest: str) -> Generator[None, None, LatentStore | None]:
    """Find the complete store of these digests on the shelf, the most exact one, and return it; or None.

    Yields between blocks of files that are verified, which is most often none. A damaged store counts as absent: it is
    put in order when it is next written.
    """
    wanted, found = (model_digest, data_digest), []
    for facts in stores():
        manifest = facts.manifest
        if manifest and manifest.complete and (manifest.model_digest, manifest.data_digest) == wanted:
            found.append((tuple(DTYPES).index(manifest.dtype), str(facts.folder), manifest))
    for _, folder, manifest in sorted(found, key=lambda entry: entry[:2]):
        sound = True
        for fault in verify(Path(folder), manifest):
            sound = sound and not fault
            yield
        if sound:
            return LatentStore(Path(folder), manifest)
    return None


def store_facts(folder: Path) -> StoreFacts:
    """Describe one store by its manifest and the sizes of its files."""
    size = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size if is_ours(path.name) else 0
    try:
        manifest = read_manifest(folder)
    except NewerVersionError as error:
        return StoreFacts(folder, None, "newer", size, str(error))
    except UserError as error:
        return StoreFacts(folder, None, "damaged", size, str(error))
    finished = {shard.index for shard in manifest.shards}
    at_work = [k for k in manifest.planned if k not in finished and (folder / journal_name(k)).is_file()]
    stored = manifest.done + sum(OpenShard(folder, manifest, k).written() for k in at_work)
    return StoreFacts(folder, manifest, "complete" if manifest.complete else "unfinished", size, stored=stored)


def clear(facts: StoreFacts) -> int:
    """Remove a store's own files, and its folder when nothing else is in it; returns the bytes that are free now.

    Raises
    ------
    UserError
        It is being written, or cannot be removed.
    """
    try:
        with locked(facts.folder):
            freed = remove_store_files(facts.folder)
        remove_store_files(facts.folder, lock=True)
        with contextlib.suppress(OSError):
            facts.folder.rmdir()
    except OSError as error:
        raise UserError(f"Cannot remove {facts.folder}: {error.strerror or error}.") from error
    return freed


def merge(sources: Sequence[Path], target: Path | None = None) -> Iterator[float]:
    """Join stores of the same model and dataset; yields the share that is done. Shards that the target has stay.

    Files are linked where the file system can, and copied where it cannot; each is verified first.

    Raises
    ------
    UserError
        The stores do not belong together, one is damaged, or the disk is full.
    """
    if not sources:
        raise UserError("There is nothing to merge; name the folders of the parts.")
    manifests = [read_manifest(folder) for folder in sources]
    plan = _common_plan(sources, manifests)
    with LatentWriter(target or place_of(plan), plan) as writer:
        for _ in writer.prepare():
            yield 0.0
        writer.pause()
        for done, (folder, manifest) in enumerate(zip(sources, manifests, strict=True)):
            for fault in verify(folder, manifest):
                if fault:
                    raise UserError(fault.partition(": ")[2])
                yield done / len(sources)
            yield from (done / len(sources) for _ in _take_over(folder, manifest, writer))
        yield 1.0


def _common_plan(sources: Sequence[Path], manifests: list[Manifest]) -> Manifest:
    plans = [msgspec.structs.replace(m, shards=(), part=(1, 1)) for m in manifests]
    for folder, plan in zip(sources, plans, strict=True):
        if not plan.same_numbers(plans[0]):
            raise UserError(
                f"{folder} and {sources[0]} are codes of another model, dataset, number type or shard size."
            )
    return plans[0]


def _take_over(folder: Path, manifest: Manifest, writer: LatentWriter) -> Iterator[None]:
    present = {shard.index for shard in writer.manifest.shards}
    for shard in manifest.shards:
        if shard.index in present:
            continue
        for name, expected in ((codes_name(shard.index), shard.codes), (scalars_name(shard.index), shard.scalars)):
            yield from _bring(folder / name, writer.folder / name, expected)
        (writer.folder / journal_name(shard.index)).unlink(missing_ok=True)
        shards = tuple(sorted((*writer.manifest.shards, shard), key=lambda s: s.index))
        writer.manifest = msgspec.structs.replace(writer.manifest, shards=shards)
        write_manifest(writer.folder, writer.manifest)
        stamps = read_stamps(writer.folder)
        stamps |= {n: file_stamp(writer.folder / n) for n in (codes_name(shard.index), scalars_name(shard.index))}
        write_stamps(writer.folder, stamps)


def _bring(source: Path, target: Path, expected: str) -> Iterator[None]:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
        return
    except OSError:
        # Another disk, or a file system without hard links.
        yield
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    try:
        shutil.copyfile(source, name)
        found = yield from retold(checksum(Path(name)), lambda _step: None)
        if found != expected:
            raise UserError(f"{source} could not be copied to {target}: the copy differs.")
        os.replace(name, target)
    except OSError as error:
        raise UserError(f"Cannot write {target}: {error.strerror or error}.") from error
    finally:
        Path(name).unlink(missing_ok=True)
