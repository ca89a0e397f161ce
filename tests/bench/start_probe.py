"""Started as a program of its own: opens the window, prints when it was shown and when the first strip was painted."""

import json
import os
import sys
import time

START = float(sys.argv[1])
HOST = sys.argv[2]


def main() -> None:
    from PySide6.QtCore import QTimer

    from latentstudio.gui.app import make_application, make_window
    from latentstudio.results import Strip
    from latentstudio.studio.engine import start_engine
    from latentstudio.studio.settings import Settings

    engine = start_engine(HOST)
    app = make_application("dark")
    window = make_window(engine, Settings(), None, keep=False)
    found: dict[str, float] = {}

    def panel_changed(panel_id: str, view: object) -> None:
        result = getattr(view, "result", None)
        if isinstance(result, Strip):
            if result.frames.ready.any():
                found.setdefault("first_frame", time.time() - START)
            if result.frames.ready.all():
                found.setdefault("full_strip", time.time() - START)
                QTimer.singleShot(0, finish)

    def finish() -> None:
        window.controller.panel_changed.disconnect(panel_changed)
        print(json.dumps(found), flush=True)
        window.close()
        window.controller.close()
        os._exit(0)

    window.controller.panel_changed.connect(panel_changed)
    window.resize(1366, 768)
    window.show()
    app.processEvents()
    found["window"] = time.time() - START
    QTimer.singleShot(60_000, finish)
    app.exec()


if __name__ == "__main__":
    main()
