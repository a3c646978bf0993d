"""Base of every config model: frozen, unknown keys are errors that name the nearest known one."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mien.core.errors import ConfigError, nearest

Normalisation = Literal["none", "per-pixel", "global", "per-face"]
"""How a network standardises its faces."""


class Config(BaseModel):
    """A frozen pydantic model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, source: str) -> Self:
        """Check plain values.

        Args:
            values: nested mappings, as from TOML or JSON.
            source: what to call them in an error.

        Raises:
            ConfigError: every wrong key, each with its path.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [cls._explain(detail) for detail in error.errors()]
            raise ConfigError(f"{source}: " + "; ".join(lines)) from None

    @classmethod
    def _explain(cls, detail: ErrorDetails) -> str:
        path = [str(part) for part in detail["loc"]]
        if not path:  # a rule about several keys
            return detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            return f"unknown key '{'.'.join(path)}', {nearest(path[-1], cls._keys_at(path[:-1]))}"
        if detail["type"] == "missing":
            return f"'{'.'.join(path)}' is missing"
        return f"'{'.'.join(path)}' is {repr(detail['input'])[:80]}: {detail['msg'].lower()}"

    @classmethod
    def _keys_at(cls, path: list[str]) -> list[str]:
        model: Any = cls
        for part in path:
            model = model.model_fields[part].annotation
        return list(model.model_fields)
