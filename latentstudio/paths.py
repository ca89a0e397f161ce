"""Where bundled models, resources and the user's files live: from a checkout, a wheel or a frozen program."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import platformdirs

from latentstudio.errors import UserError

_APP = "latentstudio"
_PACKAGE = Path(__file__).resolve().parent


def bundled(*parts: str) -> Path:
    """Return the path of a file that ships with the program, e.g. ``bundled("models", "faces-realnvp")``."""
    frozen = getattr(sys, "_MEIPASS", None)
    roots = [Path(frozen)] if frozen else [_PACKAGE.parent, _PACKAGE / "_bundled"]
    for root in roots:
        if (root / "resources").is_dir() and (root / "models").is_dir():
            return root.joinpath(*parts)
    return roots[-1].joinpath(*parts)


def data_home() -> Path:
    """Folder of data sets and of the user's own models: ``$LATENTSTUDIO_DATA``, else the user's data folder."""
    return Path(os.environ.get("LATENTSTUDIO_DATA") or platformdirs.user_data_dir(_APP, appauthor=False))


def cache_home() -> Path:
    """Folder of files that may be deleted at any time: ``$LATENTSTUDIO_CACHE``, else the user's cache folder."""
    return Path(os.environ.get("LATENTSTUDIO_CACHE") or platformdirs.user_cache_dir(_APP, appauthor=False))


def state_home() -> Path:
    """Folder of settings, recent files and autosaves: ``$LATENTSTUDIO_STATE``, else the user's state folder."""
    return Path(os.environ.get("LATENTSTUDIO_STATE") or platformdirs.user_state_dir(_APP, appauthor=False))


def model_folders() -> list[Path]:
    """Folders that are searched for models, first hit wins: the user's own, then the bundled ones."""
    extra = [Path(p) for p in os.environ.get("LATENTSTUDIO_MODELS", "").split(os.pathsep) if p]
    return [*extra, data_home() / "models", bundled("models")]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` for writing and rename it over `path` on success; on failure the old file stays.

    Raises
    ------
    UserError
        The folder is missing or not writable, or the disk is full.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _give_default_mode(Path(name))
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _give_default_mode(path: Path) -> None:
    """Give a private temporary file the permissions that an ordinary new file would have."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
