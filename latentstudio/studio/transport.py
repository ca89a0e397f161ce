"""Values between two processes: large arrays through memory that both see, or behind the message in the same pipe."""

import pickle
import threading
from collections import deque
from ctypes import c_ubyte
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARENA_BYTES = 32 << 20
"""Size of the shared memory; what does not fit at the moment goes through the pipe."""

SHARED_FROM = 32 << 10
"""Arrays of a message go through shared memory from this many bytes on in all.

Measured one way on two cores (median ms, shared memory against pipe): 2 kB 0.04 / 0.04, 40 kB 0.04 / 0.05,
200 kB 0.05 / 0.23, 3.1 MB 0.23 / 5.0, 20 MB 2.6 / 38; ``tests/bench/test_bench_engine.py`` measures again.
"""

_ALIGN = 64


def shared_memory(context: SpawnContext, size: int = ARENA_BYTES) -> Any:
    """Return memory that a child of `context` can be given as an argument.

    It has no name in the system, so there is nothing to leak, whichever process dies first; it is written to once here,
    so that a full memory file system shows now and not as a crash in the middle of work.
    """
    return context.RawArray(c_ubyte, size)


class Sender:
    """Writes values into a connection; used by one thread at a time.

    Parameters
    ----------
    connection : of which the other end is read by a `Receiver`.
    shared : from `shared_memory`, or None to send everything through the pipe.
    """

    def __init__(self, connection: Connection, shared: Any = None, shared_from: int = SHARED_FROM) -> None:
        self._connection = connection
        self._memory = None if shared is None else np.frombuffer(shared, dtype=np.uint8)
        self._ring = None if shared is None else Ring(len(shared))
        self._shared_from = shared_from

    def send(self, value: Any) -> None:
        """Send one value; its arrays are copied once.

        Raises
        ------
        OSError
            The other end is gone.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        sizes = [view.nbytes for view in views]
        offset = self._place(views, sizes)
        self._connection.send_bytes(pickle.dumps((body, sizes, offset), protocol=5))
        if offset is None:
            for view in views:
                self._connection.send_bytes(view)

    def released(self, offset: int) -> None:
        """The other side has read the message at `offset`. May be called from another thread."""
        if self._ring is not None:
            self._ring.release(offset)

    def _place(self, views: list[memoryview], sizes: list[int]) -> int | None:
        total = sum(map(_padded, sizes))
        if self._memory is None or self._ring is None or total < max(1, self._shared_from):
            return None
        offset = self._ring.take(total)
        if offset is None:
            return None
        at = offset
        for view, size in zip(views, sizes, strict=True):
            self._memory[at : at + size] = np.frombuffer(view, dtype=np.uint8)
            at += _padded(size)
        return offset


class Receiver:
    """Reads values that a `Sender` wrote; used by one thread."""

    def __init__(self, connection: Connection, shared: Any = None) -> None:
        self._connection = connection
        self._memory = None if shared is None else np.frombuffer(shared, dtype=np.uint8)

    def receive(self) -> tuple[Any, int | None]:
        """Return the next value, with read-only arrays, and the place in shared memory that is free again, if any.

        Raises
        ------
        EOFError, OSError
            The other end is gone.
        """
        body, sizes, offset = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - from our own child process
        if offset is None:
            buffers: list[Any] = [self._connection.recv_bytes() for _ in sizes]
        else:
            buffers = self._copies(sizes, offset)
        return pickle.loads(body, buffers=buffers), offset  # noqa: S301 - as above

    def _copies(self, sizes: list[int], offset: int) -> list[NDArray[np.uint8]]:
        if self._memory is None:
            raise OSError("a message refers to shared memory that was not given")
        copies = []
        for size in sizes:
            copy = self._memory[offset : offset + size].copy()  # NumPy lets other threads run meanwhile
            copy.flags.writeable = False
            copies.append(copy)
            offset += _padded(size)
        return copies


class Ring:
    """Hands out pieces of a ring of bytes, released in the order in which they were taken; safe across threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: deque[tuple[int, int]] = deque()
        self._lock = threading.Lock()

    def take(self, amount: int) -> int | None:
        """Return the start of `amount` free bytes in one piece, or None when there are not so many."""
        with self._lock:
            start = self._place(amount)
            if start is not None:
                self._taken.append((start, start + amount))
            return start

    def release(self, start: int) -> None:
        """Give back the oldest piece, which began at `start`."""
        with self._lock:
            if self._taken and self._taken[0][0] == start:
                self._taken.popleft()

    def _place(self, amount: int) -> int | None:
        if not self._taken:
            return 0 if amount <= self.size else None
        oldest, newest_end = self._taken[0][0], self._taken[-1][1]
        if newest_end <= oldest:  # wrapped round: the gap lies between the newest and the oldest
            return newest_end if newest_end + amount <= oldest else None
        if newest_end + amount <= self.size:
            return newest_end
        return 0 if amount <= oldest else None


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
