"""Blocking work in a thread beside the worker, so that other jobs go on meanwhile."""

import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from latentstudio.studio.worker import Step

_POLL = 0.01

_Value = TypeVar("_Value")


def beside(work: Callable[[], _Value], message: str) -> Generator[Step, None, _Value]:
    """Do blocking work in a thread of its own while other jobs go on; returns what it returns.

    When the job is dropped, the thread finishes what it does and nobody hears of it.
    """
    outcome: list[_Value] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="latentstudio-beside", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
        if thread.is_alive():
            yield Step(message=message)
    if errors:
        raise errors[0]
    return outcome[0]
