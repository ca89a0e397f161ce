"""The one door between the engine's listener thread and the GUI thread: a queued Qt signal."""

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal

from latentstudio.studio.requests import Answer, Engine, EngineStatus


class EngineBridge(QObject):
    """Hands every answer of an engine to the GUI thread.

    The connection is queued even when the engine works in this thread, so an answer never overtakes the ticket that
    `Engine.submit` returns. After `close` nothing more is handed over, so a late answer cannot reach a dead window.
    """

    arrived = Signal(object)
    """An `Answer` or `EngineStatus`; connect through `connect_to`."""

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._open = True
        self._stop: Callable[[], None] | None = engine.listen(self._forward)

    def connect_to(self, slot: object) -> None:
        """Deliver answers to `slot`, always from the event loop of the thread that owns this object."""
        self.arrived.connect(slot, Qt.ConnectionType.QueuedConnection)

    def close(self) -> None:
        """Stop handing over. Qt may still deliver what is queued: the receiver has to ignore it."""
        with self._lock:
            if not self._open:
                return
            self._open = False
        if self._stop is not None:
            self._stop()
        self.arrived.disconnect()

    def _forward(self, item: Answer | EngineStatus) -> None:
        with self._lock:
            if self._open:
                self.arrived.emit(item)
