"""The drawn faces as a dataset; the drawing itself is tested elsewhere."""

import pickle

import numpy as np
import pytest

from latentstudio import data
from latentstudio.data.align import CONVENTIONS, suggest_eyes
from latentstudio.data.imageset import AttributeTable, ImageSet
from latentstudio.errors import UserError


def test_a_larger_set_continues_a_smaller_one() -> None:
    few, many = data.open_dataset("faces?n=5&size=32"), data.open_dataset("faces?n=202599&size=32")
    np.testing.assert_array_equal(few.images([4, 0]), many.images([4, 0]))
    assert few.digest != many.digest
    assert few.attributes["identity"].values.tolist() == many.attributes["identity"].values[:5].tolist()
    assert many.images([202_598]).shape == (1, 32, 32, 3)
    assert few.images([]).shape == (0, 32, 32, 3)


def test_it_is_an_image_set_with_defaults() -> None:
    found = data.open_dataset("faces")
    assert isinstance(found, ImageSet)
    assert (len(found), found.image_shape, found.spec) == (2000, (64, 64, 3), "faces")
    assert found.picture(3).shape == (256, 256, 3)
    assert found.image_id(3) == "3"
    for row in (-1, 2000):
        with pytest.raises(UserError, match="0 to 1999"):
            found.images([row])


def test_attributes_are_the_renderers_own() -> None:
    from latentstudio.data.faces import ATTRIBUTE_NAMES, binary_attributes, draw_factors

    table = data.open_dataset("faces?n=300").attributes
    assert isinstance(table, AttributeTable)
    assert len(table) == len(list(table)) == len(set(table))
    expected = binary_attributes(draw_factors(np.arange(300)))
    for place, name in enumerate(ATTRIBUTE_NAMES):
        assert table[name].kind == "binary"
        np.testing.assert_array_equal(table[name].values, expected[:, place])
    numbers = [name for name in table if table[name].kind == "number"]
    assert len(numbers) >= 30
    assert all(np.isfinite(table[name].values).all() for name in numbers)
    assert "nothing" not in table
    with pytest.raises(KeyError):
        table["nothing"]
    with pytest.raises(UserError, match="no attribute 'nothing'"):
        table.group("nothing")


def test_the_table_travels_between_processes() -> None:
    table = data.open_dataset("faces?n=50").attributes
    again = pickle.loads(pickle.dumps(table))
    assert list(again) == list(table)
    for name in table:
        np.testing.assert_array_equal(again[name].values, table[name].values)


def test_eyes_lie_where_the_convention_says() -> None:
    found = data.open_dataset("faces?n=400")
    eyes = np.array([suggest_eyes(found, row) for row in range(400)])
    mean = (eyes.mean(axis=0) + 0.5) / 256
    convention = CONVENTIONS["faces"]
    np.testing.assert_allclose(mean, [convention.left, convention.right], atol=0.02)
