"""The ring of shared memory, and values through it."""

import multiprocessing

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.studio.transport import Receiver, Ring, Sender, shared_memory

CONTEXT = multiprocessing.get_context("spawn")


@given(st.lists(st.one_of(st.integers(0, 70), st.none()), max_size=60))
def test_pieces_never_overlap_and_stay_inside(actions: list[int | None]) -> None:
    """A number takes that many bytes; None releases the oldest piece."""
    ring, held = Ring(100), []
    for amount in actions:
        if amount is None:
            if held:
                ring.release(held.pop(0)[0])
            continue
        start = ring.take(amount)
        if start is None:
            assert held or amount > 100
            continue
        assert 0 <= start <= start + amount <= 100
        assert all(start + amount <= a or b <= start for a, b in held if b > a and amount)
        held.append((start, start + amount))


def test_ring_is_whole_again_after_everything_is_released() -> None:
    ring = Ring(100)
    pieces = [ring.take(30) for _ in range(3)]
    assert ring.take(30) is None
    for piece in pieces:
        ring.release(piece)
    assert ring.take(100) == 0


def test_full_memory_falls_back_to_the_pipe() -> None:
    reading, writing = CONTEXT.Pipe(duplex=False)
    shared = shared_memory(CONTEXT, 1 << 16)
    sender, receiver = Sender(writing, shared, shared_from=0), Receiver(reading, shared)
    places = []
    for i in range(5):
        sender.send(np.full(20_000, i, dtype=np.uint8))
        value, place = receiver.receive()
        places.append(place)
        assert value.min() == value.max() == i
    assert places == [0, 20032, 40064, None, None]
    sender.released(0)
    sender.send(np.zeros(20_000, dtype=np.uint8))
    assert receiver.receive()[1] == 0
    reading.close()
    writing.close()


def test_without_shared_memory_everything_goes_through_the_pipe() -> None:
    reading, writing = CONTEXT.Pipe(duplex=False)
    Sender(writing).send({"a": np.arange(5), "b": "text"})
    value, place = Receiver(reading).receive()
    assert place is None
    assert value["b"] == "text"
    np.testing.assert_array_equal(value["a"], np.arange(5))
    assert not value["a"].flags.writeable
    reading.close()
    writing.close()
