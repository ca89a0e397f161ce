"""An engine that takes requests and answers none; tests feed the controller's signals themselves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from latentstudio.studio.requests import Ticket, Urgency


@dataclass
class SilentEngine:
    """Keeps what it was asked, lane and request."""

    asked: list[tuple[str, Any]] = field(default_factory=list)

    def listen(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        return lambda: None

    def submit(self, lane: str, urgency: Urgency, request: Any) -> Ticket:
        self.asked.append((lane, request))
        return Ticket(lane, len(self.asked))

    def cancel(self, lane: str) -> None: ...

    def close(self, timeout: float = 5.0) -> None: ...
