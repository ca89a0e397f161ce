"""Decides what is computed next. Every job is a generator, and the most urgent one is always advanced by one chunk."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from latentstudio.errors import UserError
from latentstudio.studio.requests import Answer, Ticket, Urgency

PATIENCE = 0.5
"""Seconds after which one waiting job gets one chunk although more urgent ones (not the hand's) are there."""

LONG = 0.25
"""Seconds of work after which a visible panel's job counts as a pass over a dataset and lets thumbnails go first."""

REST = 0.06
"""Seconds after a request of the hand before a pass over a dataset goes on: a hand that moves asks again by then."""

_NO_MEMORY = "There is not enough memory for this; fewer images or frames, or closing other programs, would help."


@dataclass(frozen=True)
class Step:
    """One chunk of a job's work: what it found so far.

    Attributes
    ----------
    final : this is the last word; the job is over.
    """

    payload: Any = None
    fraction: float = 0.0
    message: str = ""
    final: bool = False


Job = Iterator[Step]
Start = Callable[[Any], Job]
Deliver = Callable[[Answer], None]


class Tickets:
    """Numbers the requests of every lane, and knows which is the newest. Safe for use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._newest: dict[str, int] = {}

    def issue(self, lane: str) -> Ticket:
        """Return the next ticket of a lane; it outdates all earlier ones."""
        with self._lock:
            self._count += 1
            self._newest[lane] = self._count
            return Ticket(lane, self._count)

    def withdraw(self, lane: str) -> None:
        """Outdate every ticket of a lane."""
        with self._lock:
            self._newest.pop(lane, None)

    def is_newest(self, ticket: Ticket) -> bool:
        """Whether nothing newer was asked for in the ticket's lane."""
        with self._lock:
            return self._newest.get(ticket.lane) == ticket.number


@dataclass
class _Task:
    """A request that waits or runs."""

    ticket: Ticket
    urgency: Urgency
    request: Any
    touched: float
    spent: float = 0.0
    job: Job | None = None
    dropped: bool = False

    @property
    def rank(self) -> tuple[float, float, int]:
        """Smaller goes first: urgency, then working time had so far, then age."""
        passing = self.urgency == Urgency.VISIBLE and self.passing
        return (Urgency.THUMBNAILS + 0.5 if passing else float(self.urgency), self.spent, self.ticket.number)

    @property
    def passing(self) -> bool:
        """Whether this is a pass over a dataset, by its urgency or by the time that it takes."""
        return self.urgency == Urgency.BACKGROUND or (self.urgency == Urgency.VISIBLE and self.spent > LONG)


class Worker:
    """Runs jobs chunk by chunk in whatever thread calls `step`; requests may come from any thread.

    Order: smaller `Urgency` first; among equals the one that has had the least working time, so that short jobs are not
    held up by long ones and every panel shows something soon. A visible panel's job that has worked for `LONG` seconds
    goes behind the thumbnails. Once in `PATIENCE` seconds the job that has waited longest, and at least that long, gets
    one chunk in between, unless the hand is at work: a request of the hand waits for one chunk at most. After work of
    the hand, passes over a dataset, those of panels too, wait for `REST` seconds for more of it, so that a drag does
    not wait for one of their chunks with every move.

    Parameters
    ----------
    start : turns a request into its generator; nothing is computed before the first `next`.
    deliver : receives every answer, in the thread that calls `step`.
    out_of_memory : called after a job failed for lack of memory, to let go of what can be loaded again.
    clock : seconds, for the tests.
    """

    def __init__(
        self,
        start: Start,
        deliver: Deliver,
        out_of_memory: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._deliver = deliver
        self._out_of_memory = out_of_memory
        self._clock = clock
        self._tickets = Tickets()
        self._wake = threading.Condition()
        self._lanes: dict[str, _Task] = {}
        self._dropped: list[_Task] = []
        self._granted = clock()
        self._hand_worked = False
        self._stopped = False

    def submit(self, lane: str, urgency: Urgency, request: Any) -> Ticket:
        """Take a request; the one that its lane held is forgotten or dropped at its next chunk."""
        ticket = self._tickets.issue(lane)
        self.accept(ticket, urgency, request)
        return ticket

    def accept(self, ticket: Ticket, urgency: Urgency, request: Any) -> None:
        """Take a request that was numbered elsewhere; an older number than the lane holds is ignored."""
        with self._wake:
            held = self._lanes.get(ticket.lane)
            if held is not None:
                if held.ticket.number >= ticket.number:
                    return
                self._drop(held)
            self._lanes[ticket.lane] = _Task(ticket, urgency, request, self._clock())
            self._wake.notify_all()

    def cancel(self, lane: str) -> None:
        """Drop what a lane holds; it is not answered any more."""
        with self._wake:
            task = self._lanes.pop(lane, None)
            if task is not None:
                self._drop(task)
            self._wake.notify_all()

    def stop(self) -> None:
        """Drop everything and let `wait` return False from now on."""
        with self._wake:
            self._stopped = True
            for task in self._lanes.values():
                self._drop(task)
            self._lanes.clear()
            self._wake.notify_all()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        with self._wake:
            return not self._lanes and not self._dropped

    def wait(self, timeout: float | None = None) -> bool:
        """Block until there is something to do or `timeout` seconds are over; False once the worker was stopped."""
        with self._wake:
            self._wake.wait_for(lambda: self._stopped or self._lanes or self._dropped, timeout)
            return not self._stopped

    def step(self) -> bool:
        """Advance the most urgent job by one chunk and deliver what it found; False when there was nothing to do."""
        self.close_dropped()
        with self._wake:
            task = self._choose()
            if task is not None and task.passing and self._hand_worked:
                self._hand_worked = False
                self._wake.wait_for(lambda: self._stopped or not all(t.passing for t in self._lanes.values()), REST)
                task = self._choose()
        if task is None:
            return False
        self._hand_worked = self._hand_worked or task.urgency == Urgency.HAND
        self._advance(task)
        self.close_dropped()
        return True

    def run_until_idle(self, limit: int = 100_000) -> int:
        """Step until nothing is left, at most `limit` times; return the number of steps. For tests and scripts."""
        steps = 0
        while steps < limit and self.step():
            steps += 1
        return steps

    def close_dropped(self) -> None:
        """End the generators of dropped jobs, in the thread that runs them."""
        with self._wake:
            dropped, self._dropped = self._dropped, []
        for task in dropped:
            _close(task.job)

    def _drop(self, task: _Task) -> None:
        task.dropped = True
        if task.job is not None:
            self._dropped.append(task)

    def _choose(self) -> _Task | None:
        if not self._lanes:
            return None
        tasks = self._lanes.values()
        first = min(tasks, key=lambda t: t.rank)
        if first.urgency > Urgency.HAND:
            now = self._clock()
            longest = min(tasks, key=lambda t: t.touched)
            if now - max(longest.touched, self._granted) > PATIENCE:
                self._granted = now
                return longest
        return first

    def _advance(self, task: _Task) -> None:
        began = self._clock()
        try:
            if task.job is None:
                task.job = iter(self._start(task.request))
            step = next(task.job, None)
        except Exception as error:  # the boundary: whatever a job raises becomes a sentence, and the worker lives on
            self._spend(task, began)
            self._fail(task, error)
            return
        self._spend(task, began)
        if step is None:
            step = Step(fraction=1.0, final=True)
        answer = Answer(
            ticket=task.ticket,
            payload=step.payload,
            fraction=step.fraction,
            message=step.message,
            done=step.final,
            milliseconds=1000 * task.spent,
        )
        self._finish(task, answer)

    def _spend(self, task: _Task, began: float) -> None:
        now = self._clock()
        task.spent += now - began
        task.touched = now

    def _fail(self, task: _Task, error: Exception) -> None:
        sentence, detail = sentence_of(error)
        if sentence == _NO_MEMORY and self._out_of_memory is not None:
            self._out_of_memory()
        answer = Answer(ticket=task.ticket, done=True, error=sentence, detail=detail, milliseconds=1000 * task.spent)
        self._finish(task, answer)

    def _finish(self, task: _Task, answer: Answer) -> None:
        """Deliver unless the request was dropped meanwhile; a finished job leaves its lane first."""
        with self._wake:
            if task.dropped:
                return
            if answer.done:
                del self._lanes[task.ticket.lane]
                self._drop(task)
        self._deliver(answer)


def _close(job: Job | None) -> None:
    """End a generator; an error on its way out is nobody's business any more."""
    close = getattr(job, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception:  # the boundary, as above
        traceback.print_exc()


def sentence_of(error: BaseException) -> tuple[str, str]:
    """Return what to tell the person about an error, and the traceback for the log (empty for mendable ones)."""
    if isinstance(error, UserError):
        return str(error), ""
    detail = "".join(traceback.format_exception(error))
    if is_out_of_memory(error):
        return _NO_MEMORY, detail
    text = str(error).strip().splitlines()
    return f"Unexpected problem: {text[0] if text else type(error).__name__}", detail


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, NumPy, or torch on any device, ran out of memory. Torch is not imported to find out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("can't allocate memory", "not enough memory", "out of memory", "Unable to allocate")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
