"""Where the numbers are computed, and with how many threads."""

import os
from collections.abc import Callable

from latentstudio.errors import UserError
from latentstudio.studio.host import usable_cores


def choose_device(asked: str) -> str:
    """Return the device to compute on.

    Raises
    ------
    UserError
        It is not there.
    """
    import torch

    there: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if asked == "auto":
        return next(name for name, available in there.items() if available())
    if asked not in there or not there[asked]():
        known = [name for name, available in there.items() if available()]
        raise UserError(f"The device '{asked}' is not there; {', '.join(known)} would do.")
    return asked


def default_threads() -> int:
    """Threads for the arithmetic: all cores but one, which the window keeps; fewer when the environment says so."""
    threads = max(1, usable_cores() - 1)
    wished = os.environ.get("OMP_NUM_THREADS", "")
    return min(threads, max(1, int(wished))) if wished.isdigit() else threads


def set_threads() -> int:
    """Tell torch and NumPy's linear algebra how many threads to use, and return that number.

    On a busy machine the threads of a matrix product wait for each other, actively, many times longer than they work.
    """
    import threadpoolctl  # scikit-learn requires it
    import torch

    threads = default_threads()
    torch.set_num_threads(threads)
    threadpoolctl.threadpool_limits(limits=threads, user_api="blas")
    return threads
