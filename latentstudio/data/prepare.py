"""Between pixels and what a model takes: shape, colour and range."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.errors import UserError


def fit(images: NDArray[np.uint8], image_shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return images as a model takes them.

    Another aspect ratio is cropped about the centre, another size is resized with antialiasing, RGB becomes grey by
    ITU-R BT.601 and grey becomes RGB by repetition.

    Parameters
    ----------
    images : uint8 (N, h, w, c), c = 1 or 3.
    image_shape : (C, H, W) of the model.

    Returns
    -------
    float32 (N, C, H, W) in [-1, 1], contiguous.

    Raises
    ------
    UserError
        The array is not a batch of 8-bit grey or RGB images.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        found = f"{images.dtype} {images.shape}"
        raise UserError(f"Images of type and shape {found} cannot be used; uint8 (N, H, W, 1 or 3) would do.")
    channels, height, width = image_shape
    if images.shape[1:3] != (height, width):
        shaped = [cover(image, (height, width)) for image in images]
        images = np.stack(shaped) if shaped else np.zeros((0, height, width, images.shape[-1]), np.uint8)
    scaled = recolour(images, channels).astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def fit_words(shape: tuple[int, int, int], image_shape: tuple[int, int, int], whose: str) -> str:
    """Say in a sentence what `fit` takes from pictures: their colour, or their detail; empty when it is neither.

    Parameters
    ----------
    shape : (h, w, c) of the pictures ; image_shape : (C, H, W) of the model ; whose : name of the model.
    """
    channels, height, width = image_shape
    if shape[2] == 3 and channels == 1:
        return f"The pictures are in colour; {whose} sees them in grey, {height} x {width} px."
    if shape[2] == 1 and channels == 3:
        return f"The pictures are grey; {whose} works in colour and sees three equal channels."
    return ""


def to_pixels(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return uint8 (N, H, W, C) of float (N, C, H, W) in [-1, 1]; values outside are clipped, NaN becomes black.

    ``to_pixels(fit(x, shape))`` is x again, byte for byte, for images of that shape.
    """
    scaled = np.nan_to_num((np.asarray(images, dtype=np.float32) + 1.0) * 127.5, nan=0.0, posinf=255.0, neginf=0.0)
    return np.ascontiguousarray(np.rint(scaled.clip(0.0, 255.0)).astype(np.uint8).transpose(0, 2, 3, 1))


def recolour(images: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return (..., channels) of (..., 1 or 3): luma by BT.601, or the grey value three times.

    Raises
    ------
    UserError
        `channels` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise UserError(f"A model with {channels} colour channels cannot take pictures; 1 (grey) or 3 (RGB) would do.")
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    # The weights of BT.601 in 16-bit fixed point, as Pillow rounds them, so that both ways to grey agree.
    weighted = images.astype(np.uint32) @ np.array([19595, 38470, 7471], dtype=np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)[..., None]


def resize(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8 (H, W, C) of (h, w, C) by bicubic resampling, which averages when it shrinks."""
    if picture.shape[:2] == size:
        return picture
    grey = picture.shape[2] == 1
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if grey else picture))
    resized = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))
    return resized[..., None] if grey else resized


def cover(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8 (H, W, C): the largest central part of the picture with the aspect ratio of `size`, resized."""
    height, width = picture.shape[:2]
    scale = min(height / size[0], width / size[1])
    tall = min(height, max(1, round(size[0] * scale)))
    wide = min(width, max(1, round(size[1] * scale)))
    top, left = (height - tall) // 2, (width - wide) // 2
    return resize(picture[top : top + tall, left : left + wide], size)
