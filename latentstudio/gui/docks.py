"""Dock widgets that build their content when first seen, and their titles: float, tab, close, maximise."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QMouseEvent
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QLabel, QMainWindow, QScrollArea, QTabBar, QWidget

from latentstudio.gui.naming import tool_button
from latentstudio.gui.theme import GAP, small_font

TITLE_HEIGHT = 26
SMALLEST = QSize(200, 110)
ASIDE = QPoint(48, 48)


class DockTitle(QWidget):
    """Title of a dock: its name, and buttons to maximise, float and close it."""

    def __init__(self, dock: "PanelDock") -> None:
        super().__init__(dock)
        self._dock = dock
        self.setObjectName("dockTitle")
        self.setFixedHeight(TITLE_HEIGHT)
        self._name = QLabel(dock.windowTitle())
        self._name.setFont(small_font(0.95))
        self._name.setProperty("muted", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, 0, 2, 0)
        row.setSpacing(0)
        row.addWidget(self._name, 1)
        self._buttons = QWidget()
        inner = QHBoxLayout(self._buttons)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        for button in (
            tool_button("maximise", "Maximise this panel (F11)", dock.maximise_asked.emit),
            tool_button("float", "Float or dock this panel", dock.toggle_float),
            tool_button("close", "Close this panel; the View menu brings it back", dock.close),
        ):
            # The keyboard reaches all three by the View menu; here they would only be in the way of Tab.
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            inner.addWidget(button)
        self._buttons.setVisible(False)
        row.addWidget(self._buttons)
        dock.windowTitleChanged.connect(self._name.setText)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the buttons to the mouse."""
        self._buttons.setVisible(True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Leave the title quiet."""
        self._buttons.setVisible(False)
        super().leaveEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Maximise or restore."""
        self._dock.maximise_asked.emit()
        event.accept()

    def sizeHint(self) -> QSize:
        """Of fixed height, whether the buttons show or not."""
        return QSize(120, TITLE_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """As narrow as needed."""
        return QSize(60, TITLE_HEIGHT)


class PanelDock(QDockWidget):
    """A dock whose content is made when it is first shown, so that panels nobody looks at cost nothing.

    Parameters
    ----------
    name : stable object name, which saved layouts refer to.
    make : builds the content.
    """

    maximise_asked = Signal()
    seen = Signal(bool)  # whether the content is on screen

    def __init__(self, name: str, title: str, make: Callable[[], QWidget], parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._make = make
        self.panel: QWidget | None = None
        self._on_screen = False
        self._in_front = False
        # A panel that wants more room than there is scrolls, so that the window fits small screens.
        self._frame = QScrollArea()
        self._frame.setWidgetResizable(True)
        self._frame.setFrameShape(QFrame.Shape.NoFrame)
        self._frame.setMinimumSize(SMALLEST)
        self._frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(self._frame)
        self._title = DockTitle(self)
        self._no_title = QWidget(self)
        self._no_title.setFixedHeight(0)
        self.setTitleBarWidget(self._title)
        self.visibilityChanged.connect(self._visibility)
        self.topLevelChanged.connect(self._frame_floating)
        self.topLevelChanged.connect(lambda _floating: QTimer.singleShot(0, self, self.choose_title))
        self.dockLocationChanged.connect(lambda _area: QTimer.singleShot(0, self, self.choose_title))

    @property
    def on_screen(self) -> bool:
        """Whether the content can be seen."""
        return self._on_screen

    def content(self) -> QWidget:
        """Return the panel, making it now if it was never seen."""
        if self.panel is None:
            self.panel = self._make()
            self._frame.setWidget(self.panel)
        return self.panel

    def toggle_float(self) -> None:
        """Float the panel in a window of its own, a little aside so that it shows, or dock it again."""
        self.setFloating(not self.isFloating())
        if self.isFloating():
            room = self.screen().availableGeometry()
            place = self.geometry().translated(ASIDE)
            place.moveRight(min(place.right(), room.right()))
            place.moveBottom(min(place.bottom(), room.bottom()))
            self.move(place.topLeft())
            self.raise_()

    def _frame_floating(self, floating: bool) -> None:
        """A window without a frame of its own would melt into the one behind it."""
        self._frame.setFrameShape(QFrame.Shape.Box if floating else QFrame.Shape.NoFrame)

    def bring_up(self) -> None:
        """Show the panel and put it in front of its tab group."""
        self.show()
        self.raise_()

    def choose_title(self) -> None:
        """A panel that is one of several tabs needs no second title."""
        host = self.parentWidget()
        tabbed = not self.isFloating() and isinstance(host, QMainWindow) and bool(host.tabifiedDockWidgets(self))
        wanted = self._no_title if tabbed else self._title
        if self.titleBarWidget() is not wanted:
            self.setTitleBarWidget(wanted)
            self._title.setVisible(not tabbed)
            self._no_title.setVisible(tabbed)

    def _visibility(self, visible: bool) -> None:
        # While docks are being arranged every tab is in front for a moment: only what is left afterwards counts.
        self._in_front = visible
        QTimer.singleShot(0, self, self._look)

    def _look(self) -> None:
        if self._in_front == self._on_screen:
            return
        self._on_screen = self._in_front
        if self._on_screen:
            self.content()
        self.seen.emit(self._on_screen)


class TabDoubleClick(QObject):
    """Maximises the panel whose tab is double-clicked; Qt makes the tab bars of docks itself, so they are watched."""

    def __init__(self, window: QMainWindow, run: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window = window
        self._run = run

    def watch(self) -> None:
        """Look for tab bars that are new since the last time."""
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.installEventFilter(self)
            bar.setElideMode(Qt.TextElideMode.ElideRight)
            bar.setUsesScrollButtons(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See double clicks on tabs."""
        if event.type() == QEvent.Type.MouseButtonDblClick and isinstance(watched, QTabBar):
            assert isinstance(event, QMouseEvent)
            point: QPoint = event.position().toPoint()
            place = watched.tabAt(point)
            if place >= 0:
                self._run(watched.tabText(place))
                return True
        return super().eventFilter(watched, event)
