"""The height that the strip's dock gets: what its rows need, and the rest for the panels below."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow

from latentstudio.studio.document import Document

BESIDES_ROWS, ONE_ROW, FURTHER_ROW = 318, 106, 80
"""Height in px of a strip's dock without its rows, of a single row with all its readouts, and of each of several."""
SHARE = 0.76
"""Share of the height that the strip takes at most."""
_CHROME = 100


def strip_height(paths: int, window_height: int) -> int:
    """Return the height in px for a dock with so many paths in a window of `window_height` px."""
    wanted = BESIDES_ROWS + (ONE_ROW if paths < 2 else paths * FURTHER_ROW)
    return min(wanted, round(max(400, window_height - _CHROME) * SHARE))


def most_paths(document: Document) -> int:
    """Number of paths of the strip that shows the most of them."""
    strips = [p for p in document.panels if p.name == "interpolate"]
    return max((len(p.params.get("paths", ("linear",))) for p in strips), default=1)


class StripHeight(QObject):
    """Follows the number of paths as long as nobody has moved the border between strip and panels below."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._docks: tuple[QDockWidget, QDockWidget] | None = None
        self._held = -1
        self._paths = 0
        window.installEventFilter(self)

    def share(self, upper: QDockWidget, lower: QDockWidget, document: Document) -> None:
        """Divide the height between the strip and what is below it, now and when the number of paths changes."""
        self._docks, self._paths = (upper, lower), most_paths(document)
        self._divide()

    def release(self) -> None:
        """The arrangement is the person's own from now on."""
        self._docks = None

    def follow(self, document: Document) -> None:
        """Give the strip more or less when paths were added or taken away."""
        paths = most_paths(document)
        if paths != self._paths:
            self._paths = paths
            self._divide()

    def _divide(self) -> None:
        docks = self._docks
        if docks is None or any(dock.isFloating() or not dock.isVisibleTo(self._window) for dock in docks):
            return
        height = strip_height(self._paths, self._window.height())
        rest = max(1, self._window.height() - _CHROME - height)
        self._window.resizeDocks(list(docks), [height, rest], Qt.Orientation.Vertical)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Divide anew when the window changes its size; a border drawn by the mouse is respected from then on."""
        if self._docks is not None and watched is self._window:
            if event.type() == QEvent.Type.Resize:
                QTimer.singleShot(0, self, self._divide)
            elif event.type() == QEvent.Type.MouseButtonPress:
                self._held = self._docks[0].height()
            elif event.type() == QEvent.Type.MouseButtonRelease and self._docks[0].height() != self._held:
                self.release()
        return super().eventFilter(watched, event)
