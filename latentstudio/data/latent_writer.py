"""Write a latent store so that it can be ended at any moment and goes on where it was.

The shard at work is written under its final names; a journal beside it gets one line for each block of rows after
the block itself, with a checksum of both. Whoever takes the store up again keeps the blocks whose checksums are right
up to the first that is not, cuts the files there, and goes on. A shard counts as finished when the manifest, which is
replaced at once, names it.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.data.latent_manifest import (
    MANIFEST,
    Manifest,
    codes_name,
    read_manifest,
    scalars_name,
    write_manifest,
)
from latentstudio.data.latent_shard import OpenShard, journal_name, pack_rows
from latentstudio.data.latent_store import STAMPS, Floats, file_stamp, read_stamps, verify, write_stamps
from latentstudio.data.locks import NAME as LOCK
from latentstudio.data.locks import locked
from latentstudio.errors import NewerVersionError, UserError


class LatentWriter:
    """Writes the images of one store in order. Use it as a context: it holds the folder's lock.

    Parameters
    ----------
    folder : is made when it is not there. Files of a store without a readable manifest are removed, no others.
    plan : a manifest without shards.

    Raises
    ------
    UserError
        Another process writes here, the folder holds other files or another store, or there is not enough space.
    NewerVersionError
        A newer program's store lies here.
    """

    def __init__(self, folder: Path, plan: Manifest) -> None:
        self.folder = folder
        self.manifest = plan
        self._plan = plan
        self._open = contextlib.ExitStack()
        self._shard: OpenShard | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot make {folder}: {error.strerror or error}.") from error

    def __enter__(self) -> "LatentWriter":
        foreign = [p.name for p in self.folder.iterdir() if not is_ours(p.name)]
        if foreign:
            raise UserError(f"{self.folder} holds other files ({foreign[0]}); an empty or new folder would do.")
        self._open.enter_context(locked(self.folder))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, t: TracebackType | None) -> None:
        self.pause()
        self._open.close()

    def prepare(self) -> Iterator[str]:
        """Verify what is there and find out where to go on; yields words between blocks. Must run to its end.

        Raises
        ------
        UserError
            As the class.
        """
        try:
            found = read_manifest(self.folder)
        except NewerVersionError:
            raise
        except UserError:
            found = None
        if found is None:
            remove_store_files(self.folder)
            write_manifest(self.folder, self._plan)
            found = self._plan
        elif not found.same_numbers(self._plan) or found.part != self._plan.part:
            raise UserError(
                f"{self.folder} holds codes of {found.data} under {found.model} that are not those asked for: model, "
                "dataset, number type or part is another; choose another folder, or clear this one."
            )
        damaged = set()
        for fault in verify(self.folder, found):
            if fault:
                damaged.add(int(fault.partition(":")[0]))
            yield "Verifying"
        self.manifest = msgspec.structs.replace(found, shards=tuple(s for s in found.shards if s.index not in damaged))
        if damaged:
            write_manifest(self.folder, self.manifest)
        self._sweep()
        self._check_space()
        yield from self._begin()

    def pause(self) -> None:
        """Close the shard at work; its rows stay for the next writer."""
        if self._shard is not None:
            self._shard.close()
            self._shard = None

    @property
    def done(self) -> int:
        """Images written, those of the shard at work included."""
        return self.manifest.done + (self._shard.rows if self._shard else 0)

    @property
    def planned(self) -> int:
        """Images of all shards of this part."""
        return sum(self.manifest.rows_of(k) for k in self.manifest.planned)

    def next_rows(self, limit: int) -> range:
        """Images to be appended next, at most `limit`; empty when all are written."""
        if self._shard is None:
            return range(0)
        first, last = self.manifest.span(self._shard.index)
        start = first + self._shard.rows
        return range(start, min(start + limit, last))

    def append(
        self, codes: NDArray[np.float32], log_probs: Floats | None, read: NDArray[np.bool_] | None = None
    ) -> None:
        """Write the codes (n, D) and log-densities (n,) of the images that `next_rows` has named.

        Parameters
        ----------
        read : which of the pictures could be read, bool (n,); the others take a place without numbers. None for all.

        Raises
        ------
        UserError
            The disk is full or gone; what was written before is kept.
        ValueError
            The arrays do not fit the plan.
        """
        shard = self._shard
        if shard is None or codes.ndim != 2 or codes.shape[1] != self.manifest.size:
            raise ValueError(f"codes of shape {codes.shape} do not fit the store")
        if (log_probs is not None) != self.manifest.density or len(codes) > len(self.next_rows(len(codes))):
            raise ValueError("these rows or their log-densities do not fit the store")
        packed, scalars = pack_rows(codes, log_probs, self.manifest.dtype, read)
        try:
            shard.append(packed, scalars)
            if shard.rows == self.manifest.rows_of(shard.index):
                self._finish(shard)
        except OSError as error:
            raise UserError(
                f"Cannot write the latent store {self.folder}: {error.strerror or error}; {self.done:,} of "
                f"{self.planned:,} images are kept."
            ) from error

    def _finish(self, shard: OpenShard) -> None:
        entry = shard.finish()
        self._shard = None
        shards = tuple(sorted((*self.manifest.shards, entry), key=lambda s: s.index))
        manifest = msgspec.structs.replace(self.manifest, shards=shards)
        write_manifest(self.folder, manifest)
        self.manifest = manifest
        stamps = read_stamps(self.folder)
        for name in (codes_name(entry.index), scalars_name(entry.index)):
            stamps[name] = file_stamp(self.folder / name)
        write_stamps(self.folder, stamps)
        (self.folder / journal_name(entry.index)).unlink(missing_ok=True)
        for _ in self._begin():
            pass

    def _begin(self) -> Iterator[str]:
        """Open the next shard, where it was left when there is something of it."""
        finished = {s.index for s in self.manifest.shards}
        missing = [k for k in self.manifest.planned if k not in finished]
        if not missing:
            return
        shard = OpenShard(self.folder, self.manifest, missing[0])
        try:
            yield from shard.recover()
            if shard.rows == self.manifest.rows_of(shard.index):
                # Ended after its last row and before the manifest named it.
                self._finish(shard)
            else:
                self._shard = shard
        except OSError as error:
            raise UserError(f"Cannot write the latent store {self.folder}: {error.strerror or error}.") from error
        finally:
            if self._shard is not shard:
                shard.close()

    def _sweep(self) -> None:
        """Remove what a process left behind that ended between two steps."""
        journals = {journal_name(shard.index) for shard in self.manifest.shards}
        for path in self.folder.iterdir():
            if path.name in journals or path.name.startswith("."):
                path.unlink(missing_ok=True)

    def _check_space(self) -> None:
        finished = {s.index for s in self.manifest.shards}
        present = sum(p.stat().st_size for p in self.folder.iterdir() if p.name.startswith("shard_"))
        stored = sum(self.manifest.rows_of(k) for k in finished) * self.manifest.row_bytes()
        needed = (self.planned - self.manifest.done) * self.manifest.row_bytes() - max(present - stored, 0)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise UserError(
                f"The codes need {needed / 1e9:.2f} GB more in {self.folder}, where {free / 1e9:.2f} GB are free; "
                "make room, or store them as float16."
            )


def is_ours(name: str) -> bool:
    """Whether a file of that name belongs to a latent store."""
    plain = name in (MANIFEST, STAMPS, LOCK) or name.startswith((f".{MANIFEST}.", f".{STAMPS}.", ".shard_"))
    return plain or (name.startswith("shard_") and name.endswith((".codes.npy", ".scalars.npy", ".journal")))


def remove_store_files(folder: Path, lock: bool = False) -> int:
    """Remove the files of a store and no others, the manifest first; returns how many bytes they took."""
    freed = 0
    names = sorted((p for p in folder.iterdir() if is_ours(p.name)), key=lambda p: p.name != MANIFEST)
    for path in names:
        if path.name == LOCK and not lock:
            continue
        with contextlib.suppress(FileNotFoundError):
            freed += path.stat().st_size
            path.unlink()
    return freed
