"""Compare two SVG or PDF files: the pictures inside pixel by pixel, everything else byte by byte."""

import base64
import binascii
import io
import re
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Pixels = NDArray[np.uint8]

_SVG_PICTURE = re.compile(rb'(?<=href="data:image/png;base64,)[^"]*')
_SVG_NAME = re.compile(rb'id="image[0-9a-f]+"')
_SVG_RECIPE = re.compile(rb'<metadata id="latentstudio">.*?</metadata>', re.DOTALL)
_PDF_PLACES = re.compile(rb"/Length \d+|(?<= obj\n)\d+(?=\nendobj)|\b\d{10} 00000 n|startxref\s+\d+")
_PDF_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r"}
_PDF_PALETTE = re.compile(rb"/ColorSpace \[ /Indexed /DeviceRGB .*?(?=/Filter)|/BitsPerComponent \d+", re.DOTALL)
_PDF_STREAM = re.compile(rb"(?<=>>\nstream\n).*?(?=\nendstream)", re.DOTALL)


def difference_of_files(stored: bytes, again: bytes, form: str) -> tuple[int | None, str]:
    """Return the largest difference of any pixel of the pictures inside (0 to 255), and a sentence.

    None means that something other than the pixels differs, e.g. a line or a word.
    """
    if stored == again:
        return 0, "The two files are the same, byte by byte."
    split = _svg_parts if form == "svg" else _pdf_parts
    (rest, pictures), (rest_again, pictures_again) = split(stored), split(again)
    if rest != rest_again or len(pictures) != len(pictures_again):
        return None, "Lines or words differ, not only pixels."
    largest = 0
    for one, other in zip(pictures, pictures_again, strict=True):
        if one.shape != other.shape:
            return None, "The pictures inside have other sizes."
        gap = np.abs(one.astype(np.int16) - other.astype(np.int16))
        largest = max(largest, int(gap.max(initial=0)))
    if not largest:
        return 0, "Every pixel, line and word is the same."
    return largest, f"The pictures inside differ by at most {largest} of 255 grey levels."


def _svg_parts(data: bytes) -> tuple[bytes, list[Pixels]]:
    drawing = _SVG_RECIPE.sub(b"", data)
    pictures = [_decoded(text) for text in _SVG_PICTURE.findall(drawing)]
    rest = _SVG_NAME.sub(b"", _SVG_PICTURE.sub(b"", drawing))
    return re.sub(rb"\s+", b" ", rest).strip(), pictures


def _decoded(text: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(base64.b64decode(re.sub(rb"\s", b"", text)))) as image:
            return np.asarray(image.convert("RGBA"))
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return np.zeros((0, 0, 4), np.uint8)


def _pdf_parts(data: bytes) -> tuple[bytes, list[Pixels]]:
    """Split what a PDF draws into pictures and everything else, unpacked; the attached recipe is no part of it."""
    drawing = data[: data.find(b"%%EOF")]
    pictures: list[Pixels] = []
    rest = [_PDF_PALETTE.sub(b"", _PDF_PLACES.sub(b"", _PDF_STREAM.sub(b"", drawing)))]
    for hit in _PDF_STREAM.finditer(drawing):
        head = drawing[drawing.rfind(b" obj", 0, hit.start()) : hit.start()]
        content = _unpacked(hit[0])
        if b"/Subtype /Image" in head:
            pictures.append(_samples(head, content))
        else:
            rest.append(content)
    return b"\0".join(rest), pictures


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def _samples(head: bytes, content: bytes) -> Pixels:
    """Pixels of a PDF image: rows that PNG filters have predicted are decoded by a PNG reader, palettes are applied."""
    facts = {key: int(v) for key, v in re.findall(rb"/(Width|Height|Colors|Predictor|BitsPerComponent) (\d+)", head)}
    if facts.get(b"Predictor", 1) < 10:
        return np.frombuffer(content, np.uint8).reshape(1, -1)
    palette = re.search(rb"/Indexed /DeviceRGB \d+\s*\((.*)\)\s*\]", head, re.DOTALL)
    kind = 3 if palette else {1: 0, 3: 2}.get(facts.get(b"Colors", 1), 0)
    size = (facts[b"Width"], facts[b"Height"], facts.get(b"BitsPerComponent", 8), kind, 0, 0, 0)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *size))]
    if palette:
        chunks.append((b"PLTE", _PDF_ESCAPE.sub(lambda hit: _ESCAPED.get(hit[1], hit[1]), palette[1])))
    chunks += [(b"IDAT", zlib.compress(content, 1)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    try:
        with Image.open(io.BytesIO(png)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return np.frombuffer(content, np.uint8).reshape(1, -1)
