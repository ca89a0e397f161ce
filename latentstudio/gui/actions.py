"""The one table of actions. Menus, tool bar, command palette and shortcut sheet are all made from it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar, QWidget

from latentstudio.gui.icons import icon

MENUS = ("&File", "&Edit", "&Data", "&Model", "&Panel", "&View", "&Help")


@dataclass(frozen=True)
class Spec:
    """One action.

    Attributes
    ----------
    name : stable id, e.g. ``"export"``.
    text : words in the menu; an ellipsis means that it asks something first.
    menu : one of `MENUS`; group : actions of one menu with the same group stand together between separators.
    run : what happens; receives nothing.
    shortcut : portable text such as ``"Ctrl+E"``.
    icon : name in ``resources/icons``.
    tip : a sentence for tool tip and palette; default `text`.
    tool : stands in the tool bar.
    submenu : label of a submenu of `menu`.
    checked : gives the state of a checkable action, asked whenever the menu opens; None is not checkable.
    enabled : says whether it can run now; None is always.
    """

    name: str
    text: str
    menu: str
    run: Callable[[], object]
    shortcut: str = ""
    icon: str = ""
    tip: str = ""
    group: int = 0
    tool: bool = False
    submenu: str = ""
    checked: Callable[[], bool] | None = None
    enabled: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Gesture:
    """Something done with mouse or keys inside a panel, for the shortcut sheet: ``keys`` and what happens."""

    keys: str
    text: str


GESTURES: dict[str, tuple[Gesture, ...]] = {
    "Pictures": (
        Gesture("Click", "Select and inspect"),
        Gesture("Shift+click, Ctrl+click", "Select a range, add or remove one"),
        Gesture("Arrow keys, Return", "Move in the grid, inspect"),
        Gesture("A, B", "Put the picture in the grid on that slot"),
        Gesture("Space", "Enlarge the picture under the mouse"),
        Gesture("Drag", "Onto a slot, another panel or another program"),
        Gesture("Right click", "Everything that can be done with a picture"),
        Gesture("Esc", "Cancel a drag, clear the selection"),
    ),
    "Sliders and numbers": (
        Gesture("Wheel, arrow keys", "One step"),
        Gesture("Double click", "Back to the default"),
        Gesture("Typing a number", "Exactly that value"),
    ),
    "Plots": (
        Gesture("Wheel", "Zoom at the pointer"),
        Gesture("Drag", "Move"),
        Gesture("Double click", "Fit"),
        Gesture("Drag the marker, arrow keys", "Projections: move the face along the line; Shift far, Home back"),
    ),
    "Panels": (
        Gesture("Double click on a title", "Maximise or restore"),
        Gesture("Drag a title", "Dock, tab or float"),
        Gesture("Drop on the window", "Picture: encode · folder or zip: dataset · our figure: reopen"),
    ),
}


def tip_of(spec: Spec) -> str:
    """Return the tool tip: what it does, and its shortcut."""
    words = spec.tip or spec.text.replace("&", "").rstrip("…")
    keys = QKeySequence(spec.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{words}  ({keys})" if keys else words


@dataclass
class ActionTable:
    """The actions of a window, as `QAction` objects that carry text, shortcut and icon everywhere."""

    owner: QWidget
    specs: dict[str, Spec] = field(default_factory=dict)
    actions: dict[str, QAction] = field(default_factory=dict)

    def add(self, specs: Iterable[Spec]) -> None:
        """Add actions.

        Raises
        ------
        ValueError
            A name or shortcut is taken.
        """
        taken = {spec.shortcut: spec.name for spec in self.specs.values() if spec.shortcut}
        for spec in specs:
            if spec.name in self.specs or spec.shortcut in taken:
                raise ValueError(f"action '{spec.name}' ({spec.shortcut}) is in the table already")
            if spec.shortcut:
                taken[spec.shortcut] = spec.name
            self.specs[spec.name] = spec
            self.actions[spec.name] = self._make(spec)

    def _make(self, spec: Spec) -> QAction:
        action = QAction(spec.text, self.owner)
        action.setObjectName(spec.name)
        if spec.shortcut:
            action.setShortcut(QKeySequence(spec.shortcut))
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if spec.icon:
            action.setIcon(icon(spec.icon))
        action.setIconVisibleInMenu(False)
        action.setToolTip(tip_of(spec))
        action.setCheckable(spec.checked is not None)
        action.triggered.connect(lambda _checked=False, run=spec.run: run())
        self.owner.addAction(action)
        return action

    def run(self, name: str) -> None:
        """Do an action as its menu entry would, if it can run now."""
        self.refresh()
        self.actions[name].trigger()

    def refresh(self) -> None:
        """Bring check marks and greyed-out entries up to date."""
        for name, spec in self.specs.items():
            if spec.checked is not None:
                self.actions[name].setChecked(spec.checked())
            if spec.enabled is not None:
                self.actions[name].setEnabled(spec.enabled())

    def fill_menus(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Make the menus; submenus are returned by ``"Menu/Submenu"`` too."""
        menus: dict[str, QMenu] = {}
        for title in MENUS:
            menu = bar.addMenu(title)
            menu.setToolTipsVisible(True)
            menu.aboutToShow.connect(self.refresh)
            menus[title] = menu
            last: int | None = None
            for spec in self.specs.values():
                if spec.menu != title:
                    continue
                if last is not None and spec.group != last:
                    menu.addSeparator()
                last = spec.group
                target = menu
                if spec.submenu:
                    key = f"{title}/{spec.submenu}"
                    if key not in menus:
                        menus[key] = menu.addMenu(spec.submenu)
                    target = menus[key]
                target.addAction(self.actions[spec.name])
        return menus

    def fill_tool_bar(self, bar: QToolBar) -> None:
        """Put the actions marked for it on a tool bar, menus apart by separators."""
        last = ""
        for spec in self.specs.values():
            if not spec.tool:
                continue
            if last and spec.menu + str(spec.group) != last:
                bar.addSeparator()
            last = spec.menu + str(spec.group)
            bar.addAction(self.actions[spec.name])
