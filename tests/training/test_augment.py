"""Changed copies of images."""

import torch

from latentstudio.training.augment import copies
from latentstudio.training.recipe import Augmentation


def test_without_augmentation_there_are_no_copies():
    assert list(copies(torch.zeros(2, 1, 4, 4), Augmentation())) == []


def test_mirror_turns_left_and_right_round():
    images = torch.arange(6.0).view(1, 1, 2, 3)
    (copy,) = copies(images, Augmentation(mirror=True))
    assert copy.tolist() == [[[[2, 1, 0], [5, 4, 3]]]]


def test_shift_moves_every_way_and_repeats_the_border():
    images = torch.arange(9.0).view(1, 1, 3, 3)
    moved = [copy[0, 0].tolist() for copy in copies(images, Augmentation(shift=1))]
    assert len(moved) == 8
    assert [[0, 1, 2], [0, 1, 2], [3, 4, 5]] in moved
    assert [[1, 2, 2], [4, 5, 5], [7, 8, 8]] in moved
    assert images[0, 0].tolist() not in moved


def test_mirror_and_shift_combine():
    assert len(list(copies(torch.rand(1, 3, 5, 5), Augmentation(mirror=True, shift=2)))) == 2 * 25 - 1
