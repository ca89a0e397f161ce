import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from latentstudio.errors import UserError
from latentstudio.models.checkpoint import load
from latentstudio.training.evaluate import evaluate, write_scores
from latentstudio.training.recipe import recipe_of
from latentstudio.training.round_trip import code_round_trips
from latentstudio.training.run import TrainingRun

TABLE = {
    "title": "Small",
    "family": "glow",
    "dataset": "faces?n=24&size=16",
    "model": {"levels": 2, "steps": 1, "width": 8},
    "split": {"rule": "random", "share": 0.25, "seed": 0},
    "training": {"steps": 3, "batch": 8, "learning_rate": 1e-3, "evaluate_every": 3, "evaluate_images": 6},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    for _ in TrainingRun(recipe_of(TABLE, "the recipe"), folder).advance():
        pass
    return folder


def test_a_model_measured_again_has_the_scores_of_its_training(trained: Path) -> None:
    kept = json.loads((trained / "config.json").read_text())["training"]["scores"]
    found = evaluate(trained)
    for name in ("train", "held_out"):
        assert found[name]["mean_nats"] == pytest.approx(kept[name]["mean_nats"], rel=1e-6)
        assert found[name]["extra"]["bits_per_dimension"] == pytest.approx(kept[name]["extra"]["bits_per_dimension"])
    assert found["held_out"]["images"] == 6


def test_other_images_are_all_held_out(trained: Path) -> None:
    found = evaluate(trained, "faces?n=10&size=16")
    assert found["held_out"]["images"] == 10
    assert "train" not in found


def test_scores_are_written_with_card_and_samples_and_the_weights_stay(trained: Path) -> None:
    weights = (trained / "weights.safetensors").read_bytes()
    scores = evaluate(trained)
    scores["decode_strip_ms"] = 12.25
    write_scores(trained, scores)
    assert (trained / "weights.safetensors").read_bytes() == weights
    card = (trained / "card.md").read_text()
    assert "12.25 ms" in card
    assert "## Round trip of codes" in card
    assert "![samples](samples.png)" in card
    with Image.open(trained / "samples.png") as samples:
        assert samples.size == (8 * 18 - 2, 4 * 18 - 2)
    load(trained)


def test_images_that_have_changed_are_a_sentence(trained: Path, tmp_path: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    copy = tmp_path / "copy"
    copy.mkdir()
    config["dataset"]["digest"] = "other"
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "weights.safetensors").write_bytes((trained / "weights.safetensors").read_bytes())
    with pytest.raises(UserError, match="--data D measures it on all images"):
        evaluate(copy)


def test_round_trips_in_float64_are_exact_and_those_in_float32_are_told(trained: Path) -> None:
    model = load(trained)
    found = code_round_trips(model)
    assert list(found) == ["1", "3", "5"]
    for row in found.values():
        assert row["finite_share"] == 1.0
        assert row["float64"] < 1e-8
        assert row["float32"] >= row["float64"]
    codes = 5 * model.space.prior.sample(list(range(16)), model.space.size)
    with torch.inference_mode():
        gap = float((model.encode(model.decode(codes)) - codes).abs().max())
    assert found["5"]["float32"] == pytest.approx(gap)
