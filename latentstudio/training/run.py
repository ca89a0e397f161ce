"""A training run on disk: from a recipe to a model folder, interrupted and continued at will."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.models import FAMILIES, checkpoint
from latentstudio.models.base import LatentModel
from latentstudio.paths import replacing
from latentstudio.training.augment import copies
from latentstudio.training.card import write_card
from latentstudio.training.loop import Loop
from latentstudio.training.material import Material
from latentstudio.training.processes import LostProcessError, OtherProcessError, Processes
from latentstudio.training.progress import NotFiniteError, Progress
from latentstudio.training.recipe import TrainingRecipe, as_table
from latentstudio.training.samples import write_samples
from latentstudio.training.scores import measure, record

_SAVE_SECONDS = 60.0
# Images that preprocessing is fitted to, evenly spread over the training set: more cost memory and change little.
_FITTED_AT_MOST = 6000


class TrainingRun:
    """Train the model of a recipe into a folder.

    Until the last step the folder holds snapshots, ``history.jsonl`` and ``state/``; then ``config.json`` makes it a
    model and the state is removed.

    Parameters
    ----------
    folder : where the model will be.
    resume : continue an interrupted run there. Of the recipe only ``[training]`` and ``[card]`` may have changed.
    overwrite : replace a model that is there already.
    processes : those that share the run; the first one alone writes. All of them see the same files.

    Raises
    ------
    UserError
        The folder holds a model or an interrupted run and neither flag says what to do; the dataset cannot be opened;
        a value does not suit the family; something of that kind happened in another process.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        folder: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        processes: Processes | None = None,
    ) -> None:
        self.recipe = recipe
        self.folder = Path(folder)
        self.processes = processes or Processes()
        with self.processes.agreeing():
            self._check_folder(resume, overwrite)
            self.material = Material.of(recipe)
            family = _family(recipe)
            self.network: nn.Module = family.from_config({**recipe.model, "image_shape": self.material.image_shape})
            objective = _objective(family, recipe)
            tensors, values = self._read_state() if resume else ({}, {})
            if resume:
                self.network = family.from_config(values["config"])
                _load_fixed(self.network, tensors)
            else:
                self.network.fit_preprocessing(self.material.images_of(~self.material.held_out, _FITTED_AT_MOST))
                self.network.reset(Loop.weights_generator(recipe.seed))
        # Before anything is computed from it: elsewhere the signs of components may be others.
        self.processes.share(self.network.state_dict().values())
        with self.processes.agreeing():
            self.loop = self._make_loop(objective, fresh=not resume)
            if resume:
                self.loop.restore(tensors, values)
        self.loop.join(self.processes)
        if self.processes.first and not resume:
            _remove_remains(self.folder)

    def advance(self) -> Iterator[Progress]:
        """Train and yield after every step; at the end the model is complete on disk.

        Raises
        ------
        NotFiniteError
            The loss became NaN or infinite; the last good state is saved, and ``resume`` continues from it.
        LostProcessError
            Another process ended before the run did; the first one has saved the state.
        """
        with _threads(self.recipe.training.threads):
            saved = self.loop.seconds
            try:
                for progress in self.loop.advance():
                    if self.processes.first and progress.step in self.recipe.training.snapshots:
                        with self.loop.evaluated_weights():
                            checkpoint.save_snapshot(self.folder, self.network, progress.step)
                    if self.loop.seconds - saved > _SAVE_SECONDS:
                        self.save_state()
                        saved = self.loop.seconds
                    yield progress
            except NotFiniteError as error:
                self.save_state()
                if not self.processes.first:
                    raise OtherProcessError(str(error)) from error
                raise NotFiniteError(f"{error} The state is in {self.folder / 'state'}; --resume continues.") from error
            except LostProcessError as error:
                raise self._after_loss(error) from error
            with self.processes.agreeing():
                if self.processes.first:
                    self._finish()

    def stopped(self, asked: bool) -> bool:
        """Save the state if this process or another was asked to stop, and tell whether one was; between two steps.

        Raises
        ------
        LostProcessError
            Another process ended; the first one has saved the state.
        UserError
            The folder cannot be written.
        """
        try:
            if not self.processes.any(asked):
                return False
            with self.processes.agreeing():
                self.save_state()
        except LostProcessError as error:
            raise self._after_loss(error) from error
        return True

    def save_state(self) -> None:
        """Write what `resume` needs, in the first process; do nothing in the others.

        Raises
        ------
        UserError
            The folder cannot be written.
        """
        if not self.processes.first:
            return
        tensors, values = self.loop.state()
        values["recipe"] = as_table(self.recipe)
        values["dataset_digest"] = self.material.data.digest
        values["config"] = self.network.config()  # type: ignore[operator]
        # The number of the step is in both files, so that a crash between the two writes is noticed.
        tensors["step"] = torch.tensor(self.loop.step)
        checkpoint.save_weights(self.folder / "state" / "state.safetensors", tensors)
        _write(self.folder / "state" / "state.json", json.dumps(values))
        _write(self.folder / "history.jsonl", "".join(json.dumps(line) + "\n" for line in self.loop.history))

    # -- inside

    def _finish(self) -> None:
        self.loop.keep_best()
        self.network.eval()
        scores = measure(self.network, self.material, self.loop)
        training = record(self.recipe, self.loop, scores, self.processes)
        dataset = {
            "spec": self.material.data.spec,
            "digest": self.material.data.digest,
            "title": self.material.data.title,
            "images": len(self.material.data),
        }
        training["split"] = {**as_table(self.recipe)["split"], "dataset_digest": self.material.data.digest}
        drawn = write_samples(cast(LatentModel, self.network), self.folder)
        card = write_card(self.recipe, dataset, training, self.network, drawn)
        checkpoint.save(
            self.folder,
            self.network,
            title=self.recipe.title,
            dataset=dataset,
            training=training,
            card=card,
            history=self.loop.history,
        )
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def _make_loop(self, objective: Any, fresh: bool) -> Loop:
        chosen = ~self.material.held_out
        inputs, held_out = self._inputs(chosen), self._inputs(self.material.held_out)
        if fresh:
            self.network.initialise(inputs)  # type: ignore[operator]
        originals = len(inputs)
        inputs = torch.cat([inputs, *self._copies(chosen)])
        self.network.to(self.processes.device)
        return Loop(self.network, self.recipe.training, objective, self.recipe.seed, inputs, held_out, originals)

    def _after_loss(self, error: LostProcessError) -> LostProcessError:
        """Save the state, where this is the first process, and return the error with what to do."""
        self.save_state()
        where = f"Process {self.processes.rank + 1} of {self.processes.count} stopped after step {self.loop.step}."
        if self.processes.first:
            where = f"The state of step {self.loop.step} is in {self.folder / 'state'}; --resume continues from there."
        return LostProcessError(f"{error} {where}")

    def _inputs(self, chosen: NDArray[np.bool_]) -> Tensor:
        with torch.no_grad():
            empty = torch.zeros(0, *self.material.image_shape)
            parts = [self.network.training_inputs(part) for part in (empty, *self.material.chunks(chosen))]  # type: ignore[operator]
        return torch.cat(parts)

    def _copies(self, chosen: NDArray[np.bool_]) -> list[Tensor]:
        with torch.no_grad():
            return [
                self.network.training_inputs(changed)  # type: ignore[operator]
                for part in self.material.chunks(chosen)
                for changed in copies(part, self.recipe.augmentation)
            ]

    def _check_folder(self, resume: bool, overwrite: bool) -> None:
        if resume:
            if not (self.folder / "state" / "state.json").is_file():
                raise UserError(f"There is no interrupted run in {self.folder} to resume.")
        elif (self.folder / "config.json").exists() and not overwrite:
            raise UserError(f"{self.folder} already holds a model; choose another folder or add --overwrite.")
        elif (self.folder / "state").exists() and not overwrite:
            raise UserError(f"{self.folder} holds an interrupted run; add --resume to continue it or --overwrite.")

    def _read_state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        folder = self.folder / "state"
        try:
            values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            tensors = load_file(folder / "state.safetensors")
            if int(tensors.pop("step")) != values["step"]:
                raise UserError(f"The files in {folder} are of different steps; start again with --overwrite.")
            old, now = dict(values["recipe"]), as_table(self.recipe)
            values["config"]["image_shape"] = tuple(values["config"]["image_shape"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise UserError(f"The state in {folder} cannot be read: {error}; start again with --overwrite.") from error
        for key in sorted(set(old) | set(now)):
            if key not in ("training", "card", "title") and old.get(key) != now.get(key):
                raise UserError(f"The recipe's '{key}' has changed since the run in {self.folder} began; put it back.")
        if values["dataset_digest"] != self.material.data.digest:
            raise UserError(f"The dataset {self.recipe.dataset} has changed since the run in {self.folder} began.")
        return tensors, values


def _family(recipe: TrainingRecipe) -> type[Any]:
    if recipe.family not in FAMILIES:
        raise UserError(f"The recipe names the family '{recipe.family}'; known are {', '.join(FAMILIES)}.")
    return FAMILIES[recipe.family]()


def _objective(family: type[Any], recipe: TrainingRecipe) -> Any:
    try:
        return msgspec.convert(recipe.objective, family.objective_type)
    except msgspec.ValidationError as error:
        raise UserError(f"The recipe's [objective] does not suit {recipe.family}: {error}.") from error


def _load_fixed(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    fixed = {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    try:
        network.load_state_dict(fixed)
    except RuntimeError as error:
        raise UserError(f"The saved state does not fit the recipe: {str(error).splitlines()[0]}") from error


def _remove_remains(folder: Path) -> None:
    """Remove what an earlier run left, so that its snapshots are not taken for those of this one."""
    for part in ("snapshots", "state"):
        shutil.rmtree(folder / part, ignore_errors=True)
    (folder / "config.json").unlink(missing_ok=True)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _write(path: Path, text: str) -> None:
    with replacing(path) as stream:
        stream.write(text.encode())
