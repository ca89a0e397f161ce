"""Passes that fill latent stores, as the window sees them, and what it asks about stores besides."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from latentstudio.data.latent_manifest import SHARD_ROWS, Manifest
from latentstudio.data.latent_shelf import StoreFacts, place_of
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.gui.controller import Controller
from latentstudio.studio.jobs import JobView, State
from latentstudio.studio.requests import Answer, Urgency
from latentstudio.studio.store_requests import (
    ClearStores,
    CodesStored,
    ListStores,
    StoreCodes,
    StoresCleared,
    StoresListed,
    StoreVerified,
    VerifyStore,
)

LANE = "store:"
TELL_EVERY = 0.1
"""Seconds between two repaints of a pass's progress; the engine tells it after each chunk."""


@dataclass
class _Pass:
    request: StoreCodes
    lane: str
    view: JobView
    began: float
    told: float = 0.0


class StorePasses(QObject):
    """Starts, watches and stops passes in the engine's background, each in a lane of its own.

    Their numbers are negative, so that the jobs panel can list them with the jobs of `JobFeed`.
    """

    changed = Signal(object)  # JobView
    listed = Signal(object)  # StoresListed
    checked = Signal(str, object, str)  # folder, faults once it is verified, words meanwhile

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._controller = controller
        self._passes: dict[int, _Pass] = {}
        self._count = 0

    # -- passes ----------------------------------------------------------------------------------------------------

    def start(self, request: StoreCodes, data_title: str) -> int:
        """Fill a store, from where it was left; returns the number of the pass, of the running one if there is one."""
        lane = LANE + "\n".join(_place(request))
        for number, known in self._passes.items():
            if known.lane == lane and known.view.state == "running":
                return number
        self._count += 1
        number, title = -self._count, f"Codes of {data_title} under {_model_words(request.model)}"
        arguments = ("encode", "--store", "--model", request.model.name, "--data", request.data.spec)
        view = JobView(number, title, arguments, "running", 0.0, "Waiting for the engine …", "", {}, 0.0, ())
        self._passes[number] = _Pass(request, lane, view, time.monotonic())
        self._controller.lanes.submit(lane, Urgency.BACKGROUND, request, lambda answer: self._moved(number, answer))
        self._controller.jobs_changed.emit()
        return number

    def resume(self, facts: StoreFacts) -> int:
        """Complete a store that is there.

        Raises
        ------
        ValueError
            Its manifest cannot be read.
        """
        m = facts.manifest
        if m is None:
            raise ValueError(f"{facts.folder} has no manifest")
        return self.start(request_of(m, facts), m.data_title)

    def cancel(self, number: int) -> None:
        """Stop a pass at its next chunk; what it has encoded stays."""
        known = self._passes[number]
        if known.view.state == "running":
            self._controller.lanes.cancel(known.lane)
            self._end(known, "cancelled", "Stopped; what was encoded is kept, and the next pass goes on from there.")

    def clear(self) -> None:
        """Forget the passes that have ended; their stores stay."""
        self._passes = {n: p for n, p in self._passes.items() if p.view.state == "running"}
        self._controller.jobs_changed.emit()

    def all(self) -> tuple[JobView, ...]:
        """Every pass, oldest first."""
        return tuple(p.view for p in self._passes.values())

    @property
    def running(self) -> int:
        """How many passes run."""
        return sum(p.view.state == "running" for p in self._passes.values())

    def at_work(self, facts: StoreFacts) -> JobView | None:
        """The pass that fills this store at the moment."""
        if facts.manifest is None:
            return None
        place = _place(request_of(facts.manifest, facts))
        views = [p.view for p in self._passes.values() if _place(p.request) == place]
        return next((view for view in views if view.state == "running"), None)

    def _moved(self, number: int, answer: Answer) -> None:
        known = self._passes[number]
        if answer.error:
            self._end(known, "failed", "", answer.error)
            self._controller.message.emit(f"{known.view.title}: {answer.error}", "error")
        elif isinstance(answer.payload, CodesStored):
            done = answer.payload
            words = f"{done.images:,} images, {size_words(done.bytes)}. {done.lost}".rstrip()
            self._end(known, "finished", words)
            self._controller.codes_stored()
            kind = "warning" if done.lost else "info"
            self._controller.message.emit(f"{known.view.title} are stored: {words}", kind)
        else:
            now = time.monotonic()
            known.view = replace(
                known.view, fraction=answer.fraction, message=answer.message, seconds=now - known.began
            )
            if now - known.told >= TELL_EVERY:
                known.told = now
                self.changed.emit(known.view)

    def _end(self, known: _Pass, state: State, message: str, error: str = "") -> None:
        fraction, seconds = known.view.fraction, time.monotonic() - known.began
        fraction = 1.0 if state == "finished" else fraction
        known.view = replace(known.view, state=state, message=message, error=error, fraction=fraction, seconds=seconds)
        self.changed.emit(known.view)
        self._controller.jobs_changed.emit()

    # -- stores ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask what stores there are; the answer is `listed`."""

        def answered(answer: Answer) -> None:
            if isinstance(answer.payload, StoresListed):
                self.listed.emit(answer.payload)
            self._complain(answer)

        self._controller.lanes.submit("stores", Urgency.VISIBLE, ListStores(), answered)

    def verify(self, folder: str) -> None:
        """Check every file of a store, in the background; progress and verdict are `checked`."""

        def answered(answer: Answer) -> None:
            if isinstance(answer.payload, StoreVerified):
                self.checked.emit(folder, answer.payload.faults, "")
            elif answer.error:
                self.checked.emit(folder, (answer.error,), "")
            else:
                self.checked.emit(folder, None, answer.message)

        self._controller.lanes.submit(f"{LANE}verify:{folder}", Urgency.BACKGROUND, VerifyStore(folder), answered)

    def remove(self, folders: Sequence[str]) -> None:
        """Remove stores; `listed` follows."""

        def answered(answer: Answer) -> None:
            done = answer.payload
            if isinstance(done, StoresCleared):
                what = "1 store" if done.cleared == 1 else f"{done.cleared} stores"
                words = " ".join((f"{what} cleared, {size_words(done.freed)} freed.", *done.kept))
                self._controller.message.emit(words, "warning" if done.kept else "info")
            self._complain(answer)
            if answer.done:
                self.refresh()

        self._controller.lanes.submit("stores-clear", Urgency.VISIBLE, ClearStores(tuple(folders)), answered)

    def _complain(self, answer: Answer) -> None:
        if answer.error:
            self._controller.message.emit(answer.error, "error")


def request_of(manifest: Manifest, facts: StoreFacts) -> StoreCodes:
    """Return the request that completes a store; the folder is named only when it is not the usual one."""
    usual = (manifest.part, manifest.shard_rows) == ((1, 1), SHARD_ROWS) and place_of(manifest) == facts.folder
    return StoreCodes(
        ModelRef(name=manifest.model, snapshot=manifest.snapshot),
        DataRef(spec=manifest.data),
        manifest.dtype,
        "" if usual else str(facts.folder),
    )


def _place(request: StoreCodes) -> tuple[str, str, str, str, str]:
    """What tells one store from another, as far as the window knows it."""
    return request.model.name, str(request.model.snapshot), request.data.spec, request.dtype, request.folder


def _model_words(model: ModelRef) -> str:
    return model.name if model.snapshot is None else f"{model.name} at step {model.snapshot:,}"


def size_words(size: int) -> str:
    """Write a size in decimal units: ``"480 bytes"``, ``"512 kB"``, ``"3.2 MB"``, ``"9.96 GB"``."""
    if size < 1000:
        return f"{size} bytes"
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.2f} GB"
