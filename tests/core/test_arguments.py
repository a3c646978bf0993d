"""Checked arguments whose types other packages declare in a newer way."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pytest
from typing_extensions import TypeAliasType

from mien.core.arguments import checked, describe_type
from mien.core.errors import UsageError

T = TypeVar("T", bound=np.generic)
Grid = TypeAliasType("Grid", np.ndarray[tuple[Any, ...], np.dtype[T]], type_params=(T,))  # as NumPy's on Python 3.12
Grids = TypeAliasType("Grids", Sequence[Grid[np.uint8]] | Grid[np.uint8])


@checked
def look(pictures: Grids | None) -> int:
    return 0 if pictures is None else len(pictures)


def test_a_name_for_a_type_is_what_it_stands_for() -> None:
    picture = np.zeros((2, 3), np.uint8)
    assert [look(None), look(picture), look([picture, picture, picture])] == [0, 2, 3]
    assert describe_type(Grid[np.uint8]) == "array"
    for wrong, named in (("a.jpg", "a str"), ([picture, "a.jpg"], "a list of ndarray and str")):
        with pytest.raises(UsageError) as caught:
            look(wrong)  # type: ignore[arg-type]
        assert str(caught.value) == f"pictures is {named}, expected Sequence of array, array or None"
