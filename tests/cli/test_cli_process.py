"""The command line as a process of its own: what it imports, how it ends, what it prints where."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_HEAVY = ("torch", "PySide6", "matplotlib", "sklearn", "scipy", "pyqtgraph")


def run(*words: str, **facts: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "latentstudio", *words], capture_output=True, text=True, timeout=90, check=False, **facts
    )


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["models", "--json"], ["operations", "--json"]])
def test_light_commands_import_nothing_heavy(words: list[str], home: Any) -> None:
    program = (
        "import sys\nfrom latentstudio.__main__ import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {_HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_importing_the_entry_imports_neither_qt_nor_torch() -> None:
    program = f"import sys, latentstudio.__main__\nprint([m for m in {_HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_version() -> None:
    from latentstudio import __version__

    done = run("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"latentstudio {__version__}")


def test_bad_input_ends_with_status_2() -> None:
    done = run("run", "sample", "--model", "nobody")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "nobody" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_is_the_only_thing_on_standard_output(home: Any) -> None:
    done = run("run", "sample", "--model", str(home.model), "--count", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["frames"] == 2


def test_a_reader_that_goes_away_is_no_fault(home: Any) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [sys.executable, "-m", "latentstudio", "operations", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert err == ""


def test_the_printed_command_and_python_give_the_picture_again(home: Any, tmp_path: Path) -> None:
    from latentstudio.figures.embed import read_figure
    from latentstudio.figures.recipe import Figure, FigureStyle
    from latentstudio.figures.script import as_command, as_python

    style = FigureStyle(dpi=80)
    first = tmp_path / "first.png"
    made = run("run", "interpolate", "--model", str(home.model), "--data", str(home.pictures), "--a", "2", "--b", "9",
               "--steps", "3", "--dpi", "80", "-o", str(first))  # fmt: skip
    assert made.returncode == 0, made.stderr
    recipe = read_figure(first).rows[0][0]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    shell = as_command(recipe, "second.png", style)
    subprocess.run(shell, shell=True, cwd=tmp_path, check=True, timeout=90, env=environment, capture_output=True)
    source = as_python(Figure(rows=((recipe,),), style=style), "third.png")
    subprocess.run([sys.executable, "-c", source], cwd=tmp_path, check=True, timeout=90, capture_output=True)
    assert (tmp_path / "second.png").read_bytes() == first.read_bytes()
    assert (tmp_path / "third.png").read_bytes() == first.read_bytes()
