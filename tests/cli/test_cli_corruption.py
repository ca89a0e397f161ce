"""Reflection, corruption and their analyses from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from test_cli_commands import value_of

from latentstudio.figures.embed import read_figure

Command = Callable[..., Any]


@pytest.fixture
def base(home: Any) -> list[str]:
    return ["--model", "toy", "--data", str(home.pictures)]


def test_a_corruption_is_drawn_with_its_maps_and_drawn_again_from_its_file(
    command: Command, base: list[str], tmp_path: Path
) -> None:
    picture = tmp_path / "corrupt.png"
    options = ["--face", "3", "--which", "region", "--region", "7", "8", "--count", "2", "--magnitudes", "-3", "0.5,30"]
    answer = command("run", "corrupt", *base, *options, "-o", str(picture), "--dpi", "80")
    assert answer.status == 0, answer.err
    with Image.open(picture) as drawn:
        assert drawn.width > 100
    ((recipe,),) = read_figure(picture).rows
    assert recipe.params["region"] == [7, 8]
    assert recipe.params["magnitudes"] == [-3.0, 0.5, 30.0]
    again = command("render", str(picture), "--check")
    assert again.status == 0, again.err


def test_numbers_of_a_corruption_are_strict_json(command: Command, base: list[str]) -> None:
    options = ["--face", "3", "--which", "chosen", "--components", "0", "2", "--second", "1"]
    found = value_of(command("run", "corrupt", *base, *options, "--json"))["result"]
    assert found["row_labels"] == ["First set", "Second set", "Both sets"]
    assert found["threshold"] == 8.0
    changed = next(m["values"] for m in found["measures"] if m["label"] == "changed, %")
    assert len(changed) == 15
    assert [changed[k] for k in (0, 5, 10)] == [None, None, None]
    assert all(v is not None for k, v in enumerate(changed) if k % 5)


def test_a_table_of_a_reflection_names_its_rows(command: Command, base: list[str], tmp_path: Path) -> None:
    table = tmp_path / "reflect.csv"
    answer = command("run", "reflect", *base, "--faces", "3", "5", "--alphas", "0.5", "1", "-o", str(table))
    assert answer.status == 0, answer.err
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("row,image,norm")
    assert "clipped, %" in lines[0]
    assert [line.split(",")[:2] for line in lines[1:]] == [
        [name, label] for name in ("face_03.png", "face_05.png") for label in ("face", "−0.5", "−1")
    ]


@pytest.mark.parametrize("name", ["sensitivity", "dose_response", "additivity", "scan"])
def test_every_one_prints_its_numbers(command: Command, base: list[str], name: str) -> None:
    options = ["--face", "3"] if name == "sensitivity" else []
    options += ["--counts", "1", "2"] if name == "dose_response" else []
    found = value_of(command("run", name, *base, *options, "--json"))["result"]
    assert found["title"]
    assert found["caption"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--parts", "level_9"], "has no part 'level_9' of its code; there are code, and all"),
        (["--which", "region"], "No place is painted"),
        (["--which", "region", "--region", "999"], "There is no pixel 999 in pictures of 5 x 6 pixels"),
        (["--which", "chosen", "--components", "44"], "The code has no component 44; 0 to 3 would do"),
        (["--magnitudes", "much"], "Parameter 'magnitudes' cannot be 'much'; a number would do"),
    ],
)
def test_bad_input_ends_with_one_sentence(command: Command, base: list[str], options: list[str], sentence: str) -> None:
    answer = command("run", "corrupt", *base, "--face", "3", *options)
    assert answer.status == 2
    assert sentence in answer.err
    assert "Traceback" not in answer.err
