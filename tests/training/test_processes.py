"""Several processes share a run as ``torchrun`` starts them, here without a graphics processor."""

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from gradient_probe import leave_gradients
from safetensors.torch import load_file

from latentstudio.errors import UserError
from latentstudio.nn.noise import Noise
from latentstudio.training.processes import Processes, joined
from latentstudio.training.recipe import recipe_of
from latentstudio.training.run import TrainingRun

GLOW = """
title = "Small Glow"
family = "glow"
dataset = "faces?n=40&size=16"
[model]
levels = 2
steps = 2
width = 8
[objective]
dequantise = true
[augmentation]
mirror = true
[split]
share = 0.25
[training]
steps = {steps}
batch = 9
evaluate_every = 3
schedule = "cooldown"
ema = 0.5
keep = "best"
clip = 50.0
learning_rate = 1e-3
{more}
"""


PCA = """
title = "Small Real NVP"
family = "pca_realnvp"
dataset = "digits"
[model]
components = 6
layers = 3
hidden = 8
[objective]
noise = 0.2
component_dropout = 0.1
[training]
steps = {steps}
batch = 125
evaluate_every = 3
{more}
"""
# On a busy machine a process takes many seconds to start.
pytestmark = pytest.mark.timeout(400)
PROBE = Path(__file__).parent / "gradient_probe.py"


def environment(rank, count, port):
    set_by_torchrun = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
    return {**os.environ, "MASTER_ADDR": "127.0.0.1", **{k: str(v) for k, v in set_by_torchrun.items()}}


@pytest.fixture
def launch():
    """Start a line so many times, as torchrun would, but each with pipes of its own; what still runs is stopped."""
    started = []

    def launch(count, *line):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        new = [
            subprocess.Popen(
                [sys.executable, *map(str, line)],
                env=environment(rank, count, port) if count > 1 else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(count)
        ]
        started.extend(new)
        return new

    yield launch
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def train(launch, tmp_path):
    def train(count, folder, *words, recipe=GLOW, steps=6, more=""):
        (tmp_path / "recipe.toml").write_text(recipe.format(steps=steps, more=more))
        return launch(count, "-m", "latentstudio", "train", tmp_path / "recipe.toml", "-o", folder, *words)

    return train


def ends(processes):
    """Return what each wrote, (standard output, standard error), and its status."""
    told = [process.communicate(timeout=200) for process in processes]
    return [(process.returncode, *texts) for process, texts in zip(processes, told, strict=True)]


def finish(processes):
    answers = ends(processes)
    for status, _, err in answers:
        assert status == 0, err
    return answers


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def assert_close(left, right, tolerance):
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        scale = 1 + right[name].abs().max().item()
        torch.testing.assert_close(tensor, right[name], atol=tolerance * scale, rtol=0)


def alone(folder, steps=6, more="", recipe=GLOW):
    """Train in this process."""
    for _ in TrainingRun(recipe_of(tomllib.loads(recipe.format(steps=steps, more=more)), "test"), folder).advance():
        pass


@pytest.mark.parametrize("recipe", [GLOW, PCA], ids=["glow", "pca"])
def test_gradients_are_those_of_one_process(launch, tmp_path, recipe):
    """Batches of 9 and 125 images have no equal halves; every process has some of the noise of the whole batch."""
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.format(steps=6, more=""))
    two = launch(2, PROBE, file, tmp_path / "shared")
    leave_gradients(file, tmp_path / "alone", Processes())
    finish(two)
    expected = load_file(tmp_path / "alone" / "rank_0.safetensors")
    assert max(v.abs().max() for k, v in expected.items() if not k.startswith("start.")) > 1
    for rank in range(2):
        assert_close(load_file(tmp_path / "shared" / f"rank_{rank}.safetensors"), expected, 2e-6)


def test_two_processes_leave_the_model_of_one(train, tmp_path):
    """With ActNorm set from data, averaged weights, a choice of the best, clipping, changed copies and a snapshot."""
    one, shared = tmp_path / "one", tmp_path / "shared"
    two = train(2, shared, "--json", more="snapshots = [4]")
    alone(one, more="snapshots = [4]")
    (_, out, err), (_, silent, quiet) = finish(two)
    assert json.loads(out.splitlines()[-1]) == {"event": "finished", "model": str(shared)}
    assert (silent, quiet) == ("", "")
    assert "rror" not in err
    for name in ("weights.safetensors", "snapshots/step_000004.safetensors"):
        assert_close(load_file(shared / name), load_file(one / name), 1e-4)
    for left, right in zip(history(shared), history(one), strict=True):
        for key in ("train", "held_out", "choosing"):
            assert left[key] == pytest.approx(right[key], rel=1e-5)
    record = json.loads((shared / "config.json").read_text())["training"]
    assert record["hardware"]["processes"] == 2
    assert "in each of 2 processes" in (shared / "card.md").read_text()
    assert not (shared / "state").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_run_of_two_goes_on_in_one(train, tmp_path):
    """At a low rate, since at a high one the rounding of sums grows to another fit within 300 steps."""
    folder, whole = tmp_path / "parts", tmp_path / "whole"
    slow = GLOW.replace("1e-3", "1e-4")
    two = train(2, folder, "--json", steps=300, recipe=slow)
    assert json.loads(two[0].stdout.readline())["event"] == "progress"
    two[1].send_signal(signal.SIGTERM)  # that one process was asked is enough
    answers = ends(two)
    assert [status for status, _, _ in answers] == [130, 130], answers
    stopped = json.loads(answers[0][1].splitlines()[-1])
    assert stopped["event"] == "interrupted"
    assert 0 < stopped["step"] < 300
    text = slow.format(steps=300, more="")
    second = TrainingRun(recipe_of(tomllib.loads(text), "test"), folder, resume=True)
    assert second.loop.step == stopped["step"]
    for _ in second.advance():
        pass
    alone(whole, steps=300, recipe=slow)
    for left, right in zip(history(folder), history(whole), strict=True):
        assert left["step"] == right["step"]
        assert left["held_out"] == pytest.approx(right["held_out"], rel=1e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("victim", [0, 1])
def test_loss_of_a_process_ends_the_other_with_a_sentence(train, tmp_path, victim):
    folder = tmp_path / "m"
    processes = train(2, folder, "--json", steps=100_000)
    assert json.loads(processes[0].stdout.readline())["event"] == "progress"
    processes[victim].kill()
    status, _, err = ends(processes)[1 - victim]
    assert status == 2
    (sentence,) = [line for line in err.splitlines() if line.startswith("latentstudio: ")]
    assert "Another process of this run has ended" in sentence
    assert "Traceback" not in err
    assert ("--resume continues" in sentence) == (victim == 1)
    if victim == 1:
        step = json.loads((folder / "state" / "state.json").read_text())["step"]
        assert f"The state of step {step} is in" in sentence


@pytest.mark.parametrize(
    ("recipe", "more", "sentence"),
    [
        (GLOW.replace("batch = 9", "batch = 1"), "", "A batch of 1 images cannot be shared by 2 processes"),
        (GLOW, "learning_rates = 1", "unknown field `learning_rates`"),
    ],
    ids=["batch", "recipe"],
)
def test_what_is_wrong_is_said_once(train, tmp_path, recipe, more, sentence):
    answers = ends(train(2, tmp_path / "m", recipe=recipe, more=more))
    assert [status for status, _, _ in answers] == [2, 2]
    assert sentence in answers[0][2]
    assert answers[1][2] == ""
    assert not (tmp_path / "m").exists()


def test_loss_that_is_not_finite_stops_all_with_one_sentence(train, tmp_path):
    answers = ends(train(2, tmp_path / "m", recipe=GLOW.replace("1e-3", "10.0").replace("clip = 50.0", ""), steps=50))
    assert [status for status, _, _ in answers] == [2, 2]
    assert "The loss became" in answers[0][2]
    assert "--resume continues" in answers[0][2]
    assert answers[1][2] == ""
    assert (tmp_path / "m" / "state" / "state.json").is_file()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK"])
def test_broken_environment_is_a_sentence(tmp_path, monkeypatch, name):
    for key, value in environment(0, 2, 1).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv(name, "two")
    with pytest.raises(UserError, match=f"{name} is 'two'"), joined("cpu"):
        pass


def test_rows_cover_the_batch_and_differ_by_one_at_most():
    for count in (1, 2, 3, 5):
        for batch in (5, 8, 9, 64):
            rows = [list(range(batch))[Processes(rank, count).rows(batch)] for rank in range(count)]
            assert [row for part in rows for row in part] == list(range(batch))
            assert max(map(len, rows)) - min(map(len, rows)) <= 1


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_noise_of_a_row_does_not_depend_on_who_draws_it(kind):
    def drawn(rows, size):
        noise = Noise(torch.Generator().manual_seed(3), rows, 11)
        return torch.cat([getattr(noise, kind)(torch.zeros(size, 5)), getattr(noise, kind)(torch.zeros(size, 5))], 1)

    whole = drawn(slice(0, 11), 11)
    assert torch.equal(drawn(slice(0, 4), 4), whole[:4])
    assert torch.equal(drawn(slice(4, 11), 7), whole[4:])
    plain = Noise(torch.Generator().manual_seed(3))
    assert torch.equal(getattr(plain, kind)(torch.zeros(11, 5)), whole[:, :5])
    assert len(torch.unique(whole)) > 100
