"""Tools for engine tests that need neither models nor torch; importable in the engine process."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from latentstudio.errors import UserError
from latentstudio.figures.recipe import ModelRef
from latentstudio.studio.host import Holdings
from latentstudio.studio.requests import Preload
from latentstudio.studio.worker import Step


class PlainTools:
    """A request is a tuple: its first word names a method."""

    def __init__(self, gate: Connection | None = None) -> None:
        self.gate = gate
        self.models: tuple[ModelRef, ...] = ()

    def start(self, request: Any) -> Iterator[Step]:
        if isinstance(request, Preload):
            return self.preload(request)
        return getattr(self, request[0])(*request[1:])

    def release_memory(self) -> None:
        self.models = ()

    def holdings(self) -> Holdings:
        return Holdings(device="cpu", threads=1, models=self.models)

    def close(self) -> None:
        pass

    def preload(self, request: Preload) -> Iterator[Step]:
        self.models = request.models
        yield Step(final=True)

    def load(self, name: str) -> Iterator[Step]:
        self.models = (*self.models, ModelRef(name=name))
        yield Step(payload=name, final=True)

    def held(self) -> Iterator[Step]:
        yield Step(payload=tuple(ref.name for ref in self.models), final=True)

    def echo(self, value: Any) -> Iterator[Step]:
        yield Step(payload=value, final=True)

    def gated(self, name: str, chunks: int) -> Iterator[Step]:
        """Wait for a token before every chunk but the first."""
        for i in range(chunks):
            if i:
                self.gate.recv()
            yield Step(payload=(name, i), fraction=(i + 1) / chunks, final=i + 1 == chunks)

    def endless(self) -> Iterator[Step]:
        yield Step(payload="started")
        while True:
            time.sleep(0.002)  # a chunk of work, not a wait for anything
            yield Step()

    def stuck(self, seconds: float) -> Iterator[Step]:
        yield Step(payload="started")
        time.sleep(seconds)  # a chunk that cannot be interrupted
        yield Step(final=True)

    def arrays(self, *sizes: int) -> Iterator[Step]:
        yield Step(payload=tuple(np.arange(n, dtype=np.float32) for n in sizes), final=True)

    def many(self, count: int, size: int) -> Iterator[Step]:
        for i in range(count):
            yield Step(payload=np.full(size, i % 251, dtype=np.uint8), fraction=i / count, final=i + 1 == count)

    def fail(self, text: str) -> Iterator[Step]:
        yield Step(payload="half")
        raise UserError(text)

    def unsendable(self) -> Iterator[Step]:
        yield Step(payload=lambda: None, final=True)

    def modules(self) -> Iterator[Step]:
        yield Step(payload=frozenset(name.partition(".")[0] for name in sys.modules), final=True)

    def die(self) -> Iterator[Step]:
        yield Step(payload="last words")
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self, code: int) -> Iterator[Step]:
        os._exit(code)
        yield Step()

    def niceness(self) -> Iterator[Step]:
        yield Step(payload=os.nice(0), final=True)


def broken() -> PlainTools:
    raise UserError("The device 'cuda' is not there; cpu would do.")


def deadly() -> PlainTools:
    os._exit(3)
