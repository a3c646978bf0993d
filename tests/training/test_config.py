from importlib import resources
from pathlib import Path

import pytest

from mien.core.errors import ConfigError
from mien.training.config import (
    TrainConfig,
    merge,
    read_recipe,
    read_run_config,
    read_settings,
    read_value,
    recipes,
    resolve,
)


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_resolves(name: str) -> None:
    values = read_recipe(name)
    if name in ("fine-tune", "robust"):  # the network is that of `init`
        values |= {"model": "mien-s", "init": "mien-s"}
    config = resolve(values, {"data": "synthetic"})
    assert config.recipe == name
    assert TrainConfig.parse(config.model_dump(), source="again") == config


def test_the_course_recipe_is_the_reports() -> None:
    config = resolve(read_recipe("course"), {"data": "fer2013.csv"})
    assert (config.model, config.normalisation, config.batch) == ("course_cnn", "per-pixel", 128)
    assert (config.holdout.method, config.holdout.rows) == ("last", 2000)
    assert (config.optimizer.name, config.stopping.patience) == ("adam", 7)
    assert (config.plateau.patience, config.plateau.factor) == (3, 0.5)
    assert config.augment.flip
    assert all(getattr(config.augment, key) > 0 for key in ("rotation_deg", "shift", "zoom", "brightness"))


def test_another_recipe_has_the_augmentation_that_the_report_names_and_adam_as_in_keras() -> None:
    course = resolve(read_recipe("course"), {"data": "x"}).model_dump(exclude={"recipe"})
    report = resolve(read_recipe("course-report"), {"data": "x"}).model_dump(exclude={"recipe"})
    assert {key for key in course if course[key] != report[key]} == {"augment", "optimizer"}
    used = {key: value for key, value in report["augment"].items() if value}
    assert used == {"rotation_deg": course["augment"]["rotation_deg"], "contrast": course["augment"]["brightness"]}
    assert (report["optimizer"], course["optimizer"]["eps"]) == (course["optimizer"] | {"eps": 1e-7}, 1e-8)


@pytest.mark.parametrize("name", ["course", "course-report"])
def test_the_reference_recipes_say_of_each_line_where_it_is_from(name: str) -> None:
    text = resources.files("mien.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "=" in line.partition("#")[0]]
    assert len(lines) > 10
    assert [line for line in lines if line.partition("#")[2].strip()[:1] not in ("R", "K", "M")] == []


def test_settings_win_over_the_recipe() -> None:
    settings = read_settings(["data=x", "epochs=5", "optimizer.lr=0.5", "augment.flip=false", "model=mien-n"])
    config = resolve(read_recipe("course"), settings)
    assert (config.epochs, config.optimizer.lr, config.augment.flip, config.model) == (5, 0.5, False, "mien-n")
    assert config.batch == 128
    assert config.optimizer.name == "adam"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epoch=3"], "unknown key 'epoch', did you mean epochs"),
        (["optimizer.rate=3"], "unknown key 'optimizer.rate'"),
        (["optimizer=3"], "optimizer"),
        (["model.depth=3"], r"'model' is \{'depth': 3\}"),
        (["batch=1"], "'batch' is 1"),
        (["batch=many"], "'batch' is 'many'"),
        (["normalisation=pixel"], "per-pixel"),
        (["=3"], "key=value"),
        (["epochs"], "key=value"),
        (["batch=5", "devices=3"], "fewer than 2 faces to each of 3 processes"),
        (["seed=18446744073709551616"], "seed"),
        (["optimizer.lr=nan"], "optimizer.lr"),
    ],
)
def test_wrong_settings(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve(read_recipe("course"), merge({"data": "x"}, read_settings(settings)))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corse", None, "did you mean course"),
        ("missing.toml", None, "No such file"),
        ("broken.toml", "model = ", "not TOML"),
        ("latin.toml", "# caf\xe9", "not TOML"),
    ],
)
def test_wrong_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=message):
        read_recipe(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# " + b"x" * (1 << 14), "more than 16,384 bytes"),
        (b"a = " + b"[" * 8_000 + b"]" * 8_000, "nested too deeply"),
        (b"epochs = " + b"9" * 5000, "not TOML"),
        (b"model = '\x00'", "not TOML"),
        ("model = 'mien-n'".encode("utf-16"), "not TOML"),
        (b"epochs = nan", "'epochs' is nan"),
        (b"[model]\nname = 'mien-n'", "'model' is"),
        (b"model = 1979-05-27", "'model' is datetime"),
        (b"seed = " + b"9" * 4000, "'seed' is"),
        (b"optimizer = 3", "'optimizer' is 3"),
        (b"teachers = 'a'", "'teachers' is 'a'"),
    ],
)
def test_hostile_recipes(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        resolve({"model": "mien-n", **read_recipe(str(path))}, {"data": "x"})


def test_a_recipe_is_data_and_no_code() -> None:
    text = "__import__('os').system('touch hostile')"
    assert read_value(text) == text
    assert read_value("9" * 5000) == "9" * 5000
    assert read_value("[" * 50_000) == "[" * 50_000


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": 3}', "no json", "[" * 100_000, '{"config": NaN}'])
def test_wrong_run_configs(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"not the config\.json of a run"):
        read_run_config(path)


def test_a_run_whose_name_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json: can't be read \(File name too long\)"):
        read_run_config(tmp_path / ("x" * 300) / "config.json")
