"""Draw a scene into a file: wait for every visible panel, then take the picture of the window."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from latentstudio.errors import UserError
from latentstudio.figures.recipe import FigureStyle
from latentstudio.gui.figures import figure_of
from latentstudio.paths import replacing
from latentstudio.studio.requests import Answer, RenderFigure, Urgency

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.main_window import MainWindow

LIMIT_SECONDS = 180.0
QUIET_MS = 250
_CHECK_MS = 40


class Settling(QObject):
    """Waits until nothing more is coming for what can be seen, and has been so for a moment."""

    def __init__(self, controller: "Controller", limit: float = LIMIT_SECONDS) -> None:
        super().__init__()
        self._controller = controller
        self._deadline = time.monotonic() + limit
        self._quiet_since: float | None = None
        self._loop = QEventLoop()
        self.left: tuple[str, ...] = ()

    def wait(self) -> tuple[str, ...]:
        """Run the event loop until all is there; return what was still missing at the time limit."""
        timer = QTimer(self)
        timer.timeout.connect(self._look)
        timer.start(_CHECK_MS)
        self._loop.exec()
        timer.stop()
        return self.left

    def _look(self) -> None:
        now = time.monotonic()
        self.left = self._controller.unsettled
        if self.left:
            self._quiet_since = None
            if now > self._deadline:
                self._loop.quit()
        elif self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since > QUIET_MS / 1000:
            self._loop.quit()


def draw_scene(app: QApplication, window: "MainWindow", picture: Path, figure: Path | None) -> int:
    """Show the window, wait, write its picture (and the figure of its active panel), and close.

    Parameters
    ----------
    figure : where the exported figure of the active panel goes, when the machine has no display; None writes none.

    Returns
    -------
    int
        Exit status: 0, or 1 when something had not come within the time limit (the picture is written all the same).

    Raises
    ------
    UserError
        A file cannot be written.
    """
    try:
        window.show()
        left = Settling(window.controller).wait()
        save_picture(window, picture)
        if figure is not None:
            export_active(window.controller, figure)
            _explain(picture, figure)
    finally:
        window.close()
        app.processEvents()
    if left:
        names = ", ".join(left)
        print(  # noqa: T201
            f"After {LIMIT_SECONDS:.0f} s the final result of {names} had not come; the picture shows what there was.",
            file=sys.stderr,
        )
        return 1
    return 0


def save_picture(window: "MainWindow", path: Path) -> None:
    """Write a picture of the window in device pixels.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    from PySide6.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    form = "JPG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG"
    if not window.grab().save(buffer, form):
        raise UserError(f"The picture of the window cannot be written as {path.name}; a name ending in .png would do.")
    with replacing(path) as stream:
        stream.write(buffer.data().data())


def export_active(controller: "Controller", path: Path) -> None:
    """Export the active panel as a figure and wait for it.

    Raises
    ------
    UserError
        There is nothing to export, or the file cannot be written.
    """
    figure = figure_of(controller, [controller.document.active], FigureStyle())
    loop = QEventLoop()
    problems: list[str] = []

    def answered(answer: Answer) -> None:
        if answer.error:
            problems.append(answer.error)
        if answer.done or answer.error:
            loop.quit()

    request = RenderFigure(figure, str(path), "png")
    controller.lanes.submit("export", Urgency.VISIBLE, request, answered)
    QTimer.singleShot(int(1000 * LIMIT_SECONDS), loop, loop.quit)
    loop.exec()
    if problems:
        raise UserError(problems[0])


def _explain(picture: Path, figure: Path) -> None:
    print(  # noqa: T201
        f"There is no display here, so the window was drawn into {picture} and its figure into {figure}.\n"
        "For a window on your own screen: run LatentStudio there, connect with 'ssh -X', or start it under a virtual "
        "display, e.g. 'xvfb-run -s \"-screen 0 1366x768x24\" latentstudio'.\n"
        "Everything else works without a display: 'latentstudio --help' lists the commands."
    )
