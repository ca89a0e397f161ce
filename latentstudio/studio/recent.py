"""Files and datasets that the person opened last."""

from pathlib import Path

import msgspec

from latentstudio.errors import UserError
from latentstudio.paths import state_home
from latentstudio.studio.settings import set_aside, write_json

LIMIT = 12


class _Lists(msgspec.Struct):
    files: list[str] = []
    datasets: list[str] = []


class Recent:
    """Two short lists, newest first, kept in the state folder; a list that cannot be kept is no reason to stop.

    Parameters
    ----------
    path : the JSON file; default in the state folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_home() / "recent.json"

    @property
    def files(self) -> list[Path]:
        """Sessions and figures that still exist."""
        return [Path(name) for name in self._read().files if Path(name).exists()]

    @property
    def datasets(self) -> list[str]:
        """Dataset specifications."""
        return self._read().datasets

    def add(self, path: Path) -> None:
        """Put a file first."""
        lists = self._read()
        lists.files = _first(str(Path(path).absolute()), lists.files)
        self._write(lists)

    def add_dataset(self, spec: str) -> None:
        """Put a dataset first."""
        lists = self._read()
        lists.datasets = _first(spec, lists.datasets)
        self._write(lists)

    def remove(self, path: Path) -> None:
        """Forget a file."""
        lists = self._read()
        lists.files = [name for name in lists.files if name != str(Path(path).absolute())]
        self._write(lists)

    def clear(self) -> None:
        """Forget everything."""
        self._write(_Lists())

    def _read(self) -> _Lists:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_Lists)
        except OSError:
            return _Lists()
        except msgspec.MsgspecError:
            set_aside(self.path)
            return _Lists()

    def _write(self, lists: _Lists) -> None:
        try:
            write_json(self.path, msgspec.json.encode(lists))
        except UserError:
            return  # a read-only state folder: the lists of this run are lost, nothing else


def _first(name: str, names: list[str]) -> list[str]:
    return [name, *(n for n in names if n != name)][:LIMIT]
