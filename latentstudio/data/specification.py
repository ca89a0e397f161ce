"""Dataset specifications: ``name:argument?option=value``, and plain paths that are recognised by what they hold."""

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl, quote

from latentstudio.errors import UserError

PATH_SOURCES = ("folder", "zip", "celeba", "idx", "utkface")
"""Sources whose argument is a path."""

NAMED_SOURCES = ("faces", "olivetti", "lfw", "digits", "samples")
"""Sources that need no path; the argument of `samples` is a model's name."""

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".jp2", ".avif")
)
"""Suffixes of the files that a folder or an archive contributes."""

UTKFACE_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d")
"""The labels in a UTKFace file name."""

_IDX_IMAGES = re.compile(r"images?[-.]idx[34]", re.IGNORECASE)
_PEEK = 200


def parse_spec(spec: str) -> tuple[str, str, dict[str, str]]:
    """Split a specification into the source's name, its argument and its options.

    A plain path to a folder, an archive or an IDX file is recognised by its content. ``?`` and ``%`` inside the path of
    a specification are written ``%3F`` and ``%25``; a plain path that exists is taken as it is.

    Raises
    ------
    UserError
        There is no such source, the path does not exist, or an option has no value.
    """
    text = spec.strip()
    name, colon, rest = text.partition(":")
    if colon and name in PATH_SOURCES + NAMED_SOURCES:
        argument, options = _split_options(rest, spec)
        return name, argument, options
    whole = _existing(text)
    if whole is not None:
        return recognise(whole), str(whole), {}
    bare, options = _split_options(text, spec)
    if bare in NAMED_SOURCES:
        return bare, "", options
    found = _existing(bare)
    if found is not None:
        return recognise(found), str(found), options
    if os.sep in text or "/" in text or (len(name) == 1 and colon):
        raise UserError(f"There is no file or folder {bare}; a folder, zip, CelebA, UTKFace or IDX path would do.")
    known = ", ".join((*NAMED_SOURCES, *(f"{source}:PATH" for source in PATH_SOURCES)))
    raise UserError(f"There is no dataset '{spec}'; accepted are {known}, or the path of a folder of pictures.")


def format_spec(name: str, argument: str = "", options: Mapping[str, str] | None = None) -> str:
    """Write the specification that `parse_spec` splits into the same parts."""
    escaped = argument.replace("%", "%25").replace("?", "%3F")
    tail = "&".join(f"{quote(key, safe='')}={quote(value, safe='/:,')}" for key, value in (options or {}).items())
    return name + (f":{escaped}" if escaped or name in PATH_SOURCES else "") + (f"?{tail}" if tail else "")


def recognise(path: Path) -> str:
    """Return the source that reads what lies at `path`.

    Raises
    ------
    UserError
        It is a file that is neither an archive nor in IDX format.
    """
    if path.is_dir():
        return _recognise_folder(path)
    if zipfile.is_zipfile(path):
        return "zip"
    if _has_idx_magic(path):
        return "idx"
    raise UserError(f"{path} is not a dataset; a folder of pictures, a zip of pictures or an IDX file would do.")


def _recognise_folder(path: Path) -> str:
    if any((path / inner / "img_align_celeba").is_dir() for inner in ("", "Img")):
        return "celeba"
    with os.scandir(path) as entries:
        names = [entry.name for entry in islice(entries, _PEEK)]
    if any(_IDX_IMAGES.search(name) for name in names):
        return "idx"
    pictures = [name for name in names if Path(name).suffix.lower() in PICTURE_SUFFIXES]
    if pictures and sum(bool(UTKFACE_NAME.match(name)) for name in pictures) > len(pictures) / 2:
        return "utkface"
    if not pictures and sum(name.lower().endswith(".zip") for name in names) == 1:
        return "zip"
    return "folder"


def _existing(text: str) -> Path | None:
    """Return the absolute path that `text` is, when something lies there and no source has that name."""
    if not text or text in NAMED_SOURCES:
        return None
    try:
        path = Path(text).expanduser()
        return path.absolute() if path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _has_idx_magic(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path) as stream:
                start = stream.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return start[:3] == b"\0\0\x08" and start[3:] in (b"\3", b"\4")


def _split_options(text: str, spec: str) -> tuple[str, dict[str, str]]:
    argument, mark, tail = text.partition("?")
    if not mark:
        return _unescape(argument), {}
    try:
        pairs = parse_qsl(tail, keep_blank_values=True, strict_parsing=bool(tail))
    except ValueError as error:
        raise UserError(f"The options of '{spec}' cannot be read; write them like ?size=64&color=grey.") from error
    return _unescape(argument), dict(pairs)


def _unescape(argument: str) -> str:
    return argument.replace("%3F", "?").replace("%3f", "?").replace("%25", "%")
