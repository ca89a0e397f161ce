"""Choose where the worker lives."""

from functools import partial
from typing import Literal

from latentstudio.studio.engine_process import ProcessEngine
from latentstudio.studio.engine_thread import ThreadEngine
from latentstudio.studio.handlers import make_handlers
from latentstudio.studio.requests import Engine

Host = Literal["process", "thread"]


def start_engine(host: Host = "process", device: str = "cpu") -> Engine:
    """Start an engine; it is ready for requests at once and answers them when it can.

    Parameters
    ----------
    host : ``"process"`` keeps the window free of the interpreter's lock and of crashes; ``"thread"`` needs less memory.
    device : ``cpu``, ``cuda``, ``mps``, or ``auto`` for the first of cuda, mps and cpu that is there.

    Raises
    ------
    ValueError
        There is no such host.
    """
    if host == "process":
        return ProcessEngine(partial(make_handlers, device=device, ahead=True))
    if host == "thread":
        return ThreadEngine(partial(make_handlers, device=device))
    raise ValueError(f"no engine host {host!r}; process and thread would do")
