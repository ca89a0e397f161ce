"""Attach a file to a finished PDF and find it again (PDF 1.7, sections 7.5.6 'Incremental updates' and 7.11.4).

An incremental update leaves the drawn document untouched: new objects, a new cross-reference section and a trailer that
points back to the old one are appended.
"""

import re
import zlib

from latentstudio.errors import UserError

_NAME = b"latentstudio.json"
_SUBTYPE = b"/application#2Fx-latentstudio#2Bjson"
_OURS = re.compile(rb"/application#2[Ff]x-latentstudio#2[Bb]json")
_LARGEST_TEXT = 1 << 29


def attach(pdf: bytes, text: bytes) -> bytes:
    """Return the PDF with `text` attached as ``latentstudio.json``.

    Parameters
    ----------
    pdf : a document with a classical cross-reference table, as matplotlib writes it.
    """
    root, size, start = _trailer(pdf)
    catalog = _object(pdf, root)
    packed = zlib.compress(text, 9)
    embedded, filespec = size, size + 1
    names = b"/Names << /EmbeddedFiles << /Names [ (%s) %d 0 R ] >> >> /AF [ %d 0 R ]" % (_NAME, filespec, filespec)
    extended = catalog.rstrip()[: -len(b">>")] + names + b" >>"
    objects = {
        root: extended,
        embedded: b"<< /Type /EmbeddedFile /Subtype %s /Filter /FlateDecode /Length %d /Params << /Size %d >> >>\n"
        b"stream\n%s\nendstream" % (_SUBTYPE, len(packed), len(text), packed),
        filespec: b"<< /Type /Filespec /AFRelationship /Source /F (%s) /UF (%s) /EF << /F %d 0 R >> "
        b"/Desc (LatentStudio recipe) >>" % (_NAME, _NAME, embedded),
    }
    out = bytearray(pdf if pdf.endswith(b"\n") else pdf + b"\n")
    places = {}
    for number, content in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n"
    for number in sorted(places):
        out += b"%d 1\n%010d 00000 n \n" % (number, places[number])
    info = re.search(rb"/Info \d+ 0 R", pdf[start:])
    out += b"trailer\n<< /Size %d /Root %d 0 R %s /Prev %d >>\n" % (size + 2, root, info[0] if info else b"", start)
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)


def _trailer(pdf: bytes) -> tuple[int, int, int]:
    """Return the catalog's number, the count of objects, and where the cross-reference table starts."""
    start = re.findall(rb"startxref\s+(\d+)", pdf)
    trailer = pdf[pdf.rindex(b"trailer") :]
    root, size = re.search(rb"/Root (\d+) 0 R", trailer), re.search(rb"/Size (\d+)", trailer)
    if not start or root is None or size is None:
        raise ValueError("the PDF has no classical trailer")
    return int(root[1]), int(size[1]), int(start[-1])


def _object(pdf: bytes, number: int) -> bytes:
    found = re.search(rb"(?:^|\n)%d 0 obj\s(.*?)\sendobj" % number, pdf, re.DOTALL)
    if found is None:
        raise ValueError(f"the PDF has no object {number}")
    return found[1]


def attached(pdf: bytes, name: str) -> bytes | None:
    """Return the attached recipe, or None; also after another program has rewritten the document.

    Raises
    ------
    UserError
        The attachment is there but damaged; `name` is the file in the sentence.
    """
    text = None
    for hit in _OURS.finditer(pdf):
        opening = pdf.find(b"stream", hit.end())
        if opening < 0 or opening - hit.end() > 4096:
            raise UserError(f"{name} is cut short: the recipe inside is not complete.")
        head = pdf[pdf.rfind(b"obj", 0, hit.start()) : opening]
        text = _stream(pdf, opening + len(b"stream"), head, name)
    return text


def _stream(pdf: bytes, place: int, head: bytes, name: str) -> bytes:
    place += 2 if pdf[place : place + 2] == b"\r\n" else 1
    length = re.search(rb"/Length (\d+)(?! \d+ R)", head)
    stop = place + int(length[1]) if length else pdf.find(b"endstream", place)
    if stop < place or stop > len(pdf):
        raise UserError(f"{name} is cut short: the recipe inside is not complete.")
    content = pdf[place:stop]
    if b"/FlateDecode" not in head:
        return content
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(content, _LARGEST_TEXT)
    except zlib.error as error:
        raise UserError(f"{name} is damaged: the recipe inside cannot be unpacked.") from error
    if unpacker.unconsumed_tail:
        raise UserError(f"{name} holds a recipe of more than 512 MiB, which is refused.")
    if not unpacker.eof:
        raise UserError(f"{name} is cut short: the recipe inside is not complete.")
    return text
