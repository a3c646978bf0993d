import pytest

from mien.core import errors
from mien.core.labels import FER2013, FERPLUS, order_classes

CODES = {
    "MienError": 1,
    "StorageError": 1,
    "UsageError": 2,
    "ConfigError": 2,
    "DataError": 3,
    "GateError": 4,
    "MissingExtraError": 5,
    "Interrupted": 130,
}


def test_every_error_has_its_exit_code() -> None:
    found = {
        name: value.exit_code
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.MienError)
    }
    assert found == CODES
    assert all(f"{name}" in (errors.__doc__ or "") for name in CODES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("optimzer", "did you mean optimizer?"),
        ("epoch", "did you mean epochs?"),
        ("xyz", "known: batch, epochs, optimizer"),
    ],
)
def test_nearest(name: str, expected: str) -> None:
    assert errors.nearest(name, ["optimizer", "epochs", "batch"]) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (set(FER2013), FER2013),
        (set(FERPLUS), FERPLUS),
        ({"b", "a"}, ("a", "b")),
        ({"10", "9", "1"}, ("1", "9", "10")),
        ({"class10", "class9"}, ("class9", "class10")),
        ({"1a", "a1", "2"}, ("1a", "2", "a1")),
        ({"笑", "a"}, ("a", "笑")),
        ({"x²", "x2"}, None),
    ],
)
def test_class_order(names: set[str], expected: tuple[str, ...] | None) -> None:
    ordered = order_classes(names)
    assert set(ordered) == names
    assert ordered == (expected or ordered)
    assert order_classes(reversed(ordered)) == ordered
