"""What runs inside the engine process: the worker in the main thread, and a thread that listens to the window."""

import contextlib
import faulthandler
import os
import pickle
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from latentstudio.studio.host import MakeTools, make_safely, serve, step_back
from latentstudio.studio.requests import Answer
from latentstudio.studio.transport import Sender
from latentstudio.studio.worker import Worker, sentence_of

GRACE = 1.0
"""Seconds that the chunk in work gets to end, once the window has closed or died."""

QT = ("PySide6", "pyqtgraph")
"""What this process must never load; it tells the window what it finds of it."""


class _WindowGone(Exception):
    """Nobody is left to answer."""


class _Voice:
    """Sends news to the window; an answer that cannot be sent becomes an error that can."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def say(self, *news: Any) -> None:
        """Send one message, a word and what belongs to it."""
        try:
            self._sender.send(news)
        except OSError as error:
            raise _WindowGone from error

    def answer(self, answer: Answer) -> None:
        """Send an answer."""
        try:
            self.say("answer", answer)
        except _WindowGone:
            raise
        except Exception as error:  # the boundary of the worker: a payload that cannot be pickled
            sentence, detail = sentence_of(error)
            self.say("answer", Answer(ticket=answer.ticket, done=True, error=sentence, detail=detail))


def main(commands: Connection, answers: Connection, shared: Any, make_tools: MakeTools) -> None:
    """Serve until told to close, or until the other end of `commands` is gone because the window died.

    Parameters
    ----------
    commands : receives ``("accept", ticket, urgency, pickled request)``, ``("cancel", lane)``, ``("released", place)``,
        ``("close",)``.
    answers : sends ``("hello", modules of Qt)``, ``("answer", Answer)``, ``("holdings", Holdings, bytes)``.
    shared : memory for large arrays, or None.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal reaches both; the window decides
    if sys.stderr is not None:
        faulthandler.enable()
    with contextlib.suppress(OSError):
        step_back()
    sender = Sender(answers, shared)
    voice = _Voice(sender)
    tools = make_safely(make_tools)
    worker = Worker(lambda body: tools.start(_unpacked(body)), voice.answer, tools.release_memory)
    threading.Thread(target=_obey, args=(commands, worker, sender), name="commands", daemon=True).start()
    with contextlib.suppress(_WindowGone):
        voice.say("hello", tuple(name for name in QT if name in sys.modules))
        serve(worker, tools, lambda holdings, memory: voice.say("holdings", holdings, memory))
    # Everything worth keeping is on disk by now; taking torch apart would only make the window wait.
    os._exit(0)


def _unpacked(body: bytes) -> Any:
    return pickle.loads(body)  # noqa: S301 - written by the window's own process


def _obey(commands: Connection, worker: Worker, sender: Sender) -> None:
    """Pass commands on to the worker; end the process when there will be no more."""
    try:
        while True:
            command = commands.recv()
            if command[0] == "accept":
                worker.accept(*command[1:])
            elif command[0] == "cancel":
                worker.cancel(command[1])
            elif command[0] == "released":
                sender.released(command[1])
            elif command[0] == "close":
                break
    except (EOFError, OSError):
        pass
    worker.stop()
    timer = threading.Timer(GRACE, os._exit, (0,))
    timer.daemon = True
    timer.start()
