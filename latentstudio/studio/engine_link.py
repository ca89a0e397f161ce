"""One life of the engine process: start it, talk to it without waiting for it, end it within a time limit."""

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from latentstudio.studio import engine_child
from latentstudio.studio.host import MakeTools
from latentstudio.studio.transport import Receiver

Hear = Callable[["EngineLink", tuple[Any, ...]], None]
Ended = Callable[["EngineLink"], None]


class EngineLink:
    """One life of the engine process, with the two threads that talk to it.

    Parameters
    ----------
    hear : receives every message of the child, in a thread.
    ended : called in that thread when there will be no more.
    """

    def __init__(self, make_tools: MakeTools, shared: Any, hear: "Hear", ended: "Ended") -> None:
        context = multiprocessing.get_context("spawn")
        commands, self._commands = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        self._hear, self._ended = hear, ended
        self._shared = shared
        self._outbox: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self.ready = False
        self._process = context.Process(
            target=engine_child.main,
            args=(commands, answers, shared, make_tools),
            name="latentstudio-engine",
            daemon=True,
        )
        self._process.start()
        self.pid = self._process.pid or 0
        commands.close()
        answers.close()
        self._writer = threading.Thread(target=self._write, name="latentstudio-engine-out", daemon=True)
        self._reader = threading.Thread(target=self._read, name="latentstudio-engine-in", daemon=True)
        self._writer.start()
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
        self._process.join(max(0.0, timeout - 0.5))
        self._force()
        self._outbox.put(None)
        for thread in (self._writer, self._reader):
            if thread is not threading.current_thread():
                thread.join(max(0.5, deadline - time.monotonic()))
        self._let_go()

    def bury(self) -> int | None:
        """Let go of everything that a child leaves that died by itself, and return its exit code.

        Called in the reading thread.
        """
        self._process.join(1.0)
        self._force()
        code = self._process.exitcode
        self._outbox.put(None)
        self._writer.join()
        self._let_go()
        return code

    def _force(self) -> None:
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _let_go(self) -> None:
        self._commands.close()
        self._answers.close()
        self._process.close()

    def _write(self) -> None:
        while (command := self._outbox.get()) is not None:
            with contextlib.suppress(OSError):  # the reading thread notices the death
                self._commands.send(command)

    def _read(self) -> None:
        receiver = Receiver(self._answers, self._shared)
        while True:
            try:
                message, place = receiver.receive()
            except (EOFError, OSError):
                break
            if place is not None:
                self.tell("released", place)
            self._hear(self, message)
        self._ended(self)
