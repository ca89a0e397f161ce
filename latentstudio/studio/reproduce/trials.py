"""Small flows trained on the spot, without files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.models.pca_realnvp import PcaRealNvp
from latentstudio.models.pca_realnvp_config import Objective
from latentstudio.nn.realnvp import standard_normal_log_prob
from latentstudio.training.loop import Loop
from latentstudio.training.progress import NotFiniteError
from latentstudio.training.recipe import Training

if TYPE_CHECKING:
    from latentstudio.studio.reproduce.lab import Lab

Floats = NDArray[np.float64]
RATE = 1e-3


@dataclass(frozen=True)
class Mark:
    """A trial after some epochs: log-densities in nats of its training images and of the others.

    Attributes
    ----------
    single : of the others in float32, as the published program computed; rest : in float64.
    """

    epoch: int
    train: Floats
    rest: Floats
    single: Floats
    overflow: str


@dataclass(frozen=True)
class Trial:
    """A trained flow, its marks, and its loss per epoch (NaN where the step was skipped)."""

    network: PcaRealNvp
    marks: tuple[Mark, ...]
    loss: Floats
    skipped: int


def trial(
    lab: "Lab",
    layers: int,
    epochs: int,
    *,
    bound: float = 0.0,
    noise: float = 0.0,
    train: NDArray[np.int64] | None = None,
    components: int = 64,
    marks: Sequence[int] = (),
) -> Trial:
    """Train a flow with full batches; the same arguments are trained once.

    Parameters
    ----------
    layers : couplings K; bound : of the log-scale, 0 for none; noise : on whitened scores.
    train : indices, by default the model's own training images.
    """
    chosen = lab.seen if train is None else train
    key = f"trial {layers} {epochs} {bound} {noise} {components} {tuple(marks)} {hash(chosen.tobytes())}"
    return lab.once(key, lambda: _train(lab, layers, epochs, bound, noise, chosen, components, tuple(marks)))


def _train(
    lab: "Lab",
    layers: int,
    epochs: int,
    bound: float,
    noise: float,
    train: NDArray[np.int64],
    components: int,
    marks: tuple[int, ...],
) -> Trial:
    others = np.setdiff1d(np.arange(len(lab.data)), train)
    config = {
        "image_shape": tuple(lab.info.image_shape),
        "components": components,
        "layers": layers,
        "hidden": 128,
        "log_scale_bound": bound,
    }
    network = PcaRealNvp.from_config(config)
    network.fit_preprocessing(lab.images[train])
    network.reset(Loop.weights_generator(0))
    with torch.no_grad():
        inputs, rest = network.training_inputs(lab.images[train]), network.training_inputs(lab.images[others])
    network.initialise(inputs)
    plan = Training(steps=epochs, learning_rate=RATE, clip=5.0, evaluate_every=epochs, not_finite="skip")
    loop = Loop(network, plan, Objective(noise=noise), 0, inputs, rest)
    losses, found = [], []
    try:
        for progress in loop.advance():
            losses.append(progress.loss)
            if progress.step in marks:
                found.append(_mark(network, progress.step, inputs, rest))
    except NotFiniteError:
        # The weights themselves are lost: what was marked before stands, the rest is not finite.
        pass
    network.eval()
    lost = np.full(len(others), np.nan)
    known = {m.epoch for m in found}
    found += [Mark(e, np.full(len(train), np.nan), lost, lost, "training") for e in marks if e not in known]
    return Trial(network, tuple(found), np.array(losses), loop.skipped)


def _mark(network: PcaRealNvp, epoch: int, inputs: Tensor, rest: Tensor) -> Mark:
    network.eval()
    with torch.no_grad():
        noise, log_det = network.flow.to_noise(rest)
        single = standard_normal_log_prob(noise) + log_det + network.log_det_whitening.float()
        mark = Mark(
            epoch=epoch,
            train=network.input_log_prob(inputs).double().numpy(),
            rest=network.input_log_prob(rest).double().numpy(),
            single=single.double().numpy(),
            overflow=first_overflow(network, rest),
        )
    network.train()
    return mark


def first_overflow(network: Any, rest: Tensor) -> str:
    """Name the first layer, in the order of encoding, after which a value is not finite in float32; empty if none."""
    x = rest
    steps = list(enumerate(network.flow.steps()))
    with torch.no_grad():
        for number, (coupling, norm) in reversed(steps):
            x, _ = norm.to_noise(x)
            if not bool(torch.isfinite(x).all()):
                return f"ActNorm {number + 1}"
            x, _ = coupling.to_noise(x)
            if not bool(torch.isfinite(x).all()):
                return f"coupling {number + 1}"
    return ""


def finite_share(values: Floats) -> float:
    """Share of values that are finite."""
    return float(np.isfinite(values).mean())


def median(values: Floats) -> float:
    """Median with NaN as -inf, so that failures count; NaN of nothing."""
    if not len(values):
        return float("nan")
    return float(np.sort(np.where(np.isnan(values), -np.inf, values))[(len(values) - 1) // 2])
