"""Prototypes, norms of edits, the feature sheet and maps of edits on a linear model, whose answers are closed forms."""

from pathlib import Path

import numpy as np
import pytest
from toys import DATA, EDGE, MODEL, SCALE, SIZE, ToyData, ToyModel, ToyWorkspace

from latentstudio.analyses.classes import ClassMeans
from latentstudio.analyses.feature_criteria import Judge, sampling, uniqueness
from latentstudio.analyses.feature_sheet import CRITERIA
from latentstudio.analyses.norm_table import PUBLISHED, fitting_strength
from latentstudio.analyses.prototypes import rank_correlation, row_of
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.prepare import fit
from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput, ImageInput, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Curve, Heatmap, ImageGrid, Sheet, Table, final

COLUMNS = 127.5 * SCALE * ToyModel().basis.numpy()
"""Grey levels per unit of each component, (64, 6)."""
GLASSES = {"attributes": ["eyeglasses"]}


@pytest.fixture
def workspace(tmp_path: Path) -> ToyWorkspace:
    return ToyWorkspace(folder=tmp_path)


def sheet(name: str, workspace: ToyWorkspace, inputs: dict | None = None, **params: object) -> Sheet:
    made = Recipe(kind="analysis", name=name, model=MODEL, data=DATA, inputs=inputs or {}, params=params)
    result = final(run_recipe(made, workspace))
    assert isinstance(result, Sheet)
    return result


def part(result: Sheet, kind: type, at: int = 0):
    return [p for p in result.parts if isinstance(p, kind)][at]


def rows(table: Table) -> list[dict]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def codes_of(data: ToyData) -> np.ndarray:
    """Codes by the formula, rounded as the model rounds them, float64 (N, 6)."""
    model = ToyModel()
    images = fit(data.pixels, model.image_shape).reshape(len(data), -1).astype(np.float64)
    return ((images - model.mean.numpy()) @ model.basis.numpy() / SCALE).astype(np.float32).astype(np.float64)


def with_labels(workspace: ToyWorkspace, name: str, values: np.ndarray) -> ToyData:
    """Give the toy data set another label."""
    data = ToyData(len(values))
    columns = [data.attributes[n] for n in data.attributes]
    data.attributes = AttributeTable(len(values), [*columns, Column(name, "binary", values)])
    workspace.data["toy"] = data
    return data


def with_only(workspace: ToyWorkspace, data: ToyData, columns: list[Column]) -> None:
    """Give a toy data set these labels alone, so that it names no persons any more."""
    data.attributes = AttributeTable(len(data), columns)
    workspace.data["toy"] = data
    workspace.split = {**workspace.split, "rule": "random"}


# --- prototypes


def test_prototypes_are_class_means_and_their_relation_holds(workspace: ToyWorkspace) -> None:
    data = workspace.data["toy"]
    codes, labels = codes_of(data), data.attributes["eyeglasses"].values
    yes, no, known = codes[labels == 1], codes[labels == 0], codes[np.isfinite(labels)]
    found = sheet("prototypes", workspace, **GLASSES)
    grid, table = part(found, ImageGrid), rows(part(found, Table))[0]
    expected = np.stack([known.mean(axis=0), yes.mean(axis=0), np.zeros(SIZE), no.mean(axis=0)])
    np.testing.assert_allclose(grid.frames.codes, expected, atol=1e-6)
    assert grid.labels == ("mean of all", "eyeglasses", "zero code", "not eyeglasses")
    # Every number of the table against the images themselves, the relation among them.
    share = len(yes) / len(known)
    d = yes.mean(axis=0) - no.mean(axis=0)
    noise = np.sqrt(SIZE * (1 / len(yes) + 1 / len(no)))
    for column, value in {
        "with": len(yes),
        "without": len(no),
        "share, %": 100 * share,
        "‖μf‖": np.linalg.norm(yes.mean(axis=0)),
        "‖μ¬f‖": np.linalg.norm(no.mean(axis=0)),
        "‖μf − μ‖": np.linalg.norm(yes.mean(axis=0) - known.mean(axis=0)),
        "‖μ¬f − μ‖": np.linalg.norm(no.mean(axis=0) - known.mean(axis=0)),
        "share × ‖d‖": np.linalg.norm(no.mean(axis=0) - known.mean(axis=0)),
        "‖d‖": np.linalg.norm(d),
        "noise of ‖d‖": noise,
        "‖d‖ / noise": np.linalg.norm(d) / noise,
    }.items():
        assert table[column] == pytest.approx(value, rel=1e-9), column
    assert table["share × ‖d‖"] == pytest.approx(table["‖μ¬f − μ‖"], rel=1e-9)


def test_pictures_of_prototypes_are_mean_pictures(workspace: ToyWorkspace) -> None:
    """The toy decodes linearly, so that the decoded mean is the mean of the decoded pictures."""
    data = workspace.data["toy"]
    codes, labels = codes_of(data), data.attributes["eyeglasses"].values
    grid = part(sheet("prototypes", workspace, **GLASSES), ImageGrid)
    pictures = codes @ ToyModel().basis.numpy().T * SCALE + ToyModel().mean.numpy()
    for frame, who in ((0, np.isfinite(labels)), (1, labels == 1), (3, labels == 0)):
        grey = 127.5 * (pictures[who].mean(axis=0) + 1)
        np.testing.assert_allclose(grid.frames.images[frame].reshape(-1), grey, atol=0.51)
    assert grid.changes is not None
    assert not grid.changes.known(0)
    moved = grid.frames.codes[1].astype(float) - grid.frames.codes[0]
    np.testing.assert_allclose(grid.changes.maps[1].reshape(-1), np.abs(COLUMNS @ moved), atol=1e-3)
    np.testing.assert_allclose(
        grid.measures[0].values[1:], np.linalg.norm(grid.frames.codes[1:] - grid.frames.codes[0], axis=1)
    )


def test_a_picture_stands_for_the_images_of_its_class(workspace: ToyWorkspace) -> None:
    labels = workspace.data["toy"].attributes["eyeglasses"].values
    found = sheet("prototypes", workspace, **GLASSES)
    grid, table = part(found, ImageGrid), part(found, Table)
    everyone, yes, nobody, no = grid.members
    np.testing.assert_array_equal(everyone, np.flatnonzero(np.isfinite(labels)))
    np.testing.assert_array_equal(yes, np.flatnonzero(labels == 1))
    np.testing.assert_array_equal(no, np.flatnonzero(labels == 0))
    assert len(nobody) == 0
    np.testing.assert_array_equal(table.members[0], yes)


def test_prototypes_of_a_selection_know_only_its_images(workspace: ToyWorkspace) -> None:
    chosen = tuple(range(4, 24))
    made = Recipe(kind="analysis", name="prototypes", model=MODEL, data=DATA, params=GLASSES, selection=chosen)
    found = final(run_recipe(made, workspace))
    data = workspace.data["toy"]
    codes, labels = codes_of(data), data.attributes["eyeglasses"].values
    inside = np.isin(np.arange(40), chosen)
    grid = part(found, ImageGrid)
    np.testing.assert_allclose(grid.frames.codes[1], codes[inside & (labels == 1)].mean(axis=0), atol=1e-6)
    assert set(grid.members[1]) <= set(chosen)


def test_means_at_the_norm_of_the_prior_keep_their_direction(workspace: ToyWorkspace) -> None:
    plain = part(sheet("prototypes", workspace, **GLASSES), ImageGrid).frames.codes.astype(float)
    full = part(sheet("prototypes", workspace, norm="typical", **GLASSES), ImageGrid).frames
    from scipy.stats import chi

    np.testing.assert_allclose(full.norm[[0, 1, 3]], chi(SIZE).mean(), rtol=1e-6)
    assert full.norm[2] == 0
    for frame in (0, 1, 3):
        cosine = plain[frame] @ full.codes[frame] / (np.linalg.norm(plain[frame]) * full.norm[frame])
        assert cosine == pytest.approx(1, abs=1e-6)


def test_a_sample_is_weighted_with_the_shares_of_the_data_set(workspace: ToyWorkspace) -> None:
    labels = np.zeros(400)
    labels[:40] = 1
    data = with_labels(workspace, "rare", labels)
    codes = codes_of(data)
    found = rows(part(sheet("prototypes", workspace, attributes=["rare"], sample=100), Table))[0]
    assert (found["with"], found["without"]) == (40, 60)
    assert found["share, %"] == pytest.approx(10)
    rare = codes[:40].mean(axis=0)
    assert found["‖μf‖"] == pytest.approx(np.linalg.norm(rare), rel=1e-9)
    assert found["‖μ¬f − μ‖"] == pytest.approx(0.1 * found["‖d‖"], rel=1e-9)
    whole = rows(part(sheet("prototypes", workspace, attributes=["rare"], sample=0), Table))[0]
    assert whole["‖μf − μ‖"] == pytest.approx(np.linalg.norm(rare - codes.mean(axis=0)), rel=1e-9)


def test_rare_classes_have_opposites_near_the_mean(workspace: ToyWorkspace) -> None:
    """Three nested labels along one component: the rarer, the nearer its opposite lies to the mean."""
    data = ToyData(400)
    order = np.argsort(codes_of(data)[:, 0])[::-1]
    columns = []
    for count in (20, 80, 200):
        values = np.zeros(400)
        values[order[:count]] = 1
        columns.append(Column(f"top{count}", "binary", values))
    with_only(workspace, data, columns)
    found = sheet("prototypes", workspace)
    near = [r["‖μ¬f − μ‖"] for r in sorted(rows(part(found, Table)), key=lambda r: r["share, %"])]
    assert near == sorted(near)
    curve = part(found, Curve)
    assert any("Rank correlation of share and distance of the opposite over 3 classes: 1.00" in n for n in curve.notes)
    np.testing.assert_allclose(curve.lines[1].x, [5, 20, 50])


def test_the_relation_is_an_identity_of_the_means() -> None:
    random = np.random.default_rng(2)

    class Nothing:
        members = type("M", (), {"words": "x", "without": "not x"})

    for share in (0.01, 0.3, 0.9):
        c = ClassMeans(Nothing(), (10, 20), share, random.normal(size=50), random.normal(size=50), 1.0)
        row = row_of(c)
        np.testing.assert_allclose(c.overall - c.absent, share * c.difference, atol=1e-12)
        assert row[7] == pytest.approx(row[8], rel=1e-9)


def test_rank_correlation_is_that_of_the_library() -> None:
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    a, b = random.normal(size=20), random.integers(0, 5, 20).astype(float)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(a[:2], b[:2]) is None
    assert rank_correlation(np.ones(5), b[:5]) is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros(40), "No image is odd"),
        (np.ones(40), "No image is not odd"),
        (np.eye(40)[0], "Only one image is odd"),
        (np.full(40, np.nan), "'odd' is not known of any image"),
    ],
)
@pytest.mark.parametrize("name", ["prototypes", "norm_table", "feature_sheet", "edit_map"])
def test_classes_from_which_nothing_can_be_learnt_are_named(
    name: str, values: np.ndarray, sentence: str, workspace: ToyWorkspace
) -> None:
    with_labels(workspace, "odd", values)
    # The one member may be among the faces that are kept apart; then there is none left.
    sentence = sentence.replace("Only one image", "(Only one|No) image")
    with pytest.raises(UserError, match=sentence):
        sheet(name, workspace, **({"attribute": "odd"} if name == "edit_map" else {"attributes": ["odd"]}))
    # When it is not asked for, it is passed over.
    assert "odd" not in str(rows(part(sheet(name, workspace), Table)))


@pytest.mark.parametrize("name", ["prototypes", "norm_table", "feature_sheet", "edit_map"])
def test_a_data_set_without_labels_asks_for_a_selection(name: str, workspace: ToyWorkspace) -> None:
    with_only(workspace, ToyData(), [])
    with pytest.raises(UserError, match=r"has no labels .* name 'selection'"):
        sheet(name, workspace)
    with_only(workspace, ToyData(), [Column("odd", "binary", np.eye(40)[3])])
    with pytest.raises(UserError, match="No attribute of Toy faces has two studied images with it"):
        sheet(name, workspace)


def test_codes_far_outside_the_prior_are_left_out_of_the_means(workspace: ToyWorkspace) -> None:
    class Far(ToyModel):
        """Sends the brightest picture of a batch far away, and its code is no number the other time."""

        def encode(self, images):
            codes = super().encode(images)
            dark = images.flatten(1).mean(dim=1) < 0
            codes[dark] = 1e6
            return codes

    workspace.models[None] = Far()
    data = workspace.data["toy"]
    data.pixels[[0, 3]] = 10
    labels = data.attributes["eyeglasses"].values
    codes = codes_of(data)
    dark = fit(data.pixels, (1, EDGE, EDGE)).reshape(40, -1).mean(axis=1) < 0
    found = sheet("prototypes", workspace, **GLASSES)
    grid = part(found, ImageGrid)
    np.testing.assert_allclose(grid.frames.codes[1], codes[(labels == 1) & ~dark].mean(axis=0), atol=1e-5)
    count = int((dark & np.isfinite(labels)).sum())
    assert count >= 2
    assert any(f"{count} codes lie far outside the prior" in note for note in grid.notes)


# --- norms of edits


def test_norms_of_edits_are_those_of_the_sums(workspace: ToyWorkspace) -> None:
    sources = np.random.default_rng(8).normal(size=(3, SIZE)).astype(np.float32)
    person = np.random.default_rng(9).normal(size=SIZE).astype(np.float32)
    inputs = {"faces": tuple(CodeInput.of(s) for s in sources), "person": (CodeInput.of(person),)}
    found = sheet("norm_table", workspace, inputs, strengths=[0.5, 2.0], **GLASSES)
    data = workspace.data["toy"]
    codes, labels = codes_of(data), data.attributes["eyeglasses"].values
    yes, no = codes[labels == 1].mean(axis=0), codes[labels == 0].mean(axis=0)
    everyone = codes[np.isfinite(labels)].mean(axis=0)
    table, scaled = rows(part(found, Table)), rows(part(found, Table, 1))
    cases = [("eyeglasses", no, yes, 0.5), ("eyeglasses", no, yes, 2.0)]
    cases += [("single person", everyone, person, 0.5), ("single person", everyone, person, 2.0)]
    z = sources.astype(float)
    for row, small, (words, other, feature, strength) in zip(table, scaled, cases, strict=False):
        step = feature - other
        assert (row["edit"], row["α"]) == (words, strength)
        assert row["source"] == pytest.approx(np.linalg.norm(z, axis=1).mean(), rel=1e-9)
        assert row["mean class"] == pytest.approx(np.linalg.norm(other), rel=1e-9)
        assert row["mean feature"] == pytest.approx(np.linalg.norm(feature), rel=1e-9)
        assert row["result"] == pytest.approx(np.linalg.norm(z + strength * step, axis=1).mean(), rel=1e-9)
        sides = np.sqrt(np.square(z).sum(axis=1) + strength**2 * step @ step)
        assert row["result if ⟂"] == pytest.approx(sides.mean(), rel=1e-9)
        for column in ("source", "mean class", "mean feature", "result", "result if ⟂"):
            assert small[column] == pytest.approx(row[column] / np.sqrt(SIZE), rel=1e-12)
    published = [row for row in table if str(row["edit"]).startswith("published")]
    names = ("source", "mean class", "mean feature", "result")
    assert [tuple(row[c] for c in names) for row in published] == [(457, 28, 466, 834), (457, 27, 29, 457)]
    assert published[0]["result if ⟂"] == pytest.approx(652.7, abs=0.05)
    assert published[0]["α that fits"] == pytest.approx(1.497, abs=5e-4)
    assert len(PUBLISHED) == 2


def test_a_perpendicular_step_gives_back_its_strength() -> None:
    for strength in (0.0, 0.5, 3.0):
        assert fitting_strength(4.0, 3.0, float(np.hypot(4.0, 3.0 * strength))) == pytest.approx(strength)
    assert fitting_strength(4.0, 3.0, 2.0) is None
    assert fitting_strength(4.0, 0.0, 5.0) is None


def test_sources_and_person_are_drawn_when_none_is_dropped_and_not_averaged(workspace: ToyWorkspace) -> None:
    found = sheet("norm_table", workspace, images=4, strengths=[1.0], **GLASSES)
    table = part(found, Table)
    notes = " ".join(table.notes)
    assert "means over 4 of 5 held-out faces" in notes
    assert "The single person is toy-" in notes
    assert rows(table)[0]["images"] <= 13
    face = (ImageInput(dataset="toy", index=3, id="toy-003"),)
    given = rows(part(sheet("norm_table", workspace, {"person": face}, **GLASSES), Table))[2]
    assert given["mean feature"] == pytest.approx(np.linalg.norm(codes_of(workspace.data["toy"])[3]), rel=1e-6)
    with pytest.raises(UserError, match="no strengths"):
        sheet("norm_table", workspace, strengths=[])


# --- feature sheet


def test_uniqueness_compares_the_variety_at_the_place_of_the_change() -> None:
    random = np.random.default_rng(1)
    present = np.arange(600) % 3 == 0
    pictures = random.normal(0, 2.0, (600, 12, 12)).astype(np.float32)
    change = np.zeros((12, 12))
    change[2:6, 7:11] = 1.0
    # Elsewhere, and in brightness, they may vary as they like.
    pictures[present, 2:6, 7:11] /= 2
    pictures += random.normal(0, 50, (600, 1, 1)).astype(np.float32)
    value, low, high = uniqueness(pictures, present, change, 0)
    assert low < 0.8 < high  # 4 / (4 + 1)
    assert value == pytest.approx(0.8, abs=0.01)
    value, low, high = uniqueness(pictures, ~present, change, 0)
    assert value == pytest.approx(0.2, abs=0.01)
    assert np.isnan(uniqueness(pictures, present, np.zeros((12, 12)), 0)).all()
    assert np.isnan(uniqueness(np.ones((6, 4, 4), dtype=np.float32), np.arange(6) < 3, np.ones((4, 4)), 0)).all()


def test_sampling_is_the_squared_cosine_of_estimate_and_truth() -> None:
    """For codes that are like the prior; averaged over repeats."""
    random = np.random.default_rng(5)
    size, n1, n0, length = 400, 60, 140, 3.0
    truth = np.zeros(size)
    truth[0] = length
    expected, found = [], []
    for _ in range(20):
        codes = random.normal(size=(n1 + n0, size))
        present = np.arange(n1 + n0) < n1
        codes[present] += truth
        d = codes[present].mean(axis=0) - codes[~present].mean(axis=0)
        expected.append((d[0] / np.linalg.norm(d)) ** 2)
        score, ratio = sampling(codes.astype(np.float32), present, 1.0)
        assert ratio == pytest.approx(np.linalg.norm(d) / np.sqrt(size * (1 / n1 + 1 / n0)), rel=1e-5)
        found.append(score)
    assert np.mean(found) == pytest.approx(np.mean(expected), abs=0.03)
    assert sampling(random.normal(size=(40, 400)).astype(np.float32), np.arange(40) < 5, 1.0)[0] < 0.2


def test_the_judge_tells_bright_from_dark_and_measures_in_distances() -> None:
    random = np.random.default_rng(0)
    present = np.arange(200) % 2 == 0
    pictures = random.normal(0, 0.05, (200, 1, 8, 8)).astype(np.float32)
    pictures[present] += 0.5
    judge = Judge.of(pictures.reshape(200, -1), present, 0)
    assert judge.auc == 1
    grey = 127.5 * (pictures.astype(float) + 1)
    scores = judge.scores(grey)
    assert scores[present].mean() - scores[~present].mean() == pytest.approx(judge.distance, rel=0.05)


def test_the_feature_sheet_of_a_linear_model(workspace: ToyWorkspace) -> None:
    """Labels by the sign of component 1: along d pictures change by COLUMNS @ d, the same on every face."""
    data = ToyData(300)
    codes = codes_of(data)
    with_only(workspace, data, [Column("plus", "binary", (codes[:, 1] > 0).astype(float))])
    found = sheet("feature_sheet", workspace, sample=0)
    table, maps = part(found, Table), part(found, Heatmap)
    row = rows(table)[0]
    assert row["feature"] == "plus"
    assert 0 < row["local"] < 1
    assert row["AUC"] > 0.95
    assert row["AUC of pixels"] > 0.9
    # Linear in both ways: taking away does as much as adding.
    assert row["opposite"] == pytest.approx(row["added"], rel=0.02)
    assert row["opposite"] == pytest.approx(1, abs=0.35)
    # Without clipping the map is that of the direction, found without the edited faces.
    step = np.zeros(SIZE)
    step[1] = 2 * np.sqrt(2 / np.pi)
    expected = np.abs(COLUMNS @ step)
    assert np.corrcoef(maps.maps[0].reshape(-1), expected)[0, 1] > 0.97
    spread = rows(part(found, Table, 1))
    # There is no interval of how well a class is sampled.
    assert [r["criterion"] for r in spread][:4] == [c for c in CRITERIA if c != "well sampled"]
    for r in spread:
        assert r["95 % from"] - 1e-9 <= r["value"] <= r["to"] + 1e-9
    assert all(any(note.lower().startswith(c) for note in part(found, Table, 1).notes) for c in CRITERIA)
    assert table.shaded == (1, 2, 3, 4, 5)


def test_random_labels_are_badly_sampled(workspace: ToyWorkspace) -> None:
    values = np.random.default_rng(0).integers(0, 2, 200).astype(float)
    with_labels(workspace, "chance", values)
    row = rows(part(sheet("feature_sheet", workspace, attributes=["chance"]), Table))[0]
    assert row["well sampled"] < 0.8
    assert row["unique"] == pytest.approx(0.5, abs=0.06)
    assert 0.3 < row["AUC"] < 0.7


def test_a_judge_that_guesses_says_nothing_of_opposites() -> None:
    random = np.random.default_rng(3)
    judge = Judge.of(random.normal(size=(400, 30)).astype(np.float32), np.arange(400) % 2 == 0, 0)
    assert judge.auc < 0.6
    assert np.isnan(judge.distance)
    few = Judge.of(random.normal(size=(3, 30)).astype(np.float32), np.array([True, False, False]), 0)
    assert np.isnan(few.auc)


# --- map of an edit


def test_an_edit_of_a_linear_model_is_placed_in_the_picture(workspace: ToyWorkspace) -> None:
    """The change is COLUMNS @ d wherever the face is, so that nothing of the move is followed."""
    found = sheet("edit_map", workspace, attribute="eyeglasses", across=25.0, strength=1.0)
    table = {row[0]: row[1] for row in part(found, Table).rows}
    assert table["part of the move that the change followed"] == 0
    assert table["likeness of both maps in place"] == pytest.approx(1, abs=1e-6)
    assert table["likeness when moved along"] < 0.9
    maps = part(found, Heatmap).maps
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-3)
    np.testing.assert_array_equal(maps[2][:, 2:], maps[0][:, :-2])
    held = np.array([k for k in range(40) if k in set(_apart(workspace))])
    data = workspace.data["toy"]
    labels = data.attributes["eyeglasses"].values.copy()
    labels[held] = np.nan
    codes = codes_of(data)
    step = codes[labels == 1].mean(axis=0) - codes[labels == 0].mean(axis=0)
    np.testing.assert_allclose(maps[0].reshape(-1), np.abs(COLUMNS @ step), atol=1e-3)


def _apart(workspace: ToyWorkspace) -> list[int]:
    from latentstudio.data.splits import held_out_mask

    return np.flatnonzero(held_out_mask(workspace.data["toy"], "per_identity", 0.25, 0)).tolist()


def test_examples_are_the_faces_their_copies_and_both_edited(workspace: ToyWorkspace) -> None:
    grid = part(sheet("edit_map", workspace, attribute="eyeglasses", examples=2, strength=1.5), ImageGrid)
    first = _apart(workspace)[:2]
    codes = codes_of(workspace.data["toy"])
    np.testing.assert_allclose(grid.frames.codes[[0, 4]], codes[first], atol=1e-4)
    steps = grid.frames.codes[1::2].astype(float) - grid.frames.codes[::2]
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-5)
    assert grid.row_labels == tuple(f"toy-{k:03d}" for k in first)
    assert grid.changes is not None
    assert [grid.changes.known(k) for k in range(4)] == [False, True, False, True]


def test_copies_must_be_moved(workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match="not moved at all"):
        sheet("edit_map", workspace, across=0.0, down=0.0)
    notes = " ".join(part(sheet("edit_map", workspace, across=0.0, down=-10.0), Table).notes)
    assert "-1 px down and 0 px across" in notes
