"""Decoding pictures from anywhere, safely: every file gives upright 8-bit grey or RGB, or a sentence that says why not.

Orientation follows EXIF, transparency is laid on white, 16-bit values are scaled to 8, CMYK becomes RGB and of an
animation the first frame is taken.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from latentstudio.errors import UserError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
"""Formats that are tried; those that start other programs (EPS) or are no pictures (PDF, WMF) are not among them."""

MAX_PIXELS = 89_478_485
"""Largest picture that is decoded, in pixels; larger ones may be made to exhaust the memory."""

# What Pillow's decoders raise on damaged or hostile files; warnings only where the program runs with them as errors.
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, AttributeError, OverflowError,
    ZeroDivisionError, MemoryError, NotImplementedError, AssertionError, RuntimeError, struct.error, zlib.error,
    UserWarning,
)  # fmt: skip

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the operation that turns the picture upright."""

_GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def read_picture(source: Path | str | bytes, name: str = "", at_least: int = 0) -> NDArray[np.uint8]:
    """Decode a picture.

    Parameters
    ----------
    source : path of a file, or the bytes of one.
    name : what to call the picture in sentences; its path by default.
    at_least : edge in px that is enough; JPEG files may then be decoded at a smaller scale, which is quicker. 0 decodes
        at native resolution.

    Returns
    -------
    uint8 (h, w, C), upright, C = 1 for grey pictures and 3 for others.

    Raises
    ------
    UserError
        The file is missing, empty, truncated, too large or no picture; the sentence names it.
    """
    name = name or ("The picture" if isinstance(source, bytes) else str(source))
    stream = io.BytesIO(source) if isinstance(source, bytes) else io.BytesIO(_read(Path(source), name))
    if not stream.getbuffer().nbytes:
        raise UserError(f"{name} is empty; a PNG, JPEG, WebP, TIFF, GIF or BMP picture would do.")
    try:
        with Image.open(stream, formats=_formats()) as image:
            _check_size(image, name)
            if at_least:
                image.draft(None, (at_least, at_least))
            image.load()
            return _pixels(_upright(image), name)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{name} has too many pixels; up to {MAX_PIXELS // 1_000_000} megapixels are read.") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{name} is not a picture; PNG, JPEG, WebP, TIFF, GIF and BMP are read.") from error
    except _DAMAGE as error:
        raise UserError(f"{name} is damaged and cannot be decoded ({error}).") from error


def is_grey(source: Path | bytes) -> bool | None:
    """Whether a picture is grey according to its header alone; None when the header cannot be read."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_formats()) as image:
            return image.mode in _GREY
    except (*_DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _formats() -> list[str]:
    """Return those of `FORMATS` that this build of Pillow reads."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _read(path: Path, name: str) -> bytes:
    if path.exists() and not path.is_file():
        raise UserError(f"{name} is not a file; a picture file would do.")
    try:
        return path.read_bytes()
    except (OSError, ValueError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"Cannot read the picture {name}: {reason or error}.") from error


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UserError(f"{name} has {width} x {height} px; up to {MAX_PIXELS // 1_000_000} megapixels are read.")
    if width < 1 or height < 1:
        raise UserError(f"{name} has {width} x {height} px; a picture needs at least one pixel.")


def _upright(image: Image.Image) -> Image.Image:
    # After loading, because PNG may carry EXIF behind the pixels and Pillow has turned TIFF upright by then.
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DAMAGE:
        return image
    operation = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if operation is None else image.transpose(operation)


def _pixels(image: Image.Image, name: str) -> NDArray[np.uint8]:
    grey = image.mode in _GREY
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _deep(image, name)
    if image.has_transparency_data or image.mode in ("RGBa", "La", "PA"):
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, clear)
    flat = np.asarray(image.convert("L" if grey else "RGB"))
    return np.array(flat[..., None] if grey else flat, dtype=np.uint8)


def _deep(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Scale integer pixels from 0..65535 (or 0..255) and floating-point pixels from 0..1 (or 0..255) to bytes."""
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{name} has pixels that are not numbers; values from 0 to 1 or from 0 to 255 would do.")
    low, high = float(values.min()), float(values.max())
    full = (1.0 if high <= 1.0 else 255.0) if image.mode == "F" else 65535.0
    if low < 0.0 or high > full:
        raise UserError(f"{name} has pixel values from {low:g} to {high:g}; 8-bit, 16-bit or 0 to 1 would do.")
    return np.rint(values * (255.0 / full)).astype(np.uint8)[..., None]
