"""The worker as a thread of this process: simple, starts at once, and shares the interpreter's lock with the window."""

import contextlib
import sys
import threading
from collections.abc import Callable

from latentstudio.studio.host import Holdings, MakeTools, make_safely, serve, status
from latentstudio.studio.requests import Answer, EngineStatus, Listener, Request, Ticket, Urgency
from latentstudio.studio.worker import Job, Tickets, Worker

_SWITCH_INTERVAL = 0.0005
"""Seconds after which Python code of the worker lets the window's thread run; the default is ten times as long."""


class ThreadEngine:
    """Runs a `Worker` in a daemon thread.

    Parameters
    ----------
    make_tools : builds what does the work; called in the worker's thread.
    """

    def __init__(self, make_tools: MakeTools) -> None:
        self._listeners: list[Listener] = []
        self._tickets = Tickets()
        self._closed = False
        self._worker = Worker(self._start, self._hear, lambda: self._tools.release_memory())
        self._make_tools = make_tools
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self._thread = threading.Thread(target=self._run, name="latentstudio-worker", daemon=True)
        self._thread.start()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Register a function that receives every answer and status, in the worker's thread."""
        self._listeners.append(listener)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    def submit(self, lane: str, urgency: Urgency, request: Request) -> Ticket:
        """Ask for something; see `requests.Engine`."""
        ticket = self._tickets.issue(lane)
        if not self._closed:
            self._worker.accept(ticket, urgency, request)
        return ticket

    def cancel(self, lane: str) -> None:
        """Drop what runs or waits in a lane."""
        self._tickets.withdraw(lane)
        self._worker.cancel(lane)

    def close(self, timeout: float = 5.0) -> None:
        """Stop after the chunk that is running; one longer than `timeout` seconds is left to die with the program."""
        if self._closed:
            return
        self._closed = True
        self._worker.stop()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        sys.setswitchinterval(self._switch_interval)

    def _run(self) -> None:
        self._tools = make_safely(self._make_tools)
        serve(self._worker, self._tools, self._tell)

    def _start(self, request: Request) -> Job:
        return self._tools.start(request)

    def _tell(self, holdings: Holdings, memory: int) -> None:
        self._hear(status("thread", holdings, memory))

    def _hear(self, news: Answer | EngineStatus) -> None:
        if self._closed or (isinstance(news, Answer) and not self._tickets.is_newest(news.ticket)):
            return
        for listener in list(self._listeners):
            listener(news)
