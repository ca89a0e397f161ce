"""Gaussianity on codes whose law is known: draws of the prior show nothing, every planted departure is found."""

import math
import tracemalloc

import msgspec
import numpy as np
import pytest
import scipy.stats
import torch
from toys import DATA, DIGEST, EDGE, MODEL, SCALE, SIZE, ToyData, ToyModel, ToyWorkspace

from latentstudio.analyses.gaussianity_counts import Counts, Region, regions_of
from latentstudio.analyses.gaussianity_plots import sheet as sheet_of
from latentstudio.analyses.passes import Split
from latentstudio.data.prepare import fit
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Curve, Distribution, Sheet, Table, final


class PureData(ToyData):
    """Pictures that decode from draws of the prior, with no noise but that of 8 bits."""

    def __init__(self, count: int, seed: int = 0) -> None:
        super().__init__(max(count, 6))
        codes = np.random.default_rng(seed).standard_normal((count, SIZE)).astype(np.float32)
        with torch.no_grad():
            pictures = ToyModel().decode(torch.from_numpy(codes)).permute(0, 2, 3, 1).numpy()
        self.pixels = np.clip(np.rint((pictures + 1) * 127.5), 0, 255).astype(np.uint8)
        self.digest = DIGEST


def workspace(data: ToyData, model: ToyModel | None = None) -> ToyWorkspace:
    return ToyWorkspace(models={None: model or ToyModel()}, data={"toy": data}, split={})


def run(space: ToyWorkspace, **params: object) -> Sheet:
    recipe = msgspec.structs.replace(
        Recipe(kind="analysis", name="gaussianity", model=MODEL, data=DATA), params={"repeats": 100, **params}
    )
    result = final(run_recipe(recipe, space))
    assert isinstance(result, Sheet)
    return result


def table(result: Sheet, title: str) -> list[dict[str, object]]:
    """Rows by column; the second, third ... column of one name carries a number."""
    (found,) = [p for p in result.parts if isinstance(p, Table) and p.title == title]
    names: list[str] = []
    for column in found.columns:
        names.append(column if column not in names else f"{column} {found.columns[: len(names)].count(column) + 1}")
    assert all(len(row) == len(names) for row in found.rows)
    return [dict(zip(names, row, strict=True)) for row in found.rows]


def counted(codes: np.ndarray, block: int = 50, parts: dict[str, tuple[int, int]] | None = None) -> Counts:
    n, size = codes.shape
    split = Split("All images", "data", np.ones(n, dtype=bool))
    counts = Counts(np.arange(n), (split,), regions_of(size, parts or {}), 1e9, (1, 2), 0)
    for start in range(0, n, block):
        counts.add(codes[start : start + block])
    counts.fit_lines()
    for start in range(0, n, block):
        rows = slice(start, min(start + block, n))
        counts.project(rows, codes[rows])
    return counts


# --- nothing is found where nothing is


def test_draws_of_the_prior_show_nothing() -> None:
    result = run(workspace(PureData(1500)))
    means, norms = table(result, "Norm of the mean"), table(result, "Norms")
    assert [row["part"] for row in means] == ["whole code", "front", "back"]
    for row in means:
        assert row["null"] == pytest.approx(scipy.stats.chi(row["components"]).mean() / math.sqrt(1500))
        assert 0.01 < row["p"] < 0.99
    assert means[0]["simulated null"] == pytest.approx(means[0]["null"], rel=0.1)
    for row in norms:
        assert row["KS distance"] < row["95 % below"]
        assert row["mean norm"] == pytest.approx(row["null"], abs=0.06)
    for row in table(result, "Projection on the mean line"):
        if row["half"] == "other":
            assert abs(row["mean"]) < 1.5 * row["95 % within ±"]
            assert row["p"] > 0.01
        else:
            assert row["mean"] == pytest.approx(row["null"], rel=0.6)
    assert all(abs(row["z"]) < 3.5 for row in table(result, "Moments"))
    assert all(row["largest"] < row["95 % below"] for row in table(result, "Correlations"))
    (quantiles,) = [p for p in result.parts if isinstance(p, Curve) and p.title.startswith("Quantiles")]
    middle = np.abs(quantiles.lines[0].x) < 2
    np.testing.assert_allclose(quantiles.lines[0].y[middle], quantiles.lines[0].x[middle], atol=0.1)


def test_ones_own_mean_fools_and_the_other_half_does_not() -> None:
    """METHODS: pure noise, 3072 components, 500 images: 99 % of the own projections are positive."""
    codes = np.random.default_rng(0).standard_normal((1000, 3072))
    result = sheet_of(counted(codes), 0, 30, "caption", ())
    own, other = table(result, "Projection on the mean line")
    assert own["mean"] == pytest.approx(math.sqrt(3072 / 500), rel=0.05)
    assert own["null"] == pytest.approx(math.sqrt(3072 / 500), rel=0.01)
    assert own["positive, %"] == pytest.approx(99.3, abs=0.8)
    assert own["null 2"] == pytest.approx(99.3, abs=0.2)
    assert abs(other["mean"]) < 0.1
    assert 45 < other["positive, %"] < 55
    assert other["p"] > 0.01


# --- what is planted is found


def test_a_shift_is_found_and_measured() -> None:
    shift = 0.05
    model = ToyModel(shift=shift)
    result = run(workspace(PureData(1500), model))
    moved = float(np.linalg.norm(model.basis.numpy().T @ np.full(EDGE * EDGE, shift) / SCALE))
    whole = table(result, "Norm of the mean")[0]
    assert whole["norm of the mean"] == pytest.approx(moved, abs=0.06)
    assert whole["p"] < 1e-6
    other = next(row for row in table(result, "Projection on the mean line") if row["half"] == "other")
    assert other["mean"] == pytest.approx(moved, abs=0.08)
    assert other["p"] < 1e-6
    assert next(row for row in table(result, "Moments") if row["moment"] == "variance")["z"] < 3.5


@pytest.mark.parametrize(
    ("change", "title", "column", "moment"),
    [
        (lambda z: 1.1 * z, "Moments", "z", "variance"),
        (lambda z: np.sign(z) * np.abs(z) ** 1.3 / 1.2, "Moments", "z", "excess kurtosis"),
        (lambda z: (np.exp(0.3 * z) - np.exp(0.045)) / 0.32, "Moments", "z", "skewness"),
    ],
)
def test_other_moments_are_found(change, title: str, column: str, moment: str) -> None:
    codes = change(np.random.default_rng(1).standard_normal((800, 60)))
    rows = table(sheet_of(counted(codes), 0, 30, "", ()), title)
    assert next(row for row in rows if row["moment"] == moment)[column] > 8


def test_neighbours_that_go_together_are_found_within_parts_only() -> None:
    draws = np.random.default_rng(2).standard_normal((600, 41))
    codes = (draws[:, 1:] + 0.5 * draws[:, :-1]) / math.sqrt(1.25)
    result = sheet_of(counted(codes, parts={"a": (0, 15), "b": (15, 40)}), 0, 30, "", ())
    rows = table(result, "Correlations")
    assert [(row["part"], row["pairs"]) for row in rows if row["places apart"] == 1] == [
        ("whole code", 38),
        ("a", 14),
        ("b", 24),
    ]
    for row in rows:
        expected = 0.4 if row["places apart"] == 1 else 0.0
        assert row["mean"] == pytest.approx(expected, abs=0.03)
        assert (row["largest"] > row["95 % below"]) == (row["places apart"] == 1)
    norms = table(result, "Norms")[0]
    assert norms["sd"] > 1.1 * norms["null 2"]


# --- numbers are those of the two-pass computation


@pytest.mark.parametrize("block", [1, 16, 300])
def test_sums_do_not_depend_on_the_chunks(block: int) -> None:
    codes = np.random.default_rng(3).standard_normal((300, 12)) + 0.2
    counts = counted(codes, block, {"a": (0, 5), "b": (5, 12)})
    sums = counts.moments(0)
    np.testing.assert_allclose(sums.mean, codes.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(sums.variance(), codes.var(axis=0, ddof=1), rtol=1e-9)
    np.testing.assert_allclose(sums.excess_kurtosis(), scipy.stats.kurtosis(codes), rtol=1e-9)
    pairs = np.corrcoef(codes.T)
    np.testing.assert_allclose(counts.correlations(0, 2, 0), np.diagonal(pairs[5:, 5:], 1), atol=1e-12)
    first = counts.first_half
    assert first.sum() == 150
    line = codes[first].mean(axis=0)
    np.testing.assert_allclose(counts.projections[:, 0], codes @ line / np.linalg.norm(line), rtol=1e-9)
    np.testing.assert_allclose(counts.norms[:, 1], np.linalg.norm(codes[:, :5], axis=1))
    histogram = counts.pooled(0, 0)
    np.testing.assert_array_equal(histogram.counts, np.histogram(codes, histogram.edges)[0])


def test_splits_have_halves_and_lines_of_their_own() -> None:
    space = workspace(PureData(400))
    space.split = {"rule": "random", "share": 0.25, "seed": 0, "dataset_digest": DIGEST}
    result = run(space)
    rows = [row for row in table(result, "Projection on the mean line") if row["part"] == "whole code"]
    assert [(row[""], row["half"], row["images"]) for row in rows] == [
        ("Training", "of the fit", 150),
        ("Training", "other", 150),
        ("Held out", "of the fit", 50),
        ("Held out", "other", 50),
    ]
    (distribution,) = [p for p in result.parts if isinstance(p, Distribution) and p.title.startswith("Projection")]
    members = [h.members for h in distribution.histograms]
    assert sorted(np.concatenate(members).tolist()) == list(range(400))
    assert "n = 400 (300 training, 100 held out). Random seed 0." in result.caption
    codes = space.models[None].encode(torch.from_numpy(fit(space.data["toy"].pixels, (1, EDGE, EDGE)))).double().numpy()
    line = codes[members[1]].mean(axis=0)
    np.testing.assert_allclose(
        distribution.histograms[0].values, codes[members[0]] @ line / np.linalg.norm(line), atol=1e-6
    )
    assert run(space, seed=1).parts[0] != result.parts[0]


def test_codes_far_out_or_not_finite_are_counted_and_left_out_of_sums() -> None:
    data = PureData(600)
    images = fit(data.pixels, (1, EDGE, EDGE))
    clean = ToyModel().encode(torch.from_numpy(images)).double().numpy()
    bright = images.reshape(600, -1).mean(axis=1)
    dark_end, bright_end = (float(v) for v in np.quantile(bright, [0.02, 0.95]))

    class Overflowing(ToyModel):
        def encode(self, images: torch.Tensor) -> torch.Tensor:
            codes = super().encode(images)
            means = images.flatten(1).numpy().mean(axis=1)
            codes[means > bright_end] *= 1e5
            codes[means < dark_end] = torch.nan
            return codes

    far, broken = int((bright > bright_end).sum()), int((bright < dark_end).sum())
    assert far > 3
    assert broken > 3
    result = run(workspace(data, Overflowing()))
    whole = table(result, "Norm of the mean")[0]
    kept = clean[(bright <= bright_end) & (bright >= dark_end)]
    assert whole["images"] == len(kept)
    assert whole["norm of the mean"] == pytest.approx(np.linalg.norm(kept.mean(axis=0)), abs=1e-4)
    notes = " ".join(result.parts[0].notes)
    assert f"{broken} of 600 images have no finite code" in notes
    assert f"{far} of 600 codes have a norm above" in notes
    norms = table(result, "Norms")[0]
    assert norms["images"] == 600
    assert norms["KS distance"] > norms["95 % below"]


# --- parameters and limits


def test_a_part_can_be_drawn() -> None:
    result = run(workspace(PureData(60)), part="front", lags=[1, 99])
    titles = [p.x_label for p in result.parts if isinstance(p, Distribution)]
    assert titles[1:] == ["norm of the code, front", "projection on the mean line, front"]
    assert {row["places apart"] for row in table(result, "Correlations")} == {1}
    with pytest.raises(UserError, match="no part 'side'; there are front, back"):
        run(workspace(PureData(60)), part="side")


def test_repeats_are_left_out_where_they_would_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from latentstudio.analyses import gaussianity

    monkeypatch.setattr(gaussianity, "_DRAWS", 100)
    result = run(workspace(PureData(60)))
    assert table(result, "Norm of the mean")[0]["simulated null"] is None
    drawn = result.parts[1]
    assert isinstance(drawn, Distribution)
    assert drawn.histograms[0].label == "1,000 repeats, closed form"
    assert drawn.histograms[0].counts.sum() == pytest.approx(1000, rel=0.01)


def test_a_uniform_prior_is_a_sentence() -> None:
    with pytest.raises(UserError, match="prior of this model is uniform; Norms shows them"):
        run(workspace(PureData(10), ToyModel("uniform")))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_very_few_images(count: int) -> None:
    result = run(workspace(PureData(count)))
    assert table(result, "Norm of the mean")[0]["images"] == count
    assert any(isinstance(p, Table) and p.title == "Moments" for p in result.parts)


def test_memory_does_not_grow_with_the_codes() -> None:
    """Of each image a few numbers are kept, not its 2,000 components."""

    def peak(n: int) -> int:
        rng = np.random.default_rng(0)
        split = Split("All images", "data", np.ones(n, dtype=bool))
        counts = Counts(np.arange(n), (split,), (Region("whole code", 0, 2000),), 1e9, (1,), 0)
        tracemalloc.start()
        for _ in range(n // 100):
            counts.add(rng.standard_normal((100, 2000)))
        counts.flush()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(4000) - peak(1000) < 3000 * 2000 * 8 / 50


# --- which codes


class Dequantising(ToyModel):
    """Codes of pictures with noise lie 1.5 farther along every component; the noise of an image is its own."""

    def dequantised_codes(self, images, generators):
        noise = torch.stack([torch.randn(SIZE, generator=g) for g in generators])
        return self.encode(images) + 1.5 + 0.01 * noise


def test_dequantised_codes_are_taken_where_there_are_any_and_the_caption_says_which() -> None:
    space = workspace(PureData(200), Dequantising())
    found = {codes: run(space, codes=codes) for codes in ("auto", "plain", "dequantised")}
    norms = {codes: table(result, "Norm of the mean")[0]["norm of the mean"] for codes, result in found.items()}
    assert norms["auto"] == norms["dequantised"] == pytest.approx(1.5 * math.sqrt(SIZE), rel=0.07)
    assert norms["plain"] < 0.5
    assert "Codes of dequantised pictures, with the noise of training." in found["auto"].caption
    assert "Codes of plain pictures, without the noise of training" in found["plain"].caption
    other = [row for row in table(found["auto"], "Projection on the mean line") if row["half"] == "other"]
    assert other[0]["mean"] == pytest.approx(1.5 * math.sqrt(SIZE), rel=0.07)


def test_models_without_noise_have_plain_codes_and_old_recipes_keep_working() -> None:
    space = workspace(PureData(120))
    assert "noise" not in run(space).caption
    assert "The model adds no noise" in run(space, codes="dequantised").caption
    old, new = run(space, part=""), run(space, part="all")
    assert [p for p in old.parts if isinstance(p, Table)] == [p for p in new.parts if isinstance(p, Table)]
    part = run(space, part="back")
    assert any(isinstance(p, Distribution) and p.x_label == "norm of the code, back" for p in part.parts)


def test_dequantised_pictures_that_cannot_be_read_are_left_out_and_said_so() -> None:
    class Broken(PureData):
        def images(self, indices):
            if any(int(i) in (3, 7) for i in indices):
                raise UserError("picture is damaged")
            return super().images(indices)

    result = run(workspace(Broken(100), Dequantising()))
    assert table(result, "Norm of the mean")[0]["images"] == 98
    assert "2 images cannot be read and are left out" in " ".join(result.parts[0].notes)


class NoisyModel(ToyModel):
    """The toy, with codes of pictures spread over their bins of 8 bits."""

    def dequantised_codes(self, images: torch.Tensor, generator: list[torch.Generator]) -> torch.Tensor:
        noise = torch.stack([torch.rand(image.shape, generator=g) for image, g in zip(images, generator, strict=True)])
        noise = noise - 0.5
        return self.encode(images + noise / 127.5)


def test_pixel_noise_is_the_same_in_both_passes_and_makes_codes_longer() -> None:
    data = ToyData(60)
    space = workspace(data, NoisyModel())
    plain, noisy = run(space, codes="plain"), run(space, codes="dequantised")
    added = (1 / 127.5) ** 2 / 12 / SCALE**2 * SIZE
    sizes = [np.square(next(h.values for h in r.parts[2].histograms)).mean() for r in (plain, noisy)]
    assert sizes[1] - sizes[0] == pytest.approx(added, abs=4 * math.sqrt(4 * 6 * added / SIZE / 60))
    assert "with the noise of training" in noisy.caption
    assert "shorter than those of training" in plain.caption
    # The half of the fit has the projections of its own codes: their mean is the norm of that half's mean.
    half = next(row for row in table(noisy, "Projection on the mean line") if row["part"] == "whole code")
    assert half["half"] == "of the fit"
    again = table(run(space, codes="dequantised"), "Projection on the mean line")
    assert again[0]["mean"] == half["mean"]
