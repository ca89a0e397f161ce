"""A data home with one tiny model and a small folder of pictures with persons."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from latentstudio.__main__ import main


class Answer(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


class Home(NamedTuple):
    """Where things are: the data home, the model's folder, and the folder of pictures."""

    root: Path
    model: Path
    pictures: Path


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Make the data home once."""
    from latentstudio.models import checkpoint
    from latentstudio.models.pca_realnvp import PcaRealNvp

    root = tmp_path_factory.mktemp("cli-home")
    pictures = root / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for k in range(12):
        Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(pictures / f"face_{k:02d}.png")
    rows = "".join(f"face_{k:02d}.png,{k // 3},{k % 2}\n" for k in range(12))
    (pictures / "attributes.csv").write_text(f"id,identity,smiling\n{rows}", encoding="utf-8")
    model = root / "models" / "toy"
    checkpoint.save(
        model,
        PcaRealNvp.tiny(),
        title="Toy",
        dataset={"spec": str(pictures), "digest": "", "title": "Pictures", "images": 12},
        training={"steps": 1},
        card="# Toy\n",
        history=[{"step": k, "loss": 3.0 - k, "held_out": 3.5 - k, "seconds": k, "skipped": 0} for k in range(3)],
    )
    return Home(root, model, pictures)


@pytest.fixture
def home(made_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The data home, in the environment; the bundled models are not looked at."""
    import latentstudio.models.library as library

    monkeypatch.setenv("LATENTSTUDIO_DATA", str(made_home.root))
    monkeypatch.setattr(library, "model_folders", lambda: [made_home.root / "models"])
    return made_home


@pytest.fixture
def command(home: Home, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command in this process."""

    def run(*words: object) -> Answer:
        status = main([str(w) for w in words])
        printed = capsys.readouterr()
        return Answer(status, printed.out, printed.err)

    return run
