"""Which panels the window has and where they stand: docks from the document, layouts, maximising."""

import base64
import binascii
from collections.abc import Callable

from PySide6.QtCore import QByteArray, QObject, QRect, Qt, QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QTabWidget, QWidget

from latentstudio.gui.controller import Controller
from latentstudio.gui.dock_heights import StripHeight
from latentstudio.gui.docks import PanelDock, TabDoubleClick
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.resolve import plugin_of

BROWSER, INSPECTOR, JOBS = "browser", "inspector", "jobs"
LAYOUT_VERSION = 1

BROWSER_WIDTH, INSPECTOR_WIDTH = 340, 280

_OWN_PANELS = {"interpolate": "strip", "corrupt": "corruption", "attribute": "attributes"}
"""Operations with a panel of their own; the others share one."""


class DockArea(QObject):
    """Keeps one dock for every panel of the document and for browser, inspector and jobs.

    Parameters
    ----------
    makers : kind of panel to the function that builds its widget from (controller, panel id).
    """

    changed = Signal()

    def __init__(
        self,
        window: QMainWindow,
        controller: Controller,
        makers: dict[str, Callable[[Controller, str], QWidget]],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._controller = controller
        self._makers = makers
        self.docks: dict[str, PanelDock] = {}
        self._before: QByteArray | None = None
        self._maximised = ""
        self._heights = StripHeight(window)
        self._tabs = TabDoubleClick(window, self._maximise_titled)
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        for name, title in ((BROWSER, "Browser"), (INSPECTOR, "Inspector"), (JOBS, "Jobs")):
            self._add(name, title, name)
        for panel in controller.document.panels:
            self._add_panel(panel)
        controller.document_changed.connect(self._follow)

    # -- docks -----------------------------------------------------------------------------------------------------

    def _add(self, name: str, title: str, kind: str) -> PanelDock:
        def make() -> QWidget:
            return self._makers[kind](self._controller, "" if kind in (BROWSER, INSPECTOR, JOBS) else name)

        dock = PanelDock(name, title, make, self._window)
        dock.maximise_asked.connect(lambda: self.maximise(name))
        dock.seen.connect(lambda seen: self._seen(name, seen))
        self.docks[name] = dock
        return dock

    def _add_panel(self, panel: Panel) -> PanelDock:
        kind = _OWN_PANELS.get(panel.name, panel.kind)
        return self._add(panel.id, panel_title(panel, self._controller.document), kind)

    def _seen(self, name: str, seen: bool) -> None:
        if name not in (BROWSER, INSPECTOR, JOBS) and any(p.id == name for p in self._controller.document.panels):
            self._controller.set_visible(name, seen)
        self._later()

    def _later(self) -> None:
        QTimer.singleShot(0, self, self._tidy)

    def _tidy(self) -> None:
        for dock in self.docks.values():
            dock.choose_title()
        self._tabs.watch()
        self.changed.emit()

    def _follow(self, old: Document, new: Document) -> None:
        if old.panels is new.panels:
            return
        self._heights.follow(new)
        present = {panel.id: panel for panel in new.panels}
        fixed = (BROWSER, INSPECTOR, JOBS)
        for name in [n for n in self.docks if n not in fixed and n not in present]:
            dock = self.docks.pop(name)
            self._window.removeDockWidget(dock)
            dock.deleteLater()
        neighbours = [n for n in self.docks if n not in fixed and self.docks[n].isVisible()]
        for name, panel in present.items():
            if name in self.docks:
                continue
            dock = self._add_panel(panel)
            self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
            beside = [n for n in neighbours if not n.startswith("strip")] or neighbours
            if beside:
                self._window.tabifyDockWidget(self.docks[beside[-1]], dock)
            dock.bring_up()
        self._later()

    # -- layouts ---------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Arrange everything as on the first start: browser, strip over tabs, inspector; jobs closed."""
        self._before = None
        self._maximised = ""
        window = self._window
        for dock in self.docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        window.addDockWidget(left, self.docks[BROWSER])
        strips = [n for n in self.docks if n.startswith("strip")]
        others = [n for n in self.docks if n not in (BROWSER, INSPECTOR, JOBS, *strips)]
        upper = self._tab_group(strips)
        lower = self._tab_group(others)
        centre = upper or lower
        if centre is not None:
            window.splitDockWidget(self.docks[BROWSER], centre, Qt.Orientation.Horizontal)
            # Before the tabs are joined: Qt would make the inspector one of them.
            window.splitDockWidget(centre, self.docks[INSPECTOR], Qt.Orientation.Horizontal)
            self._join(strips if upper is not None else others)
        else:
            window.addDockWidget(right, self.docks[INSPECTOR])
        if upper is not None and lower is not None:
            window.splitDockWidget(upper, lower, Qt.Orientation.Vertical)
            self._join(others)
        jobs = self.docks[JOBS]
        window.splitDockWidget(self.docks[INSPECTOR], jobs, Qt.Orientation.Vertical)
        for name, dock in self.docks.items():
            dock.setVisible(name != JOBS)
        for group in (strips, others):
            if group:
                self.docks[group[0]].raise_()
        self._default_sizes(upper, lower)
        self._later()

    def _tab_group(self, names: list[str]) -> PanelDock | None:
        return self.docks[names[0]] if names else None

    def _join(self, names: list[str]) -> None:
        for name in names[1:]:
            self._window.tabifyDockWidget(self.docks[names[0]], self.docks[name])

    def _default_sizes(self, upper: PanelDock | None, lower: PanelDock | None) -> None:
        centre = upper or lower
        docks = [self.docks[BROWSER], self.docks[INSPECTOR]]
        sizes = [BROWSER_WIDTH, INSPECTOR_WIDTH]
        if centre is not None:
            docks.insert(1, centre)
            sizes.insert(1, max(300, self._window.width() - BROWSER_WIDTH - INSPECTOR_WIDTH - 10))
        self._window.resizeDocks(docks, sizes, Qt.Orientation.Horizontal)
        if upper is not None and lower is not None:
            self._heights.share(upper, lower, self._controller.document)

    def state(self) -> str:
        """Return the layout as base64; of a maximised panel, the layout behind it."""
        state = self._before if self._before is not None else self._window.saveState(LAYOUT_VERSION)
        return base64.b64encode(state.data()).decode("ascii")

    def restore(self, text: str) -> bool:
        """Arrange as `state` said; False (and nothing changes) when the text is not a layout of this version."""
        try:
            state = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return False
        if not state or not self._window.restoreState(QByteArray(state), LAYOUT_VERSION):
            return False
        self._heights.release()
        self._before = None
        self._maximised = ""
        self._later()
        return True

    # -- maximise --------------------------------------------------------------------------------------------------

    @property
    def maximised(self) -> str:
        """Name of the dock that fills the window, empty when none does."""
        return self._maximised

    def maximise(self, name: str) -> None:
        """Let one panel fill the window; the same call again brings the others back."""
        if self._maximised:
            before, self._before = self._before, None
            self._maximised = ""
            if before is not None:
                self._window.restoreState(before, LAYOUT_VERSION)
        elif name in self.docks:
            self._before = self._window.saveState(LAYOUT_VERSION)
            self._maximised = name
            self.docks[name].bring_up()
            for other, dock in self.docks.items():
                if other != name and not dock.isFloating():
                    dock.hide()
        self._later()

    def _maximise_titled(self, title: str) -> None:
        for name, dock in self.docks.items():
            if dock.windowTitle() == title and dock.on_screen:
                self.maximise(name)
                return

    def working_area(self) -> QRect:
        """Rectangle of the docked panels between browser and inspector, of all docks where there is none."""
        fixed = (BROWSER, INSPECTOR, JOBS)
        shown = {n: d for n, d in self.docks.items() if d.on_screen and not d.isFloating()}
        rects = [d.geometry() for n, d in shown.items() if n not in fixed] or [d.geometry() for d in shown.values()]
        whole = QRect()
        for rect in rects:
            whole = whole.united(rect)
        return whole if whole.isValid() else self._window.rect()

    def current(self) -> str:
        """Name of the dock that has the keyboard, else the active panel's, else any that is visible."""
        widget: QWidget | None = self._window.focusWidget()
        while widget is not None:
            if isinstance(widget, PanelDock):
                return widget.objectName()
            widget = widget.parentWidget()
        active = self._controller.document.active
        if active in self.docks and self.docks[active].on_screen:
            return active
        return next((n for n, d in self.docks.items() if d.on_screen), "")

    def step(self, by: int) -> None:
        """Move the keyboard to the next panel on screen, or the one before, from left to right and top to bottom."""
        shown = [n for n, d in self.docks.items() if d.on_screen]
        names = sorted(shown, key=lambda n: (self.docks[n].geometry().x(), self.docks[n].geometry().y()))
        here = self.current()
        at = names.index(here) if here in names and self._has_keyboard(here) else (-1 if by > 0 else 0)
        for far in range(1, len(names) + 1):
            # A panel that shows nothing takes no keys, and is passed over.
            if _take_keyboard(self.docks[names[(at + by * far) % len(names)]].content()):
                return

    def _has_keyboard(self, name: str) -> bool:
        focus = self._window.focusWidget()
        return focus is not None and self.docks[name].isAncestorOf(focus)


def _take_keyboard(panel: QWidget) -> bool:
    """Give the keyboard to a panel's main part, or to the first of its widgets that takes it; False without one."""
    main = panel.focusProxy()
    chain = [main] if main is not None else sorted(panel.findChildren(QWidget), key=_reading_order)
    for widget in chain:
        takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isEnabled() and widget.isVisible()
        if takes:
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            return True
    return False


def _reading_order(widget: QWidget) -> tuple[int, int]:
    place = widget.mapToGlobal(widget.rect().topLeft())
    return place.y() // 8, place.x()


def panel_title(panel: Panel, document: Document) -> str:
    """Name a panel after its operation or analysis, with a number where there are several."""
    plugin = plugin_of(panel.kind, panel.name)
    title = str(plugin.title) if plugin is not None else panel.name
    same = [p.id for p in document.panels if p.name == panel.name]
    return title if len(same) < 2 or panel.id == same[0] else f"{title} {same.index(panel.id) + 1}"
