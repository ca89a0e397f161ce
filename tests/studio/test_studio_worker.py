"""The scheduler, stepped by hand: order, newest wins, isolation of errors, starvation."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from latentstudio.errors import UserError
from latentstudio.studio import worker as worker_module
from latentstudio.studio.requests import Answer, Urgency
from latentstudio.studio.worker import LONG, PATIENCE, Step, Worker, is_out_of_memory, sentence_of


class Bench:
    """A worker over jobs that say what happens to them; a request is (name, number of chunks)."""

    def __init__(self, chunk_seconds: float = 0.001) -> None:
        self.now = 0.0
        self.chunk_seconds = chunk_seconds
        self.log: list[str] = []
        self.closed: list[str] = []
        self.answers: list[Answer] = []
        self.memory_released = 0
        self.worker = Worker(self.start, self.answers.append, self.release, clock=lambda: self.now)

    def release(self) -> None:
        self.memory_released += 1

    def start(self, request: Any) -> Iterator[Step]:
        name, chunks = request
        return self.job(name, chunks)

    def job(self, name: str, chunks: int) -> Iterator[Step]:
        try:
            for i in range(chunks):
                self.now += self.chunk_seconds
                self.log.append(name)
                yield Step(payload=(name, i), fraction=(i + 1) / chunks, final=i + 1 == chunks)
        finally:
            self.closed.append(name)

    def submit(self, lane: str, urgency: Urgency, name: str, chunks: int):
        return self.worker.submit(lane, urgency, (name, chunks))

    def payloads(self, ticket) -> list[Any]:
        return [a.payload for a in self.answers if a.ticket == ticket]


def test_most_urgent_lane_first() -> None:
    bench = Bench()
    bench.submit("pass", Urgency.BACKGROUND, "pass", 2)
    bench.submit("thumbs", Urgency.THUMBNAILS, "thumbs", 2)
    bench.submit("strip", Urgency.VISIBLE, "strip", 2)
    bench.submit("drag", Urgency.HAND, "drag", 2)
    bench.worker.run_until_idle()
    assert bench.log == ["drag"] * 2 + ["strip"] * 2 + ["thumbs"] * 2 + ["pass"] * 2


def test_equals_share_by_working_time() -> None:
    bench = Bench()
    bench.submit("a", Urgency.VISIBLE, "a", 3)
    bench.submit("b", Urgency.VISIBLE, "b", 3)
    bench.worker.run_until_idle()
    assert bench.log == ["a", "b", "a", "b", "a", "b"]


def test_background_pass_delays_the_hand_by_one_chunk_at_most() -> None:
    bench = Bench(chunk_seconds=10 * PATIENCE)
    bench.submit("pass", Urgency.BACKGROUND, "pass", 1000)
    bench.submit("panel", Urgency.VISIBLE, "panel", 1000)
    for round_ in range(20):
        bench.worker.step()
        before = len(bench.log)
        ticket = bench.submit("drag", Urgency.HAND, f"drag{round_}", 1)
        bench.worker.step()
        assert bench.log[before:] == [f"drag{round_}"]
        assert bench.payloads(ticket) == [(f"drag{round_}", 0)]


def test_a_pass_rests_while_the_hand_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hears of a move's answer asks for the next a moment later, from a thread of its own, as a window does."""
    monkeypatch.setattr(worker_module, "REST", 30.0)
    log: list[str] = []

    def job(name: str) -> Iterator[Step]:
        log.append(name)
        yield Step(final=name != "pass")

    def heard(answer: Answer) -> None:
        lane, urgency, name = "hand", Urgency.HAND, f"move {len(log)}"
        if len(log) == 4:
            lane, urgency, name = "strip", Urgency.VISIBLE, "strip"  # the hand has let go
        if answer.ticket.lane == "hand":
            threading.Timer(0.02, worker.submit, (lane, urgency, name)).start()

    worker = Worker(job, heard)
    worker.submit("pass", Urgency.BACKGROUND, "pass")
    worker.submit("hand", Urgency.HAND, "move 0")
    while worker.wait(5.0) and not worker.idle:
        worker.step()
    assert log == ["move 0", "move 1", "move 2", "move 3", "strip", "pass"]


def test_long_panels_let_thumbnails_go_first_but_not_short_ones() -> None:
    bench = Bench(chunk_seconds=LONG / 2)
    bench.submit("norms", Urgency.VISIBLE, "norms", 12)
    bench.submit("thumbs", Urgency.THUMBNAILS, "thumbs", 2)
    for _ in range(5):
        bench.worker.step()
    assert bench.log == ["norms", "norms", "norms", "thumbs", "thumbs"]


def test_nothing_starves_for_ever() -> None:
    bench = Bench(chunk_seconds=0.01)
    bench.submit("pass", Urgency.BACKGROUND, "pass", 10)
    panel = 0
    while "pass" in (lanes := bench.worker._lanes):
        if "panel" not in lanes:
            panel += 1
            assert panel < 1000
            bench.submit("panel", Urgency.VISIBLE, f"panel{panel}", 3)
        bench.worker.step()
    assert bench.log.count("pass") == 10
    # One chunk in PATIENCE seconds: what is urgent keeps nearly everything.
    assert len(bench.log) > 10 * PATIENCE / 0.01 * 0.9


def test_unstarted_request_is_forgotten_and_never_started() -> None:
    bench = Bench()
    old = bench.submit("strip", Urgency.VISIBLE, "old", 3)
    new = bench.submit("strip", Urgency.VISIBLE, "new", 2)
    bench.worker.run_until_idle()
    assert bench.log == ["new", "new"]
    assert bench.payloads(old) == []
    assert bench.payloads(new) == [("new", 0), ("new", 1)]
    assert new.number > old.number


def test_running_request_is_dropped_at_its_next_chunk() -> None:
    bench = Bench()
    old = bench.submit("strip", Urgency.VISIBLE, "old", 5)
    bench.worker.step()
    new = bench.submit("strip", Urgency.VISIBLE, "new", 1)
    bench.worker.run_until_idle()
    assert bench.log == ["old", "new"]
    assert bench.closed == ["old", "new"]
    assert [a.ticket for a in bench.answers] == [old, new]


def test_request_that_arrives_during_a_chunk_silences_that_chunk() -> None:
    answers: list[Answer] = []
    numbers = []

    def start(request: str) -> Iterator[Step]:
        if request == "old":
            numbers.append(worker.submit("strip", Urgency.HAND, "new").number)
        yield Step(payload=request, final=True)

    worker = Worker(start, answers.append)
    worker.submit("strip", Urgency.HAND, "old")
    worker.run_until_idle()
    assert [a.payload for a in answers] == ["new"]
    assert answers[0].ticket.number == numbers[0]


def test_older_ticket_from_outside_is_ignored() -> None:
    bench = Bench()
    new = bench.submit("strip", Urgency.VISIBLE, "new", 1)
    older = type(new)("strip", new.number - 1)
    bench.worker.accept(older, Urgency.VISIBLE, ("late", 1))
    bench.worker.run_until_idle()
    assert bench.log == ["new"]


def test_cancel_closes_and_says_nothing_more() -> None:
    bench = Bench()
    bench.submit("strip", Urgency.VISIBLE, "strip", 5)
    bench.worker.step()
    bench.worker.cancel("strip")
    bench.worker.cancel("nobody")
    bench.worker.run_until_idle()
    assert len(bench.answers) == 1
    assert bench.closed == ["strip"]


def test_done_comes_once_also_for_jobs_without_a_final_step() -> None:
    answers: list[Answer] = []
    worker = Worker(lambda n: (Step(payload=i) for i in range(n)), answers.append)
    for n in (0, 2):
        worker.submit(f"lane{n}", Urgency.VISIBLE, n)
    worker.run_until_idle()
    assert [(a.ticket.lane, a.payload, a.done) for a in answers if a.done] == [
        ("lane0", None, True),
        ("lane2", None, True),
    ]
    assert worker.idle


def test_milliseconds_are_working_time() -> None:
    bench = Bench(chunk_seconds=0.02)
    ticket = bench.submit("strip", Urgency.VISIBLE, "strip", 2)
    bench.submit("drag", Urgency.HAND, "drag", 5)
    bench.worker.run_until_idle()
    assert [a.milliseconds for a in bench.answers if a.ticket == ticket] == pytest.approx([20.0, 40.0])


@pytest.mark.parametrize(
    ("error", "sentence", "has_detail"),
    [
        (
            UserError("The file a.png is no picture; PNG would do."),
            "The file a.png is no picture; PNG would do.",
            False,
        ),
        (ValueError("shapes differ\nand more"), "Unexpected problem: shapes differ", True),
        (KeyError(), "Unexpected problem: KeyError", True),
        (MemoryError(), "not enough memory", True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"), "not enough memory", True),
    ],
)
def test_error_in_a_job_becomes_a_sentence_and_the_worker_lives(error, sentence: str, has_detail: bool) -> None:
    def start(request: Exception | None) -> Iterator[Step]:
        yield Step(payload="first")
        if request is not None:
            raise request
        yield Step(payload="last", final=True)

    answers: list[Answer] = []
    released: list[int] = []
    worker = Worker(start, answers.append, lambda: released.append(1))
    bad = worker.submit("bad", Urgency.HAND, error)
    good = worker.submit("good", Urgency.VISIBLE, None)
    worker.run_until_idle()
    failed = next(a for a in answers if a.ticket == bad and a.done)
    assert sentence in failed.error
    assert bool(failed.detail) is has_detail
    assert [a.payload for a in answers if a.ticket == good] == ["first", "last"]
    assert bool(released) is ("memory" in sentence)


def test_error_at_the_start_and_on_the_way_out_are_survived(capsys: pytest.CaptureFixture[str]) -> None:
    def bad_end() -> Iterator[Step]:
        try:
            yield Step(payload="half")
        finally:
            raise OSError("disk gone")

    def start(request: str) -> Iterator[Step]:
        if request == "start":
            raise TypeError("no such thing")
        return bad_end() if request == "end" else iter([Step(payload="fine", final=True)])

    answers: list[Answer] = []
    worker = Worker(start, answers.append)
    worker.submit("a", Urgency.HAND, "start")
    worker.submit("b", Urgency.HAND, "end")
    worker.step()
    worker.step()
    worker.submit("b", Urgency.HAND, "ok")
    worker.run_until_idle()
    assert [a.error for a in answers] == ["Unexpected problem: no such thing", "", ""]
    assert answers[-1].payload == "fine"
    assert "disk gone" in capsys.readouterr().err


def test_out_of_memory_is_told_from_other_errors() -> None:
    class OutOfMemoryError(RuntimeError):
        """Named as torch names it."""

    assert is_out_of_memory(OutOfMemoryError("CUDA"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated ...)"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    sentence, detail = sentence_of(MemoryError())
    assert "memory" in sentence
    assert "MemoryError" in detail


def test_stop_drops_everything() -> None:
    bench = Bench()
    bench.submit("a", Urgency.VISIBLE, "a", 5)
    bench.worker.step()
    bench.submit("b", Urgency.VISIBLE, "b", 5)
    bench.worker.stop()
    assert not bench.worker.wait()
    assert not bench.worker.step()
    assert bench.closed == ["a"]
