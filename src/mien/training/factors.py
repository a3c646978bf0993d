"""Factors of an ablation: what is varied, its levels, and the arms that all combinations make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mien.core.errors import ConfigError, nearest
from mien.training.config import Augment, merge, nest, read_recipe, read_value

Factors = dict[str, tuple[str, ...]]
"""Factor → its levels; the first level is what the others are held against."""

AUGMENTATIONS = {"none": None, "report": "course", "rotation-brightness": "course-report", "stronger": "mien-s"}
"""The levels of `augmentation`, each the `[augment]` of a shipped recipe.

`report` keeps its name from older ablations; what the reference report names is `rotation-brightness` alone.
"""

WITH_AND_WITHOUT: Factors = {"normalisation": ("none", "per-pixel"), "augmentation": ("none", "report")}
"""The factors that have levels by default: without, and as in the recipe `course`."""


@dataclass(frozen=True)
class Arm:
    """One combination: factor → level, and the config keys that it sets."""

    levels: dict[str, str]
    settings: dict[str, Any]


def read_factors(names: Sequence[str] = (), *, settings: Sequence[str] = ()) -> Factors:
    """Read what the user wants varied.

    Args:
        names: of factors that have levels by default (`WITH_AND_WITHOUT`).
        settings: `key=level,level`: `normalisation`, `augmentation` (a level of `AUGMENTATIONS`) or any recipe key.

    Raises:
        ConfigError: no such factor, fewer than two different levels, or a factor twice.

    >>> read_factors(["augmentation"], settings=["optimizer.lr=1e-3,3e-3"])
    {'augmentation': ('none', 'report'), 'optimizer.lr': ('1e-3', '3e-3')}
    """
    given = []
    for name in names:
        if name not in WITH_AND_WITHOUT:
            raise ConfigError(
                f"no factor '{name}', {nearest(name, WITH_AND_WITHOUT)}; other keys go as --factor key=level,level"
            )
        given.append((name, WITH_AND_WITHOUT[name]))
    for text in settings:
        key, _, levels = text.partition("=")
        parts = tuple(level.strip() for level in levels.split(","))
        if key.strip() in ("seed", "recipe", "data"):
            raise ConfigError(
                f"--factor {text}: {key.strip()} is no factor; vary the keys of a recipe, and repeat with --seeds"
            )
        if not key.strip() or len({str(read_value(part)) for part in parts}) < max(len(parts), 2):
            raise ConfigError(
                f"--factor {text}: expected key=level,level with two or more different levels, such as "
                "--factor optimizer.lr=1e-3,3e-3"
            )
        given.append((key.strip(), parts))
    if not given or len(dict(given)) < len(given):
        twice = f", not {', '.join(name for name, _ in given)}" if given else ""
        raise ConfigError(
            f"expected one or more different factors{twice}; for example --factors normalisation,augmentation, or "
            "--factor optimizer.lr=1e-3,3e-3"
        )
    _refuse_overlap([name for name, _ in given])
    return dict(given)


def _refuse_overlap(names: Sequence[str]) -> None:
    """Refuse factors of which one sets what the other sets: `augmentation` is all of `augment`."""
    keys = [name.replace("augmentation", "augment") + "." for name in names]
    for i, first in enumerate(keys):
        for j, second in enumerate(keys):
            if i != j and second.startswith(first):
                raise ConfigError(f"factor {names[i]} sets {names[j]} as well; vary one of them")


def arms(factors: Mapping[str, Sequence[str]]) -> list[Arm]:
    """Combine all levels of all factors, the last factor varying fastest.

    Raises:
        ConfigError: augmentation has no such level.

    >>> [arm.settings for arm in arms({"batch": ["64", "128"]})]
    [{'batch': 64}, {'batch': 128}]
    """
    combined = []
    for levels in product(*factors.values()):
        arm = Arm(levels=dict(zip(factors, levels, strict=True)), settings={})
        for name, level in arm.levels.items():
            arm.settings.update(merge(arm.settings, _settings_of(name, level)))
        combined.append(arm)
    return combined


def _settings_of(factor: str, level: str) -> dict[str, Any]:
    if factor != "augmentation":
        return nest(factor, read_value(level))
    if level not in AUGMENTATIONS:
        raise ConfigError(f"augmentation has no level '{level}', {nearest(level, AUGMENTATIONS)}")
    recipe = AUGMENTATIONS[level]
    values = {}
    if recipe:
        values = read_recipe(recipe)["augment"]
    # All keys, so that nothing of the run's own recipe stays.
    return {"augment": Augment.parse(values, source=str(recipe)).model_dump()}
