"""Long work in child processes of our own command line: training, animations, reports. Progress comes as JSON lines."""

import contextlib
import itertools
import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from latentstudio.studio.job_process import interrupt, own_program, started
from latentstudio.studio.job_words import progress_of, words_of

State = Literal["running", "finished", "failed", "cancelled"]

LINES = 200
"""Lines of a job's own words that are kept."""

GRACE = 10.0
"""Seconds that a job gets after each way of asking it to stop: interrupt, terminate, kill."""


@dataclass(frozen=True)
class JobView:
    """A job as it is now.

    Attributes
    ----------
    arguments : of the command line, without the program.
    fraction : share done in [0, 1], None while it is not known.
    message : what it does, in words.
    error : a sentence when it failed.
    facts : the last JSON object that it said, e.g. step, loss, images_per_second of a training.
    seconds : since the start, until the end.
    lines : what it said on standard error, newest last.
    """

    id: int
    title: str
    arguments: tuple[str, ...]
    state: State
    fraction: float | None
    message: str
    error: str
    facts: dict[str, Any]
    seconds: float
    lines: tuple[str, ...]


Listener = Callable[[JobView], None]


class Jobs:
    """Starts, watches and stops jobs; safe for use from several threads.

    Parameters
    ----------
    program : what to put before a job's arguments; this program itself by default.
    grace : see `GRACE`.
    """

    def __init__(self, program: Sequence[str] | None = None, grace: float = GRACE) -> None:
        self._program = list(program) if program is not None else own_program()
        self._grace = grace
        self._numbers = itertools.count(1)
        self._jobs: dict[int, _Job] = {}
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change of every job, from threads of the jobs; the function returned ends that."""
        self._listeners.append(listener)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    def start(self, title: str, arguments: Sequence[str]) -> int:
        """Start ``latentstudio ARGUMENTS`` and return the job's number; a program that cannot start is a failed job.

        For progress the command should print JSON lines, e.g. ``["train", "mine.toml", "-o", "mine", "--json"]``.
        """
        number = next(self._numbers)
        job = _Job(number, title, tuple(arguments), self._tell, self._grace)
        with self._lock:
            self._jobs[number] = job
        job.start([*self._program, *arguments])
        return number

    def cancel(self, number: int) -> None:
        """Ask a job to stop (it saves what it can), then make it; returns at once. Ended ones are ignored."""
        job = self._jobs.get(number)
        if job is not None:
            job.cancel()

    def all(self) -> tuple[JobView, ...]:
        """Every job, oldest first."""
        with self._lock:
            return tuple(job.view() for job in self._jobs.values())

    def view(self, number: int) -> JobView:
        """One job.

        Raises
        ------
        KeyError
            There is no such job.
        """
        return self._jobs[number].view()

    @property
    def running(self) -> int:
        """How many jobs run."""
        return sum(view.state == "running" for view in self.all())

    def clear(self) -> None:
        """Forget the jobs that have ended."""
        with self._lock:
            self._jobs = {n: job for n, job in self._jobs.items() if job.view().state == "running"}

    def close(self, timeout: float = 5.0) -> None:
        """Stop every job, by force after `timeout` seconds; none is left afterwards."""
        self._listeners.clear()
        deadline = time.monotonic() + timeout
        for job in list(self._jobs.values()):
            job.cancel()
        for job in list(self._jobs.values()):
            job.join(deadline)

    def _tell(self, view: JobView) -> None:
        for listener in list(self._listeners):
            listener(view)


class _Job:
    """One child process with the threads that read what it says."""

    def __init__(self, number: int, title: str, arguments: tuple[str, ...], tell: Listener, grace: float) -> None:
        self._identity = (number, title, arguments)
        self._tell = tell
        self._grace = grace
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._ended: float | None = None
        self._state: State = "running"
        self._cancelled = False
        self._fraction: float | None = None
        self._message = "Starting …"
        self._error = ""
        self._facts: dict[str, Any] = {}
        self._lines: deque[str] = deque(maxlen=LINES)
        self._process: subprocess.Popen[str] | None = None
        self._threads: list[threading.Thread] = []

    def start(self, command: list[str]) -> None:
        try:
            self._process = started(command)
        except OSError as error:
            self._end("failed", f"The job cannot start: {error.strerror or error}.")
            return
        self._tell(self.view())
        watcher = threading.Thread(target=self._watch, args=(self._process,), name="latentstudio-job", daemon=True)
        self._threads.append(watcher)
        watcher.start()

    def view(self) -> JobView:
        with self._lock:
            seconds = (self._ended or time.monotonic()) - self._began
            return JobView(
                *self._identity,
                state=self._state,
                fraction=self._fraction,
                message=self._message,
                error=self._error,
                facts=dict(self._facts),
                seconds=seconds,
                lines=tuple(self._lines),
            )

    def cancel(self) -> None:
        process = self._process
        if process is None or process.poll() is not None or self._cancelled:
            return
        self._cancelled = True
        with self._lock:
            self._message = "Stopping …"
        self._tell(self.view())
        thread = threading.Thread(target=self._stop, args=(process,), name="latentstudio-job-stop", daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, deadline: float) -> None:
        """Wait until the deadline, then kill."""
        process = self._process
        if process is None:
            return
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _stop(self, process: "subprocess.Popen[str]") -> None:
        for ask in (interrupt, subprocess.Popen.terminate, subprocess.Popen.kill):
            with contextlib.suppress(OSError):
                ask(process)
            try:
                process.wait(self._grace)
            except subprocess.TimeoutExpired:
                continue
            return

    def _watch(self, process: "subprocess.Popen[str]") -> None:
        listening = threading.Thread(target=self._read_words, args=(process.stderr,), name="latentstudio-job-words")
        listening.daemon = True
        listening.start()
        with process:
            for line in process.stdout or ():
                self._hear(line)
            listening.join()
        code = process.returncode
        if code == 0:
            self._end("finished", "")
        elif self._cancelled:
            self._end("cancelled", "")
        else:
            last = next((line for line in reversed(self._lines) if line.strip()), "")
            self._end("failed", last.strip().removeprefix("latentstudio: ") or _end_words(code))

    def _read_words(self, stream: IO[str] | None) -> None:
        for line in stream or ():
            # A progress bar draws itself over and over on one line.
            words = line.rstrip("\n").split("\r")[-1]
            with self._lock:
                self._lines.append(words)

    def _hear(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            with self._lock:
                self._lines.append(line.rstrip("\n"))
            return
        with self._lock:
            self._facts = said
            fraction = progress_of(said)
            self._fraction = self._fraction if fraction is None else fraction
            if not self._cancelled:
                self._message = words_of(said) or self._message
        self._tell(self.view())

    def _end(self, state: State, error: str) -> None:
        with self._lock:
            self._state = state
            self._error = error
            self._ended = time.monotonic()
            if state == "finished":
                self._fraction = 1.0
            self._message = {"finished": "Finished", "failed": "Failed", "cancelled": "Stopped"}[state]
        self._tell(self.view())


def _end_words(code: int) -> str:
    return f"The job was ended by signal {-code}." if code < 0 else f"The job ended with exit status {code}."
