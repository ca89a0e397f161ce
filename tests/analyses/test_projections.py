"""Projections of a linear toy whose classes lie a known distance apart, and of noise, where there is nothing to see."""

import math

import msgspec
import numpy as np
import pytest
import scipy.stats
import torch
from toys import DATA, EDGE, MODEL, SIZE, ToyData, ToyModel, ToyWorkspace

from latentstudio.analyses.projections import Projections
from latentstudio.analyses.projections_fit import Lines
from latentstudio.analyses.projections_plots import natural
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.prepare import fit
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Distribution, Sheet, Table, final
from latentstudio.stats.pictures import shrinking, shrunk


class Apart(ToyData):
    """Pictures of codes N(0, I) whose classes lie `delta` apart along the first component.

    That component runs through the quantiles of the normal law in each class, in random order: no luck is in it.
    """

    def __init__(self, count: int, delta: float, share: float = 0.5, offset: float = 0.0, known: float = 1.0) -> None:
        super().__init__(max(count, 8))
        rng = np.random.default_rng(11)
        present = np.arange(count) < round(share * count)
        codes = rng.standard_normal((count, SIZE))
        for side in (present, ~present):
            n = int(side.sum())
            codes[side, 0] = scipy.stats.norm.ppf((rng.permutation(n) + 0.5) / n) if n else 0.0
        codes[:, 0] += delta * (present - 0.5)
        codes[:, 1] += offset
        with torch.no_grad():
            pictures = ToyModel().decode(torch.from_numpy(codes.astype(np.float32))).permute(0, 2, 3, 1).numpy()
        self.pixels = np.clip(np.rint((pictures + 1) * 127.5), 0, 255).astype(np.uint8)
        values = np.where(rng.random(count) < known, present.astype(float), np.nan)
        self.attributes = AttributeTable(count, [Column("smiling", "binary", values)])


def run(data: ToyData, model: ToyModel | None = None, **params: object) -> Sheet:
    space = ToyWorkspace(models={None: model or ToyModel()}, data={"toy": data}, split={})
    selection = params.pop("selection", None)
    groups = params.pop("groups", {})
    recipe = Recipe(
        kind="analysis",
        name="projections",
        model=MODEL,
        data=DATA,
        params={"attribute": "smiling", "repeats": 200, "sample": 0, **params},
        selection=selection,
        groups=groups,
    )
    result = final(run_recipe(recipe, space))
    assert isinstance(result, Sheet)
    return result


def rows(result: Sheet, title: str) -> list[tuple]:
    (found,) = [part for part in result.parts if isinstance(part, Table) and part.title == title]
    assert all(len(row) == len(found.columns) for row in found.rows)
    return list(found.rows)


def plots(result: Sheet, space: str = "latent") -> dict[str, Distribution]:
    """By class and of the whole data set, of both lines."""
    found = [part for part in result.parts if isinstance(part, Distribution) and part.axis.space == space]
    return {f"{part.axis.name} {'whole' if len(part.histograms) == 1 else 'class'}": part for part in found}


# --- closed forms


def test_the_area_of_two_gaussians_is_found_and_lies_in_its_interval() -> None:
    delta = 1.5
    result = run(Apart(3000, delta), space="latent")
    _, name, fitted, other, low, high, _, right, *_ = rows(result, "Discrimination")[0]
    true = scipy.stats.norm.cdf(delta / math.sqrt(2))
    assert name == "opposite"
    assert other == pytest.approx(true, abs=0.02)
    assert low < true < high
    assert fitted >= other - 0.03
    assert right == pytest.approx(scipy.stats.norm.cdf(delta / 2), abs=0.025), "the threshold lies half-way"


@pytest.mark.parametrize("estimator", ["logistic", "lda"])
def test_other_estimators_find_the_same_line_where_noise_is_alike_in_all_directions(estimator: str) -> None:
    delta = 1.5
    result = run(Apart(1200, delta), space="latent", estimator=estimator, repeats=50)
    first = rows(result, "Discrimination")[0]
    assert first[3] == pytest.approx(scipy.stats.norm.cdf(delta / math.sqrt(2)), abs=0.03)
    assert first[7] == pytest.approx(scipy.stats.norm.cdf(delta / 2), abs=0.04)


def test_the_line_through_zero_tells_as_much_of_the_difference_as_lies_along_the_mean() -> None:
    """mu_with = (delta/2, 3, 0, ...), so that the classes lie delta times the cosine between the two apart on it."""
    delta = 1.5
    result = run(Apart(3000, delta, offset=3.0), space="latent")
    opposite, zero = rows(result, "Discrimination")
    cosine = delta / 2 / math.hypot(delta / 2, 3.0)
    assert opposite[3] == pytest.approx(scipy.stats.norm.cdf(delta / math.sqrt(2)), abs=0.02)
    assert zero[3] == pytest.approx(scipy.stats.norm.cdf(delta * cosine / math.sqrt(2)), abs=0.03)
    claim = rows(result, "Which tells more")[0]
    assert claim[1] == pytest.approx(opposite[3] - zero[3])
    assert claim[2] > 0
    assert claim[4] == "latent, opposite is better"


def test_projections_are_inner_products_with_the_means_of_the_half_of_the_fit() -> None:
    data, model = Apart(300, 2.0), ToyModel()
    result = run(data, space="both", edge=4)
    codes = model.encode(torch.from_numpy(fit(data.pixels, model.image_shape))).double().numpy()
    pixels = shrunk(fit(data.pixels, model.image_shape), 2).reshape(300, -1).astype(float)
    present = data.attributes["smiling"].values == 1
    for space, values in (("latent", codes), ("image", pixels)):
        found = plots(result, space)
        shown = np.concatenate([h.members for h in found["opposite class"].histograms])
        fitted = ~np.isin(np.arange(300), shown)
        means = [values[fitted & side].mean(axis=0) for side in (present, ~present)]
        for name, line in (("opposite", means[0] - means[1]), ("zero", means[0])):
            unit = line / np.linalg.norm(line)
            np.testing.assert_allclose(found[f"{name} class"].axis.unit, unit, atol=1e-5)
            for histogram, side in zip(found[f"{name} class"].histograms, (present, ~present), strict=True):
                assert side[histogram.members].all()
                np.testing.assert_allclose(histogram.values, values[histogram.members] @ unit, atol=1e-4)
    assert plots(result, "image")["zero class"].axis.factor == 2
    assert "averaged over 2 × 2 px" in plots(result, "image")["zero class"].x_label


# --- what fools


def test_a_class_on_its_own_mean_is_all_positive_and_the_other_half_is_centred() -> None:
    """METHODS: pure N(0, I), 3072 components, 500 images: own mean 2.53, 99 % positive."""
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((1500, 3072)).astype(np.float32)
    first = np.arange(1500) % 3 > 0
    present = np.arange(1500) % 2 == 0
    lines = Lines("latent", 3072, first, present, "mean_difference")
    at = np.flatnonzero(first)
    lines.add(at, codes[at])
    list(lines.fit())
    lines.project(np.arange(1500), codes)
    own, other = lines.values[1, first & present], lines.values[1, ~first & present]
    assert own.mean() == pytest.approx(math.sqrt(3072 / 500), rel=0.05)
    assert (own > 0).mean() > 0.98
    assert abs(other.mean()) < 3 / math.sqrt(len(other))
    # Scores without an image's own part in the mean are centred too: thresholds from them are not fooled.
    fair = lines.fair[1, first & present]
    assert abs(fair.mean()) < 5 / math.sqrt(len(fair))


def test_noise_is_told_apart_in_the_half_of_the_fit_only_and_the_null_says_by_how_much() -> None:
    rng = np.random.default_rng(4)
    codes = rng.standard_normal((600, 2000)).astype(np.float32)
    present = np.arange(600) % 4 == 0
    first = np.arange(600) < 300
    lines = Lines("latent", 2000, first, present, "mean_difference")
    lines.add(np.arange(300), codes[:300])
    list(lines.fit())
    lines.project(np.arange(600), codes)
    n1, n0 = lines.counts
    length = math.sqrt(2000 * (1 / n1 + 1 / n0))
    assert lines.values[0, first & present].mean() == pytest.approx(2000 / n1 / length, rel=0.05)
    assert lines.values[0, first & ~present].mean() == pytest.approx(-2000 / n0 / length, rel=0.15)
    assert abs(lines.values[0, ~first].mean()) < 0.2
    left_out = codes[:300][present[:300]][1:].mean(axis=0) - codes[:300][~present[:300]].mean(axis=0)
    by_hand = codes[0].astype(float) @ left_out / lines.lengths[0]
    assert lines.fair[0, 0] == pytest.approx(by_hand, rel=1e-5), "an image's own part is taken out exactly"


def test_the_table_of_means_has_the_null_beside_what_was_found() -> None:
    found = rows(run(Apart(1000, 0.0), space="latent"), "Means")
    own = [row for row in found if row[3] == "of the fit" and row[1] == "opposite"]
    for row in own:
        assert row[5] == pytest.approx(row[8], abs=0.25)
    assert all(row[8] == 0.0 for row in found if row[3] == "other")


# --- the plots


def test_every_shown_image_is_in_a_bar_of_its_class_and_the_fitted_ones_are_not() -> None:
    found = plots(run(Apart(200, 1.0), space="latent", bins=7))
    by_class, whole = found["opposite class"], found["opposite whole"]
    members = np.concatenate([h.members for h in by_class.histograms])
    assert len(members) == len(set(members.tolist())) == 100
    assert sorted(whole.histograms[0].members.tolist()) == sorted(members.tolist())
    assert whole.histograms[0].counts.sum() == 100
    for histogram in by_class.histograms:
        assert histogram.counts.sum() == pytest.approx(100.0), "shares of the class"
    labels = [line.label for line in whole.references]
    assert labels == ["draws of the prior", "normal of the same mean and sd"]
    prior = whole.references[0]
    width = whole.histograms[0].edges[1] - whole.histograms[0].edges[0]
    assert np.trapezoid(prior.y, prior.x) / width == pytest.approx(100, rel=0.02)


def test_uniform_noise_has_the_law_that_is_drawn_for_it() -> None:
    """One third of the square of the vector, shrunk by the edge of the squares."""
    result = run(Apart(200, 1.0), space="image", edge=4)
    whole = plots(result, "image")["opposite whole"]
    unit = whole.axis.unit.astype(float)
    noise = np.random.default_rng(0).uniform(-1, 1, (20_000, 1, EDGE, EDGE)).astype(np.float32)
    drawn = shrunk(noise, 2).reshape(len(noise), -1) @ unit
    assert whole.band.label == "95 % of uniform noise"
    assert np.mean((drawn > whole.band.low) & (drawn < whole.band.high)) == pytest.approx(0.95, abs=0.012)
    assert [line.label for line in whole.references] == ["normal of the same mean and sd"]


def test_a_rare_class_has_its_own_share_in_the_whole_data_set() -> None:
    data = Apart(2000, 1.0, share=0.05)
    result = run(data, space="latent", sample=200)
    found = plots(result)
    present = data.attributes["smiling"].values == 1
    chosen = found["opposite whole"].histograms[0].members
    assert present[chosen].mean() == pytest.approx(0.05, abs=0.012)
    assert "5 %" in " ".join(found["opposite whole"].notes)
    assert "A sample of 200 of 2,000" in " ".join(result.parts[0].notes)


def test_natural_shares_keep_what_is_near_and_thin_what_is_not() -> None:
    present = np.arange(100) < 50
    assert len(natural(present, 0.5, 0)) == 100
    kept = natural(present, 0.1, 0)
    assert present[kept].sum() == 6
    assert (~present[kept]).sum() == 50
    kept = natural(present, 0.9, 0)
    assert (~present[kept]).sum() == 6


def test_pictures_shrink_by_whole_squares() -> None:
    assert [shrinking(64, 64, edge) for edge in (64, 32, 20, 1)] == [1, 2, 4, 64]
    assert shrinking(9, 6, 3) == 3
    assert shrinking(7, 5, 3) == 1, "nothing divides both"
    pictures = np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4)
    assert shrunk(pictures, 2)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


# --- seeds, samples, codes


def test_the_same_seed_gives_the_same_sheet_and_another_another() -> None:
    data = Apart(300, 1.0)
    one, two, other = (rows(run(data, space="latent", seed=s), "Discrimination") for s in (0, 0, 1))
    assert one == two
    assert one != other


def test_codes_that_lie_far_outside_are_left_out_and_said_so() -> None:
    class Bursting(ToyModel):
        def encode(self, images):
            codes = super().encode(images)
            codes[codes[:, 2] > 2.0] *= 1e6
            codes[codes[:, 2] < -2.4] = float("nan")
            return codes

    result = run(Apart(600, 1.5), Bursting(), space="latent")
    assert "left out whose codes lie far outside" in " ".join(result.parts[0].notes)
    assert rows(result, "Discrimination")[0][3] == pytest.approx(0.856, abs=0.05)


def test_dequantised_codes_are_looked_at_when_they_are_asked_for() -> None:
    class Noisy(ToyModel):
        def dequantised_codes(self, images, generator):
            return self.encode(images) + 3.0

    plain = run(Apart(100, 1.0), Noisy(), space="latent")
    noisy = run(Apart(100, 1.0), Noisy(), space="latent", codes="dequantised")
    assert "without the noise of training" in plain.caption
    assert "dequantised" in noisy.caption
    means = [plots(r)["zero whole"].histograms[0].values.mean() for r in (plain, noisy)]
    assert means[1] > means[0] + 3
    none = run(Apart(100, 1.0), space="latent", codes="dequantised")
    assert "adds no noise" in none.caption


def test_colour_pictures_are_seen_in_grey_by_a_grey_model() -> None:
    data = Apart(120, 2.0)
    grey = run(data, space="both")
    data.pixels = np.repeat(data.pixels, 3, axis=-1)
    data.image_shape = (EDGE, EDGE, 3)
    colour = run(data, space="both")
    for space in ("latent", "image"):
        for name, part in plots(grey, space).items():
            np.testing.assert_allclose(part.histograms[0].values, plots(colour, space)[name].histograms[0].values)


def test_persons_stay_in_one_half_and_the_caption_says_so() -> None:
    data = Apart(200, 1.0)
    persons = np.arange(200) // 5
    data.attributes = AttributeTable(
        200,
        [
            Column("identity", "category", persons.astype(float), tuple(f"p{k}" for k in range(40))),
            Column("smiling", "binary", (np.arange(200) % 2).astype(float)),
        ],
    )
    result = run(data, space="latent")
    shown = np.concatenate([h.members for h in plots(result)["opposite class"].histograms])
    assert not set(persons[shown]) & set(persons[~np.isin(np.arange(200), shown)])
    assert "split by person" in result.caption
    one_person = run(data, space="latent", attribute="identity=p3")
    assert "split by image" in one_person.caption
    assert "persons may be in both halves" in " ".join(one_person.parts[0].notes)


def test_a_selection_is_an_attribute_and_restricts() -> None:
    groups = {"selection": tuple(range(60))}
    result = run(Apart(200, 1.5), space="latent", attribute="selection", groups=groups)
    assert "the selection: 60 with, 140 without" in result.caption
    inside = run(Apart(200, 1.5), space="latent", selection=tuple(range(60, 140)))
    assert "smiling: 40 with, 40 without" in inside.caption
    members = np.concatenate([h.members for h in plots(inside)["opposite class"].histograms])
    assert set(members) <= set(range(60, 140))


# --- faults


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros(40), "No image is smiling"),
        (np.ones(40), "No image is not smiling"),
        (np.eye(40)[3], "Only one image is smiling"),
        (np.full(40, np.nan), "'smiling' is not known of any image"),
    ],
)
def test_classes_from_which_nothing_can_be_learnt_are_a_sentence(values: np.ndarray, sentence: str) -> None:
    data = Apart(40, 1.0)
    data.attributes = AttributeTable(40, [Column("smiling", "binary", values)])
    with pytest.raises(UserError, match=sentence):
        run(data)


def test_two_members_are_enough_and_what_cannot_be_known_is_left_open() -> None:
    data = Apart(40, 1.0)
    data.attributes = AttributeTable(40, [Column("smiling", "binary", np.eye(40)[3] + np.eye(40)[17])])
    first = rows(run(data, space="latent"), "Discrimination")[0]
    assert first[3] is not None
    assert first[7] is None, "the one image of the half of the fit has no score without its own part"


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"attribute": ""}, "No attribute is chosen; there are smiling"),
        ({"attribute": "hat"}, "There is no attribute 'hat'"),
        ({"attribute": "selection"}, "No images are selected"),
        ({"space": "sound"}, "both, latent, image"),
        ({"estimator": "magic"}, "mean_difference"),
    ],
)
def test_wrong_parameters_are_a_sentence(params: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        run(Apart(40, 1.0), **params)


def test_a_model_that_sends_a_class_far_out_is_a_sentence() -> None:
    class Lost(ToyModel):
        def encode(self, images):
            return super().encode(images) + 1e9

    with pytest.raises(UserError, match="has a code near the prior"):
        run(Apart(40, 1.0), Lost(), space="latent")


def test_estimators_that_hold_all_codes_refuse_more_than_they_can() -> None:
    with pytest.raises(UserError, match="takes at most 16,000 images and there are 17,000"):
        run(Apart(17_000, 1.0), estimator="lda", space="latent")


def test_the_panel_is_told_what_is_missing() -> None:
    assert Projections().lacks({}) == "Choose an attribute to project on"
    assert Projections(attribute="smiling").lacks({}) == ""
    assert msgspec.json.encode(Projections(attribute="smiling"))
