"""One life of the engine process: start it, talk to it without waiting for it, end it within a time limit."""

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from queue import SimpleQueue
from typing import Any

from latentstudio.studio import engine_child
from latentstudio.studio.host import MakeTools
from latentstudio.studio.transport import Receiver, shared_memory

Hear = Callable[["EngineLink", tuple[Any, ...]], None]
Ended = Callable[["EngineLink"], None]


class EngineLink:
    """One life of the engine process, with the two threads that talk to it.

    Starting happens in a thread too: a process and its shared memory take tens of milliseconds, too long for a window.

    Parameters
    ----------
    hear : receives this link and every message of the child, in a thread.
    ended : called in a thread when there will be no more messages although nobody asked the child to close.
    """

    def __init__(self, make_tools: MakeTools, hear: Hear, ended: Ended) -> None:
        self._make_tools = make_tools
        self._hear, self._ended = hear, ended
        self._outbox: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self._process: SpawnProcess | None = None
        self._pipes: list[Connection] = []
        self._launched = threading.Event()
        self.pid = 0
        self._reader = threading.Thread(target=self._read, name="latentstudio-engine-in", daemon=True)
        self._writer = threading.Thread(target=self._write, name="latentstudio-engine-out", daemon=True)
        self._reader.start()

    def tell(self, *command: Any) -> None:
        """Send a command, later, in a thread: the caller never waits for the child."""
        self._outbox.put(command)

    def end(self, timeout: float) -> None:
        """Ask it to close, wait, and in the end force it; it and its threads are gone afterwards.

        Called by whoever closes the engine, while `ended` knows that and keeps its hands off.
        """
        deadline = time.monotonic() + timeout
        self.tell("close")
        self._launched.wait(timeout)
        if self._process is not None:
            self._process.join(max(0.0, deadline - 0.5 - time.monotonic()))
        self._force()
        self._outbox.put(None)
        for thread in (self._reader, self._writer):
            if thread is not threading.current_thread() and thread.ident is not None:
                thread.join(max(0.5, deadline - time.monotonic()))
        self._let_go()

    def bury(self) -> int | None:
        """Let go of everything that a child leaves that died by itself, and return its exit code.

        Called in the reading thread.
        """
        if self._process is not None:
            self._process.join(1.0)
        self._force()
        code = self._process.exitcode if self._process is not None else None
        self._outbox.put(None)
        if self._writer.ident is not None:
            self._writer.join()
        self._let_go()
        return code

    def _force(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _let_go(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        if self._process is not None:
            self._process.close()

    def _launch(self) -> tuple[Connection, Connection, Any]:
        """Start the process; return the ends for reading answers and for writing commands, and the shared memory."""
        context = multiprocessing.get_context("spawn")
        shared = _memory(context)
        commands, out = context.Pipe(duplex=False)
        answers, back = context.Pipe(duplex=False)
        self._pipes = [out, answers]
        process = context.Process(
            target=engine_child.main,
            args=(commands, back, shared, self._make_tools),
            name="latentstudio-engine",
            daemon=True,
        )
        try:
            process.start()
        finally:
            commands.close()
            back.close()
        self._process = process
        self.pid = process.pid or 0
        return answers, out, shared

    def _read(self) -> None:
        try:
            answers, self._out, shared = self._launch()
        except OSError:
            self._launched.set()
            self._ended(self)
            return
        self._writer.start()
        self._launched.set()
        receiver = Receiver(answers, shared)
        while True:
            try:
                message, place = receiver.receive()
            except (EOFError, OSError):
                break
            if place is not None:
                self.tell("released", place)
            self._hear(self, message)
        self._ended(self)

    def _write(self) -> None:
        while (command := self._outbox.get()) is not None:
            with contextlib.suppress(OSError):  # the reading thread notices the death
                self._out.send(command)


def _memory(context: SpawnContext) -> Any:
    """Shared memory for large arrays; without room for it everything goes through the pipe, only slower."""
    try:
        return shared_memory(context)
    except (OSError, MemoryError):
        return None
