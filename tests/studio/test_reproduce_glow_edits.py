"""The entries about attributes: their measures against closed forms, and what they say when something is missing."""

import math

import numpy as np
import pytest

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.errors import UserError
from latentstudio.studio.reproduce import glow_subjects
from latentstudio.studio.reproduce.glow_attributes import best_strengths
from latentstudio.studio.reproduce.glow_corruption import changed_shares
from latentstudio.studio.reproduce.glow_criteria import Criteria, deviations, mean_ranks
from latentstudio.studio.reproduce.glow_edits import Edited
from latentstudio.studio.reproduce.glow_judge import Judge, edges, measured, reduced, seen
from latentstudio.studio.reproduce.glow_local import likeness, outlines
from latentstudio.studio.reproduce.glow_prototypes import binary_classes, mean_difference
from latentstudio.studio.reproduce.glow_specular import swapped
from latentstudio.studio.reproduce.glow_subjects import labelled, subject


def _edited(strengths: tuple[float, ...], scores: list[list[float]]) -> Edited:
    values = np.array(scores)
    return Edited(np.array(strengths), values, *(np.ones_like(values) for _ in range(4)))


# --- measures


def test_small_pictures_are_averages_of_squares() -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (3, 3, 64, 64)).astype(np.float32)
    expected = images.reshape(3, 3, 32, 2, 32, 2).mean(axis=(3, 5)).reshape(3, -1)
    assert reduced(images) == pytest.approx(expected, abs=1e-6)
    broken = images.copy()
    broken[0], broken[1, 0, 0, 0] = np.nan, 7.0
    assert np.abs(reduced(broken)).max() <= 1
    assert (reduced(broken)[0] == 0).all()


def test_edges_are_counted_by_orientation_in_squares() -> None:
    y, x = np.mgrid[:16, :16]
    for place, ramp in ((0, x), (2, y), (4, -x), (6, -y)):  # brighter to the right, downwards, to the left, upwards
        found = edges((0.02 * ramp)[None, None].astype(np.float32)).reshape(8, 4, 4)
        assert found[place] == pytest.approx(np.full((4, 4), math.sqrt(16 * 0.02)), rel=1e-4)
        assert np.delete(found, place, axis=0) == pytest.approx(0, abs=1e-3)
    between = edges((0.02 * (x * math.cos(np.pi / 8) + y * math.sin(np.pi / 8)))[None, None].astype(np.float32))
    assert between.reshape(8, -1)[:2] == pytest.approx(math.sqrt(16 * 0.01), rel=1e-3)
    assert edges(np.zeros((1, 3, 128, 128), np.float32)).shape == (1, 8 * 16 * 16)
    assert edges(np.full((1, 3, 8, 8), np.nan, np.float32)) == pytest.approx(0)


def test_a_judge_gives_zero_and_one_to_the_averages_of_its_classes() -> None:
    rng = np.random.default_rng(1)
    present = np.arange(40) % 2 == 1
    pictures = (rng.uniform(-0.3, 0.3, (40, 1, 4, 4)) + 0.4 * present[:, None, None, None]).astype(np.float32)
    normal = np.concatenate([np.zeros(edges(pictures).shape[1]), np.ones(16)])
    judge = measured("smiling", normal, seen(pictures), present)
    scores = judge.scores(pictures)
    assert scores[~present].mean() == pytest.approx(0)
    assert scores[present].mean() == pytest.approx(1)
    assert judge.counts == (20, 20)
    assert judge.fitting == np.mean([0.5 < score < 1.5 for score in scores[present]])
    better = np.mean([a > b for a in scores[present] for b in scores[~present]])
    assert judge.auc == pytest.approx(better)
    assert judge.sees


def test_a_judge_that_points_the_wrong_way_does_not_see() -> None:
    blind = Judge("smiling", np.ones(24), 1.0, 1.0, 0.5, (4, 4))
    assert not blind.sees
    assert np.isnan(blind.scores(np.zeros((2, 1, 4, 4), np.float32))).all()


def test_gain_and_share_of_edits() -> None:
    found = _edited((0.0, 1.0), [[0.0, 0.4], [0.2, 1.0], [0.1, 0.7]])
    gain, error = found.gain(1.0)
    moved = np.array([0.4, 0.8, 0.6])
    assert gain == pytest.approx(moved.mean())
    assert error == pytest.approx(moved.std(ddof=1) / math.sqrt(3))
    assert found.passed(1.0) == pytest.approx(200 / 3)
    assert _edited((0.0, 1.0), [[0.0, 1.0]]).gain(1.0)[1] == math.inf


def test_the_best_strength_is_where_the_score_reaches_one() -> None:
    found = _edited((0.0, 1.0, 2.0), [[0.0, 0.5, 1.5], [1.2, 1.4, 2.0], [0.0, 0.1, 0.2]])
    assert best_strengths(found) == pytest.approx([1.5, 0.0, np.nan], nan_ok=True)


def test_swapped_attributes_correlate_below_zero() -> None:
    before = np.array([0.1, 0.2, 0.7, 0.9, 0.4, 0.8])
    r, z, flipped, chance = swapped(before, 1 - before)
    assert r == pytest.approx(-1)
    assert z < -2
    assert flipped == 100
    assert chance == pytest.approx(50)
    assert swapped(before, before)[0] == pytest.approx(1)
    assert swapped(before, before)[2] == 0
    assert np.isnan(swapped(before[:2], before[:2])).all()


def test_swaps_by_chance_are_those_of_all_pairings() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.uniform(0, 1, 9), rng.uniform(0, 1, 9)
    pairs = [(a > 0.5) != (b > 0.5) for a in before for b in after]
    assert swapped(before, after)[3] == pytest.approx(100 * np.mean(pairs))


def test_outlines_do_not_depend_on_the_brightness() -> None:
    images = np.random.default_rng(3).uniform(-0.4, 0.4, (4, 3, 8, 8)).astype(np.float32)
    assert likeness(outlines(images), outlines(images + 0.3)) == pytest.approx(np.ones(4), abs=1e-4)
    assert np.abs(likeness(outlines(images), outlines(np.roll(images, 1, axis=0)))).max() < 0.9
    assert np.isnan(likeness(outlines(images), outlines(np.zeros_like(images)))).all()


def test_pictures_differ_by_their_pairs() -> None:
    grey = np.array([-0.5, 0.0, 0.5], np.float32)[:, None, None, None] * np.ones((1, 3, 4, 4), np.float32)
    assert mean_difference(grey) == pytest.approx(127.5 * (0.5 + 1.0 + 0.5) / 3)
    assert math.isnan(mean_difference(grey[:1]))


def test_an_area_under_the_curve_is_a_distance_in_deviations() -> None:
    from scipy.stats import norm

    for distance in (0.3, 1.0, 2.5):
        assert deviations(float(norm.cdf(distance / math.sqrt(2)))) == pytest.approx(distance)
    assert deviations(0.5) == pytest.approx(0)


def test_ranks_of_criteria_are_averaged_where_they_are_known() -> None:
    rows = [
        Criteria("a", {"local": 0.1, "unique": 0.9, "opposite": 5.0}, 1.0),
        Criteria("b", {"local": 0.5, "unique": 0.2, "opposite": math.nan}, 1.0),
        Criteria("c", {"local": 0.9, "unique": 0.1, "opposite": 2.0}, 1.0),
    ]
    assert mean_ranks(rows, ["local"]) == pytest.approx([1, 2, 3])
    assert mean_ranks(rows, ["local", "unique", "opposite"]) == pytest.approx([2, 2, 2])
    assert np.isnan(mean_ranks(rows, ["opposite"])).all()


class _Decoder:
    """Stands in for the bench: a code is a picture of 2 x 4 px, a component a pixel; the last is added to all."""

    def decoded_raw(self, codes: np.ndarray) -> np.ndarray:
        pictures = np.repeat(codes[:, None, :-1].reshape(-1, 1, 2, 4), 3, axis=1)
        return np.clip(pictures + codes[:, -1, None, None, None], -1, 1).astype(np.float32)


def test_the_share_of_changed_pixels_tells_a_spot_from_a_flood() -> None:
    code = np.zeros(9, np.float32)
    shares = changed_shares(_Decoder(), code, np.array([0, 5, 8]), 100.0)  # type: ignore[arg-type]
    assert shares == pytest.approx([12.5, 12.5, 100.0])
    assert changed_shares(_Decoder(), code, np.array([0]), 0.05) == pytest.approx([0.0])  # type: ignore[arg-type]


# --- which data set has an attribute


class _Data:
    title = "Photographs"

    def __init__(self, **columns: list[float]) -> None:
        found = [Column(name, "binary", np.array(values, dtype=np.float64)) for name, values in columns.items()]
        self.attributes = AttributeTable(len(found[0].values), found)


class _Lab:
    """Stands in for the bench where only labels are looked at."""

    real_faces = True

    def __init__(self, **columns: list[float]) -> None:
        self.data = _Data(**columns)
        self.held_out = np.zeros(self.data.attributes.size, dtype=bool)
        self.held_out[::4] = True


def _labels(share: float) -> list[float]:
    return [float(k % 100 < 100 * share) for k in np.random.default_rng(0).permutation(200)]


def test_an_attribute_is_found_under_the_data_sets_own_name() -> None:
    lab = _Lab(Smiling=_labels(0.5), Young=_labels(0.3))
    assert subject(lab, "smile").spec == "Smiling"  # type: ignore[arg-type]
    who = subject(lab, "age")  # type: ignore[arg-type]
    assert who.spec == "not Young"
    assert who.members.share == pytest.approx(0.7)
    assert who.note == ""


def test_a_label_that_hardly_anybody_has_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glow_subjects, "find_models", dict)
    lab = _Lab(bald=[1.0] * 3 + [0.0] * 197)
    with pytest.raises(UserError, match="Photographs says nothing about bald, and faces-glow"):
        subject(lab, "bald")  # type: ignore[arg-type]


def test_drawn_faces_stand_in_for_what_photographs_lack_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    photographs, faces = _Lab(smiling=_labels(0.5)), _Lab(Wearing_Lipstick=_labels(0.3), Young=_labels(0.5))
    faces.data.title, faces.real_faces = "Drawn faces", False
    faces.model_name = "faces-glow"  # type: ignore[attr-defined]
    monkeypatch.setattr(glow_subjects, "drawn", lambda lab, why: faces)
    old, gender = (subject(photographs, what) for what in ("age", "gender"))  # type: ignore[arg-type]
    assert old.lab is faces
    assert "Photographs says nothing about age" in old.note
    assert "Drawn faces under faces-glow, not on photographs" in old.note
    assert gender.spec == "not Wearing_Lipstick"
    assert "have no gender; not Wearing_Lipstick stands for it" in gender.note


def test_drawn_faces_have_no_other_faces_to_fall_back_on() -> None:
    faces = _Lab(Smiling=_labels(0.5))
    faces.real_faces = False
    with pytest.raises(UserError, match="nothing about moustache, and there is no other data set"):
        subject(faces, "moustache")  # type: ignore[arg-type]


def test_classes_are_spread_over_their_shares() -> None:
    columns = {f"a{k}": _labels(0.05 * k) for k in range(1, 16)}
    names = binary_classes(_Lab(**columns, none=[0.0] * 200))  # type: ignore[arg-type]
    assert len(names) == 12
    assert names[0] == "a1"
    assert names[-1] == "a15"
    assert "none" not in names


def test_a_data_set_with_hardly_any_label_is_replaced_by_drawn_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = _Lab(a=_labels(0.5), b=_labels(0.4), c=_labels(0.3))
    assert labelled(faces) is faces  # type: ignore[arg-type,comparison-overlap]
    monkeypatch.setattr(glow_subjects, "find_models", dict)
    with pytest.raises(UserError, match="fewer than 3 yes-or-no labels"):
        labelled(_Lab(a=_labels(0.5)))  # type: ignore[arg-type]
