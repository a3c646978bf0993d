import pytest
from pydantic import Field, ValidationError

from mien.core.config import Config
from mien.core.errors import ConfigError


class Inner(Config):
    rate: float = Field(0.1, gt=0)


class Outer(Config):
    name: str
    inner: Inner = Inner()


def test_values_are_read_and_frozen() -> None:
    config = Outer.parse({"name": "a", "inner": {"rate": 2}}, source="a.toml")
    assert config.inner.rate == 2
    with pytest.raises(ValidationError):
        config.name = "b"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nam": "a"}, r"a\.toml: 'name' is missing; unknown key 'nam', did you mean name\?"),
        ({"name": "a", "inner": {"rat": 1}}, r"unknown key 'inner\.rat', did you mean rate\?"),
        ({"name": "a", "inner": {"rate": -1}}, r"'inner\.rate' is -1: .*greater than 0"),
        ({"name": "a", "inner": {"rate": float("nan")}}, r"'inner\.rate' is nan"),
        ({"name": "a", "inner": 3}, "'inner' is 3"),
        ({"name": 3, "inner": {"rate": "x"}}, r"'name' is 3.*; 'inner\.rate' is 'x'"),
    ],
)
def test_every_mistake_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Outer.parse(values, source="a.toml")
