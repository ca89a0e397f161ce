"""Dose and response, additivity and sensitivity of a linear model, whose answers are columns of its matrix."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from toys import DATA, EDGE, MODEL, SCALE, SIZE, ToyModel, ToyWorkspace

from latentstudio.analyses.additivity import compared
from latentstudio.analyses.dose_response import half_width
from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, ImageInput, Recipe
from latentstudio.figures.run import run_recipe, seal
from latentstudio.results import Curve, Heatmap, ImageGrid, Sheet, Table, final

FACE = ImageInput(dataset="toy", index=3, id="toy-003")
COLUMNS = 127.5 * SCALE * ToyModel().basis.numpy()
"""Grey levels per unit of each component, (64, 6)."""


@pytest.fixture
def workspace(tmp_path: Path) -> ToyWorkspace:
    return ToyWorkspace(folder=tmp_path)


def sheet(name: str, workspace: ToyWorkspace, **params: object) -> Sheet:
    inputs = {"face": (FACE,)} if name == "sensitivity" else {}
    made = Recipe(kind="analysis", name=name, model=MODEL, data=DATA, inputs=inputs, params=params)
    result = final(run_recipe(made, workspace))
    assert isinstance(result, Sheet)
    return result


def part(result: Sheet, kind: type, at: int = 0):
    return [p for p in result.parts if isinstance(p, kind)][at]


def rows(table: Table) -> list[dict]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


# --- corrupt, as a picture


def test_the_change_of_one_component_is_its_value_times_its_column(workspace: ToyWorkspace) -> None:
    params = {"which": "chosen", "components": [4], "magnitudes": [1.0, 2.0], "how": "add"}
    made = Recipe(kind="operation", name="corrupt", model=MODEL, data=DATA, inputs={"face": (FACE,)}, params=params)
    grid = final(run_recipe(made, workspace))
    assert isinstance(grid, ImageGrid)
    assert grid.changes is not None
    assert not grid.changes.known(0)
    for frame, magnitude in ((1, 1.0), (2, 2.0)):
        expected = magnitude * np.abs(COLUMNS[:, 4]).reshape(EDGE, EDGE)
        np.testing.assert_allclose(grid.changes.maps[frame], expected, atol=1e-4)
        share = {m.label: m.values[frame] for m in grid.measures}
        assert share["changed, %"] == pytest.approx(100 * (expected > grid.changes.threshold).mean())
        weights = expected / expected.sum()
        places = np.indices((EDGE, EDGE))
        centre = (weights * places).sum(axis=(1, 2))
        assert (share["centre row"], share["centre column"]) == pytest.approx(tuple(centre), rel=1e-5)
        squared = np.square(places - centre[:, None, None]).sum(axis=0)
        assert share["reach, px"] == pytest.approx(np.sqrt((weights * squared).sum()), rel=1e-5)


def test_clipped_pixels_are_counted(workspace: ToyWorkspace) -> None:
    params = {"which": "chosen", "components": [2], "magnitudes": [100.0]}
    made = Recipe(kind="operation", name="corrupt", model=MODEL, data=DATA, inputs={"face": (FACE,)}, params=params)
    grid = final(run_recipe(made, workspace))
    assert isinstance(grid, ImageGrid)
    decoded = ToyModel().decode(torch.from_numpy(grid.frames.codes.copy())).flatten(1).numpy()
    clipped = next(m for m in grid.measures if m.label == "clipped, %").values
    np.testing.assert_allclose(clipped, 100 * (np.abs(decoded) > 1 + 0.5 / 127.5).mean(axis=1))
    assert clipped[1] > clipped[0]


def test_a_painted_place_chooses_the_components_of_its_rows(workspace: ToyWorkspace) -> None:
    pixel = 27
    params = {"which": "region", "region": [pixel], "count": 1, "magnitudes": [5.0]}
    made = Recipe(kind="operation", name="corrupt", model=MODEL, data=DATA, inputs={"face": (FACE,)}, params=params)
    grid = final(run_recipe(made, workspace))
    assert isinstance(grid, ImageGrid)
    changed = np.flatnonzero(grid.frames.codes[1] != grid.frames.codes[0])
    assert changed.tolist() == [int(np.abs(COLUMNS[pixel]).argmax())]


# --- sensitivity


def test_sensitivity_of_a_pixel_is_the_row_of_the_matrix(workspace: ToyWorkspace) -> None:
    pixel = 27
    found = sheet("sensitivity", workspace, region=[pixel], step=0.5)
    table = rows(part(found, Table))
    order = np.argsort(-np.abs(COLUMNS[pixel]))
    assert [row["component"] for row in table] == order.tolist()
    for row in table:
        slope = abs(COLUMNS[pixel, row["component"]])
        assert row["moves the place, grey levels per σ"] == pytest.approx(slope, rel=1e-4)
        assert row["change there at +0.5 σ"] == pytest.approx(0.5 * slope, abs=1e-3)
        column = COLUMNS[:, row["component"]]
        share = 100 * column[pixel] ** 2 / np.square(column).sum()
        assert row["of its change there, %"] == pytest.approx(share, rel=1e-2, abs=1e-2)
        assert row["part"] == ("front" if row["component"] < 2 else "back")
    maps = part(found, Heatmap)
    assert maps.labels == tuple(str(k) for k in order)
    expected = 0.5 * np.abs(COLUMNS[:, order].T).reshape(-1, EDGE, EDGE)
    np.testing.assert_allclose(maps.maps, expected, atol=1e-3)


def test_only_chosen_parts_and_components_are_ranked(workspace: ToyWorkspace) -> None:
    back = rows(part(sheet("sensitivity", workspace, region=[1], parts=["back"]), Table))
    assert {row["component"] for row in back} == {2, 3, 4, 5}
    few = rows(part(sheet("sensitivity", workspace, components=[5, 1, 3], top=2), Table))
    assert len(few) == 2
    with pytest.raises(UserError, match="no component 6; 0 to 5"):
        sheet("sensitivity", workspace, components=[6])
    with pytest.raises(UserError, match="None of the chosen components"):
        sheet("sensitivity", workspace, components=[0], parts=["back"])
    with pytest.raises(UserError, match="no part 'level_1'"):
        sheet("sensitivity", workspace, parts=["level_1"])


def test_sensitivity_needs_its_face(workspace: ToyWorkspace) -> None:
    made = Recipe(kind="analysis", name="sensitivity", model=MODEL, data=DATA)
    with pytest.raises(UserError, match="needs a picture or code in slot 'face'"):
        final(run_recipe(made, workspace))
    with pytest.raises(UserError, match="has no slot 'a'"):
        final(run_recipe(msgspec.structs.replace(made, inputs={"a": (FACE,)}), workspace))


def test_a_sealed_sensitivity_needs_no_images(workspace: ToyWorkspace) -> None:
    made = Recipe(kind="analysis", name="sensitivity", model=MODEL, data=DATA, inputs={"face": (FACE,)})
    sealed = seal(made, workspace)
    assert isinstance(sealed.inputs["face"][0], CodeInput)
    before = part(final(run_recipe(made, workspace)), Table)
    workspace.data = {}
    assert part(final(run_recipe(sealed, workspace)), Table).rows == before.rows


# --- additivity


def test_changes_of_a_linear_model_add_up(workspace: ToyWorkspace) -> None:
    found = sheet("additivity", workspace, size=2, magnitudes=[3.0, 100.0])
    for row in rows(part(found, Table)):
        assert row["upper quartile"] == pytest.approx(0, abs=1e-4)
        assert row["median cosine"] == pytest.approx(1)
    maps = part(found, Heatmap).maps
    np.testing.assert_allclose(maps[4], 0, atol=1e-2)
    curve = part(found, Curve)
    assert {line.label for line in curve.lines} == {"whole code", "back"}, "the front has no two sets of two"


def test_discrepancy_of_changes_that_do_not_add_up() -> None:
    together = np.array([3.0, 4.0])
    assert compared(together, together) == (0.0, pytest.approx(1.0))
    assert compared(np.array([0.0, 4.0]), together)[0] == pytest.approx(3 / 5)
    assert compared(-together, together) == (pytest.approx(2.0), pytest.approx(-1.0))
    assert np.isnan(compared(together, np.zeros(2))).all()
    assert np.isnan(compared(np.array([np.nan, 1]), together)).all()


def test_sets_that_do_not_fit_are_said(workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match="No part has two sets of 4 components"):
        sheet("additivity", workspace, size=4)


# --- dose and response


def test_dose_and_response_of_a_linear_model(workspace: ToyWorkspace) -> None:
    found = sheet("dose_response", workspace, counts=[1, 2, 4], magnitude=0.5, how="add", images=5, repeats=3)
    table = {(row["part"], row["components"]): row for row in rows(part(found, Table))}
    assert ("front", 4) not in table
    assert set(table) == {("whole code", n) for n in (1, 2, 4)} | {("back", n) for n in (1, 2, 4)} | {
        ("front", 1),
        ("front", 2),
    }
    # Columns are orthonormal: n of them, each moved by one half, have the squared length n / 4, whichever they are.
    for (_, n), row in table.items():
        assert row["RMS change"] == pytest.approx(127.5 * SCALE * 0.5 * np.sqrt(n) / EDGE, rel=1e-4)
        assert row["± 95 %"] is not None
    curve = part(found, Curve)
    assert [line.label for line in curve.lines] == ["whole code", "front", "back"]
    for line in curve.lines:
        assert line.low is not None
        assert (line.low <= line.y).all()
        assert (line.y <= line.high).all()


def test_a_single_image_has_no_interval(workspace: ToyWorkspace) -> None:
    found = sheet("dose_response", workspace, images=1)
    assert all(line.low is None for line in part(found, Curve).lines)
    assert all(row["± 95 %"] is None for row in rows(part(found, Table)))


def test_intervals_are_those_of_students_t() -> None:
    import scipy.stats

    values = np.random.default_rng(0).normal(3, 2, (12, 2))
    for column in range(2):
        low, high = scipy.stats.t.interval(0.95, 11, values[:, column].mean(), scipy.stats.sem(values[:, column]))
        assert half_width(values)[column] == pytest.approx((high - low) / 2)


def test_chosen_parts_are_drawn_alone(workspace: ToyWorkspace) -> None:
    found = sheet("dose_response", workspace, parts=["back"], images=2, counts=[1])
    assert [row["part"] for row in rows(part(found, Table))] == ["back"]
    assert len(part(found, Table).rows[0]) == 6
    assert SIZE == 6
