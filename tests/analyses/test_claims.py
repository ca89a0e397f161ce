"""The notes on claims about normal codes, against closed forms that are computed here by other means."""

import math

import msgspec
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from toys import DATA, MODEL, ToyWorkspace

from latentstudio.analyses.half_space import HALF_MEAN, PRINTED_HALF_MEAN, crossing_probability, cut
from latentstudio.analyses.separability import interpolating_scores, is_separable, separable_share
from latentstudio.analyses.unbounded_likelihood import expected_normal_bits, kernel_bits, normal_bits
from latentstudio.analyses.uniqueness import jacobian, orthogonal_residual, twist
from latentstudio.errors import UserError
from latentstudio.figures.recipe import Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.results import Curve, Sheet, Table, final


def sheet(name: str, workspace: ToyWorkspace | None = None, **params: object) -> Sheet:
    recipe = Recipe(kind="analysis", name=name, params=params)
    if workspace is not None:
        recipe = msgspec.structs.replace(recipe, model=MODEL, data=DATA)
    result = final(run_recipe(recipe, workspace or ToyWorkspace()))
    assert isinstance(result, Sheet)
    return result


def table(result: Sheet, title: str) -> Table:
    (found,) = [part for part in result.parts if isinstance(part, Table) and part.title == title]
    return found


# --- half-spaces


def test_the_mean_of_a_half_is_an_integral() -> None:
    mass, _ = scipy.integrate.quad(lambda x: x * scipy.stats.norm.pdf(x), 0, np.inf)
    assert pytest.approx(2 * mass) == HALF_MEAN
    assert pytest.approx(0.542, abs=1e-3) == PRINTED_HALF_MEAN


@pytest.mark.parametrize("step", [0.0, 0.3, 1.084, 1.5958, 4.0])
def test_crossing_is_the_share_of_the_negative_half_within_a_step(step: float) -> None:
    below = scipy.stats.norm.cdf(0) - scipy.stats.norm.cdf(-step)
    assert crossing_probability(step) == pytest.approx(below / 0.5, abs=1e-12)
    assert crossing_probability(2 * HALF_MEAN) == pytest.approx(0.8894, abs=2e-4)


@pytest.mark.parametrize("size", [1, 3, 400])
def test_simulated_halves_agree_with_the_closed_forms(size: int) -> None:
    *_, sums = cut(size, 20_000, seed=1)
    assert sums is not None
    assert sum(sums.counts) == 20_000
    spread = math.sqrt(1 - 2 / math.pi) / math.sqrt(20_000)
    assert abs(sums.half_mean - HALF_MEAN) < 4 * spread
    assert abs(sums.along - 2 * HALF_MEAN) < 4 * 2 * spread
    assert sums.length == pytest.approx(sums.expected_length, rel=0.02)
    expected = crossing_probability(2 * HALF_MEAN)
    assert abs(sums.crossing(2 * HALF_MEAN) - expected) < 4 * math.sqrt(expected * (1 - expected) / 10_000)


def test_chunks_are_the_draws_of_one_pass() -> None:
    """A million numbers are drawn at once, so 30,000 draws of 100 dimensions come in three chunks."""
    parts = list(cut(100, 30_000, seed=0))
    assert len(parts) == 4
    rng = np.random.default_rng([0, 100])
    normal = rng.standard_normal(100)
    normal /= np.linalg.norm(normal)
    rows = np.concatenate([rng.standard_normal((10_000, 100)) for _ in range(3)])
    place = rows @ normal
    assert parts[-1] is not None
    assert parts[-1].difference == pytest.approx(rows[place >= 0].mean(0) - rows[place < 0].mean(0))


def test_the_half_space_note_has_a_row_for_each_dimension() -> None:
    rows = table(sheet("half_space", dimensions=(3, 50), draws=2000), "Halves of a normal law").rows
    assert [row[0] for row in rows] == [3, 50, "closed form"]
    assert rows[-1][5] == pytest.approx(2 * scipy.stats.norm.cdf(2 * math.sqrt(2 / math.pi)) - 1)


# --- uniqueness


def test_the_twist_keeps_norms_and_can_be_undone() -> None:
    codes = np.random.default_rng(0).standard_normal((50, 6))
    turned = twist(codes, 1.7)
    assert np.linalg.norm(turned, axis=1) == pytest.approx(np.linalg.norm(codes, axis=1))
    assert twist(turned, -1.7) == pytest.approx(codes)
    assert twist(np.array([[0.0, 2.0]]), math.pi / 4) == pytest.approx(np.array([[-2.0, 0.0]]))


def test_the_twist_keeps_volumes_by_automatic_differentiation() -> None:
    def twisted(x: torch.Tensor) -> torch.Tensor:
        angle = 0.8 * x.norm()
        pairs = x.view(-1, 2)
        turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
        return (pairs @ turn.T).flatten()

    code = torch.tensor([0.4, -1.2, 2.0, 0.1], dtype=torch.float64)
    exact = torch.autograd.functional.jacobian(twisted, code)
    assert torch.linalg.slogdet(exact)[1].item() == pytest.approx(0, abs=1e-12)
    assert jacobian(code.numpy(), 0.8) == pytest.approx(exact.numpy(), abs=1e-7)


def test_a_rotation_leaves_no_residual_and_the_twist_does() -> None:
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((500, 4))
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    assert orthogonal_residual(codes, codes @ rotation) == pytest.approx(0, abs=1e-12)
    assert orthogonal_residual(codes, twist(codes, 1.0)) > 0.3


def test_the_uniqueness_note_holds_in_many_dimensions() -> None:
    rows = {row[0]: row[1:] for row in table(sheet("uniqueness", size=10), "What the twist keeps and changes").rows}
    for name in ("norms, KS distance from the chi law", "a component, KS distance from N(0, 1)"):
        assert rows[name][1] < rows[name][2]
    assert rows["largest |log det| of the Jacobian"][1] < 1e-6
    assert rows["left by the best rotation, share"][1] > 0.3
    with pytest.raises(UserError, match="7 is odd; 8 would do"):
        sheet("uniqueness", size=7)


# --- unbounded likelihood


def test_bits_of_a_normal_law_agree_with_scipy() -> None:
    rng = np.random.default_rng(0)
    train, unseen = rng.standard_normal((40, 3)) * 5, rng.standard_normal((30, 3)) * 5
    law = scipy.stats.multivariate_normal(train.mean(axis=0), np.cov(train.T, bias=True))
    bits = [-law.logpdf(rows).mean() / (3 * math.log(2)) for rows in (train, unseen)]
    assert normal_bits(train, unseen) == pytest.approx(bits)


def test_expected_bits_are_the_average_over_normal_samples() -> None:
    rng = np.random.default_rng(1)
    mixing = rng.standard_normal((4, 4)) + 2 * np.eye(4)
    log_det = 2 * np.linalg.slogdet(mixing)[1]
    pairs = [normal_bits(*(rng.standard_normal((2, 15, 4)) @ mixing.T)) for _ in range(4000)]
    mean, spread = np.mean(pairs, axis=0), np.std(pairs, axis=0) / math.sqrt(4000)
    assert np.abs(mean - expected_normal_bits(log_det, 4, 15)).max() < 4 * spread.max()
    assert expected_normal_bits(0.0, 4, 6)[1] == math.inf


def test_too_few_images_have_no_bound() -> None:
    rows = np.random.default_rng(0).standard_normal((5, 5))
    assert normal_bits(rows, rows) == (-math.inf, math.inf)


def test_bits_of_a_mixture_agree_with_scipy_and_halving_gains_a_bit() -> None:
    rng = np.random.default_rng(0)
    train, unseen = rng.standard_normal((6, 2)), rng.standard_normal((5, 2))
    for width in (0.5, 1e-4):
        logs = np.array(
            [
                [scipy.stats.multivariate_normal(centre, width**2).logpdf(row) for centre in train]
                for row in (*train, *unseen)
            ]
        )
        logs = scipy.special.logsumexp(logs, axis=1) - math.log(6)
        expected = [-part.mean() / (2 * math.log(2)) for part in (logs[:6], logs[6:])]
        assert kernel_bits(train, unseen, width) == pytest.approx(expected)
    fine, finer = kernel_bits(train, unseen, 1e-4)[0], kernel_bits(train, unseen, 5e-5)[0]
    assert fine - finer == pytest.approx(1.0)


def test_the_gap_grows_as_the_images_of_the_fit_shrink() -> None:
    result = sheet("unbounded_likelihood", ToyWorkspace(), edge=3)
    rows = table(result, "Normal law").rows
    gaps = [row[4] for row in rows if math.isfinite(row[4])]
    assert gaps == sorted(gaps, reverse=True)
    assert rows[0][2] == -math.inf
    mixture = table(result, "Mixture").rows
    assert mixture[-2][1] - mixture[-1][1] == pytest.approx(1.0)


# --- separability


def test_cover_counts_by_hand() -> None:
    """Four points in the plane: 14 of 16 divisions; three: all; on a line of n points 2 n of 2^n."""
    assert separable_share(3, 2) == 1.0
    assert separable_share(4, 2) == 14 / 16
    for n in (2, 5, 9):
        assert separable_share(n, 1) == 2 * n / 2**n
    assert separable_share(42, 20) == 0.5
    assert separable_share(1, 3) == 1.0


def test_every_division_of_four_points_is_decided() -> None:
    """In convex position the two diagonals cannot be separated."""
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.1]])
    found = [k for k in range(16) if is_separable(points, np.array([bool(k >> i & 1) for i in range(4)]))]
    assert sorted(set(range(16)) - set(found)) == [0b0101, 0b1010]


def test_divisions_of_random_points_follow_cover() -> None:
    """All divisions of seven points in general position, counted."""
    points = np.random.default_rng(3).standard_normal((7, 3)) * 1e-3 + 50
    hits = sum(is_separable(points, np.array([bool(k >> i & 1) for i in range(7)])) for k in range(128))
    assert hits / 128 == separable_share(7, 3)


def test_any_labels_are_reached_below_the_dimension() -> None:
    rng = np.random.default_rng(0)
    train, labels = rng.standard_normal((30, 100)), rng.random(30) < 0.5
    scores, _ = interpolating_scores(train, labels, rng.standard_normal((5, 100)))
    assert scores == pytest.approx(np.where(labels, 1.0, -1.0))


def test_the_separability_note_draws_from_the_codes() -> None:
    result = sheet("separability", ToyWorkspace(), dimensions=3, trials=40, attribute="eyeglasses")
    curve = result.parts[0]
    assert isinstance(curve, Curve)
    for n, _, share, law, _ in table(result, "Random divisions").rows:
        assert law == separable_share(n, 3)
        assert abs(share - law) <= 4 * math.sqrt(max(law * (1 - law), 0.01) / 40)
    names = [row[0] for row in table(result, "Labels in the whole latent space").rows]
    assert names == ["random labels", "eyeglasses"]
    for wrong, sentence in (("hats", "no attribute 'hats'"), ("yaw>100", "0 images are yaw > 100 and 40 are")):
        with pytest.raises(UserError, match=sentence):
            sheet("separability", ToyWorkspace(), attribute=wrong)
