"""Leak and strength of edits in a linear world, where an edit moves a classifier by a scalar product."""

import numpy as np
import pytest
import torch
from toys import DATA, MODEL, SIZE, ToyData, ToyModel, ToyWorkspace

from latentstudio.analyses.edit_advice import advice
from latentstudio.analyses.held_out_edits import person_halves
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Curve, Heatmap, Sheet, Table, final

ANGLE = np.deg2rad(60)
LENGTHS = 0.8, 1.2


class LineData(ToyData):
    """Three blocks of images, each with one label known: their codes lie on lines e0, e1, and 60 degrees from e0.

    On its line an image with the label is at +0.8 or +1.2 times 2, one without at -0.8 or -1.2 times 2, so that the
    class means are 4 apart, and the deviation within a class is 0.4.
    """

    def __init__(self, each: int = 80) -> None:
        super().__init__()
        lines = np.zeros((3, SIZE))
        lines[0, 0] = lines[1, 1] = 1
        lines[2, 0], lines[2, 2] = np.cos(ANGLE), np.sin(ANGLE)
        sign = np.tile([1.0, 1.0, -1.0, -1.0], each // 4)
        along = 2 * sign * np.tile(LENGTHS, each // 2)
        codes = np.concatenate([along[:, None] * line for line in lines])
        pictures = ToyModel().decode(torch.from_numpy(codes).float()).numpy()
        self.pixels = np.clip(np.rint((pictures + 1) * 127.5), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
        count, columns = 3 * each, []
        for block, name in enumerate(("first", "across", "slanted")):
            labels = np.full(count, np.nan)
            labels[block * each : (block + 1) * each] = sign > 0
            columns.append(Column(name, "binary", labels))
        self.attributes = AttributeTable(count, columns)


@pytest.fixture
def workspace() -> ToyWorkspace:
    return ToyWorkspace(data={"toy": LineData()}, split={})


def run(name: str, workspace: ToyWorkspace, **params: object) -> Sheet:
    made = Recipe(kind="analysis", name=name, model=MODEL, data=DATA, params=params)
    result = final(run_recipe(made, workspace))
    assert isinstance(result, Sheet)
    return result


def part(sheet: Sheet, kind: type, at: int = 0):
    return [p for p in sheet.parts if isinstance(p, kind)][at]


def rows(sheet: Sheet) -> list[dict]:
    table = part(sheet, Table)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("strength", [0.5, -0.25])
def test_an_edit_moves_others_by_its_projection_on_them(workspace: ToyWorkspace, strength: float) -> None:
    sheet = run("attribute_leak", workspace, attributes=["first"], strength=strength, faces=24)
    found = {row["watched"]: row for row in rows(sheet)}
    # Steps of 4 in deviations of 0.4: the own classifier moves by 10 alpha, one at 60 degrees by cos 60 of that.
    assert found["first"]["change, σ"] == pytest.approx(10 * strength, rel=0.08)
    assert found["slanted"]["change, σ"] == pytest.approx(10 * strength * np.cos(ANGLE), rel=0.08)
    assert found["across"]["change, σ"] == pytest.approx(0, abs=0.1)
    assert abs(found["across"]["change"]) < 2 < abs(found["first"]["change"]) / 4
    assert found["across"]["flips, %"] == 0
    assert all(row["AUC"] == 1 for row in found.values())
    assert all(row["from"] <= row["change"] <= row["to"] for row in found.values())


def test_a_perpendicular_edit_leaves_the_other_alone(workspace: ToyWorkspace) -> None:
    plain = {r["watched"]: r for r in rows(run("attribute_leak", workspace, attributes=["first"], faces=16))}
    kept = run("attribute_leak", workspace, attributes=["first"], keep=["slanted"], faces=16)
    spared = {r["watched"]: r for r in rows(kept)}
    assert plain["slanted"]["change, σ"] > 3
    assert abs(spared["slanted"]["change, σ"]) < 0.15
    # What is left of the step is its part perpendicular to the slanted line: sin^2 of 60 degrees of it along e0.
    assert spared["first"]["change, σ"] == pytest.approx(10 * np.sin(ANGLE) ** 2, rel=0.08)
    assert "perpendicular to slanted" in part(kept, Heatmap).notes[0]


def test_the_matrix_agrees_with_the_table_and_names_its_sides(workspace: ToyWorkspace) -> None:
    sheet = run("attribute_leak", workspace, faces=12)
    heatmap = part(sheet, Heatmap)
    assert heatmap.row_labels == heatmap.column_labels == ("first", "across", "slanted")
    table = np.array([row["change"] for row in rows(sheet)]).reshape(3, 3)
    np.testing.assert_allclose(heatmap.maps[0], table)
    np.testing.assert_array_equal(heatmap.maps[1], np.array([r["flips, %"] for r in rows(sheet)]).reshape(3, 3))


def test_pictures_can_be_judged_instead_of_codes(workspace: ToyWorkspace) -> None:
    sheet = run("attribute_leak", workspace, attributes=["first"], judge="pixels", faces=16)
    found = {row["watched"]: row for row in rows(sheet)}
    # Pixels are an orthonormal picture of the codes, up to rounding.
    assert found["first"]["change, σ"] == pytest.approx(10, rel=0.08)
    assert found["slanted"]["change, σ"] == pytest.approx(5, rel=0.08)
    assert "pictures of at most 32 x 32 px" in " ".join(part(sheet, Heatmap).notes)


def test_a_reflection_flips_what_lies_on_its_line(workspace: ToyWorkspace) -> None:
    sheet = run("attribute_leak", workspace, edit="reflection", strength=0.5, faces=200, watched=["first", "across"])
    found = {row["watched"]: row for row in rows(sheet)}
    assert {row["edited"] for row in rows(sheet)} == {"reflection"}
    # A third of the sample lies on e1 with no component along e0, where rounding decides; the rest is turned round.
    assert found["first"]["flips, %"] > 60


def test_attributes_with_few_members_are_left_out_with_a_word(workspace: ToyWorkspace) -> None:
    data = workspace.data["toy"]
    count = len(data)
    rare, none = np.zeros(count), np.zeros(count)
    rare[:3] = 1
    columns = [*(c for _, c in data.attributes.items()), Column("rare", "binary", rare), Column("none", "binary", none)]
    data.attributes = AttributeTable(count, columns)
    sheet = run("attribute_leak", workspace, attributes=["first", "rare", "none"], faces=8)
    notes = " ".join(part(sheet, Heatmap).notes)
    assert "rare is left out: too few of the images are rare (3)" in notes
    assert "none is left out: no image is none" in notes
    assert part(sheet, Heatmap).row_labels == ("first",)
    with pytest.raises(UserError, match="rare is left out"):
        run("attribute_leak", workspace, attributes=["rare"], watched=["first"])
    with pytest.raises(UserError, match="no attribute 'hat'"):
        run("attribute_leak", workspace, attributes=["hat"])
    with pytest.raises(UserError, match="no attribute 'hat'"):
        run("edit_curve", workspace, attribute="hat")


def test_many_attributes_are_capped_and_it_is_said(workspace: ToyWorkspace) -> None:
    data, rng = workspace.data["toy"], np.random.default_rng(5)
    names = [f"label {k}" for k in range(14)]
    data.attributes = AttributeTable(
        len(data), [Column(name, "binary", rng.integers(0, 2, len(data)).astype(float)) for name in names]
    )
    sheet = run("attribute_leak", workspace, attributes=["label 0"], faces=4)
    notes = " ".join(part(sheet, Heatmap).notes)
    assert "The first 12 of 14 attributes" in notes
    assert "hardly tell their classes apart" in notes
    assert len(part(sheet, Heatmap).column_labels) == 12


def test_nobody_is_in_both_halves() -> None:
    identity = np.arange(100) // 3
    identity[90:] = -1
    rows_ = np.arange(0, 100, dtype=np.int64)
    first = person_halves(rows_, identity, seed=1)
    assert set(identity[first & (identity >= 0)]).isdisjoint(identity[~first & (identity >= 0)])
    assert 45 <= first.sum() <= 55
    assert 40 <= person_halves(rows_, None, seed=1).sum() <= 60
    unknown = person_halves(rows_, np.full(100, -1), seed=1)
    assert unknown.sum() == 50


def test_the_strength_curve_is_straight_in_a_linear_world(workspace: ToyWorkspace) -> None:
    sheet = run("edit_curve", workspace, attribute="first", strengths=[-1, 0, 1, 2], faces=16)
    found = {row["strength"]: row for row in rows(sheet)}
    # Faces with it lie at +2, those without at -2, and a step of 1 is 4 long: one undoes the other.
    assert found[0]["P without"] < 15
    assert found[0]["P with"] > 85
    assert found[1]["P without"] > 85
    assert found[-1]["P with"] < 15
    assert found[0]["flips, %"] == 0
    assert found[1]["flips, %"] == pytest.approx(50)
    answer = part(sheet, Curve)
    assert [line.label for line in answer.lines] == ["faces without it", "faces with it"]
    norm = part(sheet, Curve, 1)
    codes = torch.from_numpy(np.stack([line.y for line in norm.lines]))
    assert codes.shape == (1, 4)
    assert norm.band is not None
    assert norm.band.low <= 2 * LENGTHS[0] + 0.1
    assert norm.band.high == pytest.approx(2 * LENGTHS[1], abs=0.1)
    # Steps of 4 from +2 and -2 end at 10 and 6, and all norms of the sample are at most 2.4 and at least 1.6.
    assert found[2]["outside, %"] == 100
    assert found[2]["distance"] == pytest.approx(np.mean([10 - 2.4, 6 - 2.4]) / (2.4 - 1.6), rel=0.1)
    assert found[0]["outside, %"] == 0


def test_without_an_attribute_the_first_label_is_taken_and_named(workspace: ToyWorkspace) -> None:
    sheet = run("edit_curve", workspace, faces=4)
    assert "No attribute is chosen; first" in " ".join(part(sheet, Curve).notes)
    with pytest.raises(UserError, match="two strengths besides 0"):
        run("edit_curve", workspace, strengths=[0, 1])


LADDER = np.array([-1.0, 0.0, 1.0, 2.0, 3.0])


def test_advice_names_the_strength_at_which_the_answer_saturates() -> None:
    mean = np.array([10.0, 20, 80, 85, 85])
    words = advice(LADDER, mean, mean - 5, mean + 5, np.zeros(5), 0.9)
    assert words.startswith("About 1: the answer rises from 20 to 85 %")
    assert "all strengths stay within" in words
    outside = np.array([0, 0, 0.5, 0.9, 1.0])
    assert advice(LADDER, mean, mean - 5, mean + 5, outside, 0.9).startswith("No strength is inside the data set")
    late = np.array([10.0, 20, 40, 60, 85])
    assert advice(LADDER, late, late - 5, late + 5, np.array([0, 0, 0, 0, 1.0]), 0.9).startswith("Up to about 2:")


def test_advice_is_withheld_where_nothing_supports_it() -> None:
    flat = np.array([20.0, 21, 22, 23, 24])
    assert "within its interval" in advice(LADDER, flat, flat - 9, flat + 9, np.zeros(5), 0.9)
    steep = np.array([0.0, 20, 40, 60, 85])
    assert "hardly knows the attribute (AUC 0.52)" in advice(LADDER, steep, steep, steep, np.zeros(5), 0.52)
    small = np.array([20.0, 20, 22, 24, 26])
    assert "only 6 points" in advice(LADDER, small, small - 1, small + 1, np.zeros(5), 0.9)
