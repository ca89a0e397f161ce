"""Started as one of several processes: leaves the loss and gradients of a recipe's first batch in a file, by rank."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from latentstudio.training.processes import Processes, joined
from latentstudio.training.recipe import read_recipe
from latentstudio.training.run import TrainingRun


def leave_gradients(recipe: Path, folder: Path, processes: Processes) -> None:
    run = TrainingRun(read_recipe(recipe), folder, processes=processes)
    start = {f"start.{k}": v.detach().clone() for k, v in run.network.named_parameters()}
    run.network.train()
    loss = run.loop._differentiate()
    found = {k: p.grad for k, p in run.network.named_parameters()} | start
    folder.mkdir(exist_ok=True)
    save_file({**found, "loss": torch.tensor(loss, dtype=torch.float64)}, folder / f"rank_{processes.rank}.safetensors")


if __name__ == "__main__":
    with joined("cpu") as those:
        leave_gradients(Path(sys.argv[1]), Path(sys.argv[2]), those)
