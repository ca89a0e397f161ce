"""A zip of pictures with its CSV table beside it or inside."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from latentstudio.data.attributes_csv import Labels, read_labels, table_bytes
from latentstudio.data.files import FileSet, digest_of, image_shape, is_picture_name, natural_key
from latentstudio.data.folder import LABEL_FILES
from latentstudio.data.imageset import AttributeTable
from latentstudio.data.options import check_names
from latentstudio.errors import UserError

LARGEST_MEMBER = 256 * 1024 * 1024
"""Largest file inside an archive that is read, in bytes; a small archive may claim to hold much larger ones."""

_DAMAGE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, KeyError)


class ArchiveStorage:
    """Picture files inside a zip, read by several threads if need be.

    Raises
    ------
    UserError
        It is no zip archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise UserError(f"{path} is not a readable zip archive ({error}); a zip of pictures would do.") from error
        members = [info for info in self._archive.infolist() if not info.is_dir()]
        self.others = {info.filename: info for info in members if not is_picture_name(info.filename)}
        pictures = {info.filename: info for info in members if _counts(info.filename)}
        self.names: Sequence[str] = sorted(pictures, key=natural_key)
        self._members = [pictures[name] for name in self.names]

    def read(self, index: int) -> bytes:
        """Return a picture file's bytes.

        Raises
        ------
        UserError
            The member is damaged, encrypted or larger than 256 MiB.
        """
        return self.extract(self._members[index])

    def extract(self, info: zipfile.ZipInfo) -> bytes:
        """Return the bytes of one member; see `read`."""
        try:
            with self._archive.open(info) as stream:
                content = stream.read(LARGEST_MEMBER + 1)
        except _DAMAGE as error:
            raise UserError(f"{info.filename} in {self.path} cannot be unpacked ({error}).") from error
        if len(content) > LARGEST_MEMBER:
            raise UserError(f"{info.filename} in {self.path} is larger than {LARGEST_MEMBER >> 20} MiB.")
        return content

    def checksums(self) -> list[tuple[str, int, int]]:
        """Return (name, bytes, CRC-32) of every picture, from the archive's directory."""
        return [(info.filename, info.file_size, info.CRC) for info in self._members]

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def __del__(self) -> None:
        if hasattr(self, "_archive"):
            self._archive.close()


def open_zip(spec: str, argument: str, options: dict[str, str]) -> FileSet:
    """Open ``zip:PATH?size=64&color=auto|grey|rgb``; PATH is the archive, or a folder that holds one.

    The label table is ``attributes.csv`` or ``labels.csv`` or is named like the archive, and lies beside it or inside.

    Raises
    ------
    UserError
        No archive, no pictures in it, or a label table that does not fit.
    """
    check_names(spec, options, ("size", "color"))
    path = _archive_at(argument)
    storage = ArchiveStorage(path)
    if not storage.names:
        storage.close()
        raise UserError(f"{path} holds no pictures; PNG, JPEG, WebP, TIFF, GIF and BMP files are read.")
    name, table = _label_table(storage)
    labels = read_labels(table, storage.names, name=name) if table is not None else Labels()
    return FileSet(
        spec,
        path.parent.name if path.stem == "images" else path.stem,
        storage,
        image_shape(options, storage),
        digest_of([*storage.checksums(), table or b""]),
        AttributeTable(len(storage.names), labels.columns),
        splits=labels.splits,
        notes=labels.notes,
    )


def _counts(name: str) -> bool:
    return is_picture_name(name) and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _archive_at(argument: str) -> Path:
    path = Path(argument).expanduser()
    if not argument or not path.exists():
        raise UserError(f"There is no archive {argument or '(none given)'}; a zip of pictures would do.")
    if path.is_file():
        return path
    found = sorted(path.glob("*.zip"))
    if len(found) != 1:
        raise UserError(f"{path} holds {len(found)} zip archives; exactly one, or the archive's own path, would do.")
    return found[0]


def _label_table(storage: ArchiveStorage) -> tuple[str, bytes | None]:
    wanted = (*LABEL_FILES, f"{storage.path.stem}.csv")
    for name in wanted:
        beside = storage.path.with_name(name)
        if beside.is_file():
            return str(beside), table_bytes(beside)
    for name, info in sorted(storage.others.items(), key=lambda item: item[0].count("/")):
        if name.rpartition("/")[2] in wanted:
            return f"{name} in {storage.path}", storage.extract(info)
    return "", None
