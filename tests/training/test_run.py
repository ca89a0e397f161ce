"""Training runs: reproducible, interruptible, and safe when the loss breaks."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from latentstudio.errors import UserError
from latentstudio.models import checkpoint
from latentstudio.models.library import describe, find_models
from latentstudio.training.loop import Loop
from latentstudio.training.progress import NotFiniteError
from latentstudio.training.recipe import recipe_of
from latentstudio.training.run import TrainingRun
from latentstudio.training.schedule import batch_rows

TABLE = {
    "title": "Small",
    "family": "pca_realnvp",
    "dataset": "digits",
    "model": {"components": 6, "layers": 3, "hidden": 8},
    "split": {"share": 0.25, "seed": 1},
    "training": {"steps": 12, "batch": 128, "evaluate_every": 3},
}


def recipe(training=(), **changes):
    return recipe_of(TABLE | changes | {"training": TABLE["training"] | dict(training)}, "test.toml")


def finish(run):
    return list(run.advance())


def weights(folder):
    return load_file(folder / "weights.safetensors")


def equal(left, right):
    assert left.keys() == right.keys()
    return all(torch.equal(left[k], right[k]) for k in left)


def test_run_leaves_a_model_with_everything(tmp_path):
    folder = tmp_path / "small"
    steps = finish(TrainingRun(recipe({"snapshots": [4, 12]}), folder))
    assert [p.step for p in steps] == list(range(1, 13))
    assert steps[-1].remaining_seconds == 0
    assert steps[-1].images_per_second > 0
    info = describe(folder)
    assert info.snapshots == (4, 12)
    assert info.training["split"]["dataset_digest"] == info.dataset_digest != ""
    assert info.training["scores"]["train"]["images"] + info.training["scores"]["held_out"]["images"] == 1797
    assert info.training["scores"]["decode_strip_ms"] > 0
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 3, 6, 9, 12]
    assert {"step", "loss", "train", "held_out", "seconds", "skipped"} <= lines[-1].keys()
    assert not (folder / "state").exists()
    card = (folder / "card.md").read_text()
    assert card.startswith("# Small\n")
    assert "| held out, all | 449 |" in card
    last, final = load_file(folder / "snapshots" / "step_000012.safetensors"), weights(folder)
    assert all(torch.equal(last[name], final[name]) for name in last)


def test_training_lowers_the_loss_below_the_gaussian(tmp_path):
    finish(TrainingRun(recipe({"steps": 150, "learning_rate": 3e-3}), tmp_path / "m"))
    scores = describe(tmp_path / "m").training["scores"]
    assert scores["held_out"]["mean_nats"] > scores["baseline"]["held_out"]["mean_nats"] + 0.5


def test_scores_are_those_of_the_loaded_model(tmp_path):
    run = TrainingRun(recipe(), tmp_path / "m")
    finish(run)
    model = checkpoint.load(tmp_path / "m")
    with torch.inference_mode():
        values = model.log_prob(run.material.images_of(run.material.held_out))
    stored = describe(tmp_path / "m").training["scores"]["held_out"]
    assert stored["mean_nats"] == pytest.approx(values.mean().item(), abs=1e-6)
    assert stored["mean_nats_per_dim"] == pytest.approx(values.mean().item() / 6, abs=1e-6)


def test_same_recipe_gives_the_same_weights(tmp_path):
    for name in ("one", "two"):
        finish(TrainingRun(recipe({"ema": 0.9}, objective={"noise": 0.1}), tmp_path / name))
    assert equal(weights(tmp_path / "one"), weights(tmp_path / "two"))
    finish(TrainingRun(recipe({"ema": 0.9}, objective={"noise": 0.1}, seed=1), tmp_path / "other"))
    assert not equal(weights(tmp_path / "one"), weights(tmp_path / "other"))


@pytest.mark.parametrize("stop", [1, 5, 11])
@pytest.mark.parametrize(
    "options",
    [{}, {"ema": 0.9, "clip": 0.5, "schedule": "cosine", "weight_decay": 0.1}, {"keep": "best"}, {"batch": 0}],
    ids=["plain", "averaged", "best", "full-batch"],
)
def test_interrupted_run_ends_with_the_same_weights(tmp_path, stop, options):
    made = recipe({"snapshots": [6], **options}, objective={"noise": 0.2, "component_dropout": 0.1})
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finish(TrainingRun(made, whole))
    first = TrainingRun(made, parts)
    for progress in first.advance():
        if progress.step == stop:
            first.save_state()
            break
    assert not (parts / "config.json").exists()
    second = TrainingRun(made, parts, resume=True)
    assert second.loop.step == stop
    finish(second)
    assert equal(weights(parts), weights(whole))
    snapshot = "snapshots/step_000006.safetensors"
    assert equal(load_file(parts / snapshot), load_file(whole / snapshot))

    def without_times(folder):
        lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]

    assert without_times(parts) == without_times(whole)


def test_global_random_state_has_no_part_in_a_run(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    finish(TrainingRun(recipe(), tmp_path / "one"))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    finish(TrainingRun(recipe(), tmp_path / "two"))
    assert equal(weights(tmp_path / "one"), weights(tmp_path / "two"))


def poison(run, step):
    """Make the loss NaN at one step."""
    honest = run.network.loss

    def loss(inputs, objective, generator):
        value = honest(inputs, objective, generator)
        return value * math.nan if run.loop.step + 1 == step else value

    run.network.loss = loss


def test_nan_loss_stops_and_keeps_the_last_good_state(tmp_path):
    folder = tmp_path / "m"
    run = TrainingRun(recipe(), folder)
    poison(run, 8)
    with pytest.raises(NotFiniteError, match=r"became nan .* at step 8; the weights of step 6 are kept.*--resume"):
        finish(run)
    assert "m" not in {info.name for info in find_models().values()}
    again = TrainingRun(recipe({"learning_rate": 1e-4}), folder, resume=True)
    assert again.loop.step == 6
    assert all(torch.isfinite(p).all() for p in again.network.parameters())
    finish(again)
    assert describe(folder).training["steps"] == 12


def test_gradient_that_is_not_finite_stops_too(tmp_path):
    run = TrainingRun(recipe(), tmp_path / "m")
    run.network.flow.norms[0].shift.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(NotFiniteError, match="at step 1; the weights of step 0"):
        finish(run)


def test_skipped_steps_are_counted_when_the_recipe_allows_them(tmp_path):
    run = TrainingRun(recipe({"not_finite": "skip"}), tmp_path / "m")
    poison(run, 8)
    finish(run)
    record = describe(tmp_path / "m").training
    assert (record["steps"], record["skipped"]) == (12, 1)
    assert math.isfinite(record["scores"]["train"]["mean_nats"])


def test_unbounded_model_is_scored_honestly(tmp_path):
    """Without a bound held-out densities overflow; the record counts them and gives no mean."""
    model = TABLE["model"] | {"layers": 14, "log_scale_bound": 0.0}
    finish(TrainingRun(recipe({"steps": 40, "learning_rate": 0.1, "not_finite": "skip"}, model=model), tmp_path / "m"))
    scores = describe(tmp_path / "m").training["scores"]
    assert scores["held_out"]["finite_share"] < 1
    assert scores["held_out"]["mean_nats"] is None
    assert "not finite" in (tmp_path / "m" / "card.md").read_text()


def test_best_weights_are_kept_and_scored_by_images_without_a_vote(tmp_path):
    run = TrainingRun(recipe({"keep": "best", "steps": 30, "learning_rate": 1e-2}), tmp_path / "m")
    finish(run)
    record = describe(tmp_path / "m").training
    lines = [json.loads(line) for line in (tmp_path / "m" / "history.jsonl").read_text().splitlines()]
    best = min(lines, key=lambda line: line["choosing"])
    assert record["kept_step"] == best["step"]
    choosing = run.loop.choosing_mask()
    assert record["scores"]["held_out_scoring"]["images"] == (~choosing).sum().item() == 224
    with torch.inference_mode():
        values = checkpoint.load(tmp_path / "m").log_prob(run.material.images_of(run.material.held_out))
    assert -values[choosing].mean().item() == pytest.approx(best["choosing"], abs=1e-3)
    assert record["scores"]["held_out_scoring"]["mean_nats"] == pytest.approx(values[~choosing].mean().item(), abs=1e-6)


def test_patience_ends_a_run_early(tmp_path):
    made = recipe({"keep": "best", "patience": 3, "steps": 3000, "evaluate_every": 1, "learning_rate": 0.2})
    finish(TrainingRun(made, tmp_path / "m"))
    record = describe(tmp_path / "m").training
    assert record["steps"] < 3000
    assert record["steps"] == record["kept_step"] + 3


def test_average_follows_the_weights(tmp_path):
    run = TrainingRun(recipe({"ema": 0.5}), tmp_path / "m")
    seen = [run.network.flow.norms[0].shift.detach().clone() for _ in run.loop.advance()]
    start = TrainingRun(recipe({"ema": 0.5}), tmp_path / "n").network.flow.norms[0].shift.detach()
    expected = start.clone()
    for step, value in enumerate(seen, 1):
        decay = min(0.5, step / (step + 10))
        expected = decay * expected + (1 - decay) * value
    with run.loop.evaluated_weights():
        torch.testing.assert_close(run.network.flow.norms[0].shift.detach(), expected)
    assert torch.equal(run.network.flow.norms[0].shift.detach(), seen[-1])


def test_folder_with_something_in_it_is_not_overwritten_unasked(tmp_path):
    folder = tmp_path / "m"
    with pytest.raises(UserError, match="no interrupted run"):
        TrainingRun(recipe(), folder, resume=True)
    run = TrainingRun(recipe(), folder)
    next(run.advance())
    run.save_state()
    with pytest.raises(UserError, match="interrupted run; add --resume"):
        TrainingRun(recipe(), folder)
    finish(TrainingRun(recipe(), folder, resume=True))
    with pytest.raises(UserError, match="already holds a model"):
        TrainingRun(recipe(), folder)
    finish(TrainingRun(recipe(), folder, overwrite=True))


def interrupted(folder):
    run = TrainingRun(recipe(), folder)
    next(run.advance())
    run.save_state()
    return folder


def test_changed_recipe_cannot_resume(tmp_path):
    folder = interrupted(tmp_path / "m")
    changed = TABLE | {"model": {"components": 6, "layers": 4, "hidden": 8}}
    with pytest.raises(UserError, match="'model' has changed"):
        TrainingRun(recipe_of(changed, "t"), folder, resume=True)


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
def test_broken_state_is_a_sentence(tmp_path, name):
    folder = interrupted(tmp_path / "m")
    (folder / "state" / name).write_bytes(b"broken")
    with pytest.raises(UserError, match="cannot be read"):
        TrainingRun(recipe(), folder, resume=True)


def test_state_files_of_different_steps_are_refused(tmp_path):
    folder = interrupted(tmp_path / "m")
    values = json.loads((folder / "state" / "state.json").read_text())
    (folder / "state" / "state.json").write_text(json.dumps(values | {"step": 9}))
    with pytest.raises(UserError, match="different steps"):
        TrainingRun(recipe(), folder, resume=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"family": "gluon"}, "family 'gluon'; known are"),
        ({"model": {"components": 6, "layers": 3, "depth": 2}}, "depth"),
        ({"model": {"components": 65, "layers": 3}}, "components = 65"),
        ({"objective": {"nois": 0.1}}, r"\[objective\] does not suit pca_realnvp.*nois"),
        ({"dataset": "nowhere-to-be-found"}, "nowhere-to-be-found"),
        ({"split": {"rule": "alphabet"}}, "alphabet"),
    ],
)
def test_values_that_do_not_suit_are_named(tmp_path, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainingRun(recipe(**changes), tmp_path / "m")


def test_every_image_is_drawn_once_an_epoch(tmp_path):
    run = TrainingRun(recipe({"batch": 100, "steps": 13}), tmp_path / "m")
    drawn: list[int] = []
    loop: Loop = run.loop
    for step in range(13):
        drawn += batch_rows(len(loop._inputs), 100, 0, step).tolist()
    assert len(drawn) == len(set(drawn)) == 1300
