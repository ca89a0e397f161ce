"""The real window over an engine process, and a hand that drags along a strip; prints what it measured as JSON.

python tests/bench/drag_scene.py MODEL SECONDS

The hand moves every 16 ms for SECONDS, in turns without and with a pass that encodes ``faces?n=202599`` under the same
model into the latent store. Latency is the time from a mouse move to the moment at which the preview of the place under
the hand, or of a later one, is painted; stalls are the gaps of a 4 ms timer of the window's thread.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SPEC, BIG = "faces?n=60", "faces?n=202599"
MOVE_MS = 16
ROUNDS = 3


def main() -> None:
    from PySide6.QtCore import QEvent, QEventLoop, QObject, QPointF, Qt, QTimer
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    from latentstudio.figures.recipe import DataRef
    from latentstudio.gui.app import make_application, make_window
    from latentstudio.studio.engine import start_engine
    from latentstudio.studio.settings import Settings
    from latentstudio.studio.store_requests import StoreCodes

    model, seconds = sys.argv[1], float(sys.argv[2])
    engine = start_engine("process", "cpu")
    app = make_application("dark")
    window = make_window(engine, Settings(), None, keep=False)
    controller = window.controller
    window.show()

    def until(done: Callable[[], bool], limit: float, what: str) -> None:
        end = time.perf_counter() + limit
        while not done():
            assert time.perf_counter() < end, f"{what}: {controller.unsettled}"
            app.processEvents()
            time.sleep(0.001)

    controller.set_model(model)
    controller.set_dataset(SPEC)
    until(lambda: controller.facts is not None and controller.facts.spec == SPEC, 60, "the dataset")
    until(lambda: not controller.unsettled and not controller.lanes.busy, 240, "everything on screen")

    panel = window.area.docks["strip-1"].panel
    track, preview = panel.scrub.track, panel.preview
    gaps: list[float] = []
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(1000 * (now - last[0]))
        last[0] = now

    timer = QTimer(timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(4)

    moves: list[float] = []
    latencies: list[float] = []
    arrived = [False]
    controller.preview_changed.connect(lambda _panel, _frames: arrived.__setitem__(0, True))

    class Painted(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and arrived[0]:
                arrived[0] = False
                QTimer.singleShot(0, painted)
            return False

    def painted() -> None:
        """The newest request wins, so a preview answers every move up to the one that it was asked for."""
        now = time.perf_counter()
        latencies.extend(1000 * (now - moved) for moved in moves)
        moves.clear()

    watcher = Painted()
    preview.installEventFilter(watcher)
    places = itertools.cycle([*range(40), *range(40, 0, -1)])

    def send(kind: QEvent.Type, place: int) -> None:
        x = track.x_of(0.02 + 0.96 * place / 40)
        point = QPointF(x, track.track_y())
        button = Qt.MouseButton.LeftButton
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        event = QMouseEvent(kind, point, track.mapToGlobal(point), button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(track, event)

    def drag(for_seconds: float) -> Drag:
        latencies.clear()
        moves.clear()
        found = Drag(for_seconds)
        count = controller.preview_changed.connect(lambda _panel, _frames: found.count())
        send(QEvent.Type.MouseButtonPress, next(places))

        def move() -> None:
            moves.append(time.perf_counter())
            send(QEvent.Type.MouseMove, next(places))

        hand = QTimer(timerType=Qt.TimerType.PreciseTimer)
        hand.timeout.connect(move)
        hand.start(MOVE_MS)
        gaps.clear()
        last[0] = time.perf_counter()
        loop = QEventLoop()  # quitting the application would close the window
        QTimer.singleShot(int(1000 * for_seconds), loop.quit)
        loop.exec()
        hand.stop()
        found.gaps, found.latencies = list(gaps), list(latencies)
        send(QEvent.Type.MouseButtonRelease, next(places))
        controller.preview_changed.disconnect(count)
        until(lambda: not controller.unsettled, 120, "the strip after the drag")
        return found

    def stored(number: int) -> int:
        view = next(view for view in controller.stores.all() if view.id == number)
        assert view.state == "running", view.error
        words = view.message.partition("Encoding: ")[2].partition(" of ")[0].replace(",", "")
        return int(words) if words.isdigit() else 0

    drag(1.0)
    request = StoreCodes(controller.catalogue.model_ref(model), DataRef(spec=BIG))
    alone, beside, rates = [], [], []
    for _ in range(ROUNDS):  # in turns, so that a busy machine slows both alike
        alone.append(drag(seconds))
        number = controller.stores.start(request, "Drawn faces")
        until(lambda n=number: stored(n) > 0, 240, "the pass")
        first, began = stored(number), time.perf_counter()
        until(lambda n=number, f=first: stored(n) > f + 8, 240, "the pass by itself")
        rates.append((stored(number) - first) / (time.perf_counter() - began))
        first, began = stored(number), time.perf_counter()
        beside.append(drag(seconds))
        rates.append((stored(number) - first) / (time.perf_counter() - began))
        controller.stores.cancel(number)
    window.close()
    app.processEvents()
    report = {"alone": summary(alone), "beside_the_pass": summary(beside)}
    report["images_per_second"] = {"alone": sum(rates[::2]) / ROUNDS, "during_the_drag": sum(rates[1::2]) / ROUNDS}
    print(json.dumps(report))


class Drag:
    """What one drag has shown: frames, and times in ms."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.frames = 0
        self.latencies: list[float] = []
        self.gaps: list[float] = []

    def count(self) -> None:
        """One more frame has come."""
        self.frames += 1


def summary(drags: list[Drag]) -> dict[str, float]:
    """Rates and times of several drags together."""
    latencies = sorted(t for drag in drags for t in drag.latencies)
    gaps = sorted(t for drag in drags for t in drag.gaps)
    return {
        "frames_per_second": sum(drag.frames for drag in drags) / sum(drag.seconds for drag in drags),
        "latency_p50_ms": at(latencies, 0.5),
        "latency_p95_ms": at(latencies, 0.95),
        "stall_p99_ms": at(gaps, 0.99),
        "stall_longest_ms": at(gaps, 1.0),
    }


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


if __name__ == "__main__":
    main()
