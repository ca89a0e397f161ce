"""One array at a time from a spawned process: shared memory against the pipe; prints median and p95 in ms as JSON."""

import json
import multiprocessing
import statistics
import time
from typing import Any

import numpy as np

from latentstudio.studio.transport import Receiver, Sender, shared_memory

SIZES = (2_000, 40_000, 200_000, 3_000_000, 20_000_000)
ROUNDS = 40


def send(orders: Any, out: Any, shared: Any, shared_from: int, size: int) -> None:
    """Send the array whenever an order comes; the order says which place is free again."""
    sender = Sender(out, shared, shared_from)
    array = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
    for _ in range(ROUNDS):
        place = orders.recv()
        if place is not None:
            sender.released(place)
        sender.send((time.perf_counter(), array))


def measured(size: int, shared_from: int) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    shared = shared_memory(context)
    (inner, orders), (answers, outer) = context.Pipe(duplex=False), context.Pipe(duplex=False)
    child = context.Process(target=send, args=(inner, outer, shared, shared_from, size))
    child.start()
    receiver, place, times = Receiver(answers, shared), None, []
    for _ in range(ROUNDS):
        orders.send(place)
        (sent, array), place = receiver.receive()
        times.append(1000 * (time.perf_counter() - sent))
        assert len(array) == size
    child.join()
    for end in (inner, orders, answers, outer):
        end.close()
    return {"p50": statistics.median(times), "p95": sorted(times)[int(0.95 * ROUNDS)]}


if __name__ == "__main__":
    print(json.dumps({size: {"shared": measured(size, 0), "pipe": measured(size, 1 << 40)} for size in SIZES}))
