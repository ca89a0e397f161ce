"""Pieces for the tests of window and controller: an engine that answers when the test says so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from fakes import ToyEngine, facts, strip_panel, world
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from latentstudio.gui.controller import Controller
from latentstudio.gui.main_window import MainWindow
from latentstudio.results import Partial
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.recent import Recent
from latentstudio.studio.requests import (
    Answer,
    DatasetColumns,
    Inspect,
    OpenDataset,
    RenderFigure,
    RunRecipe,
    Ticket,
    Urgency,
)
from latentstudio.studio.session import Session

__all__ = ["GateEngine", "Panel", "Urgency", "drop_on", "gate_world", "settle", "strip_panel", "window_on", "world"]


class GateEngine(ToyEngine):
    """Keeps every request with its ticket; the test opens the gate for one of them, or all, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[Ticket, Any]] = []
        self.urgencies: dict[str, Urgency] = {}
        self.cancelled: list[str] = []
        self.closed = False

    def listen(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener) if listener in self.listeners else None

    def submit(self, lane: str, urgency: Any, request: Any) -> Ticket:
        self._number += 1
        ticket = Ticket(lane, self._number)
        self.requests.append((lane, request))
        self.urgencies[lane] = urgency
        self.kept.append((ticket, request))
        return ticket

    def cancel(self, lane: str) -> None:
        self.cancelled.append(lane)

    def close(self, timeout: float = 5.0) -> None:
        self.closed = True

    def tickets(self, lane: str) -> list[Ticket]:
        """Tickets that were given out for a lane, oldest first."""
        return [ticket for ticket, _ in self.kept if ticket.lane == lane]

    def request(self, ticket: Ticket) -> Any:
        """The request of a ticket."""
        return next(request for kept, request in self.kept if kept == ticket)

    def say(self, answer: Answer) -> None:
        """Give an answer as the engine's thread would."""
        for listener in list(self.listeners):
            listener(answer)

    def open(self, ticket: Ticket, fraction: float = 1.0, done: bool = True) -> None:
        """Answer one request; below a fraction of 1 with a partial result."""
        request = self.request(ticket)
        if isinstance(request, RunRecipe):
            payload: Any = Partial(fraction, self.run(request.recipe))
        elif isinstance(request, OpenDataset):
            payload = replace(facts(), spec=request.spec)
        elif isinstance(request, RenderFigure):
            payload = b"\x89PNG" if request.path is None else request.path
        elif isinstance(request, Inspect):
            payload = request.recipe
        elif isinstance(request, DatasetColumns):
            payload = None
        else:
            payload = np.zeros((2, 2, 1), np.uint8)
        self.say(Answer(ticket, payload, fraction, done=done, milliseconds=18.0))

    def open_all(self) -> None:
        """Answer everything that was asked, in order."""
        kept, self.kept = list(self.kept), []
        for ticket, request in kept:
            self.kept = [(ticket, request)]
            self.open(ticket)
        self.kept = []


def gate_world(*panels: Panel, **document: Any) -> tuple[Controller, GateEngine]:
    """A controller over a toy document whose engine answers only when asked to."""
    toy, _ = world(*panels)
    catalogue, base = toy.catalogue, toy.document
    toy.close()
    engine = GateEngine()
    fields = {name: getattr(base, name) for name in base.__struct_fields__} | document
    return Controller(Session(Document(**fields)), engine, catalogue), engine


def window_on(controller: Controller, qtbot: Any, **options: Any) -> MainWindow:
    """A window over a controller, shown; the recent list is a private one."""
    window = MainWindow(controller, recent=Recent(), **options)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    settle()
    return window


def settle(turns: int = 5) -> None:
    """Let queued signals and layouts arrive."""
    for _ in range(turns):
        QCoreApplication.processEvents()


def drop_on(widget: QWidget, *paths: Any, mime: QMimeData | None = None) -> bool:
    """Send a drag and drop of files to a widget; True when it was accepted."""
    if mime is None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), actions, mime, buttons, keys)
    QCoreApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    drop = QDropEvent(QPointF(5, 5), actions, mime, buttons, keys)
    QCoreApplication.sendEvent(widget, drop)
    settle()
    return drop.isAccepted()
