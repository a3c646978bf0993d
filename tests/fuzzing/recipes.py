"""Recipes in TOML, and the configs that runs keep."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mien.training.config import TrainConfig, merge, read_settings, read_value
from mien.workflows.train import resolve_config

from .damage import damaged
from .target import Target
from .values import as_json, as_toml, odd, spoilt

KEYS = st.sampled_from(
    (
        *("optimizer.lr", "epochs", "model.a.b", "", ".", "holdout", "plateau..x", "labels", "augment.flip"),
        *(".".join("a" * 100), ".".join("a" * 100_000)),
    )
)


def targets() -> dict[str, Target]:
    """Readers of recipes, by name."""
    shipped = [file.read_bytes() for file in resources.files("mien.recipes").iterdir() if file.name.endswith(".toml")]
    tables = [tomllib.loads(content.decode()) for content in shipped]
    whole = TrainConfig(data="synthetic:70", recipe="demo", model="mien-n").model_dump(mode="json")
    settings = st.lists(st.tuples(KEYS, odd.map(lambda value: as_toml(value).decode("utf-8", "replace"))), max_size=2)

    def read_toml(given: tuple[bytes, list[tuple[str, str]]], folder: Path) -> object:
        path = folder / "own.toml"
        path.write_bytes(given[0])
        pairs = read_settings(f"{key}={value}" for key, value in given[1])
        return resolve_config("synthetic:70", recipe=path, settings=merge(pairs, {"device": "cpu"}))

    def read_json(content: bytes, folder: Path) -> object:
        path = folder / "config.json"
        path.write_bytes(content)
        return resolve_config(None, recipe=path, settings={"device": "cpu"})

    documents = st.one_of(*map(spoilt, [*tables, whole]))
    stored = spoilt({"config": whole, "data": {}}).map(as_json)
    return {
        "recipes": Target(st.tuples(documents.map(as_toml) | damaged(shipped), settings), read_toml),
        "a run's config": Target(stored, read_json),
        "settings": Target(st.text(max_size=30), _read_setting),
    }


def _read_setting(text: str, folder: Path) -> Any:
    return read_value(text)
