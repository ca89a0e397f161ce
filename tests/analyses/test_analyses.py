import math
import tracemalloc
from pathlib import Path

import msgspec
import numpy as np
import pytest
import scipy.stats
import torch
from toys import DATA, MODEL, SCALE, SIZE, ToyData, ToyModel, ToyPcaModel, ToyWorkspace, chosen, write_history

from latentstudio.analyses import ANALYSES
from latentstudio.analyses.likelihood_curve import linear_fit
from latentstudio.controls import build, controls
from latentstudio.data.prepare import fit
from latentstudio.data.splits import held_out_mask
from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef, ImageInput, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Bars, Curve, Distribution, Heatmap, ImageGrid, Sheet, Table, final

HISTORY = [
    {
        "step": 0,
        "loss": 9.0,
        "train": 9.5,
        "held_out": 10.0,
        "held_out_median": 9.8,
        "held_out_finite": 1.0,
        "skipped": 0,
    },
    {
        "step": 50,
        "loss": 5.0,
        "train": 5.5,
        "held_out": 7.0,
        "held_out_median": 6.8,
        "held_out_finite": 1.0,
        "skipped": 1,
    },
    {
        "step": 100,
        "loss": None,
        "train": 4.0,
        "held_out": 8.0,
        "held_out_median": 7.0,
        "held_out_finite": 0.75,
        "skipped": 3,
    },
]


@pytest.fixture
def workspace(tmp_path: Path) -> ToyWorkspace:
    write_history(tmp_path, HISTORY)
    models = {None: ToyPcaModel(), 100: ToyModel(shift=0.2), 200: ToyModel(shift=0.1), 400: ToyModel()}
    return ToyWorkspace(folder=tmp_path, models=models)


def recipe(name: str, **changes: object) -> Recipe:
    face = (ImageInput(dataset="toy", index=3, id="toy-003"),)
    inputs = {slot.name: face for slot in getattr(ANALYSES.get(name), "slots", ())}
    params = chosen(ANALYSES[name]) if name in ANALYSES else {}
    made = Recipe(kind="analysis", name=name, params=params, model=MODEL, data=DATA, inputs=inputs)
    return msgspec.structs.replace(made, **changes)


def sheet(name: str, workspace: ToyWorkspace, **changes: object) -> Sheet:
    result = final(run_recipe(recipe(name, **changes), workspace))
    assert isinstance(result, Sheet)
    return result


def scores_of(workspace: ToyWorkspace, snapshot: int | None = None) -> np.ndarray:
    """Log-densities by the formula, without the model's own log_prob."""
    model, data = workspace.models[snapshot], workspace.data["toy"]
    centred = fit(data.pixels, model.image_shape).reshape(len(data), -1) - model.mean.numpy()
    z = centred @ model.basis.numpy() / SCALE
    return -0.5 * np.square(z).sum(axis=1) - SIZE * (0.5 * math.log(2 * math.pi) + math.log(SCALE))


def mask_of(workspace: ToyWorkspace) -> np.ndarray:
    return held_out_mask(workspace.data["toy"], "per_identity", 0.25, 0)


# --- every analysis


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_runs_and_its_partials_grow(name: str, workspace: ToyWorkspace) -> None:
    parts = list(run_recipe(recipe(name), workspace))
    fractions = [part.fraction for part in parts]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert parts[-1].result is not None
    assert parts[-1].result.title
    wanted = "toy-model@final" if ANALYSES[name].needs_model else "random seed 0"
    assert wanted in parts[-1].result.caption
    assert isinstance(parts[-1].result, Sheet)
    for part in parts[-1].result.parts:
        assert part.title
        assert part.caption


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_says_what_it_needs(name: str) -> None:
    analysis = ANALYSES[name]
    assert analysis.title
    assert analysis.summary.endswith(".")
    assert analysis.needs <= {"encode", "decode", "sample", "log_prob"}
    for control in controls(analysis):
        assert build(analysis, {control.name: control.default}) == analysis()
        with pytest.raises(UserError, match=f"'{control.name}'"):
            build(analysis, {control.name: {"no": "sense"}})


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_can_be_dropped_after_its_first_step(name: str, workspace: ToyWorkspace) -> None:
    workspace.data["toy"] = ToyData(400)
    parts = run_recipe(recipe(name), workspace)
    next(parts)
    read = len(workspace.data["toy"].reads)
    parts.close()
    assert read <= 1 + len(getattr(ANALYSES[name], "slots", ()))
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("name", [n for n, a in ANALYSES.items() if a.needs_data])
def test_every_analysis_of_data_names_what_is_missing(name: str, workspace: ToyWorkspace) -> None:
    for changes, sentence in (
        ({"data": None}, "needs a data set"),
        ({"data": DataRef(spec="gone")}, "no data set 'gone'"),
        *([({"model": None}, "needs a model")] if ANALYSES[name].needs_model else []),
        ({"selection": ()}, "no image to look at"),
        ({"selection": (40,)}, "no image number 40"),
        ({"params": {"nonsense": 1}}, "no parameter 'nonsense'"),
    ):
        with pytest.raises(UserError, match=sentence):
            sheet(name, workspace, **changes)


@pytest.mark.parametrize("name", ["likelihood", "norms"])
def test_memory_does_not_grow_with_the_pictures(name: str, workspace: ToyWorkspace) -> None:
    """Ten times the images may cost a few numbers for each of them, not their pictures."""

    def peak(count: int) -> int:
        workspace.data["toy"] = ToyData(count)
        tracemalloc.start()
        sheet(name, workspace, params={"group_by": ""} if name == "likelihood" else {})
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(500)
    few, many = peak(500), peak(5000)
    pictures_as_float = 4500 * 64 * 4
    assert many - few < pictures_as_float / 2


def test_an_unknown_analysis_and_a_changed_digest(workspace: ToyWorkspace) -> None:
    with pytest.raises(UserError, match="no analysis 'dance'"):
        sheet("dance", workspace)
    changed = sheet("norms", workspace, data=DataRef(spec="toy", digest="old"))
    assert any("has changed" in note for note in changed.parts[0].notes)


# --- likelihood


def test_likelihood_totals_are_exact(workspace: ToyWorkspace) -> None:
    table = sheet("likelihood", workspace).parts[0]
    assert isinstance(table, Table)
    scores, held_out = scores_of(workspace), mask_of(workspace)
    assert held_out.sum() == 10
    for row, values in zip(table.rows, (scores[~held_out], scores[held_out], scores), strict=True):
        _, n, lost, total, mean, sd, median, lowest, per_dimension = row
        assert (n, lost) == (len(values), 0)
        assert total == pytest.approx(values.sum(), abs=1e-3)
        assert mean == pytest.approx(values.mean(), abs=1e-4)
        assert sd == pytest.approx(values.std(ddof=1), abs=1e-4)
        assert median == pytest.approx(np.median(values), abs=1e-4)
        assert lowest == pytest.approx(values.min(), abs=1e-4)
        assert per_dimension == pytest.approx(values.mean() / SIZE, abs=1e-4)
    assert [row[0] for row in table.rows] == ["Training", "Held out", "All"]


def test_likelihood_by_class_is_exact(workspace: ToyWorkspace) -> None:
    _, bars, table, _ = sheet("likelihood", workspace).parts
    assert isinstance(bars, Bars)
    assert isinstance(table, Table)
    scores, held_out = scores_of(workspace), mask_of(workspace)
    persons = np.arange(40) // 4
    assert bars.labels == tuple(f"p{k}" for k in range(10))
    assert bars.roles == ("train", "held_out")
    for person in range(10):
        rows = persons == person
        assert bars.values[0, person] == pytest.approx(scores[rows & ~held_out].mean(), abs=1e-4)
        assert bars.values[1, person] == pytest.approx(scores[rows & held_out].mean(), abs=1e-4)
        assert bars.members[person] == tuple(np.flatnonzero(rows))
        assert table.rows[person][3] == pytest.approx(scores[rows].sum(), abs=1e-3)


def test_likelihood_of_a_binary_group_counts_unknown_labels(workspace: ToyWorkspace) -> None:
    bars = sheet("likelihood", workspace, params={"group_by": "eyeglasses"}).parts[1]
    assert isinstance(bars, Bars)
    assert bars.labels == ("no", "yes", "unknown")
    assert bars.members[2] == (5,)
    for wrong, sentence in (("yaw", "holds numbers"), ("hats", "no column 'hats'; there are identity, eyeglasses")):
        with pytest.raises(UserError, match=sentence):
            sheet("likelihood", workspace, params={"group_by": wrong})
    assert len(sheet("likelihood", workspace, params={"group_by": ""}).parts) == 2


def test_likelihood_of_a_selection(workspace: ToyWorkspace) -> None:
    result = sheet("likelihood", workspace, selection=(8, 9, 10, 11))
    table, bars = result.parts[0], result.parts[1]
    assert isinstance(table, Table)
    assert isinstance(bars, Bars)
    assert table.rows[-1][4] == pytest.approx(scores_of(workspace)[8:12].mean(), abs=1e-4)
    assert bars.labels == ("p2",)
    assert "n = 4 selected" in result.caption


def test_likelihood_without_a_training_record_is_not_split(workspace: ToyWorkspace) -> None:
    workspace.split = {}
    table = sheet("likelihood", workspace).parts[0]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["All images"]


def test_another_data_set_is_held_out_as_a_whole(workspace: ToyWorkspace) -> None:
    other = ToyData()
    other.digest = "other"
    for spec, labels in (("elsewhere", ["Held out"]), ("toy?n=50", ["All images"])):
        other.spec = spec
        workspace.data[spec] = other
        table = sheet("likelihood", workspace, data=DataRef(spec=spec)).parts[0]
        assert isinstance(table, Table)
        assert [row[0] for row in table.rows] == labels


class _Overflowing(ToyModel):
    """Fails for the first three images of the pass, however it is cut into chunks."""

    seen = 0

    def log_prob(self, images: torch.Tensor) -> torch.Tensor:
        scores = super().log_prob(images)
        for row, value in enumerate((-torch.inf, -torch.inf, torch.nan)):
            if 0 <= row - self.seen < len(scores):
                scores[row - self.seen] = value
        self.seen += len(scores)
        return scores


def test_densities_that_are_not_finite_are_counted(workspace: ToyWorkspace) -> None:
    workspace.models[None] = _Overflowing()
    result = sheet("likelihood", workspace, params={"group_by": ""})
    table = result.parts[0]
    assert isinstance(table, Table)
    scores = scores_of(workspace)
    everything = table.rows[-1]
    assert everything[2] == 3
    assert everything[3] == pytest.approx(scores[3:].sum(), abs=1e-3)
    left = np.concatenate([[-np.inf, -np.inf], scores[3:]])
    assert everything[6] == pytest.approx(np.median(left), abs=1e-4)
    assert table.notes[0].startswith("3 of 40 log-densities are not finite")
    histogram = result.parts[-1]
    assert isinstance(histogram, Distribution)
    assert sum(len(h.values) for h in histogram.histograms if h.values is not None) == 37


def test_across_snapshots_gives_totals_medians_and_fit(workspace: ToyWorkspace) -> None:
    total, median, table = sheet("likelihood", workspace, params={"across_snapshots": True}).parts
    assert isinstance(total, Curve)
    assert isinstance(median, Curve)
    assert isinstance(table, Table)
    held_out = mask_of(workspace)
    steps = [100, 200, 400]
    scores = np.array([scores_of(workspace, step) for step in steps])
    assert total.lines[0].x.tolist() == steps
    assert total.lines[0].y == pytest.approx(scores[:, ~held_out].sum(axis=1), abs=1e-3)
    r2 = scipy.stats.linregress(steps, scores[:, ~held_out].sum(axis=1)).rvalue ** 2
    assert f"{r2:.4f}" in total.notes[0]
    assert median.lines[1].role == "held_out"
    assert len(table.rows) == 6


def test_linear_fit_agrees_with_scipy() -> None:
    x, y = np.arange(7.0), np.random.default_rng(0).standard_normal(7)
    expected = scipy.stats.linregress(x, y)
    assert linear_fit(x, y) == pytest.approx((expected.slope, expected.intercept, expected.rvalue**2))
    assert np.isnan(linear_fit(x, np.ones(7))[2]) or linear_fit(x, np.ones(7))[2] <= 1


def test_the_curve_needs_snapshots(workspace: ToyWorkspace) -> None:
    workspace.models = {None: ToyModel()}
    with pytest.raises(UserError, match="at least two snapshots"):
        sheet("likelihood", workspace, params={"across_snapshots": True})


class _Memorising(ToyModel):
    """Gives the third picture of each person a density a million times lower, however the pass is cut into chunks."""

    scored = encoded = 0

    def log_prob(self, images: torch.Tensor) -> torch.Tensor:
        scores = super().log_prob(images)
        scores[_turn(self.scored, len(scores))] -= 1e6
        self.scored += len(scores)
        return scores

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        codes = super().encode(images)
        codes[_turn(self.encoded, len(codes))] *= 1e4
        self.encoded += len(codes)
        return codes


def _turn(start: int, count: int) -> np.ndarray:
    """Which of the `count` images from `start` on are held out, in passes over the whole set one after the other."""
    mask = mask_of(ToyWorkspace())
    return mask[np.arange(start, start + count) % len(mask)]


def test_held_out_images_far_off_get_axes_of_their_own(workspace: ToyWorkspace) -> None:
    workspace.models = {None: _Memorising(), 1: _Memorising(), 2: _Memorising()}
    _, train, held_out, _, histogram = sheet("likelihood", workspace).parts
    assert isinstance(train, Bars)
    assert isinstance(held_out, Bars)
    assert isinstance(histogram, Distribution)
    assert (train.series, held_out.series) == (("Training",), ("Held out",))
    assert len(train.members[0]) == 3
    assert len(held_out.members[0]) == 1
    assert histogram.histograms[0].counts.sum() >= 29
    assert histogram.histograms[1].counts.sum() == 0
    assert any(note.startswith("Held out: 10 of 10 images lie below the axis") for note in histogram.notes)
    titles = [part.title for part in sheet("likelihood", workspace, params={"across_snapshots": True}).parts]
    assert titles[1:3] == ["Median, training", "Median, held out"]
    norms = sheet("norms", workspace).parts[0]
    assert isinstance(norms, Distribution)
    assert norms.histograms[0].counts.sum() == 30
    assert norms.histograms[0].edges[-1] < 12
    assert any(note.startswith("Held out: 10 of 10 codes lie beyond the axis") for note in norms.notes)


# --- norms


def test_norms_are_counted_by_split(workspace: ToyWorkspace) -> None:
    distribution, table = sheet("norms", workspace, params={"bins": 20}).parts
    assert isinstance(distribution, Distribution)
    assert isinstance(table, Table)
    model, data, held_out = workspace.models[None], workspace.data["toy"], mask_of(workspace)
    codes = model.encode(torch.from_numpy(fit(data.pixels, model.image_shape))).double()
    norms = codes.norm(dim=1).numpy()
    assert [h.role for h in distribution.histograms] == ["train", "held_out"]
    for histogram, rows in zip(distribution.histograms, (~held_out, held_out), strict=True):
        assert histogram.counts.sum() == rows.sum()
        assert np.array_equal(histogram.members, np.flatnonzero(rows))
        assert histogram.values == pytest.approx(norms[rows], abs=1e-5)
    train = table.rows[0]
    assert train[2] == pytest.approx(norms[~held_out].mean(), abs=1e-5)
    assert train[6] == pytest.approx(float(codes[torch.from_numpy(~held_out)].mean(dim=0).norm()), abs=1e-5)
    assert train[7] == pytest.approx(math.sqrt(SIZE / 30))
    chi = scipy.stats.chi(SIZE)
    low, high = chi.ppf([0.025, 0.975])
    assert train[5] == pytest.approx(100 * np.mean((norms[~held_out] >= low) & (norms[~held_out] <= high)))
    prior = table.rows[-1]
    assert prior[2:5] == pytest.approx((chi.mean(), chi.std(), chi.median()), abs=2e-3)


def test_the_reference_is_the_chi_density_scaled_to_counts(workspace: ToyWorkspace) -> None:
    distribution = sheet("norms", workspace).parts[0]
    assert isinstance(distribution, Distribution)
    line, histogram = distribution.references[0], distribution.histograms[0]
    width = histogram.edges[1] - histogram.edges[0]
    expected = 30 * width * scipy.stats.chi(SIZE).pdf(line.x)
    assert np.abs(line.y - expected).max() < 0.03 * expected.max()
    assert distribution.band is not None
    assert (distribution.band.low, distribution.band.high) == pytest.approx(scipy.stats.chi(SIZE).ppf([0.025, 0.975]))


def test_the_null_of_the_mean_norm_agrees_with_prior_draws() -> None:
    """A9 of METHODS: the norm of the mean of n prior draws is near sqrt(D v / n)."""
    from latentstudio.analyses.norms import _VARIANCE

    for prior in ("standard_normal", "uniform"):
        model = ToyModel(prior)
        draws = model.space.prior.sample(list(range(2000)), 64).view(40, 50, 64)
        norms = draws.mean(dim=1).norm(dim=1)
        assert float(norms.mean()) == pytest.approx(math.sqrt(64 * _VARIANCE[prior] / 50), rel=0.05)


def test_norms_of_a_part_of_the_code(workspace: ToyWorkspace) -> None:
    table = sheet("norms", workspace, params={"part": "front"}).parts[1]
    assert isinstance(table, Table)
    assert table.rows[-1][2] == pytest.approx(scipy.stats.chi(2).mean(), abs=1e-3)
    with pytest.raises(UserError, match="no part 'side'; there are front, back"):
        sheet("norms", workspace, params={"part": "side"})


# --- components


def test_components_of_the_toy_are_exact(workspace: ToyWorkspace) -> None:
    params = {"counts": [1, 3, 6, 99], "examples": 2, "shown": 4}
    variance, error, maps, grid = sheet("components", workspace, params=params).parts
    assert isinstance(variance, Curve)
    assert variance.lines[0].y[:5] == pytest.approx([40, 60, 75, 85, 91])
    assert [line.label for line in variance.lines[1:]] == ["6 kept: 94.00 %", "5 for 90 %: 91.00 %"]
    assert isinstance(maps, Heatmap)
    assert maps.maps.shape == (4, 8, 8)
    largest = np.abs(maps.maps).reshape(4, -1).argmax(axis=1)
    assert bool((maps.maps.reshape(4, -1)[np.arange(4), largest] > 0).all())
    assert isinstance(error, Curve)
    assert isinstance(grid, ImageGrid)
    assert grid.columns == 4
    assert grid.labels[:4] == ("toy-000, k = 1", "toy-000, k = 3", "toy-000, k = 6", "toy-000, image")
    data = workspace.data["toy"]
    assert np.array_equal(grid.frames.images[[3, 7]], data.pixels[[0, 39]])
    assert grid.error is not None
    difference = grid.frames.images[1].astype(float) - data.pixels[0]
    assert grid.error[1] == pytest.approx(np.sqrt(np.square(difference).mean()))
    assert grid.error[3] == 0
    assert grid.error[0] > grid.error[1] > grid.error[2]


def test_reconstruction_error_agrees_with_decoding(workspace: ToyWorkspace) -> None:
    error = sheet("components", workspace).parts[1]
    assert isinstance(error, Curve)
    model, data, held_out = workspace.models[None], workspace.data["toy"], mask_of(workspace)
    images = torch.from_numpy(fit(data.pixels, model.image_shape))
    scores = model.pca_encode(images)
    for count in (0, 1, 4, SIZE):
        kept = torch.zeros_like(scores)
        kept[:, :count] = scores[:, :count]
        squares = ((model.pca_decode(kept) - images) * 127.5).double().square().flatten(1).mean(dim=1).numpy()
        for line, rows in zip(error.lines, (~held_out, held_out), strict=True):
            assert line.y[count] == pytest.approx(np.sqrt(squares[rows].mean()), rel=1e-4)


def test_a_model_without_components_is_a_sentence(workspace: ToyWorkspace) -> None:
    workspace.models[None] = ToyModel()
    with pytest.raises(UserError, match="toy model has no principal components"):
        sheet("components", workspace)


# --- training


def test_training_curves_and_skipped_steps(workspace: ToyWorkspace) -> None:
    loss, scored, table = sheet("training", workspace, data=None).parts
    assert isinstance(loss, Curve)
    assert isinstance(scored, Curve)
    assert isinstance(table, Table)
    assert loss.lines[0].y[:2].tolist() == [9.0, 5.0]
    assert np.isnan(loss.lines[0].y[2])
    assert any(note.startswith("1 of 3 recorded losses") for note in loss.notes)
    assert any(note.startswith("3 training steps were skipped") for note in loss.notes)
    assert [line.label for line in scored.lines] == ["Training, mean", "Held out, mean", "Held out, median"]
    assert "25.0 %" in scored.notes[0]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["held out, mean, best"] == (50, 7.0)
    assert rows["held out, mean, last"] == (100, 8.0)
    assert rows["loss, last"] == (50, 5.0)
    assert "split per_identity, 25 % held out, random seed 0" in loss.caption


def test_held_out_loss_far_off_gets_axes_of_its_own(workspace: ToyWorkspace, tmp_path: Path) -> None:
    lines = [{"step": s, "loss": 5.0 - s, "held_out": 10.0 ** (s + 1), "skipped": 0} for s in range(6)]
    lines[0]["loss"], lines[0]["train"] = None, 5.5
    write_history(tmp_path, [{**line, "train": line.get("train", line["loss"])} for line in lines])
    loss, train, held_out, _ = sheet("training", workspace, data=None).parts
    assert isinstance(loss, Curve)
    assert isinstance(train, Curve)
    assert isinstance(held_out, Curve)
    assert loss.lines[0].y[0] == 5.5
    assert len(loss.notes) == 1
    assert [line.role for line in train.lines] == ["train"]
    assert held_out.y_log
    assert held_out.lines[0].y[-1] == 1e6


def test_a_history_without_held_out_images(workspace: ToyWorkspace, tmp_path: Path) -> None:
    write_history(tmp_path, [{"step": 1, "loss": 2.0, "held_out": None}])
    result = sheet("training", workspace, data=None)
    assert len(result.parts) == 2
    assert "No held-out loss" in result.parts[1].notes[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "no readable training history"),
        ("", "is empty"),
        ('{"step": 1, "loss": 2}\n{"step": 2, "lo', "Line 2 of .* is not JSON"),
        ('{"loss": 2}\n', "should be an object with 'step' and 'loss'"),
        ("[1]\n", "should be an object"),
        (b"\xff\xfe", "no readable training history"),
    ],
)
def test_a_damaged_history_is_a_sentence(
    workspace: ToyWorkspace, tmp_path: Path, text: str | bytes | None, sentence: str
) -> None:
    path = tmp_path / "history.jsonl"
    path.unlink()
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UserError, match=sentence):
        sheet("training", workspace, data=None)
