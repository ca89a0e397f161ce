"""The shard of a latent store that is being written, and its journal; see `data.latent_writer`."""

import contextlib
import hashlib
import io
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.latent_manifest import (
    DTYPES,
    LOG_PROB,
    NORM,
    SCALARS,
    SCALE,
    Manifest,
    Shard,
    codes_name,
    scalars_name,
)

SYNC_SECONDS = 2.0
"""After a power cut at most what was written in this time is encoded again; after a kill, at most one block."""

_LARGEST_HALF = 32768.0

Floats = NDArray[np.float64]


class OpenShard:
    """The files of a shard that is being written.

    Attributes
    ----------
    rows : images written.

    All methods raise `OSError` when the disk is full or gone; the files are then good up to `rows`.
    """

    def __init__(self, folder: Path, manifest: Manifest, index: int) -> None:
        self.index = index
        self.rows = 0
        self._manifest = manifest
        total = manifest.rows_of(index)
        self._paths = [folder / codes_name(index), folder / scalars_name(index)]
        self._headers = [_header(DTYPES[manifest.dtype], (total, manifest.size)), _header("<f8", (total, SCALARS))]
        self._widths = [manifest.row_bytes() - 8 * SCALARS, 8 * SCALARS]
        self._digests = [hashlib.sha256(header) for header in self._headers]
        self._journal_path = folder / journal_name(index)
        self._title = f"{manifest.key} {index} {total} {manifest.shard_rows}\n".encode()
        self._files: list[io.FileIO] = []
        self._synced = time.monotonic()

    def recover(self) -> Iterator[str]:
        """Keep the rows that were written whole, cut off the rest, and open the files at their ends."""
        lines = self._journal_lines()
        kept = len(self._title)
        if lines:
            with contextlib.ExitStack() as stack:
                streams = [stack.enter_context(path.open("rb")) for path in self._paths]
                whole = all(s.read(len(h)) == h for s, h in zip(streams, self._headers, strict=True))
                for rows, checks, length in lines if whole else ():
                    blocks = [s.read(rows * w) for s, w in zip(streams, self._widths, strict=True)]
                    if [zlib.crc32(b) for b in blocks] != checks or len(blocks[0]) != rows * self._widths[0]:
                        break
                    for digest, block in zip(self._digests, blocks, strict=True):
                        digest.update(block)
                    self.rows += rows
                    kept += length
                    yield "Reading what is there"
        self._open_files(kept if self.rows else 0)

    def written(self) -> int:
        """Images that the journal counts, unverified."""
        return sum(rows for rows, _, _ in self._journal_lines())

    def append(self, packed: NDArray[np.generic], scalars: Floats) -> None:
        """Write rows (n, D) as `pack_rows` gives them, and their scalars (n, 3)."""
        blocks = [packed.tobytes(), scalars.tobytes()]
        for file, block in zip(self._files, blocks, strict=False):
            _write_all(file, block)
        _write_all(self._files[2], _line(len(packed), [zlib.crc32(b) for b in blocks]))
        # Only now: whoever counts the rows after a full disk must not count these.
        for digest, block in zip(self._digests, blocks, strict=True):
            digest.update(block)
        self.rows += len(packed)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self._sync()

    def finish(self) -> Shard:
        """Have all rows on the disk and return the shard's entry in the manifest."""
        self._sync()
        self.close()
        return Shard(self.index, *(d.hexdigest() for d in self._digests))

    def close(self) -> None:
        """Close the files; what was written stays."""
        for file in self._files:
            file.close()
        self._files = []

    def _sync(self) -> None:
        for file in self._files:
            os.fsync(file.fileno())
        self._synced = time.monotonic()

    def _open_files(self, journal_length: int) -> None:
        starts = [len(h) + self.rows * w for h, w in zip(self._headers, self._widths, strict=True)]
        paths = [*self._paths, self._journal_path]
        if not journal_length:
            # A new file rather than the old one emptied: a merged store may share the old one by a hard link.
            for path in paths:
                path.unlink(missing_ok=True)
        for path, length in zip(paths, (*starts, journal_length), strict=True):
            file = io.FileIO(path, "r+" if journal_length else "x+")
            self._files.append(file)
            file.truncate(length if journal_length else 0)
            file.seek(0, io.SEEK_END)
        if not journal_length:
            for file, text in zip(self._files, (*self._headers, self._title), strict=True):
                _write_all(file, text)

    def _journal_lines(self) -> list[tuple[int, list[int], int]]:
        """Rows, checksums and length of each line of the journal up to the first that is not whole."""
        try:
            content = self._journal_path.read_bytes()
        except OSError:
            return []
        if not content.startswith(self._title) or not all(path.is_file() for path in self._paths):
            return []
        lines, room = [], self._manifest.rows_of(self.index)
        for text in content[len(self._title) :].splitlines(keepends=True):
            try:
                rows, *checks = (int(word) for word in text.split()[:3])
            except ValueError:
                break
            if rows < 1 or rows > room or _line(rows, checks) != text:
                break
            room -= rows
            lines.append((rows, checks, len(text)))
        return lines


def pack_rows(
    codes: NDArray[np.float32], log_probs: Floats | None, dtype: str, read: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """Return codes as they are stored, (n, D), and norm, log-density and factor of each row, float64 (n, 3).

    Rows that `read`, bool (n,), denies are of pictures that could not be read: all of their numbers become NaN.
    """
    wide = codes.astype(np.float64)
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(wide).all(axis=1))
    scalars = np.full((len(codes), SCALARS), np.nan)
    scalars[:, NORM] = np.where(finite, np.linalg.norm(np.where(finite[:, None], wide, 0.0), axis=1), np.inf)
    scalars[:, SCALE] = 1.0
    if log_probs is not None:
        scalars[:, LOG_PROB] = log_probs
    if dtype == "float16":
        largest: Floats = np.max(np.where(np.isfinite(wide), np.abs(wide), 0.0), axis=1, initial=0.0)
        factors = np.exp2(np.ceil(np.log2(np.maximum(largest / _LARGEST_HALF, 1.0))))
        scalars[:, SCALE] = factors
        if largest.max(initial=0.0) > _LARGEST_HALF:
            codes = np.divide(codes, factors[:, None], dtype=np.float32)
    packed = np.ascontiguousarray(codes, dtype=DTYPES[dtype])
    if read is not None and not read.all():
        packed = np.where(read[:, None], packed, packed.dtype.type(np.nan))
        scalars[~read] = (np.nan, np.nan, 1.0)
    return packed, scalars


def journal_name(index: int) -> str:
    """File name of the journal of a shard that is not finished."""
    return f"shard_{index:05d}.journal"


def _header(descr: str, shape: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _line(rows: int, checks: list[int]) -> bytes:
    words = " ".join(str(v) for v in (rows, *checks))
    return f"{words} {zlib.crc32(words.encode())}\n".encode()


def _write_all(file: io.FileIO, content: bytes) -> None:
    view = memoryview(content)
    while len(view):
        view = view[file.write(view) or 0 :]
