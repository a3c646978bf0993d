"""CSV files of faces, checked against pandas; every mistake is named with its file and line."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.core.labels import FER2013
from mien.data.csv_tables import add_targets, parse_pixels, read_csv
from mien.data.formats import open_faces

HEADER = "emotion,pixels,Usage"
GOOD = " ".join(["7"] * 2304)
USAGES = ("Training", "PublicTest", "PrivateTest")


@pytest.fixture
def fer2013(images, write_csv):
    rows = [(row % 7, image, USAGES[row % 3]) for row, image in enumerate(images)]
    return write_csv("fer2013.csv", HEADER, rows)


def test_the_same_as_pandas(fer2013):
    table = pd.read_csv(fer2013)
    faces = read_csv(fer2013)
    expected = np.array([text.split() for text in table["pixels"]], dtype=np.uint8).reshape(-1, 48, 48)
    np.testing.assert_array_equal(faces.images, expected)
    assert faces.targets.tolist() == table["emotion"].tolist()
    assert faces.splits.tolist() == [
        {"Training": "train", "PublicTest": "test", "PrivateTest": "private-test"}[usage] for usage in table["Usage"]
    ]
    assert faces.ids.tolist() == [str(row) for row in table.index]
    assert faces.classes == FER2013


def test_more_faces_than_one_block(images, write_csv):
    many = np.concatenate([images] * 9)
    path = write_csv("many.csv", HEADER, [(3, image, "Training") for image in many])
    np.testing.assert_array_equal(read_csv(path).images, many)


def restyled(path, style):
    text = path.read_text()
    if style == "windows":
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    elif style == "no end of line":
        path.write_text(text.rstrip("\n"))
    elif style == "blank lines":
        path.write_text(text.replace("\n", "\n\n") + "\n\n")
    elif style == "more blanks":
        path.write_text(text.replace(" ", "  ").replace(",", " , "))
    elif style == "quoted":
        with path.open("w", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(line.split(",") for line in text.splitlines())
    elif style == "other order":
        pd.read_csv(path)[["Usage", "emotion", "pixels"]].to_csv(path, index=False)
    elif style == "another column":
        pd.read_csv(path).assign(note="a").to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "style", ["windows", "no end of line", "blank lines", "more blanks", "quoted", "other order", "another column"]
)
def test_other_styles_read_the_same(fer2013, style):
    expected = read_csv(fer2013).fingerprint
    assert open_faces(restyled(fer2013, style)).fingerprint == expected


@pytest.mark.parametrize(
    ("row", "line", "message"),
    [
        (f"9,{GOOD},Training", 3, "emotion '9', expected 0 to 6"),
        (f"-1,{GOOD},Training", 3, "emotion '-1', expected 0 to 6"),
        (f",{GOOD},Training", 3, "emotion '', expected 0 to 6"),
        (f"3,{GOOD},Trainig", 3, "Usage 'Trainig', expected Training or PublicTest or PrivateTest"),
        (f"3,{GOOD[:-2]},Training", 3, "2,303 pixels, expected 2,304"),
        (f"3,{GOOD} 7,Training", 3, "2,305 pixels, expected 2,304"),
        ("3,,Training", 3, "0 pixels, expected 2,304"),
        (f"3,256{GOOD[1:]},Training", 3, "pixel 1 is 256, expected 0 to 255"),
        (f"3,{GOOD[:-1]}300,Training", 3, "pixel 2304 is 300, expected 0 to 255"),
        (f"3,7 1234{GOOD[3:]},Training", 3, "pixel 2 is 1234, expected 0 to 255"),
        (f"3,7 -1{GOOD[3:]},Training", 3, "pixel 2 is '-1', expected a whole number"),
        (f"3,7 1.5{GOOD[3:]},Training", 3, "pixel 2 is '1.5', expected a whole number"),
        (f"3,7 x{GOOD[3:]},Training", 3, "pixel 2 is 'x', expected a whole number"),
        (f"3,7 {'1' * 5000}{GOOD[3:]},Training", 3, "pixel 2 is 11111111111111111111, expected 0 to 255"),
        (f"3,7 é{GOOD[3:]},Training", 3, "pixel 2 is 'é', expected a whole number"),
        (f"3,{GOOD}", 3, "2 columns, expected 3 (emotion,pixels,Usage); is the file cut off?"),
        (f"\n3,{GOOD[:4000]}", 4, "2 columns, expected 3"),
        (f"3,{GOOD},Trai", 3, "Usage 'Trai'"),
        (f"3,{GOOD},Training,x", 3, "4 columns, expected 3"),
    ],
)
def test_a_bad_line_is_named(tmp_path, row, line, message):
    path = tmp_path / "fer2013.csv"
    path.write_text(f"{HEADER}\n0,{GOOD},Training\n{row}\n")
    with pytest.raises(DataError) as caught:
        open_faces(path)
    assert str(caught.value).startswith(f"{path}, line {line}: {message}")


def test_two_wrong_counts_do_not_make_a_right_one(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text(f"{HEADER}\n0,{GOOD[:-2]},Training\n1,{GOOD} 7,Training\n")
    with pytest.raises(DataError, match=r"line 2: 2,303 pixels"):
        open_faces(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty, expected a header"),
        (b"\n\n", "empty, expected a header"),
        (HEADER.encode() + b"\n", "a header and no rows"),
        (b"label,feature", "a header and no rows"),
        (f"emotion,Usage\n3,{GOOD}\n".encode(), "the header is 'emotion,Usage', which is no known format"),
        (f"class,pixels\n3,{GOOD}\n".encode(), "line 1: no column of labels; found class,pixels, expected emotion or"),
        (f"0,{GOOD},Training\n".encode(), "no known format; mien reads a CSV with the header emotion,pixels,Usage"),
        (f"{HEADER}\n0,{GOOD},Training\n".encode("utf-16"), "line 1: not UTF-8 text"),
        (f"{HEADER}\n0,{GOOD},Training\n".encode("utf-16-le"), "line 1: not UTF-8 text"),
        ("emötion,pixels,Usage\n".encode("latin-1"), "line 1: not UTF-8 text"),
        (f"{HEADER}\n0,{GOOD},Prüfung\n".encode("latin-1"), "line 2: not UTF-8 text"),
        (f"{HEADER}\n0,{GOOD[:-1]}é,Training\n".encode("latin-1"), "line 2: not UTF-8 text"),
        (b"emotion,pixels,pixels,Usage\n", "line 1: 2 times the column 'pixels'"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a picture, expected a table or a folder of faces"),
        (b"\x00" * 5000, "line 1: not UTF-8 text"),
        (b"'\"\n" * 10, "no known format"),
    ],
)
def test_a_bad_file_is_named(tmp_path, content, message):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_faces(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@given(st.lists(st.lists(st.integers(0, 999), min_size=3, max_size=3), min_size=1, max_size=4))
def test_parse_pixels_agrees_with_int(rows):
    out = np.empty((len(rows), 3), np.uint8)
    fits = all(number < 256 for row in rows for number in row)
    assert parse_pixels([" ".join(map(str, row)).encode() for row in rows], out=out) == fits
    if fits:
        assert out.tolist() == rows


@given(st.lists(st.text("0123456789 .-\t"), min_size=1, max_size=3))
def test_parse_pixels_never_accepts_what_int_would_not(texts):
    out = np.empty((len(texts), 2), np.uint8)
    if parse_pixels([text.encode() for text in texts], out=out):
        assert out.tolist() == [[int(number) for number in text.split()] for text in texts]


def test_course_train(images, write_csv):
    faces = open_faces(write_csv("train.csv", "label,feature", [(row % 7, image) for row, image in enumerate(images)]))
    np.testing.assert_array_equal(faces.images, images)
    assert faces.targets.tolist() == [row % 7 for row in range(len(images))]
    assert set(faces.splits) == {"train"}


def test_ids_of_a_labelled_file_are_kept(images, write_csv):
    rows = [(f"f{row}", row % 7, pixels) for row, pixels in enumerate(images)]
    for header in ("id,label,feature", "ID,Label,Feature"):
        assert read_csv(write_csv("train.csv", header, rows)).ids.tolist() == [row[0] for row in rows]


def test_course_test_with_and_without_answers(images, write_csv):
    path = write_csv("test.csv", "id,feature", [(f"f{row}", image) for row, image in enumerate(images)])
    faces = open_faces(path)
    assert set(faces.targets) == {-1}
    assert faces.ids.tolist() == [f"f{row}" for row in range(len(images))]
    for header in ("id,label", "Id,LABEL"):
        answers = write_csv("answers.csv", header, [(f"f{row}", row % 7) for row in reversed(range(len(images)))])
        assert open_faces(path, targets=answers).targets.tolist() == [row % 7 for row in range(len(images))]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([("0", 1)], "no label for id '1' and 10 more of the 12 faces"),
        ([("0", 1), ("0", 1)], "line 3: id '0' occurs for the second time"),
        ([("12", 1)], "line 2: id '12' is not in"),
        ([("0", 7)], "line 2: label '7', expected 0 to 6"),
        ([("0", "x")], "line 2: label 'x', expected 0 to 6"),
    ],
)
def test_answers_that_do_not_fit(images, write_csv, answers, message):
    faces = read_csv(write_csv("test.csv", "id,feature", enumerate(images)))
    with pytest.raises(DataError) as caught:
        add_targets(faces, write_csv("answers.csv", "id,label", answers))
    assert message in str(caught.value)


def test_answers_for_faces_of_one_id(images, write_csv):
    faces = read_csv(write_csv("test.csv", "id,feature", [("a", images[0]), ("b", images[1]), ("a", images[2])]))
    with pytest.raises(DataError, match=r"test\.csv: the id 'a' occurs twice, so .*answers\.csv can't"):
        add_targets(faces, write_csv("answers.csv", "id,label", [("a", 1), ("b", 2)]))


def test_a_line_without_an_end_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("mien.data.csv_lines.LINE_BYTES", 10_000)
    path = tmp_path / "train.csv"
    path.write_text("label,feature\n0," + "7 " * 100_000)
    with pytest.raises(DataError, match=r"train\.csv, line 2: more than 10,000 bytes"):
        open_faces(path)
