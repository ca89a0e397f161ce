"""The bundled model of Olivetti, end to end."""

import json
from pathlib import Path

import numpy as np
import pytest

from latentstudio.data.prepare import fit
from latentstudio.figures.inspect import inspect_code
from latentstudio.figures.recipe import DataRef, ImageInput, ModelRef, Recipe
from latentstudio.figures.run import run_recipe, seal
from latentstudio.paths import bundled
from latentstudio.results import Curve, ImageGrid, Sheet, Strip, Table, final
from latentstudio.studio.workspace import Workspace

pytestmark = pytest.mark.realdata

MODEL = ModelRef(name="olivetti-realnvp")
DATA = DataRef(spec="olivetti")


@pytest.fixture
def workspace(olivetti_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    if not (bundled("models") / "olivetti-realnvp" / "config.json").is_file():
        pytest.skip("the bundled model olivetti-realnvp is not here")
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(olivetti_home))
    return Workspace()


def _image(index: int) -> ImageInput:
    return ImageInput(dataset="olivetti", index=index)


def _trained_on(workspace: Workspace, count: int) -> list[int]:
    from latentstudio.figures.splits import held_out_of

    mask = held_out_of(workspace.info(MODEL), workspace.dataset(DATA))
    assert mask is not None
    assert 0 < mask.sum() < 400
    return [int(i) for i in np.flatnonzero(~mask)[:count]]


def test_strip_between_two_faces(workspace: Workspace) -> None:
    a, b = _trained_on(workspace, 40)[::39]
    paths = ["linear", "norm_preserving", "spherical", "matched"]
    inputs = {"a": (_image(a),), "b": (_image(b),)}
    recipe = Recipe(
        kind="operation", name="interpolate", model=MODEL, data=DATA, inputs=inputs, params={"paths": paths}
    )
    strip = final(run_recipe(recipe, workspace))
    assert isinstance(strip, Strip)
    frames = strip.frames
    assert bool(frames.finite.all())
    assert frames.log_prob is not None
    assert bool(np.isfinite(frames.log_prob).all())
    assert frames.nearest is not None
    assert set(frames.nearest[[0, 8, 9, 17, 18, 26, 27, 35]].tolist()) == {a, b}
    middle = frames.prior_percentile.reshape(4, 9)[:, 4]
    assert middle[0] < middle[1] <= 100
    # The flow is invertible, so the first frame is the PCA reconstruction of A.
    model, data = workspace.model(MODEL), workspace.dataset(DATA)
    import torch

    with torch.inference_mode():
        images = torch.from_numpy(fit(data.images([a]), model.image_shape))
        rebuilt = model.pca_decode(model.pca_encode(images))  # type: ignore[attr-defined]
    difference = frames.images[0].astype(float) - (rebuilt[0].permute(1, 2, 0).numpy() + 1) * 127.5
    assert np.abs(difference[(frames.images[0] > 0) & (frames.images[0] < 255)]).max() < 0.6
    sealed = final(run_recipe(seal(recipe, workspace), workspace))
    assert isinstance(sealed, Strip)
    assert np.array_equal(sealed.frames.images, frames.images)
    assert np.array_equal(sealed.frames.codes, frames.codes)
    assert sealed.caption == strip.caption


def test_mean_code_lies_inside_the_shell(workspace: Workspace) -> None:
    grid = final(run_recipe(Recipe(kind="operation", name="mean", model=MODEL, data=DATA), workspace))
    assert isinstance(grid, ImageGrid)
    assert bool(grid.frames.finite.all())
    assert grid.norm_band is not None
    assert float(grid.frames.norm[0]) < grid.norm_band.low


def test_likelihood_agrees_with_the_training_record(workspace: Workspace) -> None:
    """Scored here from the pictures, and by the training run that wrote ``config.json``."""
    sheet = final(run_recipe(Recipe(kind="analysis", name="likelihood", model=MODEL, data=DATA), workspace))
    assert isinstance(sheet, Sheet)
    totals = sheet.parts[0]
    assert isinstance(totals, Table)
    config = json.loads((Path(workspace.info(MODEL).path) / "config.json").read_text())
    rows = {row[0]: row for row in totals.rows}
    assert rows["All"][1] == 400
    recorded = config["training"]["scores"]
    for label, key in (("Training", "train"), ("Held out", "held_out")):
        assert rows[label][1] == recorded[key]["images"]
        assert rows[label][4] == pytest.approx(recorded[key]["mean_nats"], rel=1e-6)
        assert rows[label][6] == pytest.approx(recorded[key]["median_nats"], rel=0.2)


def test_every_analysis_of_the_bundled_model(workspace: Workspace) -> None:
    for name in ("training", "components", "norms", "likelihood"):
        sheet = final(run_recipe(Recipe(kind="analysis", name=name, model=MODEL, data=DATA), workspace))
        assert isinstance(sheet, Sheet)
        assert len(sheet.parts) >= 2
    params = {"across_snapshots": True}
    sheet = final(
        run_recipe(Recipe(kind="analysis", name="likelihood", model=MODEL, data=DATA, params=params), workspace)
    )
    assert isinstance(sheet, Sheet)
    curve = sheet.parts[0]
    assert isinstance(curve, Curve)
    assert curve.lines[0].x.tolist() == [100, 500, 1000, 2500, 5000]
    assert bool(np.all(np.diff(curve.lines[0].y) > 0))


def test_inspection_of_a_face(workspace: Workspace) -> None:
    index = _trained_on(workspace, 1)[0]
    recipe = Recipe(kind="operation", name="reconstruct", model=MODEL, data=DATA, inputs={"images": (_image(index),)})
    found = inspect_code(recipe, workspace)
    assert found.nearest[0][0] == index
    assert found.nearest[0][1] == pytest.approx(found.error, abs=0.5)
    assert found.attributes["identity"] == "0"
