"""Halves without common persons, thresholds, bootstrap intervals, against closed forms and other implementations."""

import math

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from latentstudio.stats.directions import auc_of
from latentstudio.stats.discrimination import accuracy_of, best_threshold, bootstrap, split_halves


def last(*args, **kwargs):
    *_, found = bootstrap(*args, **kwargs)
    return found


def test_no_person_is_in_both_halves_and_both_have_their_share_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    identity = np.sort(rng.integers(0, 60, 400))
    present = rng.random(400) < 0.2
    halves = split_halves(present, identity, 0)
    assert halves.by_person
    assert not set(identity[halves.first]) & set(identity[~halves.first])
    assert abs(int(halves.first.sum()) - 200) < 25
    assert abs(int(halves.first[present].sum()) - present.sum() / 2) < 8
    assert np.array_equal(halves.first, split_halves(present, identity, 0).first)
    assert not np.array_equal(halves.first, split_halves(present, identity, 1).first)


def test_images_of_unknown_persons_are_persons_of_their_own() -> None:
    identity = np.array([-1] * 30 + [4, 4, 4, 4])
    present = np.arange(34) % 2 == 0
    halves = split_halves(present, identity, 0)
    assert halves.by_person
    assert len(set(halves.first[30:])) == 1
    assert 12 <= halves.first.sum() <= 22


def test_the_split_is_by_images_where_persons_would_leave_a_half_without_a_class() -> None:
    identity = np.repeat([0, 1, 2, 3], 10)
    halves = split_halves(identity == 2, identity, 0)
    assert not halves.by_person
    assert halves.first[identity == 2].sum() == 5
    assert not split_halves(identity == 2, None, 0).by_person


@pytest.mark.parametrize("ties", [False, True])
def test_a_threshold_is_the_best_of_all_there_are(ties: bool) -> None:
    rng = np.random.default_rng(1)
    present = rng.random(60) < 0.3
    scores = rng.standard_normal(60) + present
    scores = np.round(scores) if ties else scores
    found = best_threshold(scores, present)
    tried = np.concatenate([[scores.min() - 1], (np.unique(scores)[1:] + np.unique(scores)[:-1]) / 2, [scores.max()]])
    best = max(balanced_accuracy_score(present, scores > t) for t in tried)
    assert accuracy_of(scores, present, found) == pytest.approx(best)
    assert accuracy_of(scores, present, found) == pytest.approx(balanced_accuracy_score(present, scores > found))


def test_thresholds_of_one_class_or_of_unknown_scores_are_unknown() -> None:
    assert math.isnan(best_threshold(np.arange(4.0), np.ones(4, dtype=bool)))
    assert math.isnan(best_threshold(np.full(4, np.nan), np.arange(4) < 2))
    assert math.isnan(accuracy_of(np.arange(4.0), np.arange(4) < 2, math.nan))


@pytest.mark.parametrize("ties", [False, True])
def test_repeats_are_areas_and_accuracies_of_resampled_images(ties: bool) -> None:
    """The weights that the bootstrap draws, spent on images one by one and scored by scikit-learn."""
    rng = np.random.default_rng(2)
    present = rng.random(50) < 0.4
    scores = np.stack([rng.standard_normal(50) + present, rng.standard_normal(50)])
    scores = np.round(scores, 0) if ties else scores
    thresholds = np.array([0.5, 0.1])
    found = last(scores, present, thresholds, None, 20, 3)
    weights = np.random.default_rng([3, 1]).multinomial(50, np.full(50, 1 / 50), size=20)
    for repeat, weight in enumerate(weights):
        taken = np.repeat(np.arange(50), weight)
        for row in range(2):
            assert found.auc[repeat, row] == pytest.approx(roc_auc_score(present[taken], scores[row, taken]))
            right = balanced_accuracy_score(present[taken], scores[row, taken] > thresholds[row])
            assert found.accuracy[repeat, row] == pytest.approx(right)


def test_intervals_cover_the_true_area_as_often_as_they_say() -> None:
    """Two Gaussians delta apart have the area Phi(delta / sqrt 2); 95 % of 400 seeded intervals should hold it."""
    delta, hits, trials = 1.0, 0, 400
    true = scipy.stats.norm.cdf(delta / math.sqrt(2))
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        present = np.arange(160) < 80
        scores = (rng.standard_normal(160) + delta * present)[None]
        found = last(scores, present, np.array([delta / 2]), None, 300, trial)
        low, high = found.interval(found.auc[:, 0])
        hits += low <= true <= high
    # 0.95 with a binomial standard error of 0.011, and a percentile interval of 160 images is a little short.
    assert 0.91 <= hits / trials <= 0.98


def test_persons_are_drawn_as_a_whole_so_intervals_of_few_persons_are_wider() -> None:
    rng = np.random.default_rng(5)
    persons = np.repeat(np.arange(40), 10)
    present = persons % 2 == 0
    scores = (rng.standard_normal(40)[persons] + 0.1 * rng.standard_normal(400) + 0.7 * present)[None]
    by_image = last(scores, present, np.array([0.3]), None, 400, 0)
    by_person = last(scores, present, np.array([0.3]), persons, 400, 0)
    assert by_person.auc[:, 0].std() > 2 * by_image.auc[:, 0].std()
    assert by_person.auc[:, 0].mean() == pytest.approx(auc_of(scores[0], present), abs=0.02)


def test_repeats_without_a_class_are_left_out_of_intervals() -> None:
    present = np.array([True, False, False, False])
    found = last(np.array([[3.0, 1.0, 2.0, 0.0]]), present, np.array([2.5]), None, 500, 0)
    assert 0.2 < np.isnan(found.auc[:, 0]).mean() < 0.5, "(3/4)^4 of the draws lack the one image"
    assert found.interval(found.auc[:, 0]) == (1.0, 1.0)
    assert all(map(math.isnan, found.interval(np.full(5, np.nan))))
