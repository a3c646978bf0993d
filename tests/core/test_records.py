"""Records: stored as JSON and read back, or refused with the reason."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest

from mien.core.errors import DataError
from mien.core.records import Record
from mien.core.schema import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class Part(Record):
    name: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Whole(Record):
    SCHEMA_VERSION: ClassVar[int | None] = SCHEMA_VERSION

    accuracy: float
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = field(default_factory=dict)
    precision: Literal["fp32", "int8"] = "fp32"


WHOLE = Whole(
    accuracy=1 / 3, parts=(Part(name="a", interval=(0.1, 0.2)), Part(name="b")), by_name={"c": Part(name="c")}
)


def test_a_record_comes_back_from_its_file(tmp_path):
    WHOLE.write(tmp_path / "whole.json")
    assert Whole.read(tmp_path / "whole.json") == WHOLE
    WHOLE.write(str(tmp_path / "text.json"))
    assert Whole.read(str(tmp_path / "text.json")) == WHOLE
    assert next(iter(WHOLE.to_dict())) == "schema_version"


def test_keys_of_a_newer_mien_are_ignored():
    assert Whole.from_dict({**WHOLE.to_dict(), "new": 1}, source="x.json") == WHOLE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"accuracy": "high"}, r"expected `float`, got `str` - at `\$\.accuracy`"),
        ({"parts": [{}]}, r"missing required field `name` - at `\$\.parts\[0\]`"),
        ({"precision": "fp16"}, "fp16"),
        ({"schema_version": 1}, "written by mien 0.1 .*; make it again"),
        ({"schema_version": SCHEMA_VERSION + 1}, "written by a newer mien"),
        ({"schema_version": "two"}, "damaged"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, reason):
    with pytest.raises(DataError, match=reason) as caught:
        Whole.from_dict({**WHOLE.to_dict(), **change}, source="x.json")
    assert str(caught.value).startswith("x.json: ")
