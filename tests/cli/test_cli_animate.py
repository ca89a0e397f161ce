"""``latentstudio animate`` on the first model that there is."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from latentstudio.__main__ import main
from latentstudio.figures.recipe import CodeInput, ModelRef, Recipe
from latentstudio.models.library import scan_models


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """An interpolation between two codes, which needs no dataset."""
    models, _ = scan_models()
    if not models:
        pytest.skip("no model is bundled")
    info = next(iter(models.values()))
    random = np.random.default_rng(3)
    ends = {n: (CodeInput.of(random.standard_normal(info.latent_size).astype(np.float32)),) for n in ("a", "b")}
    ref = ModelRef(name=info.name, digest=info.digest)
    path = tmp_path / "path.json"
    path.write_bytes(msgspec.json.encode(Recipe(kind="operation", name="interpolate", model=ref, inputs=ends)))
    return path


def test_a_path_becomes_a_moving_picture_with_progress_lines(recipe, tmp_path, capsys):
    out = tmp_path / "walk.gif"
    assert main(["animate", str(recipe), "-o", str(out), "--frames", "6", "--ms", "50", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"fraction": 1.0, "message": "Wrote walk.gif"}
    with Image.open(out) as image:
        assert image.n_frames == 6
        assert image.info["duration"] == 50


@pytest.mark.parametrize("words", [["--frames", "1"], ["--easing", "wild"], ["--ms", "1"]])
def test_options_out_of_range_are_bad_input(recipe, tmp_path, capsys, words):
    assert main(["animate", str(recipe), "-o", str(tmp_path / "walk.gif"), *words]) == 2
    assert words[1] in capsys.readouterr().err
    assert not (tmp_path / "walk.gif").exists()


def test_an_analysis_has_no_path(tmp_path, capsys):
    path = tmp_path / "norms.json"
    path.write_bytes(msgspec.json.encode(Recipe(kind="analysis", name="norms")))
    assert main(["animate", str(path), "-o", str(tmp_path / "walk.gif")]) == 2
    assert "norms.json holds no path" in capsys.readouterr().err
