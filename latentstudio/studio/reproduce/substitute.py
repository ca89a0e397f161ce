"""A flow with five snapshots on a data set other than the published one."""

import shutil
import sys
from pathlib import Path

from latentstudio.training.recipe import Split, Training, TrainingRecipe
from latentstudio.training.run import TrainingRun

_SHARES = (0.02, 0.1, 0.2, 0.5, 1.0)


def train_substitute(spec: str, folder: Path, quick: bool) -> Path:
    """Train K = 14 on 64 components into `folder`, with snapshots at the published shares of the length."""
    from tqdm import tqdm

    epochs = 100 if quick else 1000
    recipe = TrainingRecipe(
        title=f"Real NVP on 64 PCA scores of {spec}",
        family="pca_realnvp",
        dataset=spec,
        model={"components": 64, "layers": 14, "hidden": 128, "log_scale_bound": 2.0},
        split=Split(rule="random", share=0.2, seed=0),
        training=Training(
            steps=epochs,
            learning_rate=5e-4,
            clip=5.0,
            evaluate_every=max(1, epochs // 100),
            snapshots=tuple(max(1, round(s * epochs)) for s in _SHARES),
            not_finite="skip",
        ),
    )
    shutil.rmtree(folder, ignore_errors=True)
    run = TrainingRun(recipe, folder, overwrite=True)
    for _ in tqdm(
        run.advance(), total=epochs, desc="training the substitute", file=sys.stderr, disable=None, leave=False
    ):
        pass
    return folder
