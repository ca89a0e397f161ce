"""Both hosts of the worker behave alike; the process host also survives its own child."""

import gc
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import engine_tools
import numpy as np
import pytest

from latentstudio.studio.engine import start_engine
from latentstudio.studio.engine_process import DEATHS, ProcessEngine
from latentstudio.studio.engine_thread import ThreadEngine
from latentstudio.studio.requests import Answer, EngineStatus, Ticket, Urgency

TIMEOUT = 30.0

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and /proc")


class Ear:
    """Collects what an engine says, and waits for it."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.news: list[Answer | EngineStatus] = []
        self._changed = threading.Condition()
        self.stop = engine.listen(self._hear)

    def _hear(self, news: Answer | EngineStatus) -> None:
        with self._changed:
            self.news.append(news)
            self._changed.notify_all()

    def wait(self, what: Callable[[Any], bool]) -> Any:
        """Return the first news for which `what` holds."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(what, self.news)), TIMEOUT), self.news
            return next(n for n in self.news if what(n))

    def done(self, ticket: Ticket) -> Answer:
        return self.wait(lambda n: isinstance(n, Answer) and n.ticket == ticket and n.done)

    def first(self, ticket: Ticket) -> Answer:
        return self.wait(lambda n: isinstance(n, Answer) and n.ticket == ticket)

    def ask(self, *request: Any, lane: str = "ask", urgency: Urgency = Urgency.VISIBLE) -> Answer:
        return self.done(self.engine.submit(lane, urgency, request))

    def answers(self, lane: str) -> list[Answer]:
        return [n for n in self.news if isinstance(n, Answer) and n.ticket.lane == lane]

    def statuses(self) -> list[EngineStatus]:
        return [n for n in self.news if isinstance(n, EngineStatus)]


class Gate:
    """Lets gated jobs go on, one chunk per opening."""

    def __init__(self) -> None:
        self.inner, self._outer = multiprocessing.get_context("spawn").Pipe(duplex=False)

    def open(self, times: int = 1) -> None:
        for _ in range(times):
            self._outer.send(True)

    def close(self) -> None:
        self.inner.close()
        self._outer.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture(params=["thread", "process"])
def engine(request: pytest.FixtureRequest, gate: Gate) -> Iterator[Any]:
    make = partial(engine_tools.PlainTools, gate.inner)
    engine = ThreadEngine(make) if request.param == "thread" else ProcessEngine(make)
    yield engine
    gate.open(20)
    engine.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("latentstudio-")]


@pytest.fixture
def process_engine() -> Iterator[ProcessEngine]:
    engine = ProcessEngine(engine_tools.PlainTools)
    yield engine
    engine.close()
    assert not multiprocessing.active_children()


def test_answers_and_status(engine: Any) -> None:
    ear = Ear(engine)
    assert ear.ask("echo", {"a": 1}).payload == {"a": 1}
    ear.ask("load", "olivetti-realnvp")
    status = ear.wait(lambda n: isinstance(n, EngineStatus) and n.models)
    assert status.models == ("olivetti-realnvp",)
    assert status.memory_bytes > 10 << 20
    assert status.pid == (os.getpid() if isinstance(engine, ThreadEngine) else engine.pid)
    assert status.host == ("thread" if isinstance(engine, ThreadEngine) else "process")


def test_newest_request_of_a_lane_wins_and_stale_answers_never_follow(engine: Any, gate: Gate) -> None:
    ear = Ear(engine)
    old = engine.submit("strip", Urgency.VISIBLE, ("gated", "old", 4))
    ear.first(old)
    waiting = [engine.submit("strip", Urgency.VISIBLE, ("gated", f"skipped{i}", 1)) for i in range(5)]
    new = engine.submit("strip", Urgency.VISIBLE, ("gated", "new", 1))
    gate.open(3)
    ear.done(new)
    numbers = [a.ticket.number for a in ear.answers("strip")]
    assert numbers == sorted(numbers)
    assert {a.payload[0] for a in ear.answers("strip")} == {"old", "new"}
    assert all(t.number < new.number for t in [old, *waiting])


def test_the_hand_overtakes_a_pass(engine: Any, gate: Gate) -> None:
    """At the next chunk once the request has arrived; `test_studio_worker` counts the chunks exactly."""
    ear = Ear(engine)
    running = engine.submit("pass", Urgency.BACKGROUND, ("gated", "pass", 60))
    ear.first(running)
    hand = engine.submit("hand", Urgency.HAND, ("echo", "now"))
    opened = 0
    while not ear.answers("hand"):
        gate.open()
        opened += 1
        chunk = ("pass", opened)
        ear.wait(lambda n, chunk=chunk: isinstance(n, Answer) and (n.ticket == hand or n.payload == chunk))
    assert not any(a.done for a in ear.answers("pass"))
    gate.open(59 - opened)
    assert ear.done(running).payload == ("pass", 59)


def test_error_in_a_job_leaves_the_engine_alive(engine: Any) -> None:
    ear = Ear(engine)
    bad = ear.ask("fail", "The model is not square.")
    assert bad.error == "The model is not square."
    unknown = ear.ask("no_such_request")
    assert unknown.error.startswith("Unexpected problem: ")
    assert "AttributeError" in unknown.detail
    assert ear.ask("echo", 2).payload == 2


def test_cancelled_lane_says_nothing_more(engine: Any, gate: Gate) -> None:
    ear = Ear(engine)
    ticket = engine.submit("strip", Urgency.VISIBLE, ("gated", "strip", 3))
    ear.first(ticket)
    engine.cancel("strip")
    engine.cancel("nobody")
    gate.open(2)
    assert ear.ask("echo", 1, lane="other").payload == 1
    assert len(ear.answers("strip")) == 1


def test_listener_that_stopped_hears_nothing(engine: Any) -> None:
    ear, deaf = Ear(engine), Ear(engine)
    deaf.stop()
    deaf.stop()
    ear.ask("echo", 1)
    assert not deaf.answers("ask")


def test_close_in_the_middle_of_work_is_quick_and_final(engine: Any) -> None:
    ear = Ear(engine)
    ear.first(engine.submit("work", Urgency.VISIBLE, ("endless",)))
    began = time.monotonic()
    engine.close(timeout=5.0)
    assert time.monotonic() - began < 5.0
    count = len(ear.news)
    engine.submit("late", Urgency.HAND, ("echo", 1))
    engine.cancel("late")
    engine.close()
    assert len(ear.news) == count


@pytest.mark.parametrize("host", ["thread", "process"])
def test_tools_that_cannot_be_made_answer_with_the_reason(host: str) -> None:
    engine: Any = (ThreadEngine if host == "thread" else ProcessEngine)(engine_tools.broken)
    ear = Ear(engine)
    assert ear.ask("echo", 1).error == "The device 'cuda' is not there; cpu would do."
    engine.close()


def test_unknown_host_is_refused() -> None:
    with pytest.raises(ValueError, match="process and thread"):
        start_engine("cloud")


@pytest.mark.parametrize("sizes", [(0,), (3,), (1000, 0, 5), (20_000, 7, 300_000), (3_000_000,), (9_000_000,)])
def test_arrays_arrive_whole_and_read_only(process_engine: ProcessEngine, sizes: tuple[int, ...]) -> None:
    """From nothing to more than the shared memory holds."""
    arrays = Ear(process_engine).ask("arrays", *sizes).payload
    assert [len(a) for a in arrays] == list(sizes)
    for array in arrays:
        np.testing.assert_array_equal(array, np.arange(len(array), dtype=np.float32))
        assert not array.flags.writeable or not len(array)


def test_results_kept_by_the_window_are_not_overwritten(process_engine: ProcessEngine) -> None:
    """The shared memory goes round several times; nobody's picture changes under his hands."""
    ear = Ear(process_engine)
    ear.ask("many", 60, 3_000_000, lane="many")
    for i, answer in enumerate(ear.answers("many")):
        assert answer.payload.min() == answer.payload.max() == i % 251


def test_engine_process_knows_no_qt_even_if_the_window_does(process_engine: ProcessEngine) -> None:
    import PySide6.QtCore

    assert PySide6.QtCore
    loaded = Ear(process_engine).ask("modules").payload
    assert "numpy" in loaded
    assert not {"PySide6", "pyqtgraph", "shiboken6"} & loaded
    assert process_engine.qt_modules == ()


def test_answer_that_cannot_be_sent_is_an_error(process_engine: ProcessEngine) -> None:
    ear = Ear(process_engine)
    assert "Unexpected problem" in ear.ask("unsendable").error
    assert ear.ask("echo", 1).payload == 1


@posix
def test_engine_process_is_nice(process_engine: ProcessEngine) -> None:
    assert Ear(process_engine).ask("niceness").payload == min(19, os.nice(0) + 10)


@posix
def test_death_is_noticed_once_and_the_engine_comes_back_with_its_models(process_engine: ProcessEngine) -> None:
    ear = Ear(process_engine)
    ear.ask("load", "olivetti-realnvp", lane="a")
    ear.wait(lambda n: isinstance(n, EngineStatus) and n.models)
    first_pid = process_engine.pid
    waiting = process_engine.submit("waiting", Urgency.BACKGROUND, ("echo", 1))
    fatal = process_engine.submit("fatal", Urgency.HAND, ("die",))
    assert "SIGKILL" in ear.done(fatal).error
    assert "started again" in ear.done(fatal).error
    outcome = ear.done(waiting)
    assert outcome.error or outcome.payload == 1
    said = ear.wait(lambda n: isinstance(n, EngineStatus) and n.message)
    assert said.alive
    back = ear.wait(lambda n: isinstance(n, EngineStatus) and n.pid not in (0, first_pid) and n.models)
    assert back.models == ("olivetti-realnvp",)
    assert ear.ask("held").payload == ("olivetti-realnvp",)
    assert process_engine.pid != first_pid
    assert sum(bool(s.message) for s in ear.statuses()) == 1
    assert sum(a.done for a in ear.answers("fatal")) == 1


@posix
def test_kill_from_outside_while_idle(process_engine: ProcessEngine) -> None:
    ear = Ear(process_engine)
    ear.ask("echo", 1)
    os.kill(process_engine.pid, signal.SIGTERM)
    assert "SIGTERM" in ear.wait(lambda n: isinstance(n, EngineStatus) and n.message).message
    assert ear.ask("echo", 2).payload == 2


def test_engine_that_keeps_dying_gives_up_and_says_so() -> None:
    engine = ProcessEngine(engine_tools.deadly)
    ear = Ear(engine)
    lost = engine.submit("early", Urgency.HAND, ("echo", 1))
    assert "exit status 3" in ear.done(lost).error
    end = ear.wait(lambda n: isinstance(n, EngineStatus) and not n.alive)
    assert "not started again" in end.message
    assert sum(bool(s.message) for s in ear.statuses()) <= DEATHS
    assert "not running" in ear.ask("echo", 2).error
    engine.close()


def test_close_forces_a_chunk_that_does_not_end() -> None:
    engine = ProcessEngine(engine_tools.PlainTools)
    ear = Ear(engine)
    ear.first(engine.submit("work", Urgency.VISIBLE, ("stuck", 60.0)))
    began = time.monotonic()
    engine.close(timeout=2.0)
    assert time.monotonic() - began < 4.0
    assert not multiprocessing.active_children()


def test_thread_that_cannot_stop_does_not_hold_up_closing(gate: Gate) -> None:
    engine = ThreadEngine(partial(engine_tools.PlainTools, gate.inner))
    ear = Ear(engine)
    ear.first(engine.submit("work", Urgency.VISIBLE, ("gated", "work", 3)))
    engine.submit("work2", Urgency.VISIBLE, ("echo", 1))
    began = time.monotonic()
    engine.close(timeout=0.2)
    assert time.monotonic() - began < 2.0
    gate.open(3)
    thread = next((t for t in threading.enumerate() if t.name == "latentstudio-worker"), None)
    if thread is not None:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


@posix
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_closing_leaves_no_open_files() -> None:
    def count() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    ProcessEngine(engine_tools.PlainTools).close()  # starts multiprocessing's own helper, which stays
    before = count()
    for _ in range(3):
        engine = ProcessEngine(engine_tools.PlainTools)
        Ear(engine).ask("arrays", 100_000)
        engine.close()
        del engine
    assert count() <= before


def _script(body: str) -> list[str]:
    folder = str(Path(__file__).parent)
    text = f"""
        import sys
        sys.path.insert(0, {folder!r})
        import engine_tools, os, threading
        from latentstudio.studio.engine_process import ProcessEngine
        from latentstudio.studio.requests import Urgency, EngineStatus, Answer

        def main():
            engine = ProcessEngine(engine_tools.PlainTools)
            ready = threading.Event()
            engine.listen(lambda news: ready.set() if isinstance(news, Answer) else None)
            {body}

        if __name__ == "__main__":
            main()
    """
    return [sys.executable, "-W", "error", "-c", textwrap.dedent(text)]


@posix
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd")
def test_engine_process_ends_when_the_window_dies() -> None:
    body = """engine.submit("work", Urgency.VISIBLE, ("endless",)); ready.wait(30)
            print(engine.pid, flush=True); os.kill(os.getpid(), 9)"""
    window = subprocess.Popen(_script(body), stdout=subprocess.PIPE, text=True)
    assert window.stdout is not None
    with window:
        pid = int(window.stdout.readline())
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return  # gone already
        try:
            ended, _, _ = select.select([handle], [], [], TIMEOUT)
        finally:
            os.close(handle)
    assert ended


@posix
@pytest.mark.parametrize("end", ["engine.close()", "os.kill(engine.pid, 9)", "pass"])
def test_nothing_is_leaked_or_complained_about_at_the_end(end: str) -> None:
    body = f"""engine.submit("work", Urgency.VISIBLE, ("arrays", 500000)); ready.wait(30)
            {end}"""
    run = subprocess.run(_script(body), capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
