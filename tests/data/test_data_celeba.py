"""CelebA's published layout, on small files that the tests make."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentstudio import data
from latentstudio.data.align import suggest_eyes
from latentstudio.data.celeba import CelebA
from latentstudio.errors import UserError

NAMES = [f"{number:06d}.jpg" for number in range(1, 6)]
ATTRIBUTES = "5_o_Clock_Shadow Male Smiling"
ROWS = ["-1  1  1", " 1 -1 -1", " 1  1 -1", "-1 -1 -1", " 1  1  1"]


def layout(root: Path, published_folders: bool = False) -> Path:
    pictures, lists, evaluation = root / "img_align_celeba", root, root
    if published_folders:
        pictures, lists, evaluation = root / "Img" / "img_align_celeba", root / "Anno", root / "Eval"
    for folder in (pictures, lists, evaluation):
        folder.mkdir(parents=True, exist_ok=True)
    picture = np.zeros((218, 178, 3), np.uint8)
    picture[40:188, 15:163] = (0, 200, 0)
    for name in NAMES:
        Image.fromarray(picture).save(pictures / name, quality=98)
    body = "\n".join(f"{name} {row}" for name, row in zip(NAMES, ROWS, strict=True))
    (lists / "list_attr_celeba.txt").write_text(f"5\n{ATTRIBUTES} \n{body}\n")
    persons = "\n".join(f"{name} {person}" for name, person in zip(NAMES, (2880, 2937, 8692, 2880, 9295), strict=True))
    (lists / "identity_CelebA.txt").write_text(persons + "\n")
    marks = "\n".join(f"{name} {69 + k}  109 106  113   77  142   73  152  108  154" for k, name in enumerate(NAMES))
    titles = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    (lists / "list_landmarks_align_celeba.txt").write_text(f"5\n{titles} \n{marks}\n")
    parts = "\n".join(f"{name} {part}" for name, part in zip(NAMES, (0, 0, 1, 2, 2), strict=True))
    (evaluation / "list_eval_partition.txt").write_text(parts + "\n")
    return root


@pytest.mark.parametrize("published_folders", [False, True])
def test_everything_is_read(tmp_path: Path, published_folders: bool) -> None:
    found = data.open_dataset(str(layout(tmp_path, published_folders)))
    assert found.spec.startswith("celeba:")
    assert found.image_shape == (64, 64, 3)
    table = found.attributes
    assert list(table) == ["identity", "5_o_Clock_Shadow", "Male", "Smiling"]
    np.testing.assert_array_equal(table["5_o_Clock_Shadow"].values, [0, 1, 1, 0, 1])
    np.testing.assert_array_equal(table["Smiling"].values, [1, 0, 0, 0, 1])
    assert table["Male"].kind == "binary"
    assert table.identity is not None
    np.testing.assert_array_equal(table.identity, [2880, 2937, 8692, 2880, 9295])
    assert table["identity"].text(2) == "8692"
    assert found.splits is not None
    np.testing.assert_array_equal(found.splits, [0, 0, 1, 2, 2])
    assert suggest_eyes(found, 2) == ((71.0, 109.0), (106.0, 113.0))
    assert isinstance(found, CelebA)
    assert found.notes == ()


def test_the_customary_crop(tmp_path: Path) -> None:
    face = data.open_dataset(f"celeba:{layout(tmp_path)}").images([0])[0].astype(int)
    assert np.abs(face - [0, 200, 0])[2:-2, 2:-2].max() <= 8, "only the 148 x 148 px about the face"
    whole = data.open_dataset(f"celeba:{tmp_path}?crop=none&size=178")
    assert whole.images([0])[0, 100, 5, 1] < 60
    assert whole.picture(0).shape == (218, 178, 3)


@pytest.mark.parametrize(
    "missing",
    ["list_attr_celeba", "identity_CelebA", "list_eval_partition", "list_landmarks_align_celeba"],
)
def test_every_list_is_optional(tmp_path: Path, missing: str) -> None:
    (layout(tmp_path) / f"{missing}.txt").unlink()
    found = data.open_dataset(str(tmp_path))
    assert len(found) == 5
    assert found.notes == (f"There is no {missing}.txt.",)
    assert ("Male" in found.attributes) == (missing != "list_attr_celeba")
    assert (found.attributes.identity is None) == (missing == "identity_CelebA")
    assert (found.splits is None) == (missing == "list_eval_partition")
    assert (suggest_eyes(found, 0) is None) == (missing == "list_landmarks_align_celeba")


def test_comma_separated_lists(tmp_path: Path) -> None:
    layout(tmp_path)
    (tmp_path / "list_attr_celeba.txt").unlink()
    rows = "\n".join(f"{name},{','.join(row.split())}" for name, row in zip(NAMES, ROWS, strict=True))
    (tmp_path / "list_attr_celeba.csv").write_text(f"image_id,{','.join(ATTRIBUTES.split())}\n{rows}\n")
    (tmp_path / "list_eval_partition.txt").unlink()
    parts = "\n".join(f"{name},{part}" for name, part in zip(NAMES, (0, 0, 1, 2, 2), strict=True))
    (tmp_path / "list_eval_partition.csv").write_text(f"image_id,partition\n{parts}\n")
    found = data.open_dataset(str(tmp_path))
    np.testing.assert_array_equal(found.attributes["Smiling"].values, [1, 0, 0, 0, 1])
    assert found.splits is not None
    np.testing.assert_array_equal(found.splits, [0, 0, 1, 2, 2])


def test_some_of_the_pictures_only(tmp_path: Path) -> None:
    (layout(tmp_path) / "img_align_celeba" / NAMES[0]).unlink()
    Image.new("RGB", (178, 218)).save(tmp_path / "img_align_celeba" / "900000.jpg")
    found = data.open_dataset(str(tmp_path))
    np.testing.assert_array_equal(found.attributes["Male"].values, [0, 1, 0, 1, np.nan])
    assert found.splits is None
    assert suggest_eyes(found, 4) is None
    assert found.attributes.identity is not None
    assert found.attributes.identity[4] == -1
    assert any("1 pictures are not in list_attr_celeba.txt" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("list_attr_celeba.txt", "", "empty"),
        ("list_attr_celeba.txt", "5\nMale Smiling\n000001.jpg 1\n", "2 are expected"),
        ("list_attr_celeba.txt", "5\nMale\n000001.jpg yes\n", "not CelebA's list"),
        ("list_attr_celeba.txt", "5\nMale\n000001.jpg\n", "without values"),
        ("list_attr_celeba.txt", "5\nMale\nother.jpg 1\n", "none of the pictures"),
        ("list_attr_celeba.txt", "5\nMale Male\n000001.jpg 1 1\n", "twice"),
        ("identity_CelebA.txt", "000001.jpg 99999999999\n", "person"),
        ("identity_CelebA.txt", "\xff\xfe\0", "CelebA"),
        ("list_eval_partition.txt", "000001.jpg 1 2\n000002.jpg 0\n", "CelebA"),
    ],
)
def test_wrong_lists_are_named(tmp_path: Path, name: str, text: str, word: str) -> None:
    (layout(tmp_path) / name).write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=word):
        data.open_dataset(str(tmp_path))


def test_partition_of_senseless_numbers_is_no_split(tmp_path: Path) -> None:
    (layout(tmp_path) / "list_eval_partition.txt").write_text("\n".join(f"{name} 7" for name in NAMES))
    assert data.open_dataset(str(tmp_path)).splits is None


def test_missing_and_empty_picture_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="img_align_celeba"):
        data.open_dataset(f"celeba:{tmp_path}")
    (tmp_path / "img_align_celeba").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        data.open_dataset(f"celeba:{tmp_path}")


def test_landmarks_that_cannot_be_eyes_are_left_out_and_counted(tmp_path: Path) -> None:
    root = layout(tmp_path)
    path = root / "list_landmarks_align_celeba.txt"
    lines = path.read_text().splitlines()
    lines[2] = f"{NAMES[0]} -4 109 106 113 77 142 73 152 108 154"
    lines[3] = f"{NAMES[1]} 80 100 80 101 77 142 73 152 108 154"
    path.write_text("\n".join(lines) + "\n")
    found = data.open_dataset(str(root))
    assert suggest_eyes(found, 0) is None
    assert suggest_eyes(found, 1) is None
    assert suggest_eyes(found, 2) == ((71.0, 109.0), (106.0, 113.0))
    assert found.notes == ("The landmarks of 2 images cannot be two eyes; they are not used.",)


def test_landmarks_of_the_pictures_before_alignment_suggest_no_eyes(tmp_path: Path) -> None:
    root = layout(tmp_path)
    path = root / "list_landmarks_align_celeba.txt"
    lines = path.read_text().splitlines()
    lines[2] = f"{NAMES[0]} 69 109 506 113 77 142 73 152 108 154"
    lines[3] = f"{NAMES[1]} 69 109 106 613 77 142 73 152 108 154"
    path.write_text("\n".join(lines) + "\n")
    found = data.open_dataset(str(root))
    assert suggest_eyes(found, 0) is None
    assert suggest_eyes(found, 1) is None
    assert suggest_eyes(found, 2) == ((71.0, 109.0), (106.0, 113.0))


def test_landmarks_without_two_eyes_are_not_used(tmp_path: Path) -> None:
    root = layout(tmp_path)
    rows = "\n".join(f"{name} 69 109" for name in NAMES)
    (root / "list_landmarks_align_celeba.txt").write_text(f"5\nlefteye_x lefteye_y \n{rows}\n")
    found = data.open_dataset(str(root))
    assert suggest_eyes(found, 0) is None
    assert found.notes == ("The landmarks have 2 columns, and two eyes need 4; they are not used.",)
