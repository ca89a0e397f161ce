"""The loop that a host of the worker runs, in a thread or a process: step, and say from time to time how it goes."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.studio.requests import EngineStatus
from latentstudio.studio.worker import Job, Worker

STATUS_EVERY = 1.0
"""Seconds between two signs of life while there is work."""

_MEMORY_STEP = 4 << 20


@dataclass(frozen=True)
class Holdings:
    """What the tools have loaded, most recently used last."""

    device: str = "cpu"
    threads: int = 1
    models: tuple[ModelRef, ...] = ()
    datasets: tuple[DataRef, ...] = ()


class Tools(Protocol):
    """What turns requests into work: `studio.handlers.Handlers`, or something simple in a test."""

    def start(self, request: Any) -> Job:
        """Return the generator of a request; nothing is computed before its first `next`."""
        ...

    def release_memory(self) -> None:
        """Let go of everything that can be loaded again."""
        ...

    def holdings(self) -> Holdings:
        """Say what is loaded."""
        ...

    def close(self) -> None:
        """End what the tools themselves started."""
        ...


MakeTools = Callable[[], Tools]


class BrokenTools:
    """Stand-in for tools that could not be made (a device that is not there): answers every request with the reason."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def start(self, request: Any) -> Job:
        """Raise the reason."""
        raise self._error

    def release_memory(self) -> None:
        """Have nothing to let go of."""

    def holdings(self) -> Holdings:
        """Hold nothing."""
        return Holdings(device="none", threads=0)

    def close(self) -> None:
        """Have nothing to end."""


def make_safely(make: MakeTools) -> Tools:
    """Make the tools; when that fails, every request is answered with the reason instead of none at all."""
    try:
        return make()
    except Exception as error:  # the boundary of the worker: the reason reaches the person with the first answer
        return BrokenTools(error)


def serve(worker: Worker, tools: Tools, tell: Callable[[Holdings, int], None]) -> None:
    """Step the worker until it is stopped; `tell` hears of the holdings and the resident bytes when they change."""
    told = (tools.holdings(), resident_bytes())
    tell(*told)
    due = 0.0
    while worker.wait():
        worker.step()
        if worker.idle or time.monotonic() >= due:
            state = (tools.holdings(), resident_bytes())
            if state[0] != told[0] or abs(state[1] - told[1]) > _MEMORY_STEP:
                tell(*state)
                told = state
            due = time.monotonic() + STATUS_EVERY
    worker.close_dropped()
    tools.close()


def status(host: str, holdings: Holdings, memory: int, message: str = "") -> EngineStatus:
    """Return the sign of life of this process."""
    return EngineStatus(
        host=host,
        device=holdings.device,
        threads=holdings.threads,
        memory_bytes=memory,
        models=tuple(dict.fromkeys(ref.name for ref in holdings.models)),
        pid=os.getpid(),
        message=message,
    )


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            *((f"size_{i}", ctypes.c_size_t) for i in range(8)),
        )

    def resident_bytes() -> int:
        """Memory of this process that is in RAM, in bytes."""
        counters = _Counters()
        counters.cb = ctypes.sizeof(counters)
        process = ctypes.windll.kernel32.GetCurrentProcess()
        ctypes.windll.psapi.GetProcessMemoryInfo(wintypes.HANDLE(process), ctypes.byref(counters), counters.cb)
        return int(counters.size_1)

    def step_back() -> None:
        """Give the person's other programs, and the window first of all, the right of way."""
        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(
            wintypes.HANDLE(ctypes.windll.kernel32.GetCurrentProcess()), below_normal
        )
else:
    import resource

    def resident_bytes() -> int:
        """Memory of this process that is in RAM, in bytes; on systems without ``/proc`` the largest there was."""
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return pages * resource.getpagesize()

    def step_back() -> None:
        """Give the person's other programs, and the window first of all, the right of way."""
        os.nice(10)
