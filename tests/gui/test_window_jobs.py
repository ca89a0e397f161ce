"""Jobs panel and training dialog, with true child processes that say what a training would."""

import sys
import tomllib
from pathlib import Path

import pytest
from window_kit import gate_world, strip_panel, window_on

from latentstudio.errors import UserError
from latentstudio.gui.job_feed import JobFeed, bundled_recipes, changed_recipe
from latentstudio.gui.panels.jobs import duration
from latentstudio.gui.train_dialog import TrainDialog
from latentstudio.paths import data_home
from latentstudio.studio.jobs import Jobs

_TALK = """
import json, sys, time
print(json.dumps({"step": 1, "steps": 4, "loss": 2.5}), flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
if sys.argv[1] == "fail":
    print("The dataset is empty.", file=sys.stderr)
    sys.exit(2)
"""


@pytest.fixture
def window(qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(tmp_path / "data"))
    controller, _ = gate_world(strip_panel(0, 8))
    controller.jobs = JobFeed(controller, Jobs([sys.executable, "-c", _TALK], grace=1.0))
    made = window_on(controller, qtbot)
    made.show_jobs()
    qtbot.waitUntil(lambda: made.area.docks["jobs"].panel is not None)
    yield made
    made.close()


def test_a_job_shows_its_progress_and_its_end(window, qtbot):
    feed, panel = window.controller.jobs, window.area.docks["jobs"].panel
    number = feed.start("Training x", ["go"])
    qtbot.waitUntil(lambda: feed.jobs.view(number).state == "finished" and "done" in window.messages.text)
    row = panel.rows[number]
    assert not row.stop.isVisible()
    assert "done" in row.time.text()
    assert not panel.empty.isVisible()
    panel.clear.click()
    assert not panel.rows
    assert panel.empty.isVisible()


def test_a_running_job_can_be_stopped_and_is_counted(window, qtbot):
    feed, panel = window.controller.jobs, window.area.docks["jobs"].panel
    number = feed.start("Training x", ["wait"])
    qtbot.waitUntil(lambda: number in panel.rows and "step 1 of 4" in panel.rows[number].words.text())
    assert panel.rows[number].bar.value() == 250
    assert "1 running" in window.status.jobs.toolTip()
    panel.rows[number].stop.click()
    qtbot.waitUntil(lambda: feed.jobs.view(number).state == "cancelled", timeout=10_000)
    qtbot.waitUntil(lambda: "stopped" in panel.rows[number].time.text())


def test_a_failure_is_told_in_its_own_words(window, qtbot):
    number = window.controller.jobs.start("Training x", ["fail"])
    qtbot.waitUntil(lambda: "Training x failed: The dataset is empty." in window.messages.text)
    assert window.controller.jobs.jobs.view(number).state == "failed"


def test_closing_the_window_leaves_no_child_behind(window, qtbot):
    feed = window.controller.jobs
    number = feed.start("Training x", ["wait"])
    window.close()
    assert feed.jobs.view(number).state == "cancelled"


def test_the_dialog_starts_a_training_with_its_own_steps(window, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(window.controller.jobs, "start", lambda title, arguments: asked.append((title, arguments)) or 1)
    dialog = TrainDialog(window.controller, window.controller.jobs, window)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.name.setText("mine")
    dialog.steps.setValue(7)
    dialog.dataset.setCurrentIndex(1)
    dialog.start.click()
    ((title, arguments),) = asked
    assert title == "Training mine"
    assert arguments[0] == "train"
    assert arguments[2:] == ["-o", str(data_home() / "models" / "mine"), "--json"]
    table = tomllib.loads(Path(arguments[1]).read_text())
    assert table["training"]["steps"] == 7
    assert table["dataset"] == "toy"
    assert not dialog.isVisible()


def test_a_name_that_is_taken_or_no_name_is_refused(window, qtbot):
    (data_home() / "models" / "mine").mkdir(parents=True)
    dialog = TrainDialog(window.controller, window.controller.jobs, window)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.name.setText("mine")
    dialog.start.click()
    assert "mine" in dialog.note.text()
    assert dialog.isVisible()
    dialog.name.setText("../mine")
    dialog.start.click()
    assert "cannot be called" in dialog.note.text()
    assert not window.controller.jobs.all()


def test_every_bundled_recipe_can_be_changed():
    assert bundled_recipes()
    for path in bundled_recipes():
        before = tomllib.loads(path.read_text())
        after = tomllib.loads(changed_recipe(path.read_text(), 'folder:/my "faces"', 3))
        assert after["training"].pop("steps") == 3
        assert after.pop("dataset") == 'folder:/my "faces"'
        before["training"].pop("steps")
        before.pop("dataset")
        before["training"]["snapshots"] = after["training"]["snapshots"]  # those that three steps reach
        assert after == before
    with pytest.raises(UserError, match="no line"):
        changed_recipe("title = 'x'", "toy", 0)


def test_times_are_written_in_minutes():
    assert duration(0.4) == "0:00"
    assert duration(125) == "2:05"


def test_a_shorter_training_keeps_the_snapshots_that_it_reaches():
    for path in bundled_recipes():
        table = tomllib.loads(changed_recipe(path.read_text(), "", 600))["training"]
        assert table["steps"] == 600
        assert table["snapshots"]
        assert max(table["snapshots"]) <= 600
        whole = tomllib.loads(path.read_text())["training"]["snapshots"]
        assert table["snapshots"] == [step for step in whole if step <= 600]
