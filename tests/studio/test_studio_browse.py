import numpy as np
import pytest

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.errors import UserError
from latentstudio.studio.browse import matches, shown
from latentstudio.studio.document import Browser
from latentstudio.studio.requests import ColumnsReady, DatasetFacts

NAN = np.nan


@pytest.fixture
def facts() -> DatasetFacts:
    columns = (
        Column("Smiling", "binary", np.array([1.0, 0.0, NAN, 1.0, 0.0])),
        Column("age", "number", np.array([30.0, 20.0, 50.0, NAN, 40.0])),
        Column("folder", "category", np.array([0.0, 0.0, 1.0, 1.0, NAN]), ("north", "south")),
    )
    ids = ("a1.png", "a2.png", "b1.png", "b2.png", "c1.png")
    return DatasetFacts("test", "Test", 5, (8, 8, 1), "d", ids, AttributeTable(5, columns), None)


def test_everything_in_own_order(facts: DatasetFacts) -> None:
    assert shown(facts, None, Browser()).tolist() == [0, 1, 2, 3, 4]


def test_sort_puts_missing_last_both_ways(facts: DatasetFacts) -> None:
    assert shown(facts, None, Browser(sort="age")).tolist() == [1, 0, 4, 2, 3]
    assert shown(facts, None, Browser(sort="-age")).tolist() == [2, 4, 0, 1, 3]


def test_sort_by_measured_column(facts: DatasetFacts) -> None:
    columns = ColumnsReady(np.array([3.0, 1.0, 2.0, NAN, 0.5]), None, 0.8)
    assert shown(facts, columns, Browser(sort="norm")).tolist() == [4, 1, 2, 0, 3]
    assert shown(facts, None, Browser(sort="norm")).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("Smiling", "yes", [0, 3]),
        ("Smiling", "no", [1, 4]),
        ("Smiling", "missing", [2]),
        ("age", ">= 40", [2, 4]),
        ("age", "20..30", [0, 1]),
        ("age", "50", [2]),
        ("folder", "south", [2, 3]),
        ("unknown", "yes", [0, 1, 2, 3, 4]),
    ],
)
def test_filters(facts: DatasetFacts, name: str, wanted: str, expected: list[int]) -> None:
    assert shown(facts, None, Browser(filters={name: wanted})).tolist() == expected


def test_search_ids_labels_and_pairs(facts: DatasetFacts) -> None:
    assert shown(facts, None, Browser(search="b1")).tolist() == [2]
    assert shown(facts, None, Browser(search="smiling")).tolist() == [0, 3]
    assert shown(facts, None, Browser(search="SOUTH png")).tolist() == [2, 3]
    assert shown(facts, None, Browser(search="age=20")).tolist() == [1]
    assert shown(facts, None, Browser(search="nothing")).tolist() == []


def test_unreadable_filter_is_a_sentence(facts: DatasetFacts) -> None:
    with pytest.raises(UserError, match="no filter for 'age'"):
        matches(facts.attributes["age"], "about forty")


def test_numbers_serve_as_ids_when_there_are_no_names() -> None:
    facts = DatasetFacts("n", "N", 120, (8, 8, 1), "d", None, AttributeTable(120), None)
    assert shown(facts, None, Browser(search="11")).tolist() == [11, *range(110, 120)]
