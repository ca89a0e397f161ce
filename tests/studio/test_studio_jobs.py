"""Jobs are real child processes; their programs here are a few lines of Python."""

import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latentstudio.studio.job_process import own_program
from latentstudio.studio.job_words import progress_of, words_of
from latentstudio.studio.jobs import Jobs, JobView

TIMEOUT = 60.0


class Ear:
    def __init__(self, jobs: Jobs) -> None:
        self.views: list[JobView] = []
        self._changed = threading.Condition()
        jobs.listen(self._hear)

    def _hear(self, view: JobView) -> None:
        with self._changed:
            self.views.append(view)
            self._changed.notify_all()

    def wait(self, number: int, what) -> JobView:
        with self._changed:
            found = self._changed.wait_for(
                lambda: next((v for v in self.views if v.id == number and what(v)), None), TIMEOUT
            )
            assert found, self.views
            return found

    def end(self, number: int) -> JobView:
        return self.wait(number, lambda v: v.state != "running")


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs([sys.executable, "-c"], grace=20.0)
    yield jobs
    jobs.close(timeout=1.0)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("latentstudio-job")]


def start(jobs: Jobs, script: str) -> int:
    return jobs.start("Test", [textwrap.dedent(script)])


def test_progress_lines_become_fraction_and_words(jobs: Jobs) -> None:
    ear = Ear(jobs)
    number = start(
        jobs,
        """
        import json
        print(json.dumps({"event": "progress", "step": 50, "steps": 200, "loss": 1.234, "held_out": None}))
        print("no JSON at all")
        print(json.dumps({"event": "progress", "fraction": 0.5, "message": "Half way"}))
        """,
    )
    quarter = ear.wait(number, lambda v: v.fraction == 0.25)
    assert quarter.message == "step 50 of 200, loss 1.23"
    assert quarter.facts["loss"] == 1.234
    assert ear.wait(number, lambda v: v.message == "Half way").fraction == 0.5
    last = ear.end(number)
    assert (last.state, last.fraction, last.error) == ("finished", 1.0, "")
    assert "no JSON at all" in last.lines
    assert jobs.running == 0


def test_failed_job_says_its_last_sentence(jobs: Jobs) -> None:
    ear = Ear(jobs)
    script = "import sys; print('There is no recipe x.toml.\\n', file=sys.stderr); sys.exit(2)"
    assert ear.end(start(jobs, script)).error == "There is no recipe x.toml."
    silent = ear.end(start(jobs, "import os; os._exit(5)"))
    assert (silent.state, silent.error) == ("failed", "The job ended with exit status 5.")


def test_program_that_cannot_start_is_a_failed_job(tmp_path: Path) -> None:
    jobs = Jobs([str(tmp_path / "nothing")])
    number = jobs.start("Test", [])
    assert jobs.view(number).state == "failed"
    assert "cannot start" in jobs.view(number).error
    jobs.close()


def test_interrupt_lets_a_job_save_first(jobs: Jobs, tmp_path: Path) -> None:
    ear = Ear(jobs)
    number = start(
        jobs,
        f"""
        import signal, sys, threading
        asked = threading.Event()
        signal.signal(signal.SIGINT, lambda *_: asked.set())
        print('{{"message": "Working"}}')
        asked.wait()
        open({str(tmp_path / "saved")!r}, "w").close()
        sys.exit(130)
        """,
    )
    ear.wait(number, lambda v: v.message == "Working")
    jobs.cancel(number)
    jobs.cancel(number)
    ear.wait(number, lambda v: v.message == "Stopping …")
    assert ear.end(number).state == "cancelled"
    assert (tmp_path / "saved").exists()
    jobs.cancel(number)
    jobs.cancel(999)


def test_job_that_does_not_listen_is_made_to_stop() -> None:
    jobs = Jobs([sys.executable, "-c"], grace=0.2)
    ear = Ear(jobs)
    number = start(
        jobs,
        """
        import signal, threading
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('{"message": "Deaf"}')
        threading.Event().wait()
        """,
    )
    ear.wait(number, lambda v: v.message == "Deaf")
    jobs.cancel(number)
    assert ear.end(number).state == "cancelled"
    jobs.close()


def test_close_ends_everything_in_time() -> None:
    jobs = Jobs([sys.executable, "-c"])
    ear = Ear(jobs)
    script = 'import signal, threading; signal.signal(signal.SIGINT, signal.SIG_IGN); print(\'{"message": "On"}\'); '
    numbers = [start(jobs, script + "threading.Event().wait()") for _ in range(2)]
    for number in numbers:
        ear.wait(number, lambda v: v.message == "On")
    began = time.monotonic()
    jobs.close(timeout=0.5)
    assert time.monotonic() - began < 5.0
    assert all(view.state == "cancelled" for view in jobs.all())


def test_ended_jobs_can_be_forgotten(jobs: Jobs) -> None:
    ear = Ear(jobs)
    ended = start(jobs, "pass")
    ear.end(ended)
    running = start(jobs, "import sys; sys.stdin.read(); import threading; threading.Event().wait()")
    jobs.clear()
    assert [view.id for view in jobs.all()] == [running]
    with pytest.raises(KeyError):
        jobs.view(ended)


def test_our_own_command_line_runs_as_a_job() -> None:
    jobs = Jobs()
    ear = Ear(jobs)
    wrong = ear.end(jobs.start("Train", ["train", "nowhere.toml", "-o", "x", "--json"]))
    assert wrong.state == "failed"
    assert "nowhere.toml" in wrong.error
    assert own_program()[0] == sys.executable
    jobs.close()


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ({"fraction": 2}, 1.0),
        ({"step": 1, "steps": 4}, 0.25),
        ({"step": 1, "steps": 0}, None),
        ({"fraction": None}, None),
        ({"fraction": float("nan")}, None),
        ({}, None),
    ],
)
def test_share_done(said: dict, share: float | None) -> None:
    assert progress_of(said) == share


def test_words() -> None:
    said = {
        "step": 1200,
        "steps": 5000,
        "loss": 3,
        "held_out": -1.5,
        "images_per_second": 1234.5,
        "remaining_seconds": 3700,
    }
    assert words_of(said) == "step 1,200 of 5,000, loss 3.00, held out -1.50 nats, 1,234 images/s, 1 h 1 min left"
    assert words_of({"loss": None, "step": True}) == ""
