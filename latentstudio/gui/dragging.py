"""What travels in a drag: inputs for our own slots, a picture for every other program."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRect, Qt, QUrl
from PySide6.QtGui import QColor, QDrag, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, ImageInput, Input
from latentstudio.gui.pixmaps import image_of, pixmap, png_of
from latentstudio.paths import cache_home, replacing
from latentstudio.studio.browse import named_image

MIME = "application/x-latentstudio-inputs"
_EDGE = 52
_KEPT_FILES = 24


def mime_of(inputs: Sequence[Input], pixels: NDArray[np.uint8] | None = None) -> QMimeData:
    """Pack inputs (and the picture of the first, uint8 (H, W, C)) for a drag or the clipboard."""
    mime = QMimeData()
    mime.setData(MIME, QByteArray(msgspec.json.encode(list(inputs))))
    if pixels is not None:
        mime.setImageData(image_of(pixels))
        mime.setData("image/png", QByteArray(png_of(pixels)))
    return mime


def inputs_of(mime: QMimeData) -> tuple[Input, ...]:
    """Return the inputs in `mime`; empty when there are none or they are not ours."""
    if not mime.hasFormat(MIME):
        return ()
    try:
        return msgspec.json.decode(mime.data(MIME).data(), type=tuple[Input, ...])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ()


def paths_of(mime: QMimeData) -> list[Path]:
    """Return the local files and folders in `mime`, in their order."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def label_of(item: Input) -> str:
    """Name an input in a few words."""
    if isinstance(item, ImageInput):
        return named_image(item.id, item.index)
    if isinstance(item, CodeInput):
        return named_image(item.label, 0) if item.label else item.origin or "code"
    return item.label or "picture"


def start_drag(widget: QWidget, inputs: Sequence[Input], pixels: NDArray[np.uint8] | None = None) -> bool:
    """Drag inputs out of `widget` until they are dropped or Esc is pressed; True when something took them."""
    if not inputs:
        return False
    mime = mime_of(inputs, pixels)
    file = _picture_file(label_of(inputs[0]), pixels)
    if file is not None:
        mime.setUrls([QUrl.fromLocalFile(str(file))])
    drag = QDrag(widget)
    drag.setMimeData(mime)
    if pixels is not None:
        picture = drag_picture(pixels, len(inputs), widget)
        drag.setPixmap(picture)
        # Below and right of the pointer, so that the words of the target stay readable.
        drag.setHotSpot(QPoint(-10, -10))
    return drag.exec(Qt.DropAction.CopyAction, Qt.DropAction.CopyAction) != Qt.DropAction.IgnoreAction


def drag_picture(pixels: NDArray[np.uint8], count: int, widget: QWidget) -> QPixmap:
    """Draw what hangs on the pointer: the picture, and how many there are when more than one."""
    result = pixmap(pixels, _EDGE, widget.devicePixelRatioF())
    if count > 1:
        painter = QPainter(result)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        badge = QRect(4, 4, max(20, 12 + 7 * len(str(count))), 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 200))
        painter.drawRoundedRect(badge, 9, 9)
        painter.setPen(QColor("white"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(count))
        painter.end()
    return result


def _picture_file(label: str, pixels: NDArray[np.uint8] | None) -> Path | None:
    """Write the picture where a file manager can fetch it; None when there is none or no room for it."""
    if pixels is None:
        return None
    folder = cache_home() / "dragged"
    name = re.sub(r"[^\w.+-]+", "_", label).strip("._") or "picture"
    path = folder / f"{name[:80]}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write(png_of(pixels))
        files = sorted(folder.glob("*.png"), key=lambda file: file.stat().st_mtime)
        for old in files[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)
    except (OSError, UserError):
        # The drag into our own slots needs no file, so a full or read-only cache must not stop it.
        return None
    return path


def png_of_text(text: str) -> bytes:
    """Unpack the base64 of a `PixelsInput`.

    Raises
    ------
    UserError
        It is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError("The dropped picture is damaged: it is not base64.") from error
