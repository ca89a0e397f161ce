"""The processes of one run: a single one, or several that ``torchrun`` started and that share every batch.

Each process holds the whole network and works on some rows of the batch; gradients are averaged among them
(`torch.nn.parallel.DistributedDataParallel`). What the next step depends on is the same in all of them.
"""

import inspect
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from latentstudio.errors import UserError

_PATIENCE = timedelta(minutes=10)
_WHILE_MEASURING = timedelta(days=7)


class OtherProcessError(UserError):
    """Another process of the run failed, and has said why."""


class LostProcessError(UserError):
    """Another process of the run ended, or has been silent for ten minutes."""


class Processes:
    """One process and those that it shares a run with; all of them call every method but `rows`, in the same order.

    Parameters
    ----------
    rank, count : which process of how many.
    device : where this process computes.
    patient : a group for `agreeing`; None for a process that is alone.
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        device: torch.device | None = None,
        patient: distributed.ProcessGroup | None = None,
    ) -> None:
        self.rank = rank
        self.count = count
        self.device = device or torch.device("cpu")
        self._patient = patient

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and tells progress."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """Return the rows, of `count`, that are this process's; sizes differ by one at most."""
        return slice(self.rank * count // self.count, (self.rank + 1) * count // self.count)

    def total(self, value: float) -> float:
        """Return the sum of all processes' values."""
        if self.count == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        with watched():
            distributed.all_reduce(tensor)
        return tensor.item()

    def any(self, flag: bool) -> bool:
        """Tell whether a process says so."""
        return self.total(float(flag)) > 0

    def whole(self, mine: Tensor, count: int) -> Tensor:
        """Join the values (n,) of this process's `rows` with the others' to (`count`,), on the CPU."""
        if self.count == 1:
            return mine.cpu()
        joined = torch.zeros(count, dtype=mine.dtype, device=self.device)
        joined[self.rows(count)] = mine.to(self.device)
        with watched():
            distributed.all_reduce(joined)
        return joined.cpu()

    @torch.no_grad()
    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the first one's values."""
        if self.count == 1:
            return
        for tensor in tensors:
            values = tensor.detach().to(self.device).contiguous()
            with watched():
                distributed.broadcast(values, 0)
            tensor.copy_(values)

    def averaging(self, module: nn.Module) -> nn.Module:
        """Return a module whose backward pass averages the gradients of `module` among the processes."""
        if self.count == 1:
            return module
        # Buffers do not change in training. torch gave the option that leaves them alone another name.
        known = inspect.signature(DistributedDataParallel).parameters
        buffers: dict[str, Any] = {
            "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False
        }
        with watched():
            return DistributedDataParallel(module, gradient_as_bucket_view=True, **buffers)

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """End the block well in all processes or in none, however long one of them has to read, write or measure.

        No other method may be called inside.

        Raises
        ------
        Exception
            What went wrong here, where this is the first process in which something did.
        OtherProcessError
            Something went wrong in another.
        """
        if self.count == 1:
            yield
            return
        problem: Exception | None = None
        try:
            yield
        except Exception as error:  # whatever it is, the others wait for this process
            problem = error
        flags = torch.zeros(self.count)
        flags[self.rank] = float(problem is not None)
        with watched():
            distributed.all_reduce(flags, group=self._patient)
        failed = flags.nonzero().flatten().tolist()
        if problem is not None and failed[0] == self.rank:
            raise problem
        if failed:
            raise OtherProcessError(f"Process {failed[0] + 1} of {self.count} failed.") from problem


@contextmanager
def watched() -> Iterator[None]:
    """Turn the errors of a connection to another process into a sentence.

    Raises
    ------
    LostProcessError
        Another process is gone.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, distributed.DistError) or "gloo" in str(error).lower() or "NCCL" in str(error):
            raise LostProcessError("Another process of this run has ended or is silent.") from error
        raise


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, for the while; a process that it did not start is alone.

    Parameters
    ----------
    device : ``cpu`` or ``cuda``; of several processes on a machine each takes a graphics processor of its own.

    Raises
    ------
    UserError
        The processes cannot meet, or there are more than graphics processors.
    """
    count, rank, place = (_number(name) for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"))
    if count is None or count == 1:
        yield Processes(device=torch.device(device))
        return
    if rank is None or not 0 <= rank < count:
        raise UserError(f"WORLD_SIZE is {count}, so RANK must be 0 to {count - 1}; torchrun sets both.")
    where = torch.device(device)
    if device == "cuda":
        place = rank if place is None else place
        if place >= torch.cuda.device_count():
            raise UserError(f"There are {torch.cuda.device_count()} GPUs; --nproc_per_node can be no more than that.")
        where = torch.device("cuda", place)
    backend, own = ("nccl", where) if device == "cuda" else ("gloo", None)
    try:
        distributed.init_process_group(backend, timeout=_PATIENCE, device_id=own)
        patient = distributed.new_group(backend="gloo", timeout=_WHILE_MEASURING)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"The {count} processes cannot meet: {str(error).splitlines()[0]}") from error
    try:
        yield Processes(rank, count, where, patient)
    finally:
        distributed.destroy_process_group()


def _number(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise UserError(f"{name} is '{text}' in the environment; a number would do, as torchrun sets it.")
    return int(text)
