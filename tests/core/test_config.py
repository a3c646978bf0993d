import pytest
from pydantic import Field, ValidationError, model_validator

from mien.core.config import Config
from mien.core.errors import ConfigError


class Inner(Config):
    rate: float = Field(0.1, gt=0)


class Middle(Config):
    depth: int
    inner: Inner = Inner()


class Outer(Config):
    name: str
    inner: Inner = Inner()
    middle: Middle = Middle(depth=1)


def test_values_are_read_and_frozen() -> None:
    config = Outer.parse({"name": "a", "inner": {"rate": 2}}, source="a.toml")
    assert type(config) is Outer
    assert (config.name, config.inner.rate, config.middle.inner.rate) == ("a", 2, 0.1)
    assert Outer.parse(config.model_dump(), source="again") == config
    with pytest.raises(ValidationError, match="frozen"):
        config.name = "b"
    with pytest.raises(ValidationError, match="frozen"):
        config.inner.rate = 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nam": "a"}, r"a\.toml: 'name' is missing; unknown key 'nam', did you mean name\?"),
        ({"name": "a", "inner": {"rat": 1}}, r"unknown key 'inner\.rat', did you mean rate\?"),
        ({"name": "a", "inner": {"rate": -1}}, r"'inner\.rate' is -1: .*greater than 0"),
        ({"name": "a", "inner": {"rate": float("nan")}}, r"'inner\.rate' is nan"),
        ({"name": "a", "inner": {"rate": float("inf")}}, r"'inner\.rate' is inf"),
        ({"name": "a", "inner": {"zzz": 1}}, r"unknown key 'inner\.zzz', known: rate$"),
        ({"name": "a", "innr": {"rate": 1}}, r"unknown key 'innr', did you mean inner\?"),
        (
            {"name": "a", "middle": {"depth": 1, "inner": {"rte": 1}}},
            r"unknown key 'middle\.inner\.rte', did you mean rate\?",
        ),
        ({"name": "a", "middle": {}}, r"^a\.toml: 'middle\.depth' is missing$"),
        ({}, r"^a\.toml: 'name' is missing$"),
        ({"name": "a", "inner": 3}, "'inner' is 3"),
        ({"name": 3, "inner": {"rate": "x"}}, r"'name' is 3.*; 'inner\.rate' is 'x'"),
    ],
)
def test_every_mistake_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Outer.parse(values, source="a.toml")


class Range(Config):
    low: int
    high: int

    @model_validator(mode="after")
    def _in_order(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


class Nested(Config):
    range: Range


def test_a_rule_about_several_keys_is_said_as_it_is() -> None:
    with pytest.raises(ConfigError, match=r"^a\.toml: low 3 is above high 2$"):
        Range.parse({"low": 3, "high": 2}, source="a.toml")
    with pytest.raises(ConfigError, match=r"^a\.toml: 'range' is .*low 3 is above high 2$"):
        Nested.parse({"range": {"low": 3, "high": 2}}, source="a.toml")
    assert Range.parse({"low": 2, "high": 2}, source="a.toml").low == 2


def test_all_mistakes_are_listed_at_once() -> None:
    values = {"inner": {"rate": -1, "rat": 2}, "middle": {"depth": "deep"}, "extra": 3}
    with pytest.raises(ConfigError) as caught:
        Outer.parse(values, source="a.toml")
    parts = str(caught.value).removeprefix("a.toml: ").split("; ")
    assert len(parts) == 5
    for start in ("'name' is missing", "'inner.rate' is -1", "unknown key 'inner.rat'", "'middle.depth' is 'deep'"):
        assert [part for part in parts if part.startswith(start)], start
