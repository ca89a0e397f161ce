"""Label tables: kinds of columns, matching by name, and sentences for tables that do not fit."""

from pathlib import Path

import numpy as np
import pytest

from latentstudio.data.attributes_csv import Labels, read_labels
from latentstudio.data.imageset import AttributeTable
from latentstudio.errors import UserError

IDS = ("a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg")


def read(text: str, ids: tuple[str, ...] = IDS) -> tuple[AttributeTable, Labels]:
    labels = read_labels(text.encode(), ids, name="attributes.csv")
    return AttributeTable(len(ids), labels.columns), labels


def test_kinds_are_inferred() -> None:
    table, labels = read(
        "file,glasses,signed,said,age,mood,identity\n"
        "a/1.jpg,1,-1,yes,30.5,happy,7\n"
        "a/2.jpg,0,1,no,NA,sad,10\n"
        "b/3.jpg,,?,nan,1e2,,10\n"
        "b/4.jpg,1,-1,YES,inf,happy,\n"
    )
    assert {name: table[name].kind for name in table} == {
        "glasses": "binary",
        "signed": "binary",
        "said": "binary",
        "age": "number",
        "mood": "category",
        "identity": "category",
    }
    nan = np.nan
    np.testing.assert_array_equal(table["glasses"].values, [1, 0, nan, 1])
    np.testing.assert_array_equal(table["signed"].values, [0, 1, nan, 0])
    np.testing.assert_array_equal(table["said"].values, [1, 0, nan, 1])
    np.testing.assert_array_equal(table["age"].values, [30.5, nan, 100, nan])
    assert [table["mood"].text(row) for row in range(4)] == ["happy", "sad", "–", "happy"]
    assert table["identity"].categories == ("7", "10"), "persons stand in the order of their numbers"
    assert table.identity is not None
    np.testing.assert_array_equal(table.identity, [0, 1, 1, -1])
    np.testing.assert_array_equal(table.group("glasses"), [0, 3])
    assert labels.notes == ()


def test_three_valued_pose_is_a_number() -> None:
    table, _ = read("file,yaw\na/1.jpg,-1\na/2.jpg,0\nb/3.jpg,1\nb/4.jpg,0\n")
    assert table["yaw"].kind == "number"


BASES, STEMS = ("1.jpg", "2.jpg", "3.jpg", "4.jpg"), ("1", "2", "3", "4")


@pytest.mark.parametrize(
    ("names", "column"),
    [(names, column) for names in (IDS, BASES, STEMS, ("a/1", "a/2", "b/3", "b/4")) for column in ("file", "Image_ID")]
    + [(IDS, "portrait"), (BASES, "portrait")],
)
def test_rows_find_their_images_by_any_form_of_the_name(names: tuple[str, ...], column: str) -> None:
    rows = "\n".join(f"{place},{name}" for place, name in reversed(list(enumerate(names))))
    table, _ = read(f"order,{column}\n{rows}\n")
    np.testing.assert_array_equal(table["order"].values, [0, 1, 2, 3])


def test_names_that_fit_two_images_match_none() -> None:
    ids = ("a/1.jpg", "b/1.jpg", "b/2.jpg", "b/3.jpg")
    table, labels = read("file,age\n1.jpg,5\n2.jpg,6\n3.jpg,7\n", ids)
    np.testing.assert_array_equal(table["age"].values, [np.nan, np.nan, 6, 7])
    assert "1 of 3 rows" in labels.notes[0]
    assert "2 of 4 images" in labels.notes[1]


def test_windows_separators_semicolons_bom_and_latin() -> None:
    content = "\ufefffile;ort\r\na\\1.jpg;Köln\r\na\\2.jpg;Köln\r\nb\\3.jpg;Bonn\r\n".encode()
    labels = read_labels(content, IDS)
    assert labels.columns[0].categories == ("Bonn", "Köln")
    labels = read_labels("file;ort\na/1.jpg;Köln\n".encode("latin-1"), IDS)
    assert labels.columns[0].categories == ("Köln",)


def test_quoted_cells_and_short_rows() -> None:
    table, _ = read('file,"mood, or so",age\na/1.jpg,"very, very",3\na/2.jpg\n\nb/3.jpg,calm,4\n')
    assert table["mood, or so"].text(0) == "very, very"
    np.testing.assert_array_equal(table["age"].values, [3, np.nan, 4, np.nan])


def test_index_column() -> None:
    table, _ = read("index,age\n3,30\n0,10\n")
    np.testing.assert_array_equal(table["age"].values, [10, np.nan, np.nan, 30])


def test_splits() -> None:
    _, labels = read("file,partition\na/1.jpg,train\na/2.jpg,Val\nb/3.jpg,test\nb/4.jpg,0\n")
    assert labels.splits is not None
    np.testing.assert_array_equal(labels.splits, [0, 1, 2, 0])
    table, labels = read("file,partition\na/1.jpg,left\na/2.jpg,right\n")
    assert labels.splits is None
    assert table["partition"].kind == "category"


def test_free_text_is_left_out_and_said() -> None:
    ids = tuple(f"{number}.jpg" for number in range(100))
    table, labels = read("file,remark\n" + "".join(f"{name},remark on {name}\n" for name in ids), ids)
    assert list(table) == []
    assert "'remark'" in labels.notes[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no rows"),
        ("file,age\n", "no rows"),
        ("colour,age\nred,3\nblue,4\n", "columns colour, age.*'file'.*a/1.jpg"),
        ("file,age,age\na/1.jpg,1,2\n", "'age' twice"),
        ("file,age\na/1.jpg,1,2,3\n", "4 cells in row 2"),
        ("file,age\na/1.jpg,\0\n", "zero bytes"),
        ("file,identity,identity\na/1.jpg,1,2\n", "twice"),
    ],
)
def test_tables_that_do_not_fit(text: str, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught:
        read(text)
    assert "attributes.csv" in str(caught.value)


def test_a_picture_named_csv_and_a_giant_cell() -> None:
    with pytest.raises(UserError, match="CSV"):
        read_labels(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", IDS)
    with pytest.raises(UserError, match="CSV table"):
        read_labels(b"file,a\na/1.jpg," + b"x" * 200_000 + b"\n", IDS)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"attributes\.csv"):
        read_labels(tmp_path / "attributes.csv", IDS)


def test_subject_and_identity_both_given() -> None:
    table, _ = read("file,subject,person\na/1.jpg,4,1.5\na/2.jpg,5,2.5\n")
    assert table["identity"].categories == ("4", "5")
    assert table["person"].kind == "number"
