"""The program from the outside: what a start imports, pictures without a display, bad input, and its end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio.figures.recipe import CodeInput
from latentstudio.models.library import scan_models
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.session import Session

_HEAVY = ("torch", "sklearn", "scipy", "matplotlib", "pandas")

_SHOW = """
import json, sys
from latentstudio.gui.app import make_application, make_window
from latentstudio.studio.settings import Settings
sys.path.insert(0, sys.argv[1])
from silent_engine import SilentEngine

app = make_application("dark")
window = make_window(SilentEngine(), Settings(), None, keep=False)
window.show()
for _ in range(20):
    app.processEvents()
seen = sorted(name for name, dock in window.area.docks.items() if dock.panel is not None)
print(json.dumps({"modules": sorted(sys.modules), "seen": seen, "visible": window.isVisible()}))
window.close()
"""


def python(*words: str, home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run this Python without a display; the person's folders are private ones."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    clean |= {name: str(home / name.lower()) for name in ("LATENTSTUDIO_STATE", "LATENTSTUDIO_CACHE")}
    return subprocess.run(
        [sys.executable, *words], env=clean | environment, capture_output=True, text=True, timeout=110, cwd=home
    )


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A session that needs no dataset: a strip between two codes of the first model that there is."""
    models, _ = scan_models()
    if not models:
        pytest.skip("no model is bundled")
    info = next(iter(models.values()))
    random = np.random.default_rng(1)
    codes = [CodeInput.of(random.standard_normal(info.latent_size).astype(np.float32)) for _ in "ab"]
    panel = Panel(
        id="strip-1",
        kind="operation",
        name="interpolate",
        slots={"a": (codes[0],), "b": (codes[1],)},
    )
    return Session(Document(model=info.name, panels=(panel,), active="strip-1")).save(tmp_path / "scene.latentstudio")


def test_the_first_window_shows_without_the_heavy_libraries(tmp_path):
    done = python("-c", _SHOW, str(Path(__file__).parent), home=tmp_path, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["visible"]
    assert {"browser", "inspector", "strip-1"} <= set(said["seen"]), "the panels in sight are built"
    assert not [name for name in _HEAVY if name in said["modules"]]


def test_a_screenshot_waits_for_the_final_pictures(tmp_path, scene):
    picture = tmp_path / "shot.png"
    words = ["-m", "latentstudio", "--screenshot", str(picture), "--size", "1100x700", "--theme", "light"]
    done = python(*words, "--engine", "thread", str(scene), home=tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(picture) as image:
        assert image.size == (1100, 700)
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels[5, 5].min() > 200, "the light theme was asked for"
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    grey_ground = (spread < 12) & (pixels.mean(axis=2) > 200)
    assert (~grey_ground).mean() > 0.02, "there are pictures in it"
    assert not list((tmp_path / "latentstudio_state").glob("settings.json")), "a screenshot leaves no settings behind"


def test_without_a_display_the_scene_and_its_figure_are_written_and_explained(tmp_path, scene):
    done = python("-m", "latentstudio", "--engine", "thread", str(scene), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "latentstudio-window.png").stat().st_size > 5_000
    from latentstudio.figures.embed import read_figure

    figure = read_figure(tmp_path / "latentstudio-figure.png")
    assert figure.rows[0][0].name == "interpolate"
    assert "There is no display here" in done.stdout
    assert "ssh -X" in done.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--screenshot", "nowhere/shot.png"], "nowhere"),
        (["--screenshot", "shot.txt"], "shot.txt"),
        (["--size", "wide"], "wide"),
        (["gone.latentstudio"], "gone.latentstudio"),
        (["broken.latentstudio", "--screenshot", "shot.png"], "broken.latentstudio"),
    ],
)
def test_bad_words_end_with_one_sentence_and_status_2(tmp_path, words, named):
    (tmp_path / "broken.latentstudio").write_text("{")
    done = python("-m", "latentstudio", *words, home=tmp_path)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
