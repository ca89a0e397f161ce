"""Pixels to a model and back."""

import numpy as np
import pytest
from PIL import Image

from latentstudio.data.prepare import cover, fit, recolour, resize, to_pixels
from latentstudio.errors import UserError


def test_all_bytes_survive_the_round_trip() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    floats = fit(images, (1, 16, 16))
    assert floats.dtype == np.float32
    assert floats.shape == (1, 1, 16, 16)
    assert floats.flags.c_contiguous
    assert (floats.min(), floats.max()) == (-1.0, 1.0)
    np.testing.assert_array_equal(to_pixels(floats), images)


def test_axes_are_not_mixed_up() -> None:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    floats = fit(images, (3, 5, 7))
    assert floats[2, 1, 4, 6] == pytest.approx(images[2, 4, 6, 1] / 127.5 - 1)
    np.testing.assert_array_equal(to_pixels(floats), images)


def test_grey_agrees_with_pillow_for_every_pixel() -> None:
    rng = np.random.default_rng(2)
    rgb = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    np.testing.assert_array_equal(recolour(rgb, 1)[..., 0], np.asarray(Image.fromarray(rgb).convert("L")))


def test_grey_becomes_equal_channels() -> None:
    grey = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(recolour(grey, 3), np.repeat(grey, 3, axis=-1))


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((256, 256, 1), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(resize(stripes, (64, 64)).astype(int) - 128)[:, 2:-2].max() <= 6


def test_cover_crops_about_the_centre() -> None:
    wide = np.zeros((10, 30, 1), np.uint8)
    wide[:, 10:20] = 200
    assert (cover(wide, (10, 10)) == 200).all()
    assert (cover(wide.transpose(1, 0, 2), (10, 10)) == 200).all()
    assert cover(np.full((1, 900, 3), 7, np.uint8), (64, 64)).shape == (64, 64, 3)


def test_values_outside_the_range() -> None:
    wild = np.array([-np.inf, -3.0, np.nan, 3.0, np.inf], np.float32).reshape(1, 1, 1, 5)
    np.testing.assert_array_equal(to_pixels(wild).ravel(), [0, 0, 0, 255, 255])


def test_empty_batch() -> None:
    assert fit(np.zeros((0, 9, 9, 3), np.uint8), (1, 4, 4)).shape == (0, 1, 4, 4)


@pytest.mark.parametrize(
    "images",
    [np.zeros((1, 4, 4, 1), np.float32), np.zeros((4, 4, 1), np.uint8), np.zeros((1, 4, 4, 2), np.uint8)],
)
def test_other_arrays_are_refused(images: np.ndarray) -> None:
    with pytest.raises(UserError, match="uint8"):
        fit(images, (1, 4, 4))


def test_other_channels_are_refused() -> None:
    with pytest.raises(UserError, match="4 colour channels"):
        fit(np.zeros((1, 4, 4, 3), np.uint8), (4, 4, 4))
