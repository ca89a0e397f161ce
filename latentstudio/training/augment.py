"""Changed copies of training images."""

from collections.abc import Iterator

import torch
from torch import Tensor

from latentstudio.training.recipe import Augmentation


def copies(images: Tensor, augmentation: Augmentation) -> Iterator[Tensor]:
    """Yield changed copies (N, C, H, W) of images (N, C, H, W): mirrored, moved and both; never themselves."""
    for mirrored in (False, True) if augmentation.mirror else (False,):
        turned = images.flip(3) if mirrored else images
        reach = augmentation.shift
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                if mirrored or down or right:
                    yield _moved(turned, down, right)


def _moved(images: Tensor, down: int, right: int) -> Tensor:
    """Move images by whole pixels and repeat the border that is uncovered."""
    rows = (torch.arange(images.shape[2]) - down).clamp(0, images.shape[2] - 1)
    columns = (torch.arange(images.shape[3]) - right).clamp(0, images.shape[3] - 1)
    return images[:, :, rows][:, :, :, columns]
