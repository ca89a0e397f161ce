"""Between the session and the widgets: actions go in as edits, views come out as signals, the engine does the work.

The way of an action: `edit` makes a new document; `resolve` gives every visible panel its recipe or reason; what the
cache has is painted at once, anything else is asked of the engine while the old picture stays, dimmed. Answers come
through one queued signal, and those whose ticket is not the newest of its lane are dropped here, in the GUI thread.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import QObject

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, Recipe
from latentstudio.gui import edits
from latentstudio.gui.bridge import EngineBridge
from latentstudio.gui.controller_edits import EditingController
from latentstudio.gui.feeds import FeedEvents, Feeds
from latentstudio.gui.lanes import Lanes
from latentstudio.gui.opening import Opener
from latentstudio.gui.panel_runs import PanelRuns
from latentstudio.gui.probe import Probe
from latentstudio.gui.views import FetchProgress, PanelView, frame_label, origin_of
from latentstudio.results import ImageGrid, Strip
from latentstudio.studio.cache import ResultCache
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import Answer, ColumnsReady, DatasetFacts, Engine, EngineStatus, Request, Urgency
from latentstudio.studio.resolve import Reason, resolve, resolve_decoding, resolve_inspection, resolve_panel
from latentstudio.studio.session import Session
from latentstudio.studio.session_files import changed_data

CACHE_BYTES = 256 << 20
MEASURED_UNASKED = 20_000
"""Datasets up to this size get their norm and log-density columns without being asked for them."""


class Controller(EditingController):
    """Runs one window's session against one engine; widgets connect to its signals and never call the engine."""

    def __init__(
        self,
        session: Session,
        engine: Engine,
        catalogue: Catalogue | None = None,
        cache: ResultCache | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(session, catalogue or Catalogue(), parent)
        self.engine = engine
        self.jobs: Any = None
        self.stores: Any = None
        self.lanes = Lanes(engine)
        self.status: EngineStatus | None = None
        self._fetching: set[str] = set()
        self._closed = False
        self._runs = PanelRuns(
            self.lanes,
            cache if cache is not None else ResultCache(CACHE_BYTES),
            lambda document, panel_id: resolve(document, panel_id, self._catalogue),
            lambda panel_id: self.panel_changed.emit(panel_id, self.view(panel_id)),
            lambda sentence: self.message.emit(sentence, "error"),
        )
        self._feeds = Feeds(
            self.lanes,
            FeedEvents(
                opened=self._dataset_opened,
                progress=self._fetch_moved,
                thumbnails=self.thumbnails_ready.emit,
                picture=self.picture_ready.emit,
                columns=self.columns_changed.emit,
                failed=lambda sentence: self.message.emit(sentence, "error"),
            ),
        )
        self._probe = Probe(
            self.lanes,
            self.inspection_changed.emit,
            self.inspection_reason.emit,
            self._previewed,
            lambda sentence: self.message.emit(sentence, "error"),
        )
        self._opener = Opener(self)
        self.bridge = EngineBridge(engine, self)
        self.bridge.connect_to(self._arrived)
        self._stop_listening = session.listen(self._document_changed)
        self._follow(self.document)

    # -- what there is ---------------------------------------------------------------------------------------------

    @property
    def columns(self) -> ColumnsReady | None:
        """Norm and log-density of the images, as far as they are measured."""
        return self._feeds.columns

    @property
    def inspection(self) -> Any:
        """The last `figures.inspect.Inspection`, or None."""
        return self._probe.inspection

    @property
    def visible_panels(self) -> frozenset[str]:
        """Panels that are on screen."""
        return self._runs.visible

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Lanes and visible panels whose final answer is still to come, dataset passes left out."""
        lanes = [lane for lane in self.lanes.busy if lane != "columns" and not lane.startswith(("panel:", "store:"))]
        return (*self._runs.unsettled, *lanes)

    def view(self, panel_id: str) -> PanelView:
        """Return what a panel shows.

        Raises
        ------
        KeyError
            The document has no such panel.
        """
        view = self._runs.view(panel_id)
        return view if view is not None else PanelView(self.document.panel(panel_id), waiting=True)

    def input_of_frame(self, panel_id: str, frame: int) -> CodeInput:
        """Return the code of one frame that a panel shows, with words for where it came from.

        Raises
        ------
        UserError
            The panel shows no such frame.
        """
        view = self.view(panel_id)
        result = view.result
        if not isinstance(result, Strip | ImageGrid) or not 0 <= frame < len(result.frames):
            raise UserError(f"Panel {panel_id} has no frame {frame}.")
        return CodeInput.of(result.frames.codes[frame], label=frame_label(result, frame), origin=origin_of(view, frame))

    # -- datasets --------------------------------------------------------------------------------------------------

    def set_dataset(self, spec: str, fetch: bool = False) -> None:
        """Show another dataset; `fetch` allows a download."""
        problems = {key: why for key, why in self._catalogue.problems.items() if key != spec}
        self._catalogue = dataclasses.replace(self._catalogue, problems=problems)
        if fetch or spec not in self._catalogue.datasets:
            self._fetching.add(spec)
            self._feeds.open(spec, fetch)
            return
        self.edit("Open dataset", lambda d: edits.set_dataset(d, spec))

    def cancel_fetch(self, spec: str) -> None:
        """Stop opening or downloading a dataset."""
        self._feeds.cancel_open(spec)

    # -- pictures and live previews --------------------------------------------------------------------------------

    def set_visible(self, panel_id: str, visible: bool) -> None:
        """Say whether a panel is on screen: only those are computed."""
        self._runs.set_visible(self.document, panel_id, visible)

    def run_again(self, panel_id: str) -> None:
        """Ask the engine once more after a failure."""
        self._runs.run_again(self.document, panel_id)

    def request_thumbnails(self, indices: Sequence[int], edge: int, lane: str = "grid", spec: str = "") -> None:
        """Ask for small pictures (`edge` in device px); a newer request of the same `lane` replaces an older one."""
        self._feeds.thumbnails(self._catalogue.data_ref(spec or self.document.data), indices, edge, lane)

    def cancel_thumbnails(self, lane: str = "grid") -> None:
        """Forget the small pictures that have not come yet."""
        self._feeds.cancel_thumbnails(lane)

    def request_picture(self, index: int, spec: str = "") -> None:
        """Ask for one picture at its native resolution; the answer is `picture_ready`."""
        self._feeds.picture(self._catalogue.data_ref(spec or self.document.data), index)

    def request_columns(self) -> None:
        """Measure norm and log-density of every image, whatever the size of the dataset."""
        info = self._catalogue.models.get(self.document.model)
        if info is None or self.facts is None or "encode" not in info.abilities:
            self._feeds.measure(None, None)
            return
        model = self._catalogue.model_ref(self.document.model, self.document.snapshot)
        self._feeds.measure(model, self._catalogue.data_ref(self.document.data))

    def codes_stored(self) -> None:
        """Have columns that are not complete read from the latent store, which has been filled meanwhile."""
        if self.lanes.running("columns") or (self.columns is None and self.facts is not None):
            self._feeds.measure(None, None)
            self.request_columns()

    def scrub(self, panel_id: str, position: float | None) -> None:
        """Decode the frame at one place of a panel's path at once; None when the hand lets go."""
        if position is None:
            self._probe.release()
            return
        panel = self.document.panel(panel_id)
        self.preview(replace(panel, params={**panel.params, "at": float(position)}))

    def preview(self, panel: Panel) -> None:
        """Run a panel as it would be under the hand, before everything else; the newest one wins."""
        wanted = resolve_panel(self.document, panel, self._catalogue)
        if isinstance(wanted, Recipe):
            self._probe.scrub(panel.id, wanted)

    def _previewed(self, panel_id: str, result: Strip | ImageGrid) -> None:
        self.preview_changed.emit(panel_id, result.frames)
        self.preview_made.emit(panel_id, result)

    def resolved(self, panel: Panel) -> Recipe | Reason:
        """Return the recipe of a panel that need not be part of the document, or the reason why there is none."""
        return resolve_panel(self.document, panel, self._catalogue)

    def decode(self, panel_id: str, code: CodeInput) -> None:
        """Decode a code under a panel's model at once, before everything else; `preview_changed` has the answer."""
        wanted = resolve_decoding(self.document, panel_id, code, self._catalogue)
        if isinstance(wanted, Recipe):
            self._probe.scrub(panel_id, wanted)

    def ask(self, lane: str, request: Request, handler: Callable[[Answer], None]) -> None:
        """Ask the engine something of a widget's own (a preview of a figure, the crop of a photo)."""
        self.lanes.submit(lane, Urgency.VISIBLE, request, handler)

    def note_digests(self) -> None:
        """Write into the document which model and dataset it speaks of, so that a change of either shows later."""
        models, datasets = self._catalogue.models, self._catalogue.datasets
        self.session.amend(lambda document: edits.with_digests(document, models, datasets))

    # -- files -----------------------------------------------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open a session, figure, model folder, dataset folder or zip, or a picture, whichever `path` is."""
        self._opener.open(Path(path))

    def drop_picture(self, path: Path, panel_id: str, slot: str) -> None:
        """Encode a photo file and put it on a slot; ``("", "")`` means the active strip or the inspector."""
        self._opener.picture(Path(path), panel_id, slot)

    def rescan_models(self) -> None:
        """Look for models on disk again (after a training run)."""
        self.set_catalogue(self._catalogue.rescanned())

    def set_catalogue(self, catalogue: Catalogue) -> None:
        """Exchange the catalogue and bring everything up to date with it."""
        self._catalogue = catalogue
        self.models_changed.emit()
        self._follow(self.document)

    def close(self) -> None:
        """End at once: no answer is waited for, and those that are queued already are dropped."""
        self._closed = True
        self._stop_listening()
        self.bridge.close()
        self.engine.close(timeout=1.0)

    # -- reactions -------------------------------------------------------------------------------------------------

    def _document_changed(self, old: Document, new: Document) -> None:
        self.document_changed.emit(old, new)
        if old is not new:
            self._follow(new)

    def _follow(self, document: Document) -> None:
        for spec in document.datasets:
            if spec not in self._catalogue.datasets and spec not in self._catalogue.problems:
                self._feeds.open(spec)
        self._runs.refresh_all(document)
        self._probe.inspect(resolve_inspection(document, self._catalogue))
        facts = self.facts
        asked = document.browser.sort.lstrip("-") in ("norm", "log_prob") or bool(
            {"norm", "log_prob"} & set(document.browser.filters)
        )
        if asked or (facts is not None and facts.size <= MEASURED_UNASKED):
            self.request_columns()
        else:
            self._feeds.measure(None, None)

    def _dataset_opened(self, spec: str, facts: DatasetFacts) -> None:
        self._catalogue = self._catalogue.with_dataset(facts, spec)
        if spec == self.document.data and self.document.data_digest not in ("", facts.digest):
            self.message.emit(changed_data(facts), "warning")
        if spec in self._fetching:
            self._fetching.discard(spec)
            self.edit("Open dataset", lambda d: edits.set_dataset(d, facts.spec))
        self.dataset_ready.emit(facts)
        self._follow(self.document)

    def _fetch_moved(self, progress: FetchProgress) -> None:
        if progress.error:
            asked = progress.spec in self._fetching
            self._fetching.discard(progress.spec)
            self._catalogue = self._catalogue.with_problem(progress.spec, progress.error)
            self.message.emit(progress.error, "error" if asked else "warning")
            self._follow(self.document)
        self.fetch_progress.emit(progress)

    def _arrived(self, item: Answer | EngineStatus) -> None:
        if self._closed:
            return
        if isinstance(item, EngineStatus):
            self.status = item
            self.status_changed.emit(item)
        else:
            self.lanes.receive(item)
