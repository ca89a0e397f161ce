"""A small window with a 4 ms timer over an engine, in a process of its own; prints what it measured as JSON.

python tests/bench/engine_scene.py process|thread SECONDS DROPS
"""

import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

BEGAN = time.perf_counter()
SPEC, BIG = "faces?n=400", "faces?n=100000"


def main() -> None:
    host, seconds, drops = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    from PySide6.QtCore import QObject, Qt, QTimer, Signal
    from PySide6.QtGui import QImage, QPixmap
    from PySide6.QtWidgets import QApplication, QLabel

    app = QApplication([])
    label = QLabel()
    label.resize(9 * 72, 72)
    label.show()

    class Bridge(QObject):
        news = Signal(object)

    bridge = Bridge()
    gaps: list[float] = []
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(1000 * (now - last[0]))
        last[0] = now

    timer = QTimer(timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(4)

    def until(done: Callable[[], bool], limit: float) -> None:
        end = time.perf_counter() + limit
        while not done() and time.perf_counter() < end:
            app.processEvents()
            time.sleep(0.0002)

    def spin(for_seconds: float) -> list[float]:
        QTimer.singleShot(int(1000 * for_seconds), app.quit)
        gaps.clear()
        last[0] = time.perf_counter()
        app.exec()
        return sorted(gaps)

    idle = spin(2.0)
    report = {"host": host, "window_ms": 1000 * (time.perf_counter() - BEGAN) - 2000, "idle": summary(idle)}

    from latentstudio.studio.catalogue import Catalogue
    from latentstudio.studio.engine import start_engine
    from latentstudio.studio.requests import Answer, DatasetColumns, OpenDataset, Preload, RunRecipe, Urgency

    catalogue = Catalogue.scan()
    assert "torch" not in sys.modules
    model = catalogue.model_ref("faces-realnvp")
    waiting: dict[object, list[float]] = {}
    finished: set[object] = set()
    errors: list[str] = []
    decoded = [0]
    on_done: list[Callable[[], None]] = []

    def hear(news: object) -> None:
        if not isinstance(news, Answer):
            return
        if news.error:
            errors.append(news.error + news.detail)
        result = getattr(news.payload, "result", None)
        times = waiting.get(news.ticket)
        if result is not None:
            picture = result.frames.images[0]
            image = QImage(picture.tobytes(), *picture.shape[1::-1], 3 * picture.shape[1], QImage.Format.Format_RGB888)
            label.setPixmap(QPixmap.fromImage(image))
            if times is not None:
                now = time.perf_counter()
                if len(times) == 1 and result.frames.ready.any():
                    times.append(now)
                if len(times) == 2 and result.frames.ready.all():
                    times.append(now)
        if news.done:
            finished.add(news.ticket)
            if times is not None and len(times) == 3:
                times.append(time.perf_counter())
                decoded[0] += 1
                for action in on_done:
                    action()

    bridge.news.connect(hear, Qt.ConnectionType.QueuedConnection)
    gaps.clear()
    last[0] = time.perf_counter()
    started = time.perf_counter()
    engine = start_engine(host)
    engine.listen(bridge.news.emit)
    report["engine_call_ms"] = 1000 * (time.perf_counter() - started)
    facts = engine.submit("data", Urgency.VISIBLE, OpenDataset(SPEC))
    loaded = engine.submit("preload", Urgency.VISIBLE, Preload(models=(model,)))
    first = drop(engine, catalogue, 0, waiting, RunRecipe, Urgency, model)
    until(lambda: facts in finished, 60)
    report["dataset_open_ms"] = 1000 * (time.perf_counter() - started)
    until(lambda: len(waiting[first]) >= 2, 60)
    report["first_frame_ms"] = 1000 * (waiting[first][1] - started)
    until(lambda: len(waiting[first]) >= 3, 60)
    report["first_strip_ms"] = 1000 * (waiting[first][2] - started)
    until(lambda: first in finished and loaded in finished, 120)
    report["start"] = summary(sorted(gaps))

    count = [1]

    def again() -> None:
        count[0] += 1
        drop(engine, catalogue, count[0], waiting, RunRecipe, Urgency, model)

    for name in ("decode", "decode_and_pass"):
        if name == "decode_and_pass":
            engine.submit("pass", Urgency.BACKGROUND, DatasetColumns(model, catalogue.data_ref(BIG)))
        on_done.append(again)
        decoded[0] = 0
        again()
        report[name] = summary(spin(seconds)) | {"strips_per_second": decoded[0] / seconds}
        on_done.clear()
        until(lambda: all(t in finished for t in waiting), 30)
        times = []
        for _ in range(drops):
            count[0] += 1
            ticket = drop(engine, catalogue, count[0], waiting, RunRecipe, Urgency, model)
            until(lambda ticket=ticket: ticket in finished, 30)
            times.append([1000 * (t - waiting[ticket][0]) for t in waiting[ticket][1:]])
        for place, what in enumerate(("first_frame", "full_strip", "readouts")):
            values = sorted(t[place] for t in times)
            report[f"{name}_{what}"] = {"p50": at(values, 0.5), "p95": at(values, 0.95)}
    ended = time.perf_counter()
    engine.close()
    report["close_ms"] = 1000 * (time.perf_counter() - ended)
    lost = [ticket for ticket in waiting if ticket not in finished]
    assert not errors, errors
    assert not lost, (lost, waiting[lost[0]])
    print(json.dumps(report))


def drop(engine, catalogue, number, waiting, run_recipe, urgency, model):
    """Ask for a strip between two faces that were not asked for before."""
    from latentstudio.figures.recipe import ImageInput, Recipe

    ends = {"a": number * 7 % 400, "b": (number * 13 + 5 + number // 400) % 400}
    recipe = Recipe(
        kind="operation",
        name="interpolate",
        params={"paths": ["linear"], "steps": 9, "extrapolate": 0.0, "at": None},
        model=model,
        data=catalogue.data_ref(SPEC),
        inputs={slot: (ImageInput(dataset=SPEC, index=i),) for slot, i in ends.items()},
    )
    began = time.perf_counter()
    ticket = engine.submit("strip", urgency.VISIBLE, run_recipe(recipe))
    waiting[ticket] = [began]
    return ticket


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def summary(gaps: list[float]) -> dict[str, float]:
    return {"p50": at(gaps, 0.5), "p99": at(gaps, 0.99), "longest": gaps[-1] if gaps else float("nan")}


if __name__ == "__main__":
    main()
