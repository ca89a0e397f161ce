"""Start the window: engine first, so that it warms up meanwhile; the window shows before any model is loaded."""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from latentstudio.errors import UserError
from latentstudio.studio.engine import start_engine
from latentstudio.studio.requests import Engine
from latentstudio.studio.settings import Settings, settings_path

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from latentstudio.gui.main_window import MainWindow

WINDOW_FILE = "latentstudio-window.png"
FIGURE_FILE = "latentstudio-figure.png"

HINT = "Drag a face onto A or B, or drop a photo anywhere.  F1 shows all shortcuts, Ctrl+K finds everything."


def run_window(options: argparse.Namespace) -> int:
    """Open the window, or draw it into a file; return the exit status.

    Parameters
    ----------
    options : as `cli.window.parse` gives them: path, theme, size, screenshot, engine, display.

    Raises
    ------
    UserError
        The file to open cannot be opened, or the screenshot cannot be written.
    """
    blind = options.screenshot is None and not options.display
    if not options.display:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        _quieten_offscreen()
    alone = blind or options.screenshot is not None
    settings = Settings() if alone else Settings.load()
    engine = start_engine(options.engine or settings.engine, settings.device)
    try:
        app = make_application(options.theme if options.theme != "system" else settings.theme)
        window = make_window(engine, settings, options.path, keep=not alone)
    except BaseException:
        engine.close(timeout=1.0)
        raise
    if options.size is not None:
        window.resize(*options.size)
    if alone:
        from latentstudio.gui.screenshot import draw_scene

        picture = options.screenshot or Path.cwd() / WINDOW_FILE
        return draw_scene(app, window, picture, Path.cwd() / FIGURE_FILE if blind else None)
    return _run(app, window, first_start=not settings_path().exists(), sized=options.size is not None)


def _quieten_offscreen() -> None:
    """Keep to ourselves that the offscreen platform ignores the smallest size of a window; pass on all else."""
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    def handle(_kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        if "propagateSizeHints" not in text:
            print(text, file=sys.stderr)  # noqa: T201 - where Qt itself would put it

    qInstallMessageHandler(handle)


def make_application(theme: str) -> "QApplication":
    """Return the application of this process with name, theme and exact scale factors."""
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication

    from latentstudio.gui.theme import apply_theme

    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        apply_theme(existing, theme)
        return existing
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    QApplication.setApplicationName("latentstudio")
    QApplication.setApplicationDisplayName("")
    QApplication.setDesktopFileName("latentstudio")
    app = QApplication([sys.argv[0] if sys.argv else "latentstudio"])
    apply_theme(app, theme)
    return app


def make_window(engine: Engine, settings: Settings, path: Path | None, keep: bool) -> "MainWindow":
    """Build the window on its first scene, or on what `path` holds.

    Parameters
    ----------
    keep : autosave, recent files and settings are those of the person; otherwise the window leaves no trace.

    Raises
    ------
    UserError
        A session at `path` cannot be opened.
    """
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.job_feed import JobFeed
    from latentstudio.gui.main_window import MainWindow
    from latentstudio.gui.store_passes import StorePasses
    from latentstudio.studio.autosave import Autosave
    from latentstudio.studio.catalogue import Catalogue
    from latentstudio.studio.defaults import welcome_document
    from latentstudio.studio.recent import Recent
    from latentstudio.studio.session import Session
    from latentstudio.studio.session_files import SUFFIX, missing

    catalogue = Catalogue.scan()
    session = Session(welcome_document(catalogue))
    is_session = path is not None and path.suffix.lower() == SUFFIX
    if is_session and path is not None:
        session.open(path)
    controller = Controller(session, engine, catalogue)
    controller.jobs = JobFeed(controller)
    controller.stores = StorePasses(controller)
    window = MainWindow(controller, settings, Recent(), Autosave(session) if keep else None)
    if path is not None:
        if keep:
            window.recent.add(path)
        if not is_session:
            controller.open_path(path)
        for sentence in missing(controller.document, catalogue):
            controller.message.emit(sentence, "warning")
    return window


def _run(app: "QApplication", window: "MainWindow", first_start: bool, sized: bool) -> int:
    from PySide6.QtCore import QTimer

    from latentstudio.gui.placement import Placement

    if not sized:
        Placement(window)
    window.show()
    if first_start:
        understood, _ = window.messages.offer(HINT, "Got it")
        understood.clicked.connect(lambda: window.remember())
        # Whoever has done something does not need to be told how to begin.
        window.controller.document_changed.connect(
            lambda _old, _new: window.messages.hide() if window.messages.text == HINT else None
        )
    QTimer.singleShot(0, window, window.offer_recovery)
    _report_crashes(lambda sentence: window.controller.message.emit(sentence, "error"))
    # Python sees Ctrl+C in the terminal only while its own code runs, so it is given a moment now and then.
    signal.signal(signal.SIGINT, lambda _number, _frame: window.close())
    pulse = QTimer(window)
    pulse.timeout.connect(lambda: None)
    pulse.start(300)
    status = app.exec()
    window.controller.close()
    return status


def _report_crashes(say: Callable[[str], None]) -> None:
    """Show a programming error in the window as well as on standard error; the program goes on."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        if isinstance(error, UserError):
            say(str(error))
        elif issubclass(kind, Exception):
            say(f"Something in the window failed ({kind.__name__}: {error}). Your work is kept; saving is a good idea.")

    sys.excepthook = hook
