"""Codes of a whole dataset under one model on disk: memory-mapped shards and a manifest that says what they are.

A store is a folder. ``manifest.json`` names model and dataset with their digests, the type of the numbers, and every
finished shard with the SHA-256 of its files. A shard is ``shard_00000.codes.npy``, (rows, D) float32 or float16, and
``shard_00000.scalars.npy``, (rows, 3) float64: norm, log-density in nats (NaN without one), and the factor by which the
row's codes were divided. That factor is 1 except for rows that float16 could not hold, where it is a power of two, so
that the codes of an image that a flow sends far out stay numbers.

A shard that the manifest does not name is unfinished and belongs to `data.latent_writer`. Files whose size and times
are those that were seen when their checksum was last verified are trusted; all others are read and verified.
"""

import hashlib
from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.data.latent_manifest import (
    DTYPES,
    LOG_PROB,
    NORM,
    SCALARS,
    SCALE,
    Manifest,
    codes_name,
    read_manifest,
    scalars_name,
)
from latentstudio.errors import UserError
from latentstudio.paths import replacing

STAMPS = "verified.json"
BLOCK = 4 << 20
"""Bytes that are read between two yields of a verification."""

Floats = NDArray[np.float64]


def checksum(path: Path) -> Generator[str, None, str]:
    """Read a file in blocks; yield an empty text after each, and return the SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            yield ""
    return digest.hexdigest()


def file_stamp(path: Path) -> list[int]:
    """Size and times of a file: as long as they stay, its content is taken to stay."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def read_stamps(folder: Path) -> dict[str, list[int]]:
    """Return the stamps of the files that were verified, none when they cannot be read."""
    try:
        return msgspec.json.decode((folder / STAMPS).read_bytes(), type=dict[str, list[int]])
    except (OSError, msgspec.DecodeError):
        return {}


def write_stamps(folder: Path, stamps: dict[str, list[int]]) -> None:
    """Keep stamps; a folder that cannot be written is verified anew each time."""
    try:
        with replacing(folder / STAMPS) as stream:
            stream.write(msgspec.json.encode(stamps))
    except UserError:
        return


def forget_stamps(folder: Path) -> None:
    """Have every file read and verified when the store is next opened, also one that seems unchanged.

    Raises
    ------
    UserError
        The folder cannot be written.
    """
    try:
        (folder / STAMPS).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write {folder / STAMPS}: {error.strerror or error}.") from error


def verify(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Verify all finished shards; yields an empty text between blocks, and a sentence for each damaged shard.

    The sentence begins with the number of the shard and a colon.
    """
    known, stamps = read_stamps(folder), {}
    for shard in manifest.shards:
        for name, expected, width in (
            (codes_name(shard.index), shard.codes, manifest.size),
            (scalars_name(shard.index), shard.scalars, SCALARS),
        ):
            path, fault = folder / name, ""
            try:
                stamp = file_stamp(path)
                if stamp != known.get(name):
                    found = yield from checksum(path)
                    if found != expected:
                        fault = f"{path} is damaged: its checksum is wrong"
                rows = manifest.rows_of(shard.index)
                fault = fault or _shape_fault(path, (rows, width), manifest.dtype if name.endswith("codes.npy") else "")
            except OSError as error:
                fault = f"{path} cannot be read: {error.strerror or error}"
            if fault:
                yield f"{shard.index}: {fault}."
            else:
                stamps[name] = stamp
    if stamps != known:
        write_stamps(folder, stamps)


def _shape_fault(path: Path, shape: tuple[int, int], dtype: str) -> str:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        return f"{path} is damaged: {error}"
    fits = mapped.shape == shape and mapped.dtype == np.dtype(DTYPES.get(dtype, "<f8"))
    return "" if fits else f"{path} holds {mapped.dtype} {mapped.shape}, not what the manifest says"


class LatentStore:
    """A store opened for reading. Only finished shards count; nothing is read before it is asked for.

    Parameters
    ----------
    folder : a store whose files were verified; see `open_store`.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._places = {shard.index: place for place, shard in enumerate(manifest.shards)}

    def __len__(self) -> int:
        return self.manifest.rows

    @property
    def complete(self) -> bool:
        """Whether every image is there."""
        return self.manifest.complete

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Which images are there, bool (N,)."""
        mask = np.zeros(len(self), dtype=np.bool_)
        for shard in self.manifest.shards:
            mask[slice(*self.manifest.span(shard.index))] = True
        return mask

    @property
    def norms(self) -> Floats:
        """Norm of each code before rounding, float64 (N,); infinite where the code is not finite, NaN where unknown.

        Unknown are images that are not there yet, and pictures that could not be read.
        """
        return self._scalars[:, NORM]

    @cached_property
    def unread(self) -> NDArray[np.int64]:
        """Images that are there without a code because their pictures could not be read, int64 (k,), ascending."""
        return np.flatnonzero(self.known & np.isnan(self.norms)).astype(np.int64)

    @property
    def log_probs(self) -> Floats | None:
        """Log-density of each image in nats, float64 (N,); None when the model has none."""
        return self._scalars[:, LOG_PROB] if self.manifest.density else None

    def codes(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return codes (n, D) of images in the order of `indices`; NaN for pictures that could not be read.

        Raises
        ------
        UserError
            An image is not in the store.
        """
        rows = np.asarray(indices, dtype=np.int64)
        outside = rows[(rows < 0) | (rows >= len(self))]
        if len(outside):
            raise UserError(f"The latent store {self.folder} has images 0 to {len(self) - 1}, not {outside[0]}.")
        if not self.known[rows].all():
            raise UserError(f"The latent store {self.folder} does not yet hold image {rows[~self.known[rows]][0]}.")
        codes = np.empty((len(rows), self.manifest.size), dtype=np.float32)
        shards = rows // self.manifest.shard_rows
        for index in np.unique(shards):
            chosen = shards == index
            codes[chosen] = self._maps[self._places[int(index)]][rows[chosen] - index * self.manifest.shard_rows]
        scale = self._scalars[rows, SCALE]
        if (scale != 1).any():
            codes *= scale[:, None].astype(np.float32)
        return codes

    def chunks(self, size: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield the images that are there in order, at most `size` at a time: their rows, and codes (n, D)."""
        for shard in self.manifest.shards:
            first, last = self.manifest.span(shard.index)
            for start in range(first, last, size):
                rows = slice(start, min(start + size, last))
                yield rows, self.codes(np.arange(rows.start, rows.stop))

    @cached_property
    def _maps(self) -> list[NDArray[np.floating]]:
        names = [codes_name(shard.index) for shard in self.manifest.shards]
        return [np.load(self.folder / name, mmap_mode="r", allow_pickle=False) for name in names]

    @cached_property
    def _scalars(self) -> Floats:
        scalars = np.full((len(self), SCALARS), np.nan)
        for shard in self.manifest.shards:
            rows = slice(*self.manifest.span(shard.index))
            scalars[rows] = np.load(self.folder / scalars_name(shard.index), allow_pickle=False)
        scalars.flags.writeable = False
        return scalars


def open_store(folder: Path) -> LatentStore:
    """Verify a store and open it for reading.

    Raises
    ------
    UserError
        It is no store, a newer program wrote it, or a finished shard is damaged.
    """
    manifest = read_manifest(folder)
    for fault in verify(folder, manifest):
        if fault:
            raise UserError(fault.partition(": ")[2])
    return LatentStore(folder, manifest)
