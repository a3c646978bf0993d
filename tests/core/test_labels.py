import random

import pytest

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS, FERPLUS_NAMES, FERPLUS_VOTES, check_names, number_order, order_classes


def test_the_data_sets_own_orders() -> None:
    assert FER2013[0] == "angry"  # label 0 of fer2013.csv
    assert FER2013[3] == "happy"
    assert FERPLUS[0] == "neutral"  # the first vote column of fer2013new.csv
    assert FERPLUS_VOTES[:8] == FERPLUS
    assert FERPLUS_VOTES[8:] == ("unknown", "NF")
    assert {FERPLUS_NAMES.get(name, name) for name in FER2013} == set(FERPLUS) - {"contempt"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (set(FER2013), FER2013),
        (set(FERPLUS), FERPLUS),
        (set(FER2013) - {"disgust"}, ("angry", "fear", "happy", "neutral", "sad", "surprise")),
        ({*FER2013, "contempt"}, ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")),
        (set(), ()),
        ({"b", "a"}, ("a", "b")),
        ({"B", "a"}, ("B", "a")),
        ({"10", "9", "1"}, ("1", "9", "10")),
        ({"class10", "class9"}, ("class9", "class10")),
        ({"a1b10", "a1b9", "a"}, ("a", "a1b9", "a1b10")),
        ({"1a", "a1", "2"}, ("1a", "2", "a1")),
        ({"1", "01", "001"}, ("001", "01", "1")),
        ({"笑", "a"}, ("a", "笑")),
        ({"٣", "4", "2"}, ("2", "٣", "4")),  # an Arabic 3
        ({"²", "10", "x²", "x2"}, ("10", "x2", "x²", "²")),  # a digit to `str.isdigit`, but no number
        ({"①", "③", "b"}, ("b", "①", "③")),
    ],
)
def test_class_order(names: set[str], expected: tuple[str, ...]) -> None:
    for seed in range(5):
        shuffled = random.Random(seed).sample(sorted(names), len(names))
        assert order_classes(shuffled) == expected


def test_repeated_names_are_one_class() -> None:
    assert order_classes(["b", "a", "b"]) == ("a", "b")
    assert order_classes([*FER2013, "sad"]) == FER2013


@pytest.mark.parametrize("name", ["高兴", "😀", "👩\u200d👧", "fâché", "<script>", "=1", "x" * 256, " ", "a b"])
def test_names_in_any_script(name: str) -> None:
    check_names([name, "other"], source="faces")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([""], "faces: the class name '' is no text of 1 to 256 characters"),
        (["x" * 257], "no text of 1 to 256"),
        ([3], "no text"),
        ([None], "no text"),
        ([["a"]], "no text"),
        (["a\nb"], r"the class name 'a\\nb' has characters that can't be shown"),
        (["\x1b[2J"], "can't be shown"),
        (["a\0"], "can't be shown"),
        (["\ud800"], "can't be shown"),
        (["\u202eyppah"], "can't be shown"),
        (["a", "a"], "not unique: a, a"),
        ([str(i) for i in range(1001)], "1,001 classes, at most 1,000"),
    ],
)
def test_names_that_are_none(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_names(names, source="faces")


def test_numbers_in_names_may_be_of_any_length() -> None:
    """Python turns no more than 4,300 digits into a number."""
    names = ["a" + "9" * 5000, "a1" + "0" * 5000, "a9", "a010", "b", "a"]
    assert sorted(names, key=number_order) == ["a", "a9", "a010", "a" + "9" * 5000, "a1" + "0" * 5000, "b"]
