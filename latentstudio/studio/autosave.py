"""Copies of unsaved work for the case that the program or the machine goes down."""

import os
import secrets
import sys
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from latentstudio.errors import UserError
from latentstudio.paths import state_home
from latentstudio.studio.document import Document, document_from_json, document_to_json
from latentstudio.studio.session import Session
from latentstudio.studio.settings import write_json

_SUFFIX = ".autosave"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """An autosaved session: its own file, if it had one, and the document as JSON with absolute paths."""

    path: str
    document: msgspec.Raw


class Recovered(NamedTuple):
    """What was found after a crash: the document, and the file that it had been opened from."""

    document: Document
    path: Path | None


class Autosave:
    """Keeps one file for a session in `folder` while it has unsaved work, and finds those of programs that died.

    A lock held by the living program tells its file from an orphan; the system lets go of the lock however the program
    ends. `close` it on normal ends: the file goes, for nothing needs recovering.

    Parameters
    ----------
    session : whose document to keep.
    folder : default ``autosave`` in the state folder.
    """

    def __init__(self, session: Session, folder: Path | None = None) -> None:
        self._session = session
        self.folder = folder or state_home() / "autosave"
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock: IO[bytes] | None = None
        self._written: Document | None = None

    @property
    def path(self) -> Path:
        """The file of this session, whether it exists or not."""
        return self.folder / (self._name + _SUFFIX)

    def write(self) -> Path | None:
        """Write what is unsaved; return the file, or None when there was nothing new to write.

        Raises
        ------
        UserError
            The file cannot be written (full disk, no permission); the last good copy is still there.
        """
        document = self._session.document
        if not self._session.dirty:
            self._remove()
            return None
        if document is self._written:
            return None
        self._take_lock()
        origin = str(self._session.path) if self._session.path else ""
        write_json(self.path, msgspec.json.encode(_File(path=origin, document=msgspec.Raw(document_to_json(document)))))
        self._written = document
        return self.path

    def recoverable(self) -> list[Path]:
        """Files of programs that ended without closing, newest first."""
        if not self.folder.is_dir():
            return []
        own = self.path
        orphans = [p for p in self.folder.glob("*" + _SUFFIX) if p != own and not _held(_lock_path(p))]
        return sorted(orphans, key=lambda p: p.stat().st_mtime, reverse=True)

    @staticmethod
    def read(path: Path) -> Recovered:
        """Read an autosaved session.

        Raises
        ------
        UserError
            The file is damaged or cannot be read.
        """
        try:
            file = msgspec.json.decode(path.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError) as error:
            raise UserError(f"The autosaved session {path} cannot be read: {error}.") from error
        document = document_from_json(bytes(file.document), str(path))
        return Recovered(document, Path(file.path) if file.path else None)

    @staticmethod
    def discard(path: Path) -> None:
        """Remove an autosaved session that was recovered or is not wanted."""
        path.unlink(missing_ok=True)
        _lock_path(path).unlink(missing_ok=True)

    def close(self) -> None:
        """End normally: remove this session's file and let go of its lock."""
        self._remove()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            _lock_path(self.path).unlink(missing_ok=True)

    def _remove(self) -> None:
        if self._written is not None:
            self.path.unlink(missing_ok=True)
            self._written = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        path = _lock_path(self.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = path.open("ab")
        except OSError as error:
            raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
        if not _try_lock(stream):
            stream.close()
            raise UserError(f"Cannot lock {path}; unsaved work is not being kept.")
        self._lock = stream


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


def _held(path: Path) -> bool:
    """Whether a living program holds this lock."""
    try:
        with path.open("r+b") as stream:
            return not _try_lock(stream)
    except FileNotFoundError:
        return False
    except OSError:
        return True


if sys.platform == "win32":
    import msvcrt

    def _try_lock(stream: IO[bytes]) -> bool:
        """Lock one byte far behind the end; false when somebody else has it."""
        stream.seek(1 << 20)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(stream: IO[bytes]) -> bool:
        """Lock the file for this program; false when somebody else has it."""
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
