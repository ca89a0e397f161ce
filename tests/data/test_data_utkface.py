"""UTKFace: labels in file names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio import data
from latentstudio.errors import UserError

NAMES = {
    "100_1_0_20170112213001988.jpg": (100, "female", "White"),
    "1_0_2_20161219154724341.jpg.chip.jpg": (1, "male", "Asian"),
    "25_0_4_20170116174525125.jpg": (25, "male", "Others"),
    # As published, with a missing field: no race, no gender.
    "39_1_20170116174525125.jpg.chip.jpg": None,
    "61_3_20170109150557335.jpg": None,
    "999_1_0_20170112213001988.jpg": None,
}


def test_labels_and_malformed_names(tmp_path: Path) -> None:
    for name in NAMES:
        Image.new("RGB", (20, 20), (200, 100, 50)).save(tmp_path / name)
    found = data.open_dataset(f"utkface:{tmp_path}")
    assert len(found) == len(NAMES)
    assert found.image_shape == (64, 64, 3)
    table = found.attributes
    for row in range(len(found)):
        expected = NAMES[found.image_id(row)]
        if expected is None:
            assert all(np.isnan(table[name].values[row]) for name in table)
        else:
            assert (table["age"].values[row], table["gender"].text(row), table["race"].text(row)) == expected
    assert found.notes == ("3 of 6 file names hold no labels.",)


def test_other_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="20170116174525125"):
        data.open_dataset(f"utkface:{tmp_path}")
    Image.new("RGB", (20, 20)).save(tmp_path / "holiday.jpg")
    with pytest.raises(UserError, match="20170116174525125"):
        data.open_dataset(f"utkface:{tmp_path}")
