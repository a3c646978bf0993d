"""What a training run is made of: the config models, the recipes that ship, and `--set key=value`."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mien.core.config import Config, Normalisation
from mien.core.errors import ConfigError, DataError, UsageError, nearest
from mien.core.files import is_file, read_json
from mien.core.images import SIZE
from mien.core.runs import RunDir
from mien.core.schema import check_schema
from mien.data.formats import LabelSource
from mien.data.split import HoldoutMethod

RECIPE_BYTES = 1 << 14
"""Ten times the largest recipe that ships; the time of Python's TOML parser grows with the square of a key's length."""

MAX_THREADS = 1024
MAX_EPOCHS = 100_000
MAX_SEED = 2**63 - 1


class Holdout(Config):
    """Which training rows are held out to validate on; exact copies stay on one side."""

    method: HoldoutMethod = "stratified"
    rows: int = Field(2000, ge=1, le=100_000_000)
    fold: int = Field(0, ge=0, lt=1000)
    folds: int = Field(5, ge=2, le=1000)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    """Draws the held-out rows: apart from the run's seed, so that runs with other seeds hold out the same faces."""


class Augment(Config):
    """Random changes, drawn anew for each face of each batch; 0 or false switches one off."""

    rotation_deg: float = Field(0.0, ge=0, le=180)
    shift: float = Field(0.0, ge=0, lt=1)
    """Largest shift along each axis, as a share of the side."""
    zoom: float = Field(0.0, ge=0, lt=1)
    """Scale is drawn from 1 − zoom to 1 + zoom."""
    flip: bool = False
    brightness: float = Field(0.0, ge=0, lt=1)
    """A share of the full range, drawn from −brightness to +brightness, is added to all pixels of a face."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """All pixels are multiplied by a factor drawn from 1 − contrast to 1 + contrast: Keras's `brightness_range`."""
    erase: float = Field(0.0, ge=0, le=1)
    """How probable it is that a rectangle of 2 to 20 % of the face becomes mid-grey (arXiv 1708.04896)."""
    corrupt: float = Field(0.0, ge=0, le=1)
    """How probable it is that a face becomes noisy, dark, blurred, coarse, over-exposed or a poor JPEG."""
    cover: float = Field(0.0, ge=0, le=1)
    """How probable it is that the mouth, the eyes or a square is covered, as by a mask, glasses or a hand."""


class Optimizer(Config):
    """Update rule, learning rate and weight decay."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(1e-3, ge=1e-9, le=1000)
    weight_decay: float = Field(0.0, ge=0, le=1000)
    eps: float = Field(1e-8, ge=1e-12, le=1)
    """What Adam and AdamW add to the root of the mean squared gradient; Keras's default is 1e-7, PyTorch's 1e-8."""


class Plateau(Config):
    """Multiply the learning rate by `factor` after `patience` epochs without a fall of the validation loss.

    Keras's meaning: the `patience`-th bad epoch reduces; a fall is one of more than `min_delta`, absolute.
    """

    factor: float = Field(0.5, ge=1e-6, lt=1)
    patience: int = Field(3, ge=1, le=MAX_EPOCHS)
    min_delta: float = Field(1e-4, ge=0, le=1000)


class Stopping(Config):
    """Stop at the `patience`-th epoch in a row without a lower validation loss; 0 never stops early."""

    patience: int = Field(7, ge=0, le=MAX_EPOCHS)


class Loss(Config):
    """Cross-entropy; `class_weights` weighs each class by the inverse of its share of the training rows.

    Labels are smoothed, and with `labels = "ferplus"` the votes; what teachers say, and votes beside labels, are not.
    """

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: bool = False
    votes_share: float = Field(0.0, ge=0, lt=1)
    """The share that the votes' cross-entropy has in the loss; a second last layer learns them, and is dropped."""


class Distillation(Config):
    """How a student learns from its teachers; without any it has no meaning."""

    from_init: bool = False
    """The network of `init`, as it was, is the teacher: what it knows is kept while something else is learned."""

    share: float = Field(1.0, ge=1e-6, le=1)
    """How much of the target is what the teachers say; the rest is the label."""
    views: int = Field(0, ge=0, le=MAX_EPOCHS)
    """After so many epochs the same augmented faces come again, and the teachers are not asked again; 0 always asks."""


TrackerName = Literal["none", "tensorboard", "wandb", "mlflow"]


class TrainConfig(Config):
    """A whole training run, fully resolved; `config.json` holds it and repeats the run."""

    data: str
    votes: str | None = None
    labels: LabelSource = "own"
    classes: tuple[str, ...] | None = None
    """The names of the classes 0, 1, …, where the data only number them."""
    detect: bool = False
    """Cut the largest face out of each picture instead of taking pictures as a whole."""
    teachers: tuple[str, ...] = ()
    """Trained runs, or files of predictions, whose averaged probabilities are learned instead of the labels."""
    skip_bad: bool = False
    """Leave unreadable pictures out instead of stopping at the first."""
    exclude: str | None = None
    """A CSV whose column `digest` names faces that are not learned from; faces that are held out or tested stay."""
    recipe: str
    init: str | None = None
    """The trained network whose weights are the first ones: the name of one that ships, a bundle or a run."""
    freeze_norms: bool = False
    """Batch norms keep the means and variances of `init`; those of a small set would be worse."""
    model: str
    normalisation: Normalisation = "per-pixel"
    schedule: Literal["plateau", "one-cycle"] = "plateau"
    """`one-cycle`: up to `optimizer.lr` in the first 30 % of the steps, then down to zero (arXiv 1708.07120)."""
    holdout: Holdout = Holdout()
    augment: Augment = Augment()
    optimizer: Optimizer = Optimizer()
    plateau: Plateau = Plateau()
    stopping: Stopping = Stopping()
    loss: Loss = Loss()
    distillation: Distillation = Distillation()
    start_px: int = Field(SIZE, ge=16, le=SIZE)
    """Side of the training faces in the first epoch; it grows to 48 in steps of 8 that take equally many epochs."""
    ema: float = Field(0.0, ge=0, lt=1)
    """Decay of a moving average of the weights, which is what is validated and kept; 0 keeps the weights themselves."""
    epochs: int = Field(100, ge=1, le=MAX_EPOCHS)
    batch: int = Field(128, ge=2, le=100_000)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    device: str = "auto"
    devices: int = Field(1, ge=1, le=1024)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """A run's `config.json` has what `auto` came to."""
    threads: int | None = Field(None, ge=1, le=MAX_THREADS)
    """How many threads compute, in all processes together; a run's `config.json` has the number that None came to."""
    logger: TrackerName = "none"
    """The experiment tracker that is told each epoch, beside `metrics.csv`."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.freeze_norms and self.init is None:
            raise ValueError("freeze_norms keeps the means and variances of a trained network; name it as init")
        if self.distillation.from_init and self.init is None:
            raise ValueError("distillation.from_init is taught by a trained network; name it as init")
        if self.distillation.from_init and self.teachers:
            raise ValueError("distillation.from_init has its teacher already; leave teachers out, or from_init")
        if self.loss.votes_share and self.labels == "ferplus":
            raise ValueError("loss.votes_share learns votes beside labels, and with labels ferplus the votes are them")
        if self.batch < 2 * self.devices:
            raise ValueError(f"a batch of {self.batch} leaves fewer than 2 faces to each of {self.devices} processes")
        return self


def recipes() -> list[str]:
    """Names of the recipes that ship with mien.

    >>> "course" in recipes()
    True
    """
    return sorted(
        Path(file.name).stem for file in resources.files("mien.recipes").iterdir() if file.name.endswith(".toml")
    )


def read_recipe(name: str) -> dict[str, Any]:
    """Read a shipped recipe by name, or a TOML file by path.

    Raises:
        ConfigError: no such recipe (names the nearest), or not TOML.
    """
    if not name.endswith(".toml") and name not in recipes():
        raise ConfigError(f"no recipe '{name}', {nearest(name, recipes())}")
    shipped = resources.files("mien.recipes").joinpath(f"{name}.toml")
    try:
        with (Path(name) if name.endswith(".toml") else shipped).open("rb") as file:
            content = file.read(RECIPE_BYTES + 1)
        if len(content) > RECIPE_BYTES:
            raise ConfigError(f"{name}: more than {RECIPE_BYTES:,} bytes, which no recipe has")
        return {**tomllib.loads(content.decode()), "recipe": name}
    except OSError as error:
        raise ConfigError(f"{name}: can't be read ({error.strerror})") from None
    except RecursionError:
        raise ConfigError(f"{name}: not TOML (nested too deeply)") from None
    except ValueError as error:
        raise ConfigError(f"{name}: not TOML ({error})") from None


def read_run_config(path: Path) -> dict[str, Any]:
    """Read the `config` of a run's `config.json`, to repeat the run.

    Raises:
        ConfigError: missing, damaged, or another file.
        DataError: another version of mien has written it.
    """
    try:
        if not is_file(path):
            raise ConfigError(f"{path}: can't be read (no such file)")
        stored = read_json(path)
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from None
    except DataError as error:
        raise ConfigError(f"{error}; so this is not the config.json of a run") from None
    check_schema(stored, path, again="name a recipe")
    config = stored.get("config")
    if not isinstance(config, dict):
        raise ConfigError(f"{path}: not the config.json of a run")
    return config


def stored_config(run: RunDir) -> TrainConfig:
    """Read the config that a run was made with.

    Raises:
        ConfigError: `config.json` holds something else.
    """
    return TrainConfig.parse(run.read_json("config.json").get("config", {}), source=str(run.path / "config.json"))


def resolve(values: Mapping[str, Any], settings: Mapping[str, Any]) -> TrainConfig:
    """Check a recipe, with some of its keys changed.

    Args:
        values: what `read_recipe` or `read_run_config` gave.
        settings: keys to change; of a table (`{"optimizer": {"lr": 1e-3}}`) the other keys stay as they are.

    Raises:
        ConfigError: a key is unknown (names the nearest) or a value does not fit.
        UsageError: nothing names the data.
    """
    merged = merge(values, settings)
    if "data" not in merged:
        raise UsageError("no data: name a file or folder of labelled faces, or 'synthetic'")
    return TrainConfig.parse(merged, source=str(values.get("recipe", "config")))


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with changes; nested mappings are merged, anything else is replaced.

    >>> merge({"epochs": 9, "optimizer": {"name": "adam", "lr": 1.0}}, {"optimizer": {"lr": 2.0}})
    {'epochs': 9, 'optimizer': {'name': 'adam', 'lr': 2.0}}
    """
    merged = dict(values)
    for key, value in changes.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(before, value)
        else:
            merged[key] = value
    return merged


def nest(key: str, value: Any) -> dict[str, Any]:
    """Write a dotted key as a nested mapping.

    >>> nest("optimizer.lr", 1e-3)
    {'optimizer': {'lr': 0.001}}
    """
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def read_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Read what follows `--set`.

    Args:
        texts: `"optimizer.lr=1e-3"` and the like; the value is read as TOML, else taken as text.

    Raises:
        ConfigError: no `key=value`.

    >>> read_settings(["optimizer.lr=1e-3", "optimizer.name=sgd", "epochs=5"])
    {'optimizer': {'lr': 0.001, 'name': 'sgd'}, 'epochs': 5}
    """
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if len(text) > RECIPE_BYTES:
            raise ConfigError(f"--set {key[:80]}…: more than {RECIPE_BYTES:,} characters, which no value has")
        if not equals or not key.strip():
            raise ConfigError(f"--set {text}: expected key=value, such as --set optimizer.lr=0.001")
        settings = merge(settings, nest(key.strip(), read_value(value)))
    return settings


def read_value(text: str) -> Any:
    """Read a value as TOML; what is no TOML is taken as text.

    >>> read_value("1e-3"), read_value("true"), read_value("per-face")
    (0.001, True, 'per-face')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text.strip()
