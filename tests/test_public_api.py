import pytest

import mien


@pytest.mark.parametrize("name", mien.__all__)
def test_public_names(name: str) -> None:
    assert getattr(mien, name).__doc__
    assert name in dir(mien)
    assert getattr(mien, name).__name__ == name


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        mien.tarin  # noqa: B018 - reading it is the test


def test_version() -> None:
    assert mien.__version__.count(".") == 2
