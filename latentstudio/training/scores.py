"""What is measured when a run ends: likelihoods on both sides of the split, the Gaussian baseline, speed."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio import __version__
from latentstudio.models.base import LatentModel
from latentstudio.training.loop import Loop
from latentstudio.training.processes import Processes
from latentstudio.training.recipe import TrainingRecipe, as_table
from latentstudio.training.round_trip import code_round_trips

if TYPE_CHECKING:
    from latentstudio.training.material import Material

_STRIP = 9
_REPEATS = 50
_EXTRA_AT_MOST = 512


def measure(network: nn.Module, material: "Material", loop: Loop) -> dict[str, Any]:
    """Measure the finished model.

    Returns
    -------
    Log-density statistics (`summarise`) under ``train``, ``held_out`` and, for weights that half of the held-out images
    chose, ``held_out_scoring`` of the other half; the same of the single Gaussian under ``baseline``; milliseconds to
    decode a strip of nine under ``decode_strip_ms``; the mean norms of codes; of a flow, `code_round_trips`. What else
    a family measures of images (``extra_scores``) is under ``extra``, with the mean and the largest value over at most
    512 of them, evenly spread.
    """
    sets = {"train": ~material.held_out, "held_out": material.held_out}
    if loop.training.keep == "best":
        scoring = material.held_out.copy()
        scoring[scoring] = ~loop.choosing_mask().numpy()
        sets["held_out_scoring"] = scoring
    return measure_sets(network, material, sets, loop.device)


def measure_sets(
    network: nn.Module, material: "Material", sets: dict[str, NDArray[np.bool_]], device: torch.device
) -> dict[str, Any]:
    """Measure a model on sets of images, each bool (N,) by name; see `measure`. It is on the processor afterwards."""
    model = cast(LatentModel, network)
    scores: dict[str, Any] = {"baseline": {}}
    with torch.inference_mode():
        for name, chosen in sets.items():
            if not chosen.any():
                continue
            # The same noise for every run and every side of the split.
            generator = torch.Generator().manual_seed(0)
            measured = [_measure_images(model, part.to(device)) for part in material.chunks(chosen)]
            values, norms, baseline = (torch.cat(parts) for parts in zip(*measured, strict=True))
            scores[name] = {**summarise(values, model.space.size), "mean_code_norm": _number(norms.mean().item())}
            if extra := _extra(model, material.images_of(chosen, _EXTRA_AT_MOST).to(device), generator):
                scores[name]["extra"] = extra
            if len(baseline):
                scores["baseline"][name] = summarise(baseline, model.space.size)
        # On the processor, as for every other model.
        network.cpu()
        scores["decode_strip_ms"] = _decode_ms(model)
    if far := code_round_trips(model):
        scores["code_round_trip"] = far
    return scores


def _measure_images(model: LatentModel, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log-densities, norms of codes and the baseline's log-densities, each (N,); the last empty without one."""
    baseline = getattr(model, "gaussian_log_prob", lambda _: torch.zeros(0))
    both = getattr(model, "encode_with_log_prob", None)
    codes, density = (model.encode(images), model.log_prob(images)) if both is None else both(images)
    return density.cpu(), codes.norm(dim=1).cpu(), baseline(images).cpu()


def _extra(model: LatentModel, images: Tensor, generator: torch.Generator) -> dict[str, dict[str, float | None]]:
    """Return what only this family measures, by name; all randomness comes from `generator`."""
    measure_extra = getattr(model, "extra_scores", None)
    scores: dict[str, Tensor] = {} if measure_extra is None else measure_extra(images, generator)
    return {
        name: {"images": len(values), "mean": _number(values.mean().item()), "largest": _number(values.max().item())}
        for name, values in scores.items()
    }


def summarise(log_probs: Tensor, size: int) -> dict[str, Any]:
    """Summarise log-densities (N,) of codes with `size` dimensions; NaN and infinite values are counted, not dropped.

    Returns
    -------
    ``images``, ``finite_share``, ``mean_nats`` (None unless all are finite), ``median_nats`` (of all, NaN as -inf; None
    when it is not finite), ``mean_nats_per_dim``.
    """
    values = log_probs.double().cpu().numpy()
    finite = np.isfinite(values)
    mean = float(values.mean()) if finite.all() else None
    # Not interpolated: between -inf and a number there is no middle.
    median = float(np.sort(np.where(np.isnan(values), -np.inf, values))[(len(values) - 1) // 2])
    return {
        "images": len(values),
        "finite_share": float(finite.mean()),
        "mean_nats": mean,
        "median_nats": _number(median),
        "mean_nats_per_dim": None if mean is None else mean / size,
    }


def record(recipe: TrainingRecipe, loop: Loop, scores: dict[str, Any], processes: Processes) -> dict[str, Any]:
    """Return the training record for ``config.json``."""
    shared: dict[str, Any] = {"processes": processes.count} if processes.count > 1 else {}
    if processes.device.type == "cuda":
        shared["accelerator"] = torch.cuda.get_device_name(processes.device)
    return {
        "recipe": as_table(recipe),
        "unit": recipe.card.unit,
        "steps": loop.step,
        "kept_step": loop.best.step if loop.best.weights else loop.step,
        "skipped": loop.skipped,
        "seconds": round(loop.seconds, 1),
        "hardware": hardware(recipe.training.threads) | shared,
        "scores": scores,
        "seeds": {"training": recipe.seed, "split": recipe.split.seed},
        "versions": {
            "latentstudio": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "scikit-learn")},
        },
    }


def hardware(threads: int) -> dict[str, Any]:
    """Return the processor's name, its cores and the threads that a run used."""
    return {"processor": _processor(), "cores": os.cpu_count() or 1, "threads": threads or torch.get_num_threads()}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _decode_ms(model: LatentModel) -> float:
    """Median milliseconds to decode nine codes."""
    codes = model.space.prior.sample(list(range(_STRIP)), model.space.size)
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        model.decode(codes)
        times.append(1e3 * (time.perf_counter() - began))
    return round(float(np.median(times)), 3)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
