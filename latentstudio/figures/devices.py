"""Where a model computes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import device

    from latentstudio.models.base import LatentModel


def device_of(model: "LatentModel") -> "device":
    """The device of the model's first parameter or buffer; the CPU for a model that has none."""
    import torch

    if isinstance(model, torch.nn.Module):
        for tensor in (*model.parameters(), *model.buffers()):
            return tensor.device
    return torch.device("cpu")
