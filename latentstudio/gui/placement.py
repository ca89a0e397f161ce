"""The window's first size: as large as wanted, but never larger than the screen with the frame around it."""

from PySide6.QtCore import QMargins, QObject, QRect, QTimer
from PySide6.QtWidgets import QWidget

ASSUMED_FRAME = QMargins(4, 30, 4, 4)
"""Room in px for a frame whose size the window system tells only after the window is on screen."""
_LOOKS = 8
_LOOK_MS = 60


def fitted(client: QRect, frame: QMargins, available: QRect) -> QRect:
    """Return the client area nearest to `client` whose frame lies inside `available`."""
    room = available.marginsRemoved(frame)
    width, height = min(client.width(), room.width()), min(client.height(), room.height())
    x = min(max(client.x(), room.x()), room.x() + room.width() - width)
    y = min(max(client.y(), room.y()), room.y() + room.height() - height)
    return QRect(x, y, width, height)


class Placement(QObject):
    """Fits a window to its screen before it shows, and once more when the frame around it is known."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._left = _LOOKS
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._fit(ASSUMED_FRAME)
        self._timer.start()

    def _look(self) -> None:
        self._left -= 1
        handle = self._window.windowHandle()
        margins = handle.frameMargins() if handle is not None else QMargins()
        if not margins.isNull():
            self._fit(margins)
        if not margins.isNull() or self._left <= 0:
            self._timer.stop()

    def _fit(self, frame: QMargins) -> None:
        window = self._window
        if window.isMaximized() or window.isFullScreen():
            return
        now = window.geometry()
        wanted = fitted(now, frame, window.screen().availableGeometry())
        if wanted.size() != now.size() or (window.isVisible() and wanted != now):
            window.setGeometry(wanted)
