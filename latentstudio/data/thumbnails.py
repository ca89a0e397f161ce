"""Small pictures of a dataset's images, kept in memory and on disk.

On disk a dataset's thumbnails lie in shards of 256 consecutive images: a table of checksums, then the pixels. A record
counts when its checksum fits, so a torn write or a damaged file costs a thumbnail, never a wrong picture, and two
programs may fill the same shard at once.
"""

import contextlib
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio import paths
from latentstudio.data.arrays import ArraySet
from latentstudio.data.files import FileSet
from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import cover, recolour
from latentstudio.errors import UserError

MEMORY_BYTES = 64 * 1024 * 1024
DISK_BYTES = 2 * 1024 * 1024 * 1024

_SHARD = 256
_CHUNK = 64
_EDGES = range(8, 513)


class ThumbnailCache:
    """Thumbnails of one dataset; safe to use from several threads.

    Parameters
    ----------
    data : the dataset.
    memory_bytes : most that the pixels in memory take.
    on_disk : whether to keep shards in the user's cache folder; by default for every dataset that is not in memory.
    """

    def __init__(self, data: ImageSet, memory_bytes: int = MEMORY_BYTES, on_disk: bool | None = None) -> None:
        self._data = data
        self._budget = memory_bytes
        self._held = 0
        self._recent: OrderedDict[tuple[int, int], NDArray[np.uint8]] = OrderedDict()
        self._failed: dict[int, str] = {}
        self._lock = threading.Lock()
        wanted = not isinstance(data, ArraySet) if on_disk is None else on_disk
        self._shards = _Shards(paths.cache_home() / "thumbnails" / data.digest[:32]) if wanted else None

    def batch(self, indices: Sequence[int] | NDArray[np.int64], edge: int) -> tuple[NDArray[np.uint8], dict[int, str]]:
        """Return thumbnails uint8 (n, edge, edge, 3) in the order of `indices`, and why some of them are blank.

        Images that cannot be decoded are mid grey; the dictionary maps their index to a sentence.

        Raises
        ------
        UserError
            `edge` lies outside 8..512 px.
        """
        if edge not in _EDGES:
            raise UserError(f"Thumbnails of {edge} px are not made; 8 to 512 px would do.")
        out = np.full((len(indices), edge, edge, 3), 128, dtype=np.uint8)
        missing: dict[int, list[int]] = {}
        for place, index in enumerate(int(index) for index in indices):
            known = self._from_memory(index, edge)
            if known is None and self._shards is not None and index not in self._failed:
                known = self._shards.read(index, edge)
                if known is not None:
                    self._remember(index, known)
            if known is not None:
                out[place] = known
            elif index not in self._failed:
                missing.setdefault(index, []).append(place)
        for start in range(0, len(missing), _CHUNK):
            self._make(dict(list(missing.items())[start : start + _CHUNK]), edge, out)
        return out, {int(index): self._failed[int(index)] for index in indices if int(index) in self._failed}

    def _make(self, missing: dict[int, list[int]], edge: int, out: NDArray[np.uint8]) -> None:
        made, failed = _thumbnails(self._data, list(missing), edge)
        with self._lock:
            self._failed.update(failed)
        for index, pixels in made.items():
            out[missing[index]] = pixels
            self._remember(index, pixels)
        if self._shards is not None:
            self._shards.write(made, edge)

    def _from_memory(self, index: int, edge: int) -> NDArray[np.uint8] | None:
        with self._lock:
            known = self._recent.get((index, edge))
            if known is not None:
                self._recent.move_to_end((index, edge))
            return known

    def _remember(self, index: int, pixels: NDArray[np.uint8]) -> None:
        with self._lock:
            before = self._recent.pop((index, len(pixels)), None)
            self._held += pixels.nbytes - (before.nbytes if before is not None else 0)
            self._recent[index, len(pixels)] = pixels
            while self._held > self._budget and self._recent:
                self._held -= self._recent.popitem(last=False)[1].nbytes


def _thumbnails(data: ImageSet, indices: list[int], edge: int) -> tuple[dict[int, NDArray[np.uint8]], dict[int, str]]:
    made: dict[int, NDArray[np.uint8]] = {}
    failed: dict[int, str] = {}
    if not isinstance(data, FileSet):
        try:
            images = data.images(indices)
            return {index: _small(image, edge) for index, image in zip(indices, images, strict=True)}, {}
        except UserError:
            pass  # One picture at a time below, so that the others come through.
    for index in indices:
        try:
            made[index] = _one(data, index, edge)
        except UserError as error:
            failed[index] = str(error)
    return made, failed


def _one(data: ImageSet, index: int, edge: int) -> NDArray[np.uint8]:
    if isinstance(data, FileSet):
        # Twice the edge leaves the decoder's coarse scaling out of the picture.
        picture = data.cropped(index, (edge, edge), at_least=2 * edge)
        return recolour(recolour(picture, data.image_shape[2]), 3)
    return _small(data.images([index])[0], edge)


def _small(image: NDArray[np.uint8], edge: int) -> NDArray[np.uint8]:
    return np.array(recolour(cover(image, (edge, edge)), 3))


class _Shards:
    """The files of one dataset's thumbnails; failures to write are no failures of the program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._writable = True
        _make_room(folder.parent, DISK_BYTES)

    def read(self, index: int, edge: int) -> NDArray[np.uint8] | None:
        """Return a stored thumbnail (edge, edge, 3), or None when there is none in good order."""
        length = 3 * edge * edge
        slot = index % _SHARD
        try:
            with self._path(index, edge).open("rb") as stream:
                stream.seek(4 * slot)
                checksum = int.from_bytes(stream.read(4), "little")
                if not checksum:
                    return None
                stream.seek(4 * _SHARD + slot * length)
                pixels = stream.read(length)
        except OSError:
            return None
        if len(pixels) != length or _checksum(pixels) != checksum:
            return None
        return np.frombuffer(pixels, dtype=np.uint8).reshape(edge, edge, 3)

    def write(self, made: dict[int, NDArray[np.uint8]], edge: int) -> None:
        """Store thumbnails; pixels first, then the checksum that makes them count."""
        with self._lock:
            for index, pixels in made.items():
                if not self._writable:
                    return
                try:
                    self._write_one(index, pixels.tobytes(), edge)
                except OSError:
                    self._writable = False

    def _write_one(self, index: int, pixels: bytes, edge: int) -> None:
        path = self._path(index, edge)
        path.parent.mkdir(parents=True, exist_ok=True)
        slot = index % _SHARD
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "r+b") as stream:
            stream.seek(4 * _SHARD + slot * len(pixels))
            stream.write(pixels)
            stream.flush()
            stream.seek(4 * slot)
            stream.write(_checksum(pixels).to_bytes(4, "little"))

    def _path(self, index: int, edge: int) -> Path:
        return self._folder / str(edge) / f"{index // _SHARD:06d}.thumbs"


def _checksum(pixels: bytes) -> int:
    return zlib.crc32(pixels) or 1


def _make_room(root: Path, budget: int) -> None:
    """Delete the shards that were written longest ago until what is left takes at most `budget` bytes."""
    found = []
    for path in root.glob("*/*/*.thumbs"):
        with contextlib.suppress(OSError):
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= budget:
            return
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
