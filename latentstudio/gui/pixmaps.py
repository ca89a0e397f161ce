"""Turn uint8 pictures into what Qt paints: crisp on every screen, and safe to keep after the array is gone."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt
from PySide6.QtGui import QImage, QImageWriter, QPixmap

from latentstudio.errors import UserError

Bytes = NDArray[np.uint8]


def image_of(pixels: Bytes) -> QImage:
    """Copy a picture into a `QImage`.

    Parameters
    ----------
    pixels : uint8 (H, W), (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA.

    Raises
    ------
    ValueError
        The array has another shape or type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise ValueError(f"a picture is uint8 (H, W, C), not {pixels.dtype} {pixels.shape}")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    formats = {1: QImage.Format.Format_Grayscale8, 3: QImage.Format.Format_RGB888, 4: QImage.Format.Format_RGBA8888}
    height, width, channels = pixels.shape
    if channels not in formats:
        raise ValueError(f"a picture has 1, 3 or 4 channels, not {channels}")
    packed = np.ascontiguousarray(pixels)
    # QImage borrows the buffer; copy() makes it own the bytes before `packed` goes away.
    return QImage(packed.data, width, height, channels * width, formats[channels]).copy()


def array_of(image: QImage) -> Bytes:
    """Return the pixels of an image as uint8 (H, W, 1) when it is grey and (H, W, 3) otherwise."""
    grey = image.format() == QImage.Format.Format_Grayscale8
    converted = image.convertToFormat(QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888)
    channels = 1 if grey else 3
    height, width = converted.height(), converted.width()
    rows = np.frombuffer(converted.constBits(), np.uint8).reshape(height, converted.bytesPerLine())
    return rows[:, : width * channels].reshape(height, width, channels).copy()


def scaled_size(width: int, height: int, edge: float) -> tuple[int, int]:
    """Return the size (width, height) of a picture whose longer side becomes `edge`; neither side vanishes."""
    scale = edge / max(width, height, 1)
    return max(1, round(width * scale)), max(1, round(height * scale))


def pixmap(pixels: Bytes, edge: float, ratio: float = 1.0) -> QPixmap:
    """Scale a picture to a longer side of `edge` logical px on a screen with `ratio` device px per logical px.

    Enlargement by a whole number repeats pixels, so that what a model made is seen as it is; every other scaling is
    smooth, since uneven pixel repetition would draw lines into faces.
    """
    image = image_of(pixels)
    width, height = scaled_size(image.width(), image.height(), edge * ratio)
    whole = width >= image.width() and width % image.width() == 0 and height % image.height() == 0
    mode = Qt.TransformationMode.FastTransformation if whole else Qt.TransformationMode.SmoothTransformation
    scaled = image.scaled(QSize(width, height), Qt.AspectRatioMode.IgnoreAspectRatio, mode)
    result = QPixmap.fromImage(scaled)
    result.setDevicePixelRatio(ratio)
    return result


def png_of(pixels: Bytes) -> bytes:
    """Pack a picture as PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image_of(pixels))
    return bytes(buffer.data().data())


def pixels_of_png(data: bytes, what: str = "The picture") -> Bytes:
    """Unpack a picture that this program packed itself, uint8 (H, W, C).

    Raises
    ------
    UserError
        The bytes are not a picture; `what` names it in the sentence.
    """
    image = QImage.fromData(data)
    if image.isNull():
        raise UserError(f"{what} is not a PNG picture.")
    return array_of(image)
