"""The recipe inside the picture: written into PNG, SVG and PDF, and read back from files that anybody may have touched.

PNG carries it as an uncompressed ``iTXt`` chunk named ``latentstudio`` (uncompressed, since common readers refuse large
compressed text), SVG as a ``metadata`` element, PDF as an attached file.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec

from latentstudio.errors import UserError
from latentstudio.figures import embed_pdf
from latentstudio.figures.recipe import Figure, figure_from_json

KEYWORD = b"latentstudio"
FORMATS = ("png", "svg", "pdf", "json")

_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST_FILE = 1 << 30
_LARGEST_TEXT = 1 << 29
_SVG_ID = "latentstudio"


def figure_json(figure: Figure) -> bytes:
    """Return the figure as compact JSON with sorted keys."""
    return msgspec.json.encode(figure, order="deterministic")


def embedded(picture: bytes, form: str, figure: Figure) -> bytes:
    """Return the bytes of a PNG, SVG or PDF with the figure inside."""
    text = figure_json(figure)
    if form == "png":
        return _into_png(picture, text)
    if form == "svg":
        return _into_svg(picture, text)
    return embed_pdf.attach(picture, text)


def read_figure(path: Path | str) -> Figure:
    """Read the figure inside a PNG, SVG, PDF or JSON file; the content decides, not the suffix.

    Raises
    ------
    UserError
        The file cannot be read, or holds no figure (a picture that another program saved again loses it).
    NewerVersionError
        The figure was written by a newer program.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UserError(f"{path} is larger than 1 GiB; an exported figure would do.")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    return figure_in(data, str(path))


def figure_in(data: bytes, name: str) -> Figure:
    """Read the figure inside the bytes of a file.

    Raises
    ------
    UserError, NewerVersionError
        As for `read_figure`; `name` is the file in the sentence.
    """
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data.startswith(_PNG):
        text = _from_png(data, name)
    elif data.startswith(b"%PDF-"):
        text = embed_pdf.attached(data, name)
    elif start.startswith(b"<"):
        text = _from_svg(data, name)
    elif start.startswith((b"{", b"[")):
        return figure_from_json(data, name)
    else:
        raise UserError(f"{name} is no exported figure; a PNG, SVG, PDF or JSON that LatentStudio wrote would do.")
    if text is None:
        raise UserError(
            f"{name} carries no recipe; another program may have saved it again. The exported file would do."
        )
    return figure_from_json(text, f"The recipe in {name}")


def _into_png(picture: bytes, text: bytes) -> bytes:
    body = KEYWORD + b"\0" + b"\0\0" + b"\0" + b"\0" + text
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    header = len(_PNG) + 8 + 13 + 4
    return picture[:header] + chunk + picture[header:]


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each PNG chunk."""
    place = len(_PNG)
    while place < len(data):
        if place + 12 > len(data):
            raise UserError(f"{name} is cut short: its last PNG chunk is incomplete.")
        (length,) = struct.unpack_from(">I", data, place)
        kind, stop = data[place + 4 : place + 8], place + 8 + length
        if stop + 4 > len(data):
            raise UserError(f"{name} is cut short: a PNG chunk promises {length} bytes that are not there.")
        content = data[place + 8 : stop]
        if kind == b"iTXt" and zlib.crc32(kind + content) != struct.unpack_from(">I", data, stop)[0]:
            raise UserError(f"{name} is damaged: the checksum of its recipe is wrong.")
        yield kind, content
        if kind == b"IEND":
            return
        place = stop + 4


def _from_png(data: bytes, name: str) -> bytes | None:
    for kind, content in _chunks(data, name):
        if kind == b"iTXt" and content.startswith(KEYWORD + b"\0"):
            flags, rest = content[len(KEYWORD) + 1 : len(KEYWORD) + 3], content[len(KEYWORD) + 3 :]
            parts = rest.split(b"\0", 2)
            if len(flags) < 2 or len(parts) < 3:
                raise UserError(f"{name} is damaged: its recipe has no text.")
            return _inflated(parts[2], name) if flags[0] else parts[2]
        if kind == b"tEXt" and content.startswith(KEYWORD + b"\0"):
            return content[len(KEYWORD) + 1 :]
    return None


def _inflated(packed: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _LARGEST_TEXT)
    except zlib.error as error:
        raise UserError(f"{name} is damaged: its recipe cannot be unpacked.") from error
    if unpacker.unconsumed_tail:
        raise UserError(f"{name} holds a recipe of more than 512 MiB, which is refused.")
    return text


def _into_svg(picture: bytes, text: bytes) -> bytes:
    element = f'<metadata id="{_SVG_ID}">{escape(text.decode("utf-8"))}</metadata>\n'.encode()
    place = picture.rindex(b"</svg>")
    return picture[:place] + element + picture[place:]


class _SvgReader:
    """Collects the text of our metadata element; refuses entities, which can blow up."""

    def __init__(self, name: str) -> None:
        self.text: list[str] = []
        self.found = False
        self._inside = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.EntityDeclHandler = self._entity
        self._name = name

    def read(self, data: bytes) -> bytes | None:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise UserError(f"{self._name} is not a whole SVG file: {error}.") from error
        return "".join(self.text).strip().encode("utf-8") if self.found else None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        ours = tag.rpartition(":")[2] == "metadata" and attributes.get("id") == _SVG_ID
        if self._inside or ours:
            self._inside += 1
            self.found = True

    def _end(self, _tag: str) -> None:
        self._inside = max(0, self._inside - 1)

    def _data(self, text: str) -> None:
        if self._inside:
            self.text.append(text)

    def _entity(self, *_declaration: object) -> None:
        raise UserError(f"{self._name} declares XML entities, which is refused in an SVG.")


def _from_svg(data: bytes, name: str) -> bytes | None:
    return _SvgReader(name).read(data)
