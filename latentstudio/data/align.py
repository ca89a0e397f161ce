"""Bringing a face to a dataset's framing: a similarity transform that puts the two eyes where the dataset has them.

Positions are (x, y) in px with the centre of the top left pixel at (0, 0); left and right are those of the picture.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import cover, recolour
from latentstudio.data.specification import parse_spec
from latentstudio.errors import UserError

Point = tuple[float, float]
Eyes = tuple[Point, Point]

_CLOSEST = 2.0


@dataclass(frozen=True)
class Convention:
    """Where the eyes' centres lie in a dataset's images, as fractions of width and height from the top left corner."""

    left: Point
    right: Point

    def in_pixels(self, height: int, width: int) -> Eyes:
        """Return the eyes' positions in an image of that size."""
        (x1, y1), (x2, y2) = self.left, self.right
        return (x1 * width - 0.5, y1 * height - 0.5), (x2 * width - 0.5, y2 * height - 0.5)


CONVENTIONS: dict[str, Convention] = {
    # Darkest points of the images' mean after removal of the slow shading (202 frontal faces without eyeglasses).
    "olivetti": Convention((0.262, 0.258), (0.758, 0.258)),
    # Mean of the renderer's own eye positions over the first 3,000 faces.
    "faces": Convention((0.393, 0.460), (0.607, 0.460)),
    # Mean landmarks of the published 178 x 218 px pictures within the customary crop of 148 x 148 px.
    "celeba": Convention((0.368, 0.481), (0.628, 0.481)),
    # As for Olivetti, over every second of the 12,794 crops; these are not aligned, so single faces differ by some px.
    "lfw": Convention((0.336, 0.383), (0.664, 0.383)),
}
"""Framings by dataset."""


@runtime_checkable
class HasEyes(Protocol):
    """A dataset that knows where the eyes of its pictures are."""

    def eyes(self, index: int) -> Eyes | None:
        """Return the eyes (x, y) in px of `picture(index)`, or None where they are not known."""
        ...


def convention_of(spec: str) -> Convention:
    """Return the framing of the dataset that a specification names; CelebA's for those with none of their own."""
    try:
        name, argument, _ = parse_spec(spec)
    except UserError:
        name, argument = spec.partition(":")[0], spec
    if name in CONVENTIONS:
        return CONVENTIONS[name]
    return CONVENTIONS["lfw" if "lfw" in argument.lower() else "celeba"]


def suggest_eyes(data: ImageSet, index: int) -> Eyes | None:
    """Return where the eyes of a dataset's picture are, where landmarks are known; None otherwise."""
    return data.eyes(index) if isinstance(data, HasEyes) else None


def usual_eyes(height: int, width: int, convention: Convention) -> Eyes:
    """Return where the eyes of a photo would be if its largest central square were framed by the convention.

    It is a place to put the markers that a person then moves, not a detection.
    """
    edge = min(height, width)
    left, top = (width - edge) / 2.0, (height - edge) / 2.0
    (x1, y1), (x2, y2) = convention.in_pixels(edge, edge)
    return (x1 + left, y1 + top), (x2 + left, y2 + top)


def align(
    picture: NDArray[np.uint8], eyes: Eyes | None, out_shape: tuple[int, int, int], convention: Convention
) -> NDArray[np.uint8]:
    """Return the face in the dataset's framing, uint8 (H, W, C).

    Parameters
    ----------
    picture : uint8 (h, w, 1 or 3).
    eyes : the two eyes (x, y) in px of the picture, in any order; None takes the largest central part as it is.
    out_shape : (H, W, C), C = 1 or 3.
    convention : where the eyes go. What lies outside the picture repeats its border.

    Raises
    ------
    UserError
        The eyes are no two distinct finite points.
    """
    height, width, channels = out_shape
    if eyes is None:
        return recolour(cover(picture, (height, width)), channels)
    scale, origin = similarity(eyes, convention.in_pixels(height, width))
    shrunk, factor_x, factor_y = _shrink(picture, abs(scale))
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    source = scale * (x + 1j * y) + origin
    columns = (source.real + 0.5) * factor_x - 0.5
    rows = (source.imag + 0.5) * factor_y - 0.5
    return recolour(_sample(shrunk, rows, columns), channels)


def similarity(eyes: Eyes, targets: Eyes) -> tuple[complex, complex]:
    """Return (a, b) of the map z -> a z + b from image to picture, points being the complex numbers x + iy.

    ``abs(a)`` is the px of the picture per px of the image, and the angle of a is the turn of the head.

    Raises
    ------
    UserError
        The eyes are closer than 2 px or not finite.
    """
    left, right = _ordered(eyes)
    if not np.isfinite([left, right]).all() or abs(right - left) < _CLOSEST:
        raise UserError(f"The eyes at {eyes[0]} and {eyes[1]} cannot be used; two points at least 2 px apart would do.")
    to_left, to_right = complex(*targets[0]), complex(*targets[1])
    scale = (right - left) / (to_right - to_left)
    return scale, left - scale * to_left


def _ordered(eyes: Eyes) -> tuple[complex, complex]:
    first, second = complex(*eyes[0]), complex(*eyes[1])
    return (first, second) if first.real <= second.real else (second, first)


def _shrink(picture: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.uint8], float, float]:
    """Resize with antialiasing so that about one px remains per px of the image; return also the factors of x and y."""
    height, width = picture.shape[:2]
    if scale <= 1.0:
        return picture, 1.0, 1.0
    size = max(1, round(width / scale)), max(1, round(height / scale))
    grey = picture.shape[2] == 1
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if grey else picture))
    small = np.asarray(image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))
    return (small[..., None] if grey else small), size[0] / width, size[1] / height


def _sample(picture: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the picture at fractional positions (H, W) by Catmull-Rom interpolation, the border repeated outside."""
    height, width, channels = picture.shape
    top, left = np.floor(rows), np.floor(columns)
    down, across = _catmull_rom(rows - top), _catmull_rom(columns - left)
    out = np.zeros((*rows.shape, channels))
    for i in range(4):
        row = np.clip(top + (i - 1), 0, height - 1).astype(np.intp)
        for j in range(4):
            column = np.clip(left + (j - 1), 0, width - 1).astype(np.intp)
            out += (down[i] * across[j])[..., None] * picture[row, column]
    pixels: NDArray[np.uint8] = np.rint(out.clip(0.0, 255.0)).astype(np.uint8)
    return pixels


def _catmull_rom(t: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Weights of the four neighbours at -1, 0, 1, 2 for a position t in [0, 1)."""
    return (
        ((2.0 - t) * t - 1.0) * t / 2.0,
        ((3.0 * t - 5.0) * t * t + 2.0) / 2.0,
        ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
        (t - 1.0) * t * t / 2.0,
    )
