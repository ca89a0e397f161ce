"""Repeat the study of `regularisation.md`: ``python docs/experiments/regularisation.py [failure] [variants]``.

Needs the Olivetti faces in the data home. Everything runs through the program's own training run; about 25 minutes on
one core. The tables are written as Markdown.
"""

import argparse
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentstudio.models.library import describe
from latentstudio.models.pca_realnvp import PcaRealNvp
from latentstudio.training.recipe import TrainingRecipe, recipe_of
from latentstudio.training.run import TrainingRun

SEEDS = (0, 1, 2)
RULES = ("per_identity", "by_identity")
BEST = {"keep": "best", "evaluate_every": 5, "clip": 5.0, "weight_decay": 1e-4, "learning_rate": 5e-4}
PLAIN = {"learning_rate": 1e-3, "not_finite": "skip"}
AUGMENTED = {"mirror": True, "shift": 1}

LONG = {**BEST, "steps": 400}
AUGMENTED_STEPS = {**BEST, "batch": 320, "steps": 1500, "evaluate_every": 15}
REMEDY = {"layers": 2, "log_scale_bound": 0.0}
FOUR = {"layers": 4}

# Name, model, training, objective, augmentation.
Variant = tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]
VARIANTS: list[Variant] = [
    ("the research's remedy: K 2, 50 epochs, no bound", REMEDY, {**PLAIN, "steps": 50}, {}, {}),
    ("K 2, no bound, early stop", REMEDY, {**BEST, "learning_rate": 1e-3, "steps": 100}, {}, {}),
    ("K 4, bound 0.5, early stop", FOUR, {**BEST, "steps": 150}, {}, {}),
    ("+ dequantisation", FOUR, {**BEST, "steps": 150}, {"dequantise": True}, {}),
    ("+ noise 0.3", FOUR, LONG, {"noise": 0.3}, {}),
    ("+ noise 0.3, weight decay 1", FOUR, {**LONG, "weight_decay": 1.0}, {"noise": 0.3}, {}),
    ("+ noise 0.3, component dropout 0.2", FOUR, LONG, {"noise": 0.3, "component_dropout": 0.2}, {}),
    ("+ noise 0.3, moving average 0.98", FOUR, {**LONG, "ema": 0.98}, {"noise": 0.3}, {}),
    ("+ noise 0.3, hidden width 32", {**FOUR, "hidden": 32}, LONG, {"noise": 0.3}, {}),
    ("K 14, bound 0.5, noise 0.3", {"layers": 14}, {**BEST, "steps": 250}, {"noise": 0.3}, {}),
    ("K 8, noise 0.4, mirrored copies", {"layers": 8}, LONG, {"noise": 0.4}, {"mirror": True}),
    ("K 8, noise 0.4, mirrored and moved copies", {"layers": 8}, AUGMENTED_STEPS, {"noise": 0.4}, AUGMENTED),
]


def recipe(
    rule: str,
    seed: int,
    model: dict[str, Any],
    training: dict[str, Any],
    objective: dict[str, Any],
    augmentation: dict[str, Any],
) -> TrainingRecipe:
    """Return the recipe of one run."""
    table = {
        "title": "study",
        "family": "pca_realnvp",
        "dataset": "olivetti",
        "seed": seed,
        "model": {"components": 64, "log_scale_bound": 0.5, **model},
        "split": {"rule": rule, "share": 0.2, "seed": seed},
        "training": training,
        "objective": objective,
        "augmentation": augmentation,
    }
    return recipe_of(table, "study")


def gain(made: TrainingRecipe) -> dict[str, Any]:
    """Train and return scores on held-out images that had no part in the choice of weights."""
    with tempfile.TemporaryDirectory() as place:
        run = TrainingRun(made, Path(place) / "model")
        for _ in run.advance():
            pass
        record = describe(Path(place) / "model").training
    scores, name = record["scores"], "held_out_scoring" if made.training.keep == "best" else "held_out"
    row, base = scores[name], scores["baseline"][name]
    return {
        "gain": None if row["mean_nats"] is None else row["mean_nats"] - base["mean_nats"],
        "finite": row["finite_share"],
        "gap": None if row["mean_nats"] is None else scores["train"]["mean_nats"] - row["mean_nats"],
        "step": record["kept_step"],
    }


def variants() -> str:
    """Return the table of variants."""
    lines = [
        "| variant | by image: gain | gap | epoch or step | by person: gain | gap | epoch or step |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, *options in VARIANTS:
        cells = [name]
        for rule in RULES:
            results = [gain(recipe(rule, seed, *options)) for seed in SEEDS]
            gains = [r["gain"] for r in results]
            if any(g is None for g in gains):
                share = 100 * np.mean([r["finite"] for r in results])
                cells += [f"not finite ({share:.0f} % finite)", "–"]
            else:
                spread = ", ".join(f"{g:+.1f}" for g in gains)
                cells += [f"{np.mean(gains):+.1f} ({spread})", f"{np.mean([r['gap'] for r in results]):.0f}"]
            cells.append(", ".join(str(r["step"]) for r in results))
        lines.append("| " + " | ".join(cells) + " |")
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join(lines)


def failure() -> str:
    """Return the table that follows the log-scales of K = 14 through training, with and without a bound."""
    lines = [
        "| bound | epoch | train mean | held-out finite | held-out median "
        "| largest abs s: train | held out | largest abs value: train | held out |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for bound in (0.0, 2.0, 0.5):
        training = {**PLAIN, "steps": 400, "evaluate_every": 400}
        made = recipe("per_identity", 0, {"layers": 14, "log_scale_bound": bound}, training, {}, {})
        with tempfile.TemporaryDirectory() as place:
            run = TrainingRun(made, Path(place) / "model")
            train = run._inputs(~run.material.held_out)
            held_out = run._inputs(run.material.held_out)
            for progress in run.loop.advance():
                if progress.step in (25, 50, 100, 200, 400):
                    lines.append(_failure_row(run, bound, progress.step, train, held_out))
                    sys.stderr.write(lines[-1] + "\n")
    return "\n".join(lines)


@torch.no_grad()
def _failure_row(run: TrainingRun, bound: float, step: int, train: torch.Tensor, held_out: torch.Tensor) -> str:
    network = run.network
    assert isinstance(network, PcaRealNvp)
    network.eval()
    values = network.input_log_prob(held_out)
    finite = torch.isfinite(values)
    median = torch.where(torch.isnan(values), -math.inf, values).median().item()
    (s_train, z_train), (s_held_out, z_held_out) = _largest(network, train), _largest(network, held_out)
    cells = [
        f"{bound:g}" if bound else "none",
        str(step),
        f"{network.input_log_prob(train).mean().item():.1f}",
        f"{100 * finite.double().mean().item():.0f} %",
        f"{median:.3g}",
        *(f"{value:.3g}" for value in (s_train, s_held_out, z_train, z_held_out)),
    ]
    return "| " + " | ".join(cells) + " |"


def _largest(network: PcaRealNvp, inputs: torch.Tensor) -> tuple[float, float]:
    """Largest log-scale of any coupling and largest value after any layer, in float32 as in training."""
    scale, value = 0.0, 0.0
    for coupling, norm in reversed(network.flow.steps()):
        inputs, _ = norm.to_noise(inputs)
        kept = inputs[:, coupling.parity :: 2]
        scale = max(scale, coupling._log_scale(kept).abs().nan_to_num(nan=math.inf).max().item())
        inputs, _ = coupling.to_noise(inputs)
        value = max(value, inputs.abs().nan_to_num(nan=math.inf).max().item())
    return scale, value


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="failure, variants; both by default")
    parser.add_argument("-o", "--output", type=Path, help="write there instead of to standard output")
    options = parser.parse_args()
    parts = {"failure": failure, "variants": variants}
    text = "\n\n".join(f"## {name}\n\n{parts[name]()}" for name in options.parts or parts) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
