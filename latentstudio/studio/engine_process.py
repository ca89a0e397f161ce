"""The worker as a process of its own: it cannot stall the window, and what kills it does not kill the window."""

import atexit
import contextlib
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from latentstudio.studio.engine_link import EngineLink
from latentstudio.studio.host import Holdings, MakeTools
from latentstudio.studio.requests import Answer, EngineStatus, Listener, Preload, Request, Ticket, Urgency
from latentstudio.studio.worker import Tickets

DEATHS = 4
"""So many deaths within `WINDOW` seconds are one too many: the engine gives up."""

WINDOW = 60.0

_RESTORE = "(restore)"


class ProcessEngine:
    """Runs a `Worker` in a spawned process that knows no Qt, and starts it again when it dies.

    Parameters
    ----------
    make_tools : builds what does the work; pickled, and called in the engine process.
    """

    def __init__(self, make_tools: MakeTools) -> None:
        self._make_tools = make_tools
        self._listeners: list[Listener] = []
        self._tickets = Tickets()
        self._lock = threading.Lock()
        self._pending: dict[str, Ticket] = {}
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._holdings = Holdings()
        self._restoring = False
        self._closed = False
        self.qt_modules: tuple[str, ...] = ()
        """Modules of Qt that the engine process found itself with; a test insists that there are none."""
        self._link: EngineLink | None = None
        # A program that forgets to close must not take the end of the child for its death and start another.
        atexit.register(self.close, 1.0)
        with self._lock:
            self._link = self._spawn()

    @property
    def pid(self) -> int:
        """The engine process, 0 while there is none."""
        link = self._link
        return link.pid if link is not None else 0

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Register a function that receives every answer and status, in a thread of the engine."""
        self._listeners.append(listener)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    def submit(self, lane: str, urgency: Urgency, request: Request) -> Ticket:
        """Ask for something; see `requests.Engine`."""
        body = pickle.dumps(request, protocol=5)
        ticket = self._tickets.issue(lane)
        with self._lock:
            if self._closed:
                return ticket
            self._pending[lane] = ticket
            if self._link is not None:
                self._link.tell("accept", ticket, urgency, body)
                return ticket
        threading.Thread(
            target=self._answer_lost, args=(_GIVEN_UP,), name="latentstudio-no-engine", daemon=True
        ).start()
        return ticket

    def cancel(self, lane: str) -> None:
        """Drop what runs or waits in a lane."""
        self._tickets.withdraw(lane)
        with self._lock:
            self._pending.pop(lane, None)
            if self._link is not None and not self._closed:
                self._link.tell("cancel", lane)

    def close(self, timeout: float = 5.0) -> None:
        """End the engine process: after the chunk in work, or by force when that takes too long."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            link, self._link = self._link, None
        atexit.unregister(self.close)
        if link is not None:
            link.end(timeout)

    def _is_closed(self) -> bool:
        with self._lock:
            return self._closed

    def _spawn(self) -> EngineLink:
        return EngineLink(self._make_tools, self._heard, self._ended)

    def _heard(self, link: EngineLink, message: tuple[Any, ...]) -> None:
        if message[0] == "answer":
            self._answered(message[1])
        elif message[0] == "holdings":
            self._holdings = message[1]
            self._tell(self._status(link.pid, message[2]))
        elif message[0] == "hello":
            self.qt_modules = message[1]

    def _answered(self, answer: Answer) -> None:
        lane = answer.ticket.lane
        with self._lock:
            if self._pending.get(lane) != answer.ticket:
                return
            if answer.done:
                del self._pending[lane]
                self._restoring = self._restoring and lane != _RESTORE
        if lane != _RESTORE:
            self._tell(answer)

    def _ended(self, link: EngineLink) -> None:
        """Notice the death of the child, once: start another, and answer what died with it."""
        if self._is_closed():
            return
        sentence = _obituary(link.bury())
        now = time.monotonic()
        self._deaths.append(now)
        hopeless = len(self._deaths) == DEATHS and now - self._deaths[0] < WINDOW
        with self._lock:
            if self._closed:
                return
            lost, self._pending = self._pending, {}
            # What killed it while it loaded again is not loaded a third time.
            held = Holdings() if self._restoring else self._holdings
            self._holdings = Holdings(held.device, held.threads)
            self._link = None if hopeless else self._spawn()
            if self._link is not None:
                self._restore(self._link, held)
            pid = self.pid
        sentence += " It keeps ending and was not started again." if hopeless else " It was started again."
        self._answer_lost(sentence, lost)
        self._tell(self._status(pid, 0, sentence, alive=not hopeless))

    def _restore(self, link: EngineLink, held: Holdings) -> None:
        """Have the new process load what the dead one held, when it has nothing better to do."""
        self._restoring = bool(held.models or held.datasets)
        if not self._restoring:
            return
        request = Preload(models=held.models, datasets=held.datasets)
        ticket = self._tickets.issue(_RESTORE)
        self._pending[_RESTORE] = ticket
        link.tell("accept", ticket, Urgency.BACKGROUND, pickle.dumps(request, protocol=5))

    def _answer_lost(self, sentence: str, lost: dict[str, Ticket] | None = None) -> None:
        if lost is None:
            with self._lock:
                lost, self._pending = self._pending, {}
        for lane, ticket in lost.items():
            if lane != _RESTORE and self._tickets.is_newest(ticket):
                self._tell(Answer(ticket=ticket, done=True, error=sentence))

    def _status(self, pid: int, memory: int, message: str = "", alive: bool = True) -> EngineStatus:
        held = self._holdings
        names = tuple(dict.fromkeys(ref.name for ref in held.models))
        return EngineStatus("process", held.device, held.threads, memory, names, pid, message, alive)

    def _tell(self, news: Answer | EngineStatus) -> None:
        if self._closed or (isinstance(news, Answer) and not self._tickets.is_newest(news.ticket)):
            return
        for listener in list(self._listeners):
            listener(news)


_GIVEN_UP = "The engine is not running; restart the program, or choose the engine in the window's own process."


def _obituary(code: int | None) -> str:
    if code is None or code == 0:
        return "The engine ended unexpectedly."
    if code > 0:
        return f"The engine ended unexpectedly with exit status {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = ", perhaps because memory ran out" if -code == getattr(signal, "SIGKILL", 9) else ""
    return f"The engine was ended by {name}{memory}."
