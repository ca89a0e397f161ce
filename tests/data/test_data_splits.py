"""Held-out masks: exact counts, disjoint persons, the same for the same seed."""

import numpy as np
import pytest

from latentstudio.data.arrays import ArraySet
from latentstudio.data.imageset import AttributeTable
from latentstudio.data.labels import identity_column
from latentstudio.data.splits import RULES, held_out_mask
from latentstudio.errors import UserError


def dataset(persons: np.ndarray | None, size: int = 0, splits: np.ndarray | None = None) -> ArraySet:
    size = len(persons) if persons is not None else size
    columns = [] if persons is None else [identity_column(persons)]
    return ArraySet("x", "Toy", np.zeros((size, 2, 2, 1), np.uint8), AttributeTable(size, columns), splits=splits)


TEN_EACH = np.repeat(np.arange(40), 10)


def test_per_identity_holds_out_as_many_of_each() -> None:
    mask = held_out_mask(dataset(TEN_EACH), "per_identity", 0.2, seed=3)
    np.testing.assert_array_equal(np.bincount(TEN_EACH[mask]), np.full(40, 2))
    places = np.flatnonzero(mask) % 10
    assert len(np.unique(places)) > 5, "the choice within a person should be a random one"


def test_per_identity_rounds_within_each_person() -> None:
    persons = np.repeat([0, 1, 2, 3], [1, 2, 3, 10])
    mask = held_out_mask(dataset(persons), "per_identity", 0.2, seed=0)
    np.testing.assert_array_equal(np.bincount(persons[mask], minlength=4), [0, 0, 1, 2])


def test_per_identity_does_not_need_neighbouring_rows() -> None:
    rng = np.random.default_rng(0)
    persons = rng.permutation(TEN_EACH)
    mask = held_out_mask(dataset(persons), "per_identity", 0.1, seed=3)
    np.testing.assert_array_equal(np.bincount(persons[mask]), np.ones(40))


def test_by_identity_holds_out_whole_persons() -> None:
    mask = held_out_mask(dataset(TEN_EACH), "by_identity", 0.25, seed=1)
    counts = np.bincount(TEN_EACH[mask], minlength=40)
    assert set(counts) == {0, 10}
    assert (counts == 10).sum() == 10


def test_unknown_persons_are_persons_of_their_own() -> None:
    persons = np.array([0] * 10 + [-1] * 90)
    mask = held_out_mask(dataset(persons), "by_identity", 0.5, seed=2)
    assert mask[10:].sum() in (45, 46)
    assert mask[:10].sum() in (0, 10)


def test_random_and_none() -> None:
    data = dataset(None, size=101)
    assert held_out_mask(data, "random", 0.3, seed=0).sum() == 30
    assert not held_out_mask(data, "none", 0.3, seed=0).any()
    assert held_out_mask(dataset(None, size=0), "random", 0.3, seed=0).shape == (0,)


def test_published() -> None:
    splits = np.array([0, 0, 1, 2], np.int8)
    mask = held_out_mask(dataset(None, size=4, splits=splits), "published", 0.0, seed=0)
    np.testing.assert_array_equal(mask, [False, False, True, True])


@pytest.mark.parametrize("rule", ["per_identity", "by_identity", "random"])
def test_seeds_decide(rule: str) -> None:
    data = dataset(TEN_EACH)
    first, again, other = (held_out_mask(data, rule, 0.3, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_mask_of_a_training_record_never_changes() -> None:
    # Written down once: a mask that changes with a release would leak held-out images into old models' training sets.
    mask = held_out_mask(dataset(np.repeat(np.arange(3), 5)), "per_identity", 0.4, seed=0)
    values = np.random.default_rng(0).random(15).reshape(3, 5)
    expected = np.zeros((3, 5), bool)
    for person in range(3):
        expected[person, np.argsort(values[person])[-2:]] = True
    np.testing.assert_array_equal(mask, expected.ravel())


@pytest.mark.parametrize(
    ("rule", "share", "seed", "word"),
    [
        ("half", 0.5, 0, "per_identity"),
        ("random", 1.0, 0, "share"),
        ("random", -0.1, 0, "share"),
        ("random", float("nan"), 0, "share"),
        ("random", 0.5, -1, "seed"),
        ("per_identity", 0.5, 0, "no persons"),
        ("by_identity", 0.5, 0, "no persons"),
        ("published", 0.5, 0, "without a split"),
    ],
)
def test_refusals(rule: str, share: float, seed: int, word: str) -> None:
    with pytest.raises(UserError, match=word):
        held_out_mask(dataset(None, size=8), rule, share, seed)


def test_rules_are_all_known() -> None:
    data = dataset(TEN_EACH, splits=np.zeros(400, np.int8))
    assert all(held_out_mask(data, rule, 0.1, 0).shape == (400,) for rule in RULES)
