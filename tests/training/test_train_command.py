"""``latentstudio train`` as a person or the jobs panel starts it."""

import json
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

RECIPE = """
title = "Small"
family = "pca_realnvp"
dataset = "digits"
[model]
components = 6
layers = 3
hidden = 8
[training]
steps = {steps}
batch = 128
"""


@pytest.fixture
def command(tmp_path):
    def start(*arguments, steps=20):
        (tmp_path / "recipe.toml").write_text(RECIPE.format(steps=steps))
        line = [sys.executable, "-m", "latentstudio", "train", str(tmp_path / "recipe.toml"), *map(str, arguments)]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def test_progress_goes_to_standard_error(command, tmp_path):
    process = command("-o", tmp_path / "m")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0
    assert out == ""
    assert "images/s" in err
    assert "held out" in err
    assert f"The model is in {tmp_path / 'm'}." in err
    assert (tmp_path / "m" / "config.json").is_file()


def test_json_lines_on_standard_output(command, tmp_path):
    process = command("-o", tmp_path / "m", "--json")
    out, _ = process.communicate(timeout=100)
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1] == {"event": "finished", "model": str(tmp_path / "m")}
    last = events[-2]
    assert (last["event"], last["step"], last["steps"], last["remaining_seconds"]) == ("progress", 20, 20, 0)
    assert {"loss", "held_out", "images_per_second"} <= last.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_saves_and_resume_gives_the_uninterrupted_weights(command, tmp_path, number):
    steps = 600
    whole = command("-o", tmp_path / "whole", "--json", steps=steps)
    process = command("-o", tmp_path / "m", "--json", steps=steps)
    assert json.loads(process.stdout.readline())["event"] == "progress"
    process.send_signal(number)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    stopped = json.loads(out.splitlines()[-1])
    assert stopped["event"] == "interrupted"
    assert 0 < stopped["step"] < steps
    assert not (tmp_path / "m" / "config.json").exists()
    again = command("-o", tmp_path / "m", "--resume", steps=steps)
    assert again.wait(timeout=100) == 0
    whole.communicate(timeout=100)
    left, right = (load_file(tmp_path / name / "weights.safetensors") for name in ("m", "whole"))
    assert all(torch.equal(left[k], right[k]) for k in left)
    for pipe in (again.stdout, again.stderr):
        pipe.close()


def test_bad_recipe_is_one_sentence_and_status_two(command, tmp_path):
    process = command("-o", tmp_path / "m", steps=-1)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 2
    assert out == ""
    assert "training.steps = -1" in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
