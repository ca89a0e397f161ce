"""Summaries of a dataset's codes, kept on disk so that a dataset is read once per model. All of it may be deleted."""

import contextlib
import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError
from latentstudio.figures.readouts import LIMIT, DatasetCodes
from latentstudio.paths import cache_home, replacing

FORMAT = 2
"""Raise it when the meaning of what is stored changes."""

BUDGET_BYTES = 2 << 30

_KEY = "key"

_Arrays = dict[str, NDArray[Any]]


class ArrayStore:
    """Named arrays in one file per key, in a folder of the user's cache.

    Files are NumPy archives without pickles; names, types and checksums are verified when they are opened. A damaged
    file counts as absent, and a folder that cannot be written costs time but nothing else.
    """

    def __init__(self, folder: Path | None = None, budget_bytes: int = BUDGET_BYTES) -> None:
        self._folder = folder or cache_home() / "codes"
        self._budget = budget_bytes

    def path(self, key: str) -> Path:
        """Where the arrays of that key lie."""
        return self._folder / (hashlib.sha256(key.encode()).hexdigest() + ".npz")

    def read(self, key: str) -> _Arrays | None:
        """Return the arrays of that key, or None when there are none in good order."""
        path = self.path(key)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            if bytes(arrays.pop(_KEY)) != key.encode():
                return None
            path.touch()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
            return None
        return arrays

    def write(self, key: str, arrays: _Arrays) -> None:
        """Keep arrays under a key; what was not used for longest makes room."""
        path = self.path(key)
        all_arrays: dict[str, Any] = {**arrays, _KEY: np.frombuffer(key.encode(), dtype=np.uint8)}
        with contextlib.suppress(OSError, UserError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as stream:
                np.savez(stream, **all_arrays)
            self._make_room()

    def _make_room(self) -> None:
        files = []
        for path in self._folder.glob("*.npz"):
            with contextlib.suppress(OSError):
                files.append((path.stat().st_mtime, path.stat().st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._budget:
                return
            path.unlink(missing_ok=True)
            total -= size


def codes_key(model_digest: str, data_digest: str) -> str:
    """Return the key of a summary: both digests, and everything else that decides what is in it."""
    return json.dumps(["codes", FORMAT, LIMIT, model_digest, data_digest])


def read_codes(store: ArrayStore, key: str) -> DatasetCodes | None:
    """Return a stored summary, or None."""
    arrays = store.read(key)
    if arrays is None:
        return None
    try:
        planned, total = (int(v) for v in arrays["counts"])
        found = DatasetCodes(
            indices=arrays["indices"],
            norms=arrays["norms"],
            log_probs=arrays.get("log_probs"),
            features=arrays["features"],
            mean_code=arrays["mean_code"],
            mean_image=arrays["mean_image"],
            planned=planned,
            total=total,
        )
    except (KeyError, ValueError, TypeError):
        return None
    return found if _consistent(found) else None


def write_codes(store: ArrayStore, key: str, codes: DatasetCodes) -> None:
    """Keep a complete summary."""
    arrays: _Arrays = {
        "indices": codes.indices,
        "norms": codes.norms,
        "features": codes.features,
        "mean_code": codes.mean_code,
        "mean_image": codes.mean_image,
        "counts": np.array([codes.planned, codes.total], dtype=np.int64),
    }
    if codes.log_probs is not None:
        arrays["log_probs"] = codes.log_probs
    store.write(key, arrays)


def _consistent(codes: DatasetCodes) -> bool:
    n = len(codes.indices)
    kinds = codes.indices.dtype == np.int64 and codes.norms.dtype == np.float64 and codes.features.dtype == np.float32
    whole = n == codes.planned == len(codes.norms) == len(codes.features)
    return kinds and whole and (codes.log_probs is None or len(codes.log_probs) == n)
