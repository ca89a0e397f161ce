"""The person's preferences, in one small JSON file of the state folder."""

from pathlib import Path
from typing import Literal

import msgspec

from latentstudio.errors import UserError
from latentstudio.paths import replacing, state_home


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Preferences that outlive a session; unknown fields of other versions are ignored when reading.

    Attributes
    ----------
    theme : follows the system, or is fixed.
    engine : where the numbers are computed, see `studio.engine.start_engine`.
    device : ``cpu``, ``cuda``, ``mps`` or ``auto``.
    layouts : name to base64 of a dock layout; geometry : base64 of the window's place.
    export_width_mm, export_dpi, export_format : last used in the export dialog.
    """

    theme: Literal["system", "dark", "light"] = "system"
    engine: Literal["process", "thread"] = "process"
    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    layouts: dict[str, str] = {}
    geometry: str = ""
    export_width_mm: float = 180.0
    export_dpi: int = 300
    export_format: str = "png"

    @staticmethod
    def load(path: Path | None = None) -> "Settings":
        """Read the settings; a damaged file is set aside as ``settings.json.damaged`` and the defaults apply."""
        file = path or settings_path()
        try:
            return msgspec.json.decode(file.read_bytes(), type=Settings)
        except OSError:
            return Settings()
        except msgspec.MsgspecError:
            set_aside(file)
            return Settings()

    def save(self, path: Path | None = None) -> None:
        """Write the settings.

        Raises
        ------
        UserError
            The file cannot be written.
        """
        write_json(path or settings_path(), msgspec.json.format(msgspec.json.encode(self), indent=1))


def settings_path() -> Path:
    """Where the settings are kept."""
    return state_home() / "settings.json"


def write_json(path: Path, text: bytes) -> None:
    """Write a small file of the state folder, making the folder where needed.

    Raises
    ------
    UserError
        The folder or file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {path.parent}: {error.strerror or error}.") from error
    with replacing(path) as stream:
        stream.write(text)


def set_aside(path: Path) -> None:
    """Rename a damaged file so that it is neither read again nor lost; nothing happens where that is impossible."""
    try:
        path.replace(path.with_name(path.name + ".damaged"))
    except OSError:
        return
