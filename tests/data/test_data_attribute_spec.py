import numpy as np
import pytest

from latentstudio.data.attribute_spec import attribute_choices, groups_in, members_of, sample_of
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.data.selection_file import read_selection
from latentstudio.errors import UserError

NAN = np.nan
TABLE = AttributeTable(
    6,
    [
        Column("identity", "category", np.arange(6.0), tuple("abcdef")),
        Column("Smiling", "binary", np.array([1, 0, 1, NAN, 0, 0.0])),
        Column("mood", "category", np.array([0, 1, 1, NAN, 2, 0.0]), ("calm", "glad", "sad")),
        Column("yaw", "number", np.array([-2, -1, 0, 1, 2, NAN])),
        Column("Bald", "binary", np.zeros(6)),
        Column("unknown", "binary", np.full(6, NAN)),
    ],
)
GROUPS = {"selection": (0, 1), "bearded": (2, 3), "shaved": (4, 5)}


@pytest.mark.parametrize(
    ("spec", "labels"),
    [
        ("Smiling", [1, 0, 1, NAN, 0, 0]),
        ("not Smiling", [0, 1, 0, NAN, 1, 1]),
        ("mood=glad", [0, 1, 1, NAN, 0, 0]),
        ("yaw>0", [0, 0, 0, 1, 1, NAN]),
        ("yaw <= -1", [1, 1, 0, 0, 0, NAN]),
        ("yaw", [0, 0, 0, 1, 1, NAN]),
        ("Smiling=no", [0, 1, 0, NAN, 1, 1]),
        ("selection", [1, 1, 0, 0, 0, 0]),
        ("selection:bearded", [0, 0, 1, 1, 0, 0]),
        ("selection:bearded|selection:shaved", [NAN, NAN, 1, 1, 0, 0]),
    ],
)
def test_words_give_labels(spec: str, labels: list[float]) -> None:
    np.testing.assert_array_equal(members_of(spec, TABLE, GROUPS).labels, labels)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("Smile", "no attribute 'Smile'.*Smiling"),
        ("mood", "say which one, for example mood=calm"),
        ("mood=cross", "no value of mood.*calm, glad, sad"),
        ("yaw>left", "'left', which is no number"),
        ("selection:none", "no selection called 'none'.*bearded, shaved"),
        ("selection:bearded|selection:bearded", "2 images are in"),
        ("", "No attribute is chosen"),
    ],
)
def test_words_without_meaning_are_a_sentence(spec: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        members_of(spec, TABLE, GROUPS)


def test_a_selection_beyond_the_data_set_is_a_sentence() -> None:
    with pytest.raises(UserError, match="holds image 9, and the data set has 0 to 5"):
        members_of("selection", TABLE, {"selection": (1, 9)})
    with pytest.raises(UserError, match="No images are selected"):
        members_of("selection", TABLE, {})


def test_classes_of_none_or_one_are_a_sentence() -> None:
    for spec, words in [
        ("Bald", "No image is Bald"),
        ("unknown", "'unknown' is not known of any image"),
        ("mood=sad", "Only one image is mood sad"),
        ("identity=c", "Only one image is identity c.*drop that face on the slot 'Person'"),
    ]:
        with pytest.raises(UserError, match=words):
            sample_of(members_of(spec, TABLE, GROUPS), 0, 0)


def test_menus_offer_what_tells_images_apart() -> None:
    offered = attribute_choices(TABLE, GROUPS)
    assert "Smiling" in offered
    assert "mood=glad" in offered
    assert "yaw" in offered
    assert "selection:bearded" in offered
    assert not {"Bald", "unknown", "identity"} & set(offered)


def test_groups_are_found_in_words() -> None:
    assert groups_in("not selection:a|selection:b") == ("a", "b")
    assert groups_in("selection") == ("selection",)
    assert groups_in("selectionist") == ()


def test_a_sample_keeps_a_rare_class_and_is_the_same_every_time() -> None:
    labels = np.zeros(1000)
    labels[:20] = 1
    table = AttributeTable(1000, [Column("Rare", "binary", labels)])
    rows = sample_of(members_of("Rare", table, {}), 100, 0)
    assert len(rows) == 100
    assert labels[rows].sum() == 20
    np.testing.assert_array_equal(rows, sample_of(members_of("Rare", table, {}), 100, 0))
    assert not np.array_equal(rows, sample_of(members_of("Rare", table, {}), 100, 1))


class _Data:
    title = "Faces"

    def __len__(self) -> int:
        return 6

    def image_id(self, index: int) -> str:
        return f"face {index}.png".replace(" ", "_")


def test_selections_come_from_files_of_indices_or_ids(tmp_path) -> None:
    path = tmp_path / "chosen.csv"
    path.write_text("id\nface_4.png\nface_1.png, face_4.png\n")
    assert read_selection(path, _Data()) == (1, 4)
    path.write_text("3\n0\n")
    assert read_selection(path, _Data()) == (0, 3)
    path.write_text("7\n")
    with pytest.raises(
        UserError, match=r"names '7', which is no image of Faces; 0 to 5, or an id such as 'face_0.png'"
    ):
        read_selection(path, _Data())
    path.write_text("\n")
    with pytest.raises(UserError, match="names no images"):
        read_selection(path, _Data())
    with pytest.raises(UserError, match="Cannot read the selection"):
        read_selection(tmp_path / "nowhere.csv", _Data())
