import random

import pytest

from mien.core.labels import FER2013, FERPLUS, FERPLUS_NAMES, FERPLUS_VOTES, order_classes


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
