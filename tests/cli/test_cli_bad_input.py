"""Bad input: exit status 2, one sentence that names it, nothing on standard output, no traceback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentstudio.cli.main import guarded
from latentstudio.cli.parsing import whole_numbers
from latentstudio.cli.window import parse
from latentstudio.errors import UserError

Command = Callable[..., Any]

CASES: dict[str, tuple[list[str], str]] = {
    "unknown command": (["frobnicate"], "frobnicate"),
    "unknown option": (["models", "--frob"], "--frob"),
    "unknown operation": (["run", "frob", "--model", "toy"], "frob"),
    "no model": (["run", "sample"], "--model"),
    "unknown model": (["run", "sample", "--model", "nobody"], "nobody"),
    "unknown data": (["run", "norms", "--model", "toy", "--data", "nothing-here"], "nothing-here"),
    "index too large": (["run", "interpolate", "--model", "toy", "--data", "P", "--a", "0", "--b", "99"], "99"),
    "index without data": (["run", "interpolate", "--model", "toy", "--a", "0", "--b", "1"], "--data"),
    "unknown id": (["run", "interpolate", "--model", "toy", "--data", "P", "--a", "0", "--b", "nobody"], "nobody"),
    "missing slot": (["run", "interpolate", "--model", "toy", "--data", "P", "--a", "0"], "--b"),
    "word for a number": (["run", "sample", "--model", "toy", "--count", "many"], "many"),
    "number out of range": (["run", "sample", "--model", "toy", "--count", "0"], "count"),
    "unknown choice": (
        ["run", "interpolate", "--model", "toy", "--data", "P", "--a", "0", "--b", "1", "--paths", "x"],
        "x",
    ),
    "unknown snapshot": (["run", "sample", "--model", "toy", "--snapshot", "7"], "7"),
    "unknown device": (["run", "sample", "--model", "toy", "--device", "abacus"], "abacus"),
    "unknown suffix": (["run", "sample", "--model", "toy", "-o", "T/fig.tiff"], "fig.tiff"),
    "folder is not there": (["run", "sample", "--model", "toy", "-o", "T/no/fig.png"], "fig.png"),
    "nothing to render": (["render"], "render"),
    "render without a verb": (["render", "T/fig.png"], "--check"),
    "render of nothing": (["render", "T/none.png", "--check"], "none.png"),
    "render of a text": (["render", "T/text.png", "-o", "T/x.png"], "text.png"),
    "encode of nothing": (["encode", "--model", "toy", "-o", "T/c.safetensors"], "--data"),
    "encode of both": (
        ["encode", "--model", "toy", "--data", "P", "--images", "x", "-o", "T/c.safetensors"],
        "--images",
    ),
    "encode to a wrong name": (["encode", "--model", "toy", "--data", "P", "-o", "T/c.pt"], "c.pt"),
    "encode of no picture": (
        ["encode", "--model", "toy", "--images", "T/text.png", "-o", "T/c.safetensors"],
        "text.png",
    ),
    "bad indices": (["encode", "--model", "toy", "--data", "P", "--indices", "a", "-o", "T/c.safetensors"], "'a'"),
    "no indices": (["encode", "--model", "toy", "--data", "P", "--indices", "5:2", "-o", "T/c.safetensors"], "5:2"),
    "codes into no folder": (
        ["encode", "--model", "toy", "--data", "P", "-o", "T/no/c.safetensors"],
        "c.safetensors",
    ),
    "seed beyond its range": (["run", "sample", "--model", "toy", "--seed", "9999999999"], "2147483647"),
    "decode of a folder": (["decode", "T", "--model", "toy", "-o", "T/g.png"], "There is no file"),
    "decode of nothing": (["decode", "T/none.safetensors", "--model", "toy", "-o", "T/g.png"], "none.safetensors"),
    "decode of a text": (["decode", "T/text.png", "--model", "toy", "-o", "T/g.png"], "text.png"),
    "model that is no model": (["check-model", "T"], "T"),
    "fetch of an unknown": (["datasets", "--fetch", "celeba"], "celeba"),
    "experiment that is not known": (["reproduce", "nothing"], "nothing"),
    "entry that is not known": (["reproduce", "olivetti", "--only", "S9-F1"], "S9-F1"),
    "experiments without their data": (["reproduce", "olivetti"], "--fetch olivetti"),
    "size of a window": (["--screenshot", "T/s.png", "--size", "big"], "1366x768"),
    "theme of a window": (["--screenshot", "T/s.png", "--theme", "pink"], "pink"),
    "format of a screenshot": (["--screenshot", "T/s.txt"], "s.txt"),
    "session that is not there": (["none.latentstudio"], "none.latentstudio"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_sentence(name: str, command: Command, home: Any, tmp_path: Path) -> None:
    words, expected = CASES[name]
    (tmp_path / "text.png").write_text("not a picture", encoding="utf-8")
    places = {"P": str(home.pictures), "T": str(tmp_path)}
    given = [places.get(w, w.replace("T/", f"{tmp_path}/", 1) if w.startswith("T/") else w) for w in words]
    answer = command(*given)
    assert answer.status == 2
    assert answer.out == ""
    (line,) = [v for v in answer.err.splitlines() if v.startswith("latentstudio: ")]
    assert expected in line
    assert "Traceback" not in answer.err


def test_debug_shows_where_it_happened(command: Command) -> None:
    with pytest.raises(UserError):
        command("run", "sample", "--model", "nobody", "--debug")


def test_an_interruption_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: list[str]) -> int:
        raise KeyboardInterrupt

    assert guarded(interrupted, []) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_the_program_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def faulty(_: list[str]) -> int:
        raise ZeroDivisionError("division by zero")

    assert guarded(faulty, []) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        guarded(faulty, ["--debug"])


def test_options_of_the_window_say_whether_there_is_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not parse([]).display
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert parse(["--size", "800x600"]).display


def test_indices() -> None:
    assert whole_numbers(["3", "5,7", "0:3", "0:10:4"], 10) == [3, 5, 7, 0, 1, 2, 0, 4, 8]
    assert whole_numbers([":"], 3) == [0, 1, 2]
    for words in (["x"], ["1:2:0"], ["-1"], ["10"], ["1:2:3:4"], ["0:99"]):
        with pytest.raises(UserError):
            whole_numbers(words, 10)
