"""A Glow through the whole of training: recipe, interruption, scores, card, and a figure of the finished model."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from latentstudio.cli.main import run_command
from latentstudio.errors import UserError
from latentstudio.models import checkpoint
from latentstudio.models.library import describe
from latentstudio.training.recipe import recipe_of
from latentstudio.training.run import TrainingRun

TABLE = {
    "title": "Small Glow",
    "family": "glow",
    "dataset": "faces?n=40&size=32",
    "model": {"levels": 3, "steps": 1, "width": 8, "n_bits": 5},
    "objective": {"dequantise": True},
    "split": {"share": 0.25, "seed": 1},
    "augmentation": {"mirror": True},
    "training": {"steps": 6, "batch": 8, "evaluate_every": 3, "evaluate_images": 5, "ema": 0.9},
}


@pytest.fixture(scope="module")
def recipe():
    return recipe_of(TABLE, "test.toml")


@pytest.fixture
def folder(tmp_path, recipe):
    for _ in TrainingRun(recipe, tmp_path / "small").advance():
        pass
    return tmp_path / "small"


def test_scores_hold_bits_per_dimension_and_round_trip(folder, recipe):
    scores = describe(folder).training["scores"]
    run = TrainingRun(recipe, folder, overwrite=True)
    assert scores["baseline"] == {}
    for name, chosen in (("train", ~run.material.held_out), ("held_out", run.material.held_out)):
        extra = scores[name]["extra"]
        assert extra["bits_per_dimension"]["images"] == int(chosen.sum())
        assert 1 < extra["bits_per_dimension"]["mean"] < 5
        assert extra["round_trip"]["largest"] < 1e-4


def test_bits_are_those_of_the_loaded_model(folder, recipe):
    model = checkpoint.load(folder)
    run = TrainingRun(recipe, folder.parent / "other")
    with torch.inference_mode():
        images = run.material.images_of(~run.material.held_out)
        generator = torch.Generator().manual_seed(0)
        bits = -model.dequantised_log_prob(images, generator) / (3 * 32 * 32 * torch.log(torch.tensor(2.0)))
    stored = describe(folder).training["scores"]["train"]["extra"]["bits_per_dimension"]
    assert stored["mean"] == pytest.approx(bits.mean().item(), rel=1e-5)
    assert stored["largest"] == pytest.approx(bits.max().item(), rel=1e-5)


def test_card_tells_bits_and_no_baseline(folder):
    card = (folder / "card.md").read_text()
    assert "bits per dimension, mean" in card
    assert "baseline" not in card
    assert "| held out, all | 10 |" in card


def test_history_looks_at_so_many_images(recipe, folder):
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 3, 6]
    model = checkpoint.load(folder)
    run = TrainingRun(recipe, folder.parent / "again")
    with torch.inference_mode():
        images = run.material.images_of(run.material.held_out)
        expected = -model.log_prob(images[:5]).mean().item()
    assert lines[-1]["held_out"] == pytest.approx(expected, rel=1e-6)


def test_history_is_of_the_weights_of_its_step(tmp_path):
    """Without an average nothing but the optimiser changes the weights."""
    run = TrainingRun(recipe_of(TABLE | {"training": {"steps": 4, "batch": 8, "evaluate_every": 1}}, "t"), tmp_path)
    images = run.material.images_of(run.material.held_out)
    for progress in run.advance():
        with torch.no_grad():
            noise, log_det = run.network.eval().flow.to_noise(images * (127.5 / 256))
        bits = log_det - 0.5 * (noise.double() ** 2).sum(1) - 1536 * math.log(2 * math.pi) - 3072 * 5 * math.log(2)
        assert progress.held_out == pytest.approx(-bits.mean().item(), rel=1e-5)
    scores = describe(tmp_path).training["scores"]["held_out"]
    assert scores["mean_nats"] == pytest.approx(-progress.held_out, rel=1e-6)
    assert run.loop.history[-1]["held_out"] < run.loop.history[0]["held_out"] - 1


def test_interrupted_run_ends_with_the_same_weights(tmp_path, recipe, folder):
    first = TrainingRun(recipe, tmp_path / "parts")
    for progress in first.advance():
        if progress.step == 4:
            first.save_state()
            break
    for _ in TrainingRun(recipe, tmp_path / "parts", resume=True).advance():
        pass
    whole, parts = (load_file(path / "weights.safetensors") for path in (folder, tmp_path / "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_figures_are_drawn_with_it(folder, tmp_path):
    data = ["--model", str(folder), "--data", "faces?n=40&size=32"]
    assert run_command(["run", "interpolate", *data, "--a", "3", "--b", "5", "-o", str(tmp_path / "strip.png")]) == 0
    assert run_command(["run", "sample", *data[:2], "--count", "4", "-o", str(tmp_path / "samples.png")]) == 0
    assert (tmp_path / "strip.png").stat().st_size > 1000
    assert (tmp_path / "samples.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": "faces?n=40&size=36"}, "that 8 divides; the images are 36 x 36"),
        ({"objective": {"dequantize": True}}, r"\[objective\] does not suit glow"),
        ({"training": TABLE["training"] | {"evaluate_images": 0}}, r"training\.evaluate_images = 0; accepted: 1"),
    ],
)
def test_faults_of_the_recipe_are_named(tmp_path, change, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainingRun(recipe_of(TABLE | change, "test.toml"), tmp_path / "m")
