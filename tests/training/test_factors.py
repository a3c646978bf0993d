import pytest

from mien.core.errors import ConfigError
from mien.training.config import read_recipe, resolve
from mien.training.factors import AUGMENTATIONS, arms, read_factors


def test_without_and_with_as_in_the_report() -> None:
    combined = arms(read_factors(["normalisation", "augmentation"]))
    assert [list(arm.levels.values()) for arm in combined] == [
        ["none", "none"],
        ["none", "report"],
        ["per-pixel", "none"],
        ["per-pixel", "report"],
    ]
    base = resolve(read_recipe("mien-n"), {"data": "x.csv"}).model_dump()
    configs = [resolve(base, arm.settings) for arm in combined]
    assert [config.normalisation for config in configs] == ["none", "none", "per-pixel", "per-pixel"]
    assert not any(configs[0].augment.model_dump().values())
    assert configs[1].augment.model_dump(exclude_defaults=True) == read_recipe("course")["augment"]


def test_a_level_has_what_the_reference_report_names_and_no_more() -> None:
    _, arm = arms(read_factors(settings=["augmentation=none,rotation-brightness"]))
    config = resolve(read_recipe("mien-s") | arm.settings, {"data": "x.csv"})
    assert config.augment.model_dump(exclude_defaults=True) == {"rotation_deg": 10, "contrast": 0.2}


@pytest.mark.parametrize("level", AUGMENTATIONS)
def test_a_level_of_augmentation_replaces_the_recipes_own(level: str) -> None:
    other = next(each for each in AUGMENTATIONS if each != level)
    first, _ = arms(read_factors(settings=[f"augmentation={level},{other}"]))
    config = resolve(read_recipe("mien-s") | first.settings, {"data": "x.csv"})
    source = AUGMENTATIONS[level]
    assert config.augment.model_dump(exclude_defaults=True) == (read_recipe(source)["augment"] if source else {})


def test_any_recipe_key_is_a_factor() -> None:
    combined = arms(read_factors(settings=["optimizer.lr=1e-3,3e-3", "augment.flip=false,true", "model=mien-n,mien-s"]))
    assert len(combined) == 8
    assert combined[-1].settings == {"optimizer": {"lr": 0.003}, "augment": {"flip": True}, "model": "mien-s"}


@pytest.mark.parametrize(
    ("names", "settings", "expected"),
    [
        (["normalization"], [], "did you mean normalisation"),
        ([], [], "one or more different factors; for example --factors normalisation,augmentation"),
        (["augmentation", "augmentation"], [], "different factors"),
        (["augmentation"], ["augmentation=none,stronger"], "different factors"),
        ([], ["optimizer.lr"], "two or more different levels"),
        ([], ["optimizer.lr=1"], "two or more different levels"),
        ([], ["optimizer.lr=1,1"], "two or more different levels"),
        ([], ["=1,2"], "two or more different levels"),
        ([], ["optimizer.lr=1e-3,0.001"], "two or more different levels"),
        ([], ["seed=1,2"], "--seeds"),
        ([], ["recipe=mien-n,course"], "recipe is no factor"),
        ([], ["data=a.csv,b.csv"], "data is no factor"),
        (["augmentation"], ["augment.flip=true,false"], "factor augmentation sets augment.flip as well"),
        ([], ["augment.flip=true,false", "augmentation=none,report"], "factor augmentation sets augment.flip as well"),
    ],
)
def test_what_is_no_factor(names: list[str], settings: list[str], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        read_factors(names, settings=settings)


def test_augmentation_has_no_other_levels() -> None:
    with pytest.raises(ConfigError, match="augmentation has no level 'strong', did you mean stronger"):
        arms(read_factors(settings=["augmentation=none,strong"]))
