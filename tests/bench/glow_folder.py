"""A Glow of the size of the bundled ones with untrained weights, as a model folder for the benches."""

from pathlib import Path

import numpy as np
import torch

from latentstudio.data import open_dataset
from latentstudio.data.prepare import fit
from latentstudio.models import checkpoint
from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig

NAME = "bench-glow"


def write_glow(models: Path) -> str:
    """Write the model into a folder of models and return its name: 64 px colour, four levels of eight steps."""
    model = Glow(GlowConfig(image_shape=(3, 64, 64), levels=4, steps=8, width=96, limit=1.0))
    model.reset(torch.Generator().manual_seed(0))
    model.initialise(torch.from_numpy(fit(open_dataset("faces").images(np.arange(64)), model.image_shape)))
    checkpoint.save(
        models / NAME,
        model.eval(),
        title="Untrained Glow",
        dataset={"spec": "faces", "digest": "", "title": "Drawn faces", "images": 2000},
        training={},
        card="A model for benches.",
        history=[],
    )
    return NAME
