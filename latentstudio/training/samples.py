"""A picture of what a model draws at several temperatures, for its card."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latentstudio.data.prepare import to_pixels
from latentstudio.models.base import Ability, LatentModel
from latentstudio.paths import replacing

TEMPERATURES = (0.5, 0.7, 0.85, 1.0)
NAME = "samples.png"
_COLUMNS = 8
_GAP = 2


def write_samples(model: LatentModel, folder: Path) -> bool:
    """Write ``samples.png``: random seeds 0 to 7 across, temperatures down; return whether the model can draw.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    if Ability.SAMPLE not in model.abilities or Ability.DECODE not in model.abilities:
        return False
    base = model.space.prior.sample(list(range(_COLUMNS)), model.space.size)
    with torch.inference_mode():
        rows = [to_pixels(model.decode(temperature * base).float().cpu().numpy()) for temperature in TEMPERATURES]
    _, height, width, channels = rows[0].shape
    sheet = np.full(
        (len(rows) * (height + _GAP) - _GAP, _COLUMNS * (width + _GAP) - _GAP, channels), 255, dtype=np.uint8
    )
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (height + _GAP), x * (width + _GAP)
            sheet[top : top + height, left : left + width] = picture
    Path(folder).mkdir(parents=True, exist_ok=True)
    with replacing(Path(folder) / NAME) as stream:
        Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(stream, format="PNG", optimize=True)
    return True
