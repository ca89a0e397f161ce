"""IDX files, the format of MNIST and its relatives (Y. LeCun, C. Cortes, C. J. C. Burges)."""

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.arrays import ArraySet
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.labels import category_column
from latentstudio.data.options import check_names
from latentstudio.errors import UserError

LARGEST = 2 * 1024 * 1024 * 1024
"""Largest content that is read, in bytes; a header may claim any size."""

_IMAGES = re.compile(r"images?([-.])idx[34]", re.IGNORECASE)
_TRAIN, _TEST = 0, 2


def open_idx(spec: str, argument: str, options: dict[str, str]) -> ArraySet:
    """Open ``idx:PATH``: an images file, or a folder with the images files of a training and a test part.

    Files may be compressed with gzip. Labels are found beside the images by name (``images-idx3`` becomes
    ``labels-idx1``) and become the column ``label``. With both parts, training images come first and `splits` says so.

    Raises
    ------
    UserError
        No such file, no IDX images in it, a header that does not fit the content, or labels of another number.
    """
    check_names(spec, options, ())
    files = _image_files(argument)
    parts = [_images(path) for path in files]
    if len({part.shape[1:] for part in parts}) > 1:
        shapes = " and ".join(f"{part.shape[1]} x {part.shape[2]}" for part in parts)
        raise UserError(f"The IDX files in {argument} hold images of {shapes} px; one size would do.")
    pixels = np.concatenate(parts) if len(parts) > 1 else parts[0]
    columns, notes = _labels(files, parts)
    splits = None
    if len(files) > 1:
        kinds = [_TRAIN if "train" in path.name.lower() else _TEST for path in files]
        splits = np.repeat(np.array(kinds, dtype=np.int8), [len(part) for part in parts])
    title = files[0].parent.name if len(files) > 1 else files[0].name.removesuffix(".gz")
    table = AttributeTable(len(pixels), columns)
    return ArraySet(spec, title, pixels, table, splits=splits, notes=notes)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of unsigned bytes that an IDX file holds, in its own shape.

    Raises
    ------
    UserError
        The file is truncated, damaged, of another type, or claims more than 2 GiB.
    """
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with cast("IO[bytes]", gzip.open(path) if packed else path.open("rb")) as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0":
                raise UserError(f"{path} is not an IDX file; one such as train-images-idx3-ubyte would do.")
            if head[2] != 0x08:
                raise UserError(f"{path} holds IDX values of type 0x{head[2]:02x}; unsigned bytes (0x08) would do.")
            lengths = stream.read(4 * head[3])
            if len(lengths) < 4 * head[3]:
                raise UserError(f"{path} ends within its header; a whole IDX file would do.")
            shape = struct.unpack(f">{head[3]}I", lengths)
            size = 1
            for length in shape:
                size *= length
            if size > LARGEST:
                raise UserError(f"{path} claims {size} bytes of pixels; up to {LARGEST >> 30} GiB are read.")
            content = stream.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({error}).") from error
    if len(content) != size:
        found = "more" if len(content) > size else str(len(content))
        raise UserError(f"{path} should hold {size} bytes after its header, but holds {found}.")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _image_files(argument: str) -> list[Path]:
    path = Path(argument).expanduser()
    if not argument or not path.exists():
        raise UserError(f"There is no IDX file {argument or '(none given)'}; train-images-idx3-ubyte would do.")
    if path.is_file():
        return [path]
    found: dict[str, Path] = {}
    for entry in sorted(path.iterdir()):
        if entry.is_file() and _IMAGES.search(entry.name):
            found.setdefault(entry.name.removesuffix(".gz"), entry)
    if not found:
        raise UserError(f"{path} holds no IDX images; a file such as train-images-idx3-ubyte would do.")
    return sorted(found.values(), key=lambda file: ("train" not in file.name.lower(), file.name))


def _images(path: Path) -> NDArray[np.uint8]:
    values = read_idx(path)
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or values.shape[3] not in (1, 3) or 0 in values.shape:
        raise UserError(f"{path} holds an array of shape {values.shape}; images (N, H, W) or (N, H, W, 3) would do.")
    return values


def _labels(files: list[Path], parts: list[NDArray[np.uint8]]) -> tuple[list[Column], tuple[str, ...]]:
    cells: list[str] = []
    notes = []
    for path, part in zip(files, parts, strict=True):
        beside = _labels_beside(path)
        if beside is None:
            notes.append(f"There are no labels beside {path.name}.")
            cells += [""] * len(part)
            continue
        values = read_idx(beside)
        if values.shape != (len(part),):
            raise UserError(f"{beside} holds labels of shape {values.shape}, but {path.name} holds {len(part)} images.")
        cells += [str(value) for value in values.tolist()]
    return ([category_column("label", cells)] if any(cells) else []), tuple(notes)


def _labels_beside(path: Path) -> Path | None:
    name = _IMAGES.sub(r"labels\1idx1", path.name.removesuffix(".gz"))
    if name == path.name.removesuffix(".gz"):
        return None
    return next((p for p in (path.with_name(name), path.with_name(f"{name}.gz")) if p.is_file()), None)
