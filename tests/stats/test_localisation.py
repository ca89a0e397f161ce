"""Windows, centres and moves of change maps whose answers are known, and intervals against their normal theory."""

import numpy as np
import pytest

from latentstudio.stats.intervals import central, of_mean, of_rows
from latentstudio.stats.localisation import (
    centre_of,
    likeness_when_moved,
    locality,
    moved,
    part_followed,
    smallest_window,
)
from latentstudio.stats.pictures import halved


def slowly(weights: np.ndarray, share: float) -> int:
    """Edge of the smallest square window by looking at every one of them."""
    rows, columns = weights.shape
    for edge in range(1, max(rows, columns) + 1):
        h, w = min(edge, rows), min(edge, columns)
        for row in range(rows - h + 1):
            for column in range(columns - w + 1):
                if weights[row : row + h, column : column + w].sum() >= share * weights.sum() * (1 - 1e-12):
                    return edge
    raise AssertionError("the whole picture holds everything")


@pytest.mark.parametrize("shape", [(9, 9), (6, 11), (11, 6), (1, 5)])
@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
def test_the_smallest_window_is_the_one_that_a_search_of_all_finds(shape: tuple[int, int], share: float) -> None:
    weights = np.random.default_rng(4).random(shape) ** 6
    row, column, height, width = smallest_window(weights, share)
    edge = slowly(weights, share)
    assert (height, width) == (min(edge, shape[0]), min(edge, shape[1]))
    assert weights[row : row + height, column : column + width].sum() >= share * weights.sum() * (1 - 1e-9)


def test_locality_of_a_point_a_square_and_an_even_change() -> None:
    point, square = np.zeros((8, 8)), np.zeros((8, 8))
    point[2, 5] = 3.0
    square[3:6, 1:4] = 1.0
    assert smallest_window(point, 0.8) == (2, 5, 1, 1)
    assert smallest_window(square, 1.0) == (3, 1, 3, 3)
    assert locality(point, 0.8) == 1 - 1 / 64
    assert locality(square, 1.0) == 1 - 9 / 64
    assert locality(np.ones((10, 10)), 0.81) == pytest.approx(0.19)
    assert np.isnan(locality(np.zeros((4, 4)), 0.8))
    assert np.isnan(locality(np.full((4, 4), np.nan), 0.8))
    for weights, share in ((np.zeros((4, 4)), 0.5), (np.ones((4, 4)), 0.0), (np.ones((4, 4)), 1.5)):
        with pytest.raises(ValueError, match="a window holds a share"):
            smallest_window(weights, share)


def test_the_centre_is_the_weighted_mean_of_places() -> None:
    weights = np.zeros((5, 7))
    weights[1, 2], weights[3, 6] = 1.0, 3.0
    assert centre_of(weights) == (2.5, 5.0)
    assert all(np.isnan(centre_of(np.zeros((3, 3)))))


def test_moving_repeats_the_edge() -> None:
    picture = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(moved(picture, 0, 1), picture[:, [0, 0, 1, 2]])
    np.testing.assert_array_equal(moved(picture, -1, 0), picture[[1, 2, 2]])
    stack = np.stack([picture, 2 * picture])[:, None]
    np.testing.assert_array_equal(moved(stack, 1, -2)[1, 0], 2 * picture[[0, 0, 1]][:, [2, 3, 3, 3]])


@pytest.mark.parametrize("shift", [(0, 3), (2, 0), (-3, 2), (0, -4)])
def test_a_change_that_moves_along_is_told_from_one_that_stays(shift: tuple[int, int]) -> None:
    # Nothing near the edge changes, so that nothing gets lost there.
    still = np.zeros((24, 24))
    still[8:16, 8:16] = np.random.default_rng(1).random((8, 8))
    gone = np.roll(still, shift, axis=(0, 1))
    half = np.roll(still, (shift[0] // 2, shift[1] // 2), axis=(0, 1))
    assert part_followed(still, still, *shift) == 0.0
    assert part_followed(still, gone, *shift) == 1.0
    assert likeness_when_moved(still, gone, *shift) == pytest.approx(1)
    assert likeness_when_moved(still, gone, 0, 0) < 0.9
    if shift[0] % 2 == 0 and shift[1] % 2 == 0:
        assert part_followed(still, half, *shift) == 0.5


def test_nothing_to_compare_is_not_a_number() -> None:
    assert np.isnan(part_followed(np.ones((6, 6)), np.ones((6, 6)), 0, 2))
    assert np.isnan(part_followed(np.eye(6), np.eye(6), 0, 0))
    assert np.isnan(likeness_when_moved(np.eye(6), np.eye(6), 6, 0))


def test_the_interval_of_a_mean_is_that_of_normal_theory() -> None:
    values = np.random.default_rng(3).normal(2.0, 1.0, 400)
    mean, low, high = of_mean(np.append(values, np.nan), seed=1)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert (low, high) == (pytest.approx(mean - half, abs=0.02), pytest.approx(mean + half, abs=0.02))
    assert of_mean(values, seed=1) == of_mean(values, seed=1)
    assert of_mean(values, seed=2) != of_mean(values, seed=1)
    same = of_rows(lambda rows: float(values[rows].mean()), len(values), 1)
    assert same == pytest.approx((low, high), rel=1e-12)


def test_intervals_of_too_little_are_not_numbers() -> None:
    assert np.isnan(of_mean(np.array([np.nan]), 0)).all()
    assert of_mean(np.array([3.0]), 0)[0] == 3.0
    assert np.isnan(of_mean(np.array([3.0]), 0)[1:]).all()
    assert np.isnan(of_rows(lambda rows: 1.0, 1, 0)).all()
    assert np.isnan(central(np.array([1.0]))).all()


def test_pictures_are_halved_by_box_means() -> None:
    images = np.random.default_rng(0).random((2, 3, 64, 40)).astype(np.float32)
    expected = images.mean(axis=1).reshape(2, 32, 2, 20, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(halved(images), expected, rtol=1e-5)
    assert halved(images[:, :1, :8, :8]).shape == (2, 8, 8)
