"""Tables as CSV, selections, animations, and recipes as scripts that give the same picture."""

import csv
import io
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from toys import DATA, MODEL, SIZE, ToyData, ToyWorkspace

from latentstudio.errors import UserError
from latentstudio.figures.animate import EASINGS, animate
from latentstudio.figures.recipe import CodeInput, Figure, FigureStyle, ImageInput, Recipe
from latentstudio.figures.run import run_recipe, seal
from latentstudio.figures.script import as_command, as_python
from latentstudio.figures.tables import csv_of, table_of, write_csv, write_selection
from latentstudio.results import Sheet, Table, final


def interpolation(**params: object) -> Recipe:
    inputs = {"a": (ImageInput(dataset="toy", index=3),), "b": (ImageInput(dataset="toy", index=17),)}
    return Recipe(kind="operation", name="interpolate", params=params, model=MODEL, data=DATA, inputs=inputs)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_the_numbers_of_a_strip_as_csv(tmp_path: Path) -> None:
    strip = final(run_recipe(interpolation(steps=4, paths=["linear", "spherical"]), ToyWorkspace()))
    rows = rows_of(write_csv(strip, tmp_path / "strip.csv"))
    assert [r["path"] for r in rows] == ["Linear"] * 4 + ["Spherical"] * 4
    assert [float(r["position"]) for r in rows[:4]] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [float(r["norm"]) for r in rows] == [float(v) for v in strip.frames.norm]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["likelihood", "norms"])
def test_every_analysis_has_a_table(name: str) -> None:
    result = final(run_recipe(Recipe(kind="analysis", name=name, model=MODEL, data=DATA), ToyWorkspace()))
    table = table_of(result)
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_sheet_as_one_table_keeps_every_row() -> None:
    sheet = Sheet((Table(("a", "b"), ((1, 2),)), Table(("b", "c"), ((3, 4), (5, 6)))))
    assert csv_of(table_of(sheet)).decode() == "part,a,b,c\n1,1,2,\n2,,3,4\n2,,5,6\n"


def test_a_selection_as_csv_names_the_right_images(tmp_path: Path) -> None:
    data = ToyData()
    norm = np.array([1.5, 2.5, 3.5])
    rows = rows_of(write_selection(tmp_path / "s.csv", data, [7, 5, 30], norm=norm))
    assert [(r["index"], r["id"], r["identity"]) for r in rows] == [
        ("7", "toy-007", "p1"),
        ("5", "toy-005", "p1"),
        ("30", "toy-030", "p7"),
    ]
    assert rows[1]["eyeglasses"] == ""
    assert [r["norm"] for r in rows] == ["1.5", "2.5", "3.5"]


def test_a_selection_as_npz_holds_codes(tmp_path: Path) -> None:
    codes = np.arange(2 * SIZE, dtype=np.float32).reshape(2, SIZE)
    path = write_selection(tmp_path / "s.npz", ToyData(), [4, 2], codes=codes)
    with np.load(path, allow_pickle=False) as stored:
        assert stored["indices"].tolist() == [4, 2]
        assert stored["ids"].tolist() == ["toy-004", "toy-002"]
        assert np.array_equal(stored["codes"], codes)
        assert str(stored["dataset"]) == "toy"


def test_selections_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.csv or \.npz"):
        write_selection(tmp_path / "s.txt", ToyData(), [1])
    with pytest.raises(UserError, match="2 norm for 1"):
        write_selection(tmp_path / "s.csv", ToyData(), [1], norm=np.zeros(2))


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp"])
def test_an_animation_has_its_frames_and_loops(suffix: str, tmp_path: Path) -> None:
    path = animate(interpolation(), ToyWorkspace(), tmp_path / f"a{suffix}", frames=7, easing="linear", ms_per_frame=50)
    with Image.open(path) as image:
        assert image.n_frames == 7
        assert image.info.get("loop", 0) == 0
        assert min(image.size) >= 256


def test_an_animation_starts_at_a_and_ends_at_b(tmp_path: Path) -> None:
    strip = final(run_recipe(interpolation(steps=2), ToyWorkspace()))
    path = animate(interpolation(), ToyWorkspace(), tmp_path / "a.webp", frames=5)
    with Image.open(path) as image:
        for place, frame in ((0, 0), (4, 1)):
            image.seek(place)
            shown = np.asarray(image.convert("L"))
            expected = strip.frames.images[frame, ..., 0]  # type: ignore[union-attr]
            assert np.array_equal(shown[::32, ::32], expected)


def test_there_and_back_is_a_loop_without_a_jump() -> None:
    ease = EASINGS["there-and-back"]
    assert ease(0) == pytest.approx(0)
    assert ease(0.5) == pytest.approx(1)
    assert ease(0.3) == pytest.approx(ease(0.7))
    assert EASINGS["smooth"](0.01) < 0.001


@pytest.mark.parametrize(
    ("facts", "words"),
    [({"frames": 1}, "1 frames"), ({"easing": "bounce"}, "bounce"), ({"ms_per_frame": 1}, "1 ms")],
)
def test_animations_that_make_no_sense_are_refused(facts: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        animate(interpolation(), ToyWorkspace(), tmp_path / "a.gif", **facts)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no path to animate"):
        animate(Recipe(kind="operation", name="sample", model=MODEL), ToyWorkspace(), tmp_path / "a.gif", frames=3)


def test_the_printed_python_makes_the_same_figure() -> None:
    made = Figure(rows=((seal(interpolation(steps=3), ToyWorkspace()),),), style=FigureStyle(dpi=90, theme="dark"))
    source = as_python(made, "x.png")
    names: dict[str, object] = {}
    definition = source[: source.index("\nexport(")].replace("from latentstudio.studio.workspace import Workspace", "")
    exec(definition, names)
    assert names["figure"] == made


def test_images_of_a_data_set_become_a_run_command() -> None:
    words = shlex.split(as_command(interpolation(steps=4, paths=["linear", "matched"], extrapolate=0.0), "my fig.png"))
    assert words == [
        *("latentstudio", "run", "interpolate", "--model", "toy-model", "--data", "toy", "--a", "3", "--b", "17"),
        *("--steps", "4", "--paths", "linear", "matched", "-o", "my fig.png"),
    ]


def test_codes_become_a_render_command_with_the_recipe_on_standard_input() -> None:
    code = CodeInput.of(np.zeros(SIZE, np.float32), "it's")
    recipe = Recipe(kind="operation", name="reconstruct", model=MODEL, inputs={"images": (code,)})
    command = as_command(recipe, "f.png")
    assert command.startswith("latentstudio render - -o f.png <<'RECIPE'\n{")
    assert command.endswith("\nRECIPE")
