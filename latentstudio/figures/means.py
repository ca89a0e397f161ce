"""Means of a data set or a group under a model, as operations ask for them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError
from latentstudio.figures.devices import device_of
from latentstudio.figures.inputs import MEAN_CODE, MEAN_IMAGE, Prepared, encode
from latentstudio.figures.readouts import mean_bound

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.figures.run_operation import OperationRun


def _needs_data(run: "OperationRun") -> UserError:
    return UserError(f"{run.operation.title} needs the mean of a data set; choose a data set.")


def mean_of(run: "OperationRun") -> "Tensor":
    """The mean code (D,) of the data set.

    Raises
    ------
    UserError
        There is no data set.
    """
    import torch

    if MEAN_CODE in run.inputs:
        return run.inputs[MEAN_CODE].codes[0]
    if run.codes is None or run.data is None:
        raise _needs_data(run)
    bound, n = mean_bound(run.model), len(run.codes.norms)
    if not n:
        raise UserError(run.codes.unread or f"{run.data.title} has no images, so there is no mean code.")
    outside = n - int((run.codes.norms <= bound).sum())
    if outside == n:
        raise UserError(f"{run.info.name} sends no image of {run.data.title} near the prior, so there is no mean code.")
    if outside:
        run.notes.append(
            f"The mean code leaves out {outside:,} of {n:,} images whose codes lie far outside the prior "
            f"(norm above {bound:.3g})."
        )
    return torch.from_numpy(run.codes.mean_code.copy()).float()


def mean_image_of(run: "OperationRun") -> "Tensor":
    """The code (D,) of the mean picture of the group, or of the data set when there is no group.

    Raises
    ------
    UserError
        There is neither.
    """
    if MEAN_IMAGE in run.inputs:
        return run.inputs[MEAN_IMAGE].codes[0]
    group = run.inputs.get("group")
    if group is not None and len(group.codes):
        mean = np.stack([_picture(run, group, row) for row in range(len(group.codes))]).mean(axis=0, dtype=np.float64)
    elif run.codes is not None and len(run.codes.norms):
        mean = run.codes.mean_image
    else:
        raise _needs_data(run)
    return encode(run.model, mean[None].astype(np.float32))[0]


def _picture(run: "OperationRun", slot: Prepared, row: int) -> NDArray[np.float32]:
    """The picture of an input as the model takes it; a bare code is decoded."""
    known = slot.pictures[row]
    if known is not None:
        return known
    decoded: NDArray[np.float32] = (
        run.model.decode(slot.codes[row : row + 1].to(device_of(run.model)))[0].float().cpu().numpy()
    )
    return decoded
