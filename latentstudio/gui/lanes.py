"""Requests under way, one per lane. An answer whose ticket is not the lane's newest is dropped, in the GUI thread."""

from collections.abc import Callable
from dataclasses import dataclass

from latentstudio.studio.requests import Answer, Engine, Request, Ticket, Urgency

Handler = Callable[[Answer], None]


@dataclass
class _Pending:
    ticket: Ticket
    handler: Handler


class Lanes:
    """Sends requests to an engine and routes the answers of the newest request of every lane."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pending: dict[str, _Pending] = {}

    def submit(self, lane: str, urgency: Urgency, request: Request, handler: Handler) -> Ticket:
        """Replace whatever runs in `lane`; `handler` receives the answers of this request alone."""
        ticket = self._engine.submit(lane, urgency, request)
        self._pending[lane] = _Pending(ticket, handler)
        return ticket

    def cancel(self, lane: str) -> None:
        """Forget the request of `lane`; answers that are on their way are ignored."""
        if self._pending.pop(lane, None) is not None:
            self._engine.cancel(lane)

    def receive(self, answer: Answer) -> None:
        """Hand an answer to the handler of its request, unless a newer request has taken the lane."""
        pending = self._pending.get(answer.ticket.lane)
        if pending is None or pending.ticket != answer.ticket:
            return
        if answer.done or answer.error:
            del self._pending[answer.ticket.lane]
        pending.handler(answer)

    def running(self, lane: str) -> bool:
        """Whether a request of `lane` has not ended."""
        return lane in self._pending

    @property
    def busy(self) -> tuple[str, ...]:
        """Lanes with a request that has not ended."""
        return tuple(self._pending)
