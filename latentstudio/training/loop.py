"""The one training loop.

Everything random in step k is drawn from the seed and k alone, so a run that was interrupted after any step continues
to the same weights, bit for bit, as one that was not. The noise of a row depends on its place in the batch, not on the
process that works on it, so several processes come to the weights of one, within the rounding of their sums.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.nn.noise import Noise
from latentstudio.training.best import Best, half
from latentstudio.training.objective import Checkpointing, Trainable
from latentstudio.training.optimiser import adamw, restore_slots, slots
from latentstudio.training.processes import Processes, watched
from latentstudio.training.progress import NotFiniteError, Progress
from latentstudio.training.recipe import Training
from latentstudio.training.schedule import NOISE, WEIGHTS, batch_rows, generator, learning_rate


class Loop:
    """Train `network` on inputs, one `advance` a run.

    Parameters
    ----------
    network : also a `Trainable`; its untrained weights are set.
    training, objective, seed : of the recipe.
    inputs : training inputs (N, ...), changed copies of images last.
    held_out : held-out inputs (M, ...), M may be 0.
    originals : number of inputs that are no changed copies, which are those evaluated; None for all.

    Raises
    ------
    UserError
        The recipe asks for gradient checkpointing, which the family does not have.
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
        self.best = Best()
        self._model = cast(Trainable, network)
        self._processes = Processes()
        self._batch_loss: nn.Module = _BatchLoss(network)
        self._objective = objective
        self._seed = seed
        self._inputs = inputs
        self._held_out = held_out
        self._evaluated = inputs[: min(originals or len(inputs), training.evaluate_images)]
        self._batch = min(training.batch or len(inputs), len(inputs))
        self._parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self._optimiser = adamw(self._parameters.values(), training)
        self._average = {k: p.detach().clone() for k, p in self._parameters.items()} if training.ema else {}
        self._good: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self.device = next(iter(self._parameters.values())).device
        if isinstance(network, Checkpointing):
            network.set_checkpointing(training.checkpointing)
        elif training.checkpointing:
            family = getattr(network, "family", "This family")
            raise UserError(f"{family} has no gradient checkpointing; training.checkpointing = false would do.")

    @staticmethod
    def weights_generator(seed: int) -> torch.Generator:
        """Return the generator of untrained weights for a recipe's seed."""
        return generator(seed, WEIGHTS, 0)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        patience = self.training.patience
        return self.step >= self.training.steps or bool(patience and self.best.since >= patience)

    def join(self, processes: Processes) -> None:
        """Share every batch with other processes; all start from the first one's weights. Called once, by all of them.

        Raises
        ------
        UserError
            There are more processes than images in a batch.
        """
        with processes.agreeing():
            if self._batch < processes.count:
                raise UserError(
                    f"A batch of {self._batch} images cannot be shared by {processes.count} processes; a larger "
                    f"training.batch or --nproc_per_node {self._batch} would do."
                )
        self._processes = processes
        processes.share([*self.network.state_dict().values(), *self._average.values()])
        self._batch_loss = processes.averaging(self._batch_loss)

    def advance(self) -> Iterator[Progress]:
        """Run step after step and yield after each, until the end.

        Raises
        ------
        NotFiniteError
            The loss or its gradient is not finite and the recipe says to stop.
        """
        began, first, spent = time.perf_counter(), self.step, self.seconds
        if self._evaluation_is_due() and not (self.history and self.history[-1]["step"] == self.step):
            self._evaluate(math.nan)
        while not self.finished:
            loss = self._take_step()
            self.seconds = spent + time.perf_counter() - began
            if self._evaluation_is_due():
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
        if self.best.weights:
            self._load(self.best.weights)
        elif self._average:
            self._load(self._average)

    def choosing_mask(self) -> Tensor:
        """Held-out inputs that choose the best weights, bool (M,); the others score them. All False without choice."""
        count = len(self._held_out)
        return half(count, self._seed) if self.training.keep == "best" else torch.zeros(count, dtype=torch.bool)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return everything that the next step depends on: tensors by name, and plain values."""
        tensors = {f"network.{k}": v.detach().clone() for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v.clone() for k, v in self._average.items()}
        tensors |= {f"best.{k}": v.clone() for k, v in self.best.weights.items()}
        tensors |= {f"optimiser.{k}": v.clone() for k, v in slots(self._optimiser).items()}
        values = {
            "step": self.step,
            "seconds": self.seconds,
            "skipped": self.skipped,
            **self.best.values(),
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
            average = _under("average.", tensors)
            self._average = {name: average[name].to(self.device) for name in self._average}
            self.best.restore(_under("best.", tensors), values)
            restore_slots(self._optimiser, _under("optimiser.", tensors))
            self.step, self.seconds = int(values["step"]), float(values["seconds"])
            self.skipped, self.history = int(values["skipped"]), list(values["history"])
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"The saved state does not fit the recipe: {str(error).splitlines()[0]}") from error

    # -- inside

    def _take_step(self) -> float:
        self.network.train()
        self._optimiser.zero_grad(set_to_none=True)
        value = self._differentiate()
        norm = nn.utils.clip_grad_norm_(self._parameters.values(), self.training.clip or math.inf)
        if not math.isfinite(value) or not bool(torch.isfinite(norm)):
            return self._meet_not_finite(value)
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.training, self.step)
        self._optimiser.step()
        self.step += 1
        with torch.no_grad():
            for name, average in self._average.items():
                # A short memory at first, so that the untrained weights are soon forgotten.
                average.lerp_(self._parameters[name], 1 - min(self.training.ema, self.step / (self.step + 10)))
        return value

    def _differentiate(self) -> float:
        """Give the parameters the gradient of the whole batch's mean loss, and return that loss."""
        batch = self._inputs[batch_rows(len(self._inputs), self._batch, self._seed, self.step)]
        rows = self._processes.rows(self._batch)
        noise = Noise(generator(self._seed, NOISE, self.step), rows, self._batch)
        inputs = batch[rows].to(self.device, non_blocking=True)
        short = torch.autocast(self.device.type, torch.bfloat16, enabled=self.training.precision == "bfloat16")
        with watched(), short:
            loss = self._batch_loss(inputs, self._objective, noise)
        share = len(inputs) / self._batch
        # The processes' gradients are averaged, their number times their shares summed.
        weighted = loss if self._processes.count == 1 else loss * (share * self._processes.count)
        with watched():
            weighted.backward()
        return self._processes.total(loss.item() * share)

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

    def _evaluation_is_due(self) -> bool:
        return self.step % self.training.between_evaluations == 0 or self.step == self.training.steps

    @torch.no_grad()
    def _evaluate(self, loss: float) -> None:
        self.network.eval()
        with self.evaluated_weights():
            train = self._log_probs(self._evaluated)
            held_out = self._log_probs(self._held_out[: self.training.evaluate_images])
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
                value = -held_out[self.choosing_mask()[: len(held_out)]].mean().item()
                line["choosing"] = _finite(value)
                self.best.compare(value, self.step, self._parameters)
        self.history.append(line)
        self._good = self.state()

    def _log_probs(self, inputs: Tensor) -> Tensor:
        """Return the log-densities of inputs in nats, float64 (N,), on the CPU; the processes share the work."""
        mine = inputs[self._processes.rows(len(inputs))].to(self.device)
        return self._processes.whole(self._model.input_log_prob(mine), len(inputs))

    def _load(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(weights[name])


class _BatchLoss(nn.Module):
    """The loss as a module's forward pass, which is where gradients are averaged among processes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor, objective: Any, noise: Noise) -> Tensor:
        return cast(Trainable, self.network).loss(inputs, objective, noise)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v.clone() for k, v in tensors.items() if k.startswith(prefix)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
