"""The one training loop.

Everything random in step k is drawn from the seed and k alone, so a run that was interrupted after any step continues
to the same weights, bit for bit, as one that was not.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.training.objective import Trainable
from latentstudio.training.recipe import Training

_ORDER, _NOISE, _WEIGHTS = 0, 1, 2


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands after a step.

    Attributes
    ----------
    loss : of the last step, nats per image; NaN where the step was skipped.
    held_out : mean negative log-density of held-out images at the last evaluation, nats; None before the first, without
        held-out images, or when it is not finite.
    images_per_second : since the run began or was resumed.
    remaining_seconds : estimate.
    """

    step: int
    steps: int
    loss: float
    held_out: float | None
    images_per_second: float
    remaining_seconds: float


class NotFiniteError(UserError):
    """The loss became NaN or infinite; the loop's state is that of the last evaluation."""


class Loop:
    """Train `network` on inputs, one `advance` a run.

    Parameters
    ----------
    network : also a `Trainable`; its untrained weights are set.
    training, objective, seed : of the recipe.
    inputs : training inputs (N, ...), changed copies of images last.
    held_out : held-out inputs (M, ...), M may be 0.
    originals : number of inputs that are no changed copies, which are those evaluated; None for all.
    """

    def __init__(
        self,
        network: nn.Module,
        training: Training,
        objective: Any,
        seed: int,
        inputs: Tensor,
        held_out: Tensor,
        originals: int | None = None,
    ) -> None:
        self.network = network
        self.training = training
        self.step = 0
        self.seconds = 0.0
        self.skipped = 0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] = {}
        self.best_step = 0
        self._best_value = math.inf
        self._since_best = 0
        self._model = cast(Trainable, network)
        self._objective = objective
        self._seed = seed
        self._inputs = inputs
        self._held_out = held_out
        self._evaluated = inputs[: min(originals or len(inputs), training.evaluate_images)]
        self._batch = min(training.batch or len(inputs), len(inputs))
        self._parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        matrices = [p for p in self._parameters.values() if p.ndim >= 2]
        others = [p for p in self._parameters.values() if p.ndim < 2]
        self._optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=training.learning_rate,
            fused=True,
        )
        self._average = {k: p.detach().clone() for k, p in self._parameters.items()} if training.ema else {}
        self._good: tuple[dict[str, Tensor], dict[str, Any]] | None = None

    @staticmethod
    def weights_generator(seed: int) -> torch.Generator:
        """Return the generator of untrained weights for a recipe's seed."""
        return _generator(seed, _WEIGHTS, 0)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        patience = self.training.patience
        return self.step >= self.training.steps or bool(patience and self._since_best >= patience)

    def advance(self) -> Iterator[Progress]:
        """Run step after step and yield after each, until the end.

        Raises
        ------
        NotFiniteError
            The loss or its gradient is not finite and the recipe says to stop.
        """
        began, first, spent = time.perf_counter(), self.step, self.seconds
        if self.step == 0 and not self.history:
            self._evaluate(math.nan)
        while not self.finished:
            loss = self._take_step()
            self.seconds = spent + time.perf_counter() - began
            if self.step % self.training.between_evaluations == 0 or self.step == self.training.steps:
                self._evaluate(loss)
            per_second = (self.step - first) / max(time.perf_counter() - began, 1e-9)
            yield Progress(
                step=self.step,
                steps=self.training.steps,
                loss=loss,
                held_out=self.history[-1]["held_out"] if self.history else None,
                images_per_second=per_second * self._batch,
                remaining_seconds=(self.training.steps - self.step) / max(per_second, 1e-9),
            )

    @contextmanager
    def evaluated_weights(self) -> Iterator[None]:
        """Put the averaged weights into the network for the while, where the recipe asks for an average."""
        if not self._average:
            yield
            return
        raw = {name: p.detach().clone() for name, p in self._parameters.items()}
        self._load(self._average)
        try:
            yield
        finally:
            self._load(raw)

    def keep_best(self) -> None:
        """Leave in the network what the recipe keeps: the best weights, or the last (averaged) ones."""
        if self.best:
            self._load(self.best)
        elif self._average:
            self._load(self._average)

    def choosing_mask(self) -> Tensor:
        """Held-out inputs that choose the best weights, bool (M,); the others score them. All False without choice."""
        mask = torch.zeros(len(self._held_out), dtype=torch.bool)
        if self.training.keep == "best":
            order = torch.randperm(len(mask), generator=_generator(self._seed, _ORDER, 2**31))
            mask[order[: (len(mask) + 1) // 2]] = True
        return mask

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return everything that the next step depends on: tensors by name, and plain values."""
        tensors = {f"network.{k}": v.detach().clone() for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v.clone() for k, v in self._average.items()}
        tensors |= {f"best.{k}": v.clone() for k, v in self.best.items()}
        for index, slots in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{slot}": v.clone() for slot, v in slots.items()}
        values = {
            "step": self.step,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "best_step": self.best_step,
            "best_value": self._best_value if math.isfinite(self._best_value) else None,
            "since_best": self._since_best,
            "history": list(self.history),
        }
        return tensors, values

    def restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Continue from a `state`.

        Raises
        ------
        UserError
            The state belongs to another network or lacks a value.
        """
        try:
            self.network.load_state_dict(_under("network.", tensors))
            self._average = _under("average.", tensors) if self._average else {}
            self.best = _under("best.", tensors)
            optimiser = self._optimiser.state_dict()
            slots: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _under("optimiser.", tensors).items():
                index, slot = name.split(".", 1)
                slots.setdefault(int(index), {})[slot] = tensor
            self._optimiser.load_state_dict({**optimiser, "state": slots})
            self.step, self.seconds = int(values["step"]), float(values["seconds"])
            self.skipped, self.best_step = int(values["skipped"]), int(values["best_step"])
            self._best_value = math.inf if values["best_value"] is None else float(values["best_value"])
            self._since_best, self.history = int(values["since_best"]), list(values["history"])
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"The saved state does not fit the recipe: {str(error).splitlines()[0]}") from error

    # -- inside

    def _take_step(self) -> float:
        self.network.train()
        generator = _generator(self._seed, _NOISE, self.step)
        inputs = self._inputs[self._batch_indices()]
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.training.precision == "bfloat16"):
            loss = self._model.loss(inputs, self._objective, generator)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._parameters.values(), self.training.clip or math.inf)
        value = loss.item()
        if not math.isfinite(value) or not bool(torch.isfinite(norm)):
            return self._meet_not_finite(value)
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self._optimiser.step()
        self.step += 1
        with torch.no_grad():
            for name, average in self._average.items():
                # A short memory at first, so that the untrained weights are soon forgotten.
                average.lerp_(self._parameters[name], 1 - min(self.training.ema, self.step / (self.step + 10)))
        return value

    def _meet_not_finite(self, value: float) -> float:
        if self.training.not_finite == "skip":
            self.step += 1
            self.skipped += 1
            return math.nan
        failed = self.step + 1
        if self._good is not None:
            self.restore(*self._good)
        raise NotFiniteError(
            f"The loss became {value:g} (or its gradient not finite) at step {failed}; the weights of step {self.step} "
            "are kept. A lower training.learning_rate, training.clip or a bounded log-scale would help."
        )

    def _learning_rate(self) -> float:
        rate = self.training.learning_rate
        if self.training.schedule == "cosine":
            return rate * 0.5 * (1 + math.cos(math.pi * self.step / self.training.steps))
        if self.training.schedule == "cooldown":
            return rate * min(1.0, 5 * (1 - self.step / self.training.steps))
        return rate

    def _batch_indices(self) -> Tensor | slice:
        count = len(self._inputs)
        if self._batch == count:
            return slice(None)
        per_epoch = count // self._batch
        epoch, position = divmod(self.step, per_epoch)
        order = torch.randperm(count, generator=_generator(self._seed, _ORDER, epoch))
        return order[position * self._batch : (position + 1) * self._batch]

    @torch.no_grad()
    def _evaluate(self, loss: float) -> None:
        self.network.eval()
        with self.evaluated_weights():
            train = self._model.input_log_prob(self._evaluated)
            held_out = self._model.input_log_prob(self._held_out[: self.training.evaluate_images])
            line: dict[str, Any] = {
                "step": self.step,
                "loss": _finite(loss),
                "train": _finite(-train.mean().item()),
                "held_out": None,
                "seconds": round(self.seconds, 3),
                "skipped": self.skipped,
            }
            if len(held_out):
                line["held_out"] = _finite(-held_out.mean().item())
                line["held_out_median"] = _finite(-held_out.median().item())
                line["held_out_finite"] = torch.isfinite(held_out).double().mean().item()
            if self.training.keep == "best" and len(held_out):
                self._compare_with_best(line, held_out)
        self.history.append(line)
        self._good = self.state()

    def _compare_with_best(self, line: dict[str, Any], held_out: Tensor) -> None:
        value = -held_out[self.choosing_mask()[: len(held_out)]].mean().item()
        line["choosing"] = _finite(value)
        if value < self._best_value:
            self._best_value, self.best_step, self._since_best = value, self.step, 0
            self.best = {name: p.detach().clone() for name, p in self._parameters.items()}
        else:
            self._since_best += 1

    def _load(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(weights[name])


def _generator(seed: int, stream: int, number: int) -> torch.Generator:
    # torch's CPU generator looks at 32 bits of a seed only, so they have to be well mixed.
    mixed = int(np.random.SeedSequence([seed, stream, number]).generate_state(1)[0])
    return torch.Generator("cpu").manual_seed(mixed)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v.clone() for k, v in tensors.items() if k.startswith(prefix)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
