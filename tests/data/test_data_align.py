"""Alignment by the eyes, against closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio import data
from latentstudio.data.align import CONVENTIONS, Convention, align, convention_of, similarity, suggest_eyes, usual_eyes
from latentstudio.errors import UserError

PLAIN = Convention((0.3, 0.4), (0.7, 0.4))


def with_dots(height: int, width: int, points: list[tuple[float, float]], radius: float) -> np.ndarray:
    """Grey picture with bright antialiased discs at (x, y)."""
    y, x = np.mgrid[:height, :width].astype(float)
    out = np.full((height, width), 30.0)
    for px, py in points:
        out += 200 * np.clip(radius + 0.5 - np.hypot(x - px, y - py), 0, 1)
    return out.clip(0, 255).astype(np.uint8)[..., None]


def centre_of_light(image: np.ndarray, half: slice) -> tuple[float, float]:
    part = image[:, half, 0].astype(float) - 40
    part[part < 0] = 0
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    return (x * part).sum() / part.sum() + half.start, (y * part).sum() / part.sum()


@pytest.mark.parametrize("degrees", [0, 17, -35, 80])
@pytest.mark.parametrize("distance", [12.0, 40.0, 333.0])
def test_eyes_land_on_the_convention(degrees: float, distance: float) -> None:
    angle = math.radians(degrees)
    centre = np.array([420.0, 380.0])
    half = np.array([math.cos(angle), math.sin(angle)]) * distance / 2
    eyes = (tuple(centre - half), tuple(centre + half))
    picture = with_dots(800, 900, list(eyes), distance / 8)
    found = align(picture, eyes, (64, 64, 1), PLAIN)
    assert found.shape == (64, 64, 1)
    for target, part in zip(PLAIN.in_pixels(64, 64), (slice(0, 32), slice(32, 64)), strict=True):
        np.testing.assert_allclose(centre_of_light(found, part), target, atol=0.25)


def test_identity_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align(picture, PLAIN.in_pixels(48, 64), (48, 64, 3), PLAIN), picture)


def test_quarter_turn_is_exact() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (32, 32, 1), dtype=np.uint8)
    middle = Convention((0.25, 0.5), (0.75, 0.5))
    (x1, y1), (x2, y2) = middle.in_pixels(32, 32)
    turned = np.rot90(picture, -1)  # the point (x, y) goes to (31 - y, x)
    eyes = ((31 - y1, x1), (31 - y2, x2))
    assert eyes[0][0] == eyes[1][0]
    np.testing.assert_array_equal(align(turned, eyes, (32, 32, 1), middle), picture)


def test_order_of_the_eyes_does_not_matter() -> None:
    picture = with_dots(100, 100, [(30, 40), (70, 45)], 4)
    one = align(picture, ((30, 40), (70, 45)), (32, 32, 1), PLAIN)
    np.testing.assert_array_equal(one, align(picture, ((70, 45), (30, 40)), (32, 32, 1), PLAIN))


def test_shrinking_averages() -> None:
    stripes = np.zeros((1000, 1000, 1), np.uint8)
    stripes[:, ::2] = 255
    found = align(stripes, ((300, 400), (700, 400)), (64, 64, 1), PLAIN).astype(int)
    assert np.abs(found - 128)[4:-4, 4:-4].max() <= 8


def test_outside_repeats_the_border_and_colours_convert() -> None:
    picture = np.full((20, 20, 3), (200, 100, 50), np.uint8)
    found = align(picture, ((2, 2), (17, 2)), (64, 64, 3), PLAIN)
    assert (found == (200, 100, 50)).all()
    assert (align(picture, ((2, 2), (17, 2)), (64, 64, 1), PLAIN) == 124).all()
    assert align(picture[..., :1], None, (16, 16, 3), PLAIN).shape == (16, 16, 3)


def test_without_eyes_the_centre_is_taken() -> None:
    picture = np.zeros((10, 30, 1), np.uint8)
    picture[:, 10:20] = 90
    assert (align(picture, None, (10, 10, 1), PLAIN) == 90).all()


@settings(deadline=None, max_examples=50)
@given(points=st.lists(st.floats(-500, 500, allow_nan=False), min_size=4, max_size=4))
def test_similarity_maps_targets_to_eyes(points: list[float]) -> None:
    first, second = sorted([(points[0], points[1]), (points[2], points[3])])
    if math.dist(first, second) < 2:
        return
    targets = PLAIN.in_pixels(64, 64)
    scale, origin = similarity((first, second), targets)
    for eye, target in zip((first, second), targets, strict=True):
        assert scale * complex(*target) + origin == pytest.approx(complex(*eye), abs=1e-9)


@pytest.mark.parametrize(
    "eyes",
    [((5, 5), (5, 5)), ((5, 5), (6, 5)), ((math.nan, 5), (60, 5)), ((5, 5), (math.inf, 5))],
)
def test_senseless_eyes_are_refused(eyes: tuple) -> None:
    with pytest.raises(UserError, match="at least 2 px apart"):
        align(np.zeros((80, 80, 1), np.uint8), eyes, (64, 64, 1), PLAIN)


def test_usual_eyes_agree_with_the_central_crop() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (64, 100, 1), dtype=np.uint8)
    eyes = usual_eyes(64, 100, PLAIN)
    np.testing.assert_array_equal(align(picture, eyes, (64, 64, 1), PLAIN), align(picture, None, (64, 64, 1), PLAIN))


def test_conventions_by_specification() -> None:
    assert convention_of("olivetti") is CONVENTIONS["olivetti"]
    assert convention_of("faces?n=7") is CONVENTIONS["faces"]
    assert convention_of("zip:/somewhere/lfw64/images.zip") is CONVENTIONS["lfw"]
    assert convention_of("folder:/photos") is CONVENTIONS["celeba"]
    assert convention_of("no dataset at all") is CONVENTIONS["celeba"]
    for convention in CONVENTIONS.values():
        assert convention.left[0] < 0.5 < convention.right[0]
        assert convention.left[1] == pytest.approx(convention.right[1], abs=0.01)


def test_suggestions_only_where_landmarks_are_known() -> None:
    assert suggest_eyes(data.open_dataset("digits"), 0) is None
    eyes = suggest_eyes(data.open_dataset("faces?n=3"), 1)
    assert eyes is not None
    assert 0 < eyes[0][0] < eyes[1][0] < 256
