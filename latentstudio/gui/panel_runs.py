"""From document to pictures: resolve, look in the cache, else ask the engine. Stale answers are never painted."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from latentstudio.figures.recipe import Recipe
from latentstudio.gui.lanes import Lanes
from latentstudio.gui.views import PanelView
from latentstudio.results import ImageGrid, Partial, Result, Strip
from latentstudio.studio.document import Document
from latentstudio.studio.requests import Answer, RunRecipe, Urgency
from latentstudio.studio.resolve import Reason

if TYPE_CHECKING:
    from latentstudio.studio.cache import ResultCache


class PanelRuns:
    """The view of every panel of the document, kept up to date through the engine.

    Parameters
    ----------
    resolver : gives the recipe of a panel of a document, or the reason why there is none.
    changed : called with the panel's id whenever its view is another one.
    failed : called with a sentence when a run failed.
    """

    def __init__(
        self,
        lanes: Lanes,
        cache: "ResultCache",
        resolver: Callable[[Document, str], Recipe | Reason],
        changed: Callable[[str], None],
        failed: Callable[[str], None],
    ) -> None:
        self._lanes = lanes
        self._cache = cache
        self._resolve = resolver
        self._changed = changed
        self._failed = failed
        self._views: dict[str, PanelView] = {}
        self._visible: set[str] = set()
        self._dirty: set[str] = set()

    def view(self, panel_id: str) -> PanelView | None:
        """Return what the panel shows, or None for a panel that the document does not have."""
        return self._views.get(panel_id)

    @property
    def visible(self) -> frozenset[str]:
        """Panels that are on screen."""
        return frozenset(self._visible)

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Visible panels whose final result is still to come."""
        return tuple(p for p in sorted(self._visible) if p in self._views and not self._views[p].settled)

    def set_visible(self, document: Document, panel_id: str, visible: bool) -> None:
        """Say whether a panel is on screen; what it missed meanwhile is computed when it comes back."""
        if not visible:
            self._visible.discard(panel_id)
            return
        self._visible.add(panel_id)
        if panel_id in self._dirty or panel_id not in self._views:
            self.refresh(document, panel_id)

    def refresh_all(self, document: Document) -> None:
        """Bring every panel up to date, and forget panels that the document no longer has."""
        present = {panel.id for panel in document.panels}
        for gone in set(self._views) - present:
            self._lanes.cancel(_lane(gone))
            del self._views[gone]
            self._visible.discard(gone)
            self._dirty.discard(gone)
        for panel in document.panels:
            self.refresh(document, panel.id)

    def refresh(self, document: Document, panel_id: str) -> None:
        """Resolve one panel and paint from the cache or ask the engine, if it is visible."""
        try:
            panel = document.panel(panel_id)
        except KeyError:
            return
        old = self._views.get(panel_id, PanelView(panel))
        known = panel_id in self._views
        wanted = self._resolve(document, panel_id)
        if isinstance(wanted, Reason):
            self._lanes.cancel(_lane(panel_id))
            self._dirty.discard(panel_id)
            view = PanelView(panel, reason=wanted.text)
            if wanted.waiting:
                view = replace(old, panel=panel, wanted=None, reason=wanted.text, waiting=True, stale=bool(old.result))
            self._put(panel_id, view, old, known)
        elif old.recipe == wanted and old.result is not None and not old.stale:
            view = replace(old, panel=panel, wanted=wanted, reason="", waiting=False, error="")
            self._put(panel_id, view, old, known)
        elif old.wanted == wanted and self._lanes.running(_lane(panel_id)):
            self._put(panel_id, replace(old, panel=panel), old, known)
        elif (cached := self._cache.get(wanted.key)) is not None:
            self._lanes.cancel(_lane(panel_id))
            self._dirty.discard(panel_id)
            self._put(panel_id, PanelView(panel, recipe=wanted, wanted=wanted, result=cached), old, known)
        else:
            view = replace(old, panel=panel, wanted=wanted, reason="", waiting=False, error="")
            self._start(panel_id, view, old, known)

    def run_again(self, document: Document, panel_id: str) -> None:
        """Ask once more after a failure."""
        view = self._views.get(panel_id)
        if view is not None and view.error:
            self._views[panel_id] = replace(view, error="", wanted=None)
            self.refresh(document, panel_id)

    def _start(self, panel_id: str, view: PanelView, old: PanelView, known: bool) -> None:
        waiting = replace(view, decode_milliseconds=0.0, stale=view.result is not None, fraction=0.0, message="")
        if panel_id not in self._visible:
            self._lanes.cancel(_lane(panel_id))
            self._dirty.add(panel_id)
            self._put(panel_id, waiting, old, known)
            return
        if old.error and old.wanted == view.wanted:
            # The same recipe has failed already; the person asks again with run_again.
            self._put(panel_id, replace(old, panel=view.panel), old, known)
            return
        self._dirty.discard(panel_id)
        assert view.wanted is not None
        recipe = view.wanted
        self._lanes.submit(
            _lane(panel_id), Urgency.VISIBLE, RunRecipe(recipe), lambda answer: self._answer(panel_id, recipe, answer)
        )
        self._put(panel_id, waiting, old, known)

    def _answer(self, panel_id: str, recipe: Recipe, answer: Answer) -> None:
        old = self._views.get(panel_id)
        if old is None:
            return
        if answer.error:
            self._put(panel_id, replace(old, error=answer.error, fraction=1.0, message=""), old, True)
            self._failed(answer.error)
            return
        partial = answer.payload if isinstance(answer.payload, Partial) else None
        fraction = 1.0 if answer.done else (partial.fraction if partial else answer.fraction)
        message = "" if answer.done else ((partial.message if partial else "") or answer.message)
        view = replace(old, fraction=fraction, message=message, milliseconds=answer.milliseconds)
        if partial is not None and partial.result is not None:
            view = replace(view, recipe=recipe, result=partial.result, stale=False, error="", reason="")
        if _decoded(view.result) and view.recipe == recipe and not old.decode_milliseconds:
            view = replace(view, decode_milliseconds=answer.milliseconds)
        if answer.done and view.recipe == recipe and view.result is not None:
            self._cache.put(recipe.key, view.result)
        self._put(panel_id, view, old, True)

    def _put(self, panel_id: str, view: PanelView, old: PanelView, known: bool) -> None:
        self._views[panel_id] = view
        if not known or not _same(view, old):
            self._changed(panel_id)


def _lane(panel_id: str) -> str:
    return f"panel:{panel_id}"


def _decoded(result: Result | None) -> bool:
    return isinstance(result, Strip | ImageGrid) and bool(result.frames.ready.all())


def _same(a: PanelView, b: PanelView) -> bool:
    """Compare views without comparing arrays: results are shared, not copied, so identity decides."""
    return a.result is b.result and replace(a, result=None) == replace(b, result=None)
