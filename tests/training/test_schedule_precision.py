"""Learning-rate schedules, bfloat16 and gradient checkpointing, each against what it must come to."""

import math

import pytest
import torch
from safetensors.torch import load_file

from latentstudio.errors import UserError
from latentstudio.nn.glow import GlowStep
from latentstudio.nn.glow_coupling import CouplingNet
from latentstudio.training.recipe import Training, recipe_of
from latentstudio.training.run import TrainingRun
from latentstudio.training.schedule import learning_rate

TABLE = {
    "title": "Small Glow",
    "family": "glow",
    "dataset": "faces?n=40&size=16",
    "model": {"levels": 2, "steps": 2, "width": 16},
    "objective": {"dequantise": True},
    "split": {"share": 0.25, "seed": 1},
    "training": {"steps": 30, "batch": 10, "evaluate_every": 10, "learning_rate": 2e-3},
}


def recipe(**training):
    return recipe_of(TABLE | {"training": TABLE["training"] | training}, "test.toml")


def finish(run):
    return list(run.advance())


def gradient(run):
    """The gradient of the first batch, one vector, and the loss, with couplings that are no longer zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in run.network.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    run.network.train()
    loss = run.loop._differentiate()
    return torch.cat([p.grad.flatten() for p in run.network.parameters()]), loss


# -- schedules


def test_cooldown_keeps_the_rate_for_four_fifths_and_falls_evenly_to_zero():
    plan = Training(steps=1000, learning_rate=0.4, schedule="cooldown")
    expected = {0: 0.4, 1: 0.4, 500: 0.4, 799: 0.4, 800: 0.4, 850: 0.3, 900: 0.2, 950: 0.1, 999: 0.002, 1000: 0.0}
    assert {step: learning_rate(plan, step) for step in expected} == pytest.approx(expected, abs=1e-12)


def test_cosine_and_constant_have_their_closed_forms():
    plan = Training(steps=600, learning_rate=0.4, schedule="cosine")
    # cos 0, 60, 90, 120 and 180 degrees.
    expected = {0: 0.4, 200: 0.3, 300: 0.2, 400: 0.1, 600: 0.0}
    assert {step: learning_rate(plan, step) for step in expected} == pytest.approx(expected, abs=1e-12)
    constant = Training(steps=600, learning_rate=0.4)
    assert {learning_rate(constant, step) for step in range(600)} == {0.4}


def test_optimiser_takes_the_rate_of_the_schedule(tmp_path):
    run = TrainingRun(recipe(schedule="cooldown", steps=10), tmp_path / "m")
    used = [run.loop._optimiser.param_groups[0]["lr"] for _ in run.advance()]
    assert used == pytest.approx([2e-3] * 9 + [1e-3])


def interrupt(run, step):
    for progress in run.advance():
        if progress.step == step:
            run.save_state()
            break


def same_weights(left, right):
    left, right = (load_file(folder / "weights.safetensors") for folder in (left, right))
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_resumed_in_the_cooldown_it_ends_as_if_unbroken(tmp_path, precision):
    made = recipe(schedule="cooldown", steps=20, precision=precision, ema=0.9, clip=500.0)
    finish(TrainingRun(made, tmp_path / "whole"))
    interrupt(TrainingRun(made, tmp_path / "parts"), 18)
    second = TrainingRun(made, tmp_path / "parts", resume=True)
    assert second.loop.step == 18
    finish(second)
    assert same_weights(tmp_path / "whole", tmp_path / "parts")


def test_before_the_cooldown_a_run_can_be_made_longer(tmp_path):
    interrupt(TrainingRun(recipe(schedule="cooldown", steps=20), tmp_path / "parts"), 15)
    longer = recipe(schedule="cooldown", steps=25)
    finish(TrainingRun(longer, tmp_path / "parts", resume=True))
    finish(TrainingRun(longer, tmp_path / "whole"))
    assert same_weights(tmp_path / "whole", tmp_path / "parts")


# -- bfloat16


def test_bfloat16_gives_nearly_the_gradient_of_float32(tmp_path):
    exact, loss = gradient(TrainingRun(recipe(), tmp_path / "a"))
    run = TrainingRun(recipe(precision="bfloat16"), tmp_path / "b")
    seen = []
    for module in run.network.modules():
        if isinstance(module, CouplingNet):
            module.last.conv.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    short, short_loss = gradient(run)
    assert seen == [torch.bfloat16] * 4
    assert short.dtype == torch.float32
    # Rounding to 8 bits, averaged over many terms; the loss has its determinants in float64.
    assert (short - exact).norm() < 0.02 * exact.norm()
    assert not torch.equal(short, exact)
    assert short_loss == pytest.approx(loss, rel=1e-3)


def test_bfloat16_trains_and_leaves_float32(tmp_path):
    steps = {}
    for precision in ("float32", "bfloat16"):
        run = TrainingRun(recipe(precision=precision), tmp_path / precision)
        steps[precision] = finish(run)
        tensors, _ = run.loop.state()
        assert {v.dtype for v in tensors.values() if v.is_floating_point()} == {torch.float32}
    first, last = run.loop.history[0]["held_out"], run.loop.history[-1]["held_out"]
    assert last < first - 100
    # What is evaluated is the float32 network, so the two differ by how they were trained alone.
    assert steps["bfloat16"][-1].held_out == pytest.approx(steps["float32"][-1].held_out, rel=0.01)
    weights = load_file(tmp_path / "bfloat16" / "weights.safetensors")
    assert {v.dtype for v in weights.values() if v.is_floating_point()} == {torch.float32}
    assert all(torch.isfinite(v).all() for v in weights.values() if v.is_floating_point())


# -- gradient checkpointing


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_checkpointing_changes_no_gradient(tmp_path, precision):
    plain, loss = gradient(TrainingRun(recipe(precision=precision), tmp_path / "a"))
    saving, same = gradient(TrainingRun(recipe(precision=precision, checkpointing=True), tmp_path / "b"))
    assert torch.equal(plain, saving)
    assert loss == same


def test_checkpointing_computes_every_step_of_flow_twice(tmp_path, monkeypatch):
    calls = []
    honest = GlowStep.to_noise
    monkeypatch.setattr(GlowStep, "to_noise", lambda step, x: calls.append(id(step)) or honest(step, x))
    for on, times in ((False, 1), (True, 2)):
        run = TrainingRun(recipe(checkpointing=on), tmp_path / str(on))
        calls.clear()
        gradient(run)
        steps = [id(s) for s in run.network.modules() if isinstance(s, GlowStep)]
        assert sorted(calls) == sorted(steps * times)


def test_checkpointed_run_leaves_the_same_model(tmp_path):
    for on in (False, True):
        finish(TrainingRun(recipe(checkpointing=on, steps=6), tmp_path / str(on)))
    assert same_weights(tmp_path / "False", tmp_path / "True")


def test_family_without_checkpointing_says_so(tmp_path):
    table = {"title": "T", "family": "pca_realnvp", "dataset": "digits", "model": {"components": 6, "layers": 3}}
    made = recipe_of(table | {"training": {"steps": 2, "checkpointing": True}}, "test.toml")
    with pytest.raises(UserError, match=r"pca_realnvp has no gradient checkpointing; training\.checkpointing = false"):
        TrainingRun(made, tmp_path / "m")


# -- a graphics processor


@pytest.mark.gpu
@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}, {"checkpointing": True}], ids=str)
def test_gpu_trains_as_the_cpu_does(tmp_path, options):
    from latentstudio.training.processes import Processes

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    cuda = Processes(device=torch.device("cuda"))
    made = recipe(steps=10, ema=0.9, keep="best", **options)
    finish(TrainingRun(made, tmp_path / "cpu"))
    interrupt(TrainingRun(made, tmp_path / "gpu", processes=cuda), 4)
    run = TrainingRun(made, tmp_path / "gpu", resume=True, processes=cuda)
    assert next(run.network.parameters()).device.type == "cuda"
    finish(run)
    left, right = (load_file(tmp_path / name / "weights.safetensors") for name in ("cpu", "gpu"))
    tolerance = 5e-3 if options.get("precision") else 1e-3
    for name, tensor in left.items():
        torch.testing.assert_close(right[name], tensor, atol=tolerance, rtol=tolerance)
    assert math.isfinite(run.loop.history[-1]["held_out"])


@pytest.mark.gpu
def test_command_trains_on_the_gpu(tmp_path):
    from latentstudio.cli.main import run_command

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    path = tmp_path / "recipe.toml"
    path.write_text(
        'title = "T"\nfamily = "pca_realnvp"\ndataset = "digits"\n[model]\ncomponents = 6\nlayers = 3\n'
        "[objective]\nnoise = 0.2\ncomponent_dropout = 0.1\n[training]\nsteps = 5\nbatch = 64\n"
    )
    assert run_command(["train", str(path), "-o", str(tmp_path / "m"), "--device", "cuda"]) == 0
    assert torch.cuda.get_device_name() in (tmp_path / "m" / "card.md").read_text()
