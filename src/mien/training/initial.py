"""Fine-tuning: a training whose first weights are those of a trained network.  Axes: `C` classes."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Self

import torch

from mien.core.bundle import WEIGHTS, Bundle, find, shipped, weights
from mien.core.errors import ConfigError, DataError, nearest
from mien.core.faces import FaceSet
from mien.core.files import is_file
from mien.core.open_model import open_model
from mien.core.run_record import InitialWeights
from mien.core.runs import RunDir, runs_named
from mien.data.split import find_duplicates, hold_out
from mien.models.classifier import Classifier, classifier_of, load_classifier
from mien.models.registry import last_layer
from mien.training.config import Holdout, TrainConfig
from mien.training.run_data import RunData, TrainingRun

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A trained network that another training can begin with.

    Attributes:
        place: what a config calls it: the name of one that ships, or its folder.
        name: what people call it.
        classifier: the network with its classes.
        sha256: of the file with its weights.
        data: what it learned from: the part `data` of a run's `config.json`, or of a card's `training`.
        config: the config that trained it.
        init: the trained network that it began with itself; None where it began with random weights.
        run: the run that trained it; None where only a bundle is left of it.
    """

    place: str
    name: str
    classifier: Classifier
    sha256: str
    data: Mapping[str, Any]
    config: Mapping[str, Any]
    init: InitialWeights | None
    run: TrainingRun | None = None

    @classmethod
    def open(cls, where: str) -> Self:
        """Open a network: the name of one that ships, a bundle that has its weights or lies in its run, or a run.

        Raises:
            DataError: there is none, or its files are damaged.
            UsageError: a bundle without weights, or a run and a bundle have that name.
        """
        if where != "latest" and not find(where) and not runs_named(where):
            raise DataError(
                f"{where}: no network to begin with: no run, no bundle, and none that ships with mien; "
                f"{nearest(where, shipped())}"
            )
        opened = open_model(where)
        if isinstance(opened, Bundle):
            return cls._of_bundle(opened)
        return cls._of_run(TrainingRun.open(opened))

    @classmethod
    def _of_bundle(cls, bundle: Bundle) -> Self:
        card, run = bundle.card, RunDir(bundle.path.parent)
        trained = card.training.weights_sha256
        if card.weights is None and is_file(run.path / WEIGHTS) and _sha256(run.path) == trained:
            return cls._of_run(TrainingRun.open(run))
        if card.weights is None and is_file(bundle.path / "model.json"):  # a folder for a model hub
            classifier = load_classifier(bundle.path)
        else:
            classifier = classifier_of(bundle)
        ships = bundle.path.parent == weights()
        return cls(
            place=bundle.path.name if ships else str(bundle.path),
            name=card.name,
            classifier=classifier,
            sha256=_sha256(bundle.path),
            data=card.training.data.to_dict(),
            config=card.training.config,
            init=card.training.init,
        )

    @classmethod
    def _of_run(cls, run: TrainingRun) -> Self:
        run.check_trained()
        stored = run.read_json("config.json")
        init = stored.get("init")
        return cls(
            place=str(run.path),
            name=run.path.name,
            classifier=load_classifier(run.path),
            sha256=_sha256(run.path),
            data=stored.get("data", {}),
            config=stored.get("config", {}),
            init=InitialWeights.from_dict(init, source=str(run.path / "config.json")) if init else None,
            run=run,
        )

    def has_rows(self, faces: FaceSet) -> bool:
        """Whether these are the rows of its data, which may have had no votes: they don't choose who is held out."""
        own = self.data.get("row_fingerprint")
        return own == faces.row_fingerprint or own == replace(faces, votes=None).row_fingerprint

    def learned_from(self, faces: FaceSet) -> FaceSet | None:
        """Return the faces that it learned from, where that is known: some of `faces`, or those of its run."""
        try:
            if self.has_rows(faces):
                holdout = Holdout.parse(self.config.get("holdout", {}), source=self.place)
                return hold_out(faces, **holdout.model_dump())[0]
            if self.run is not None:
                return self.run.data.learned
        except (ConfigError, DataError):  # the data have moved or changed
            log.debug("%s: what it learned from can't be read", self.place, exc_info=True)
        return None

    def new_classes(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `classes` that it doesn't have."""
        return tuple(label for label in classes if label not in self.classifier.classes)

    def give_weights(self, classifier: Classifier) -> None:
        """Copy all weights to another classifier; of the last layer, the rows of the classes that both have.

        The rows of other classes are 0.
        """
        given, own = self.classifier.state_dict(), classifier.state_dict()
        for name in _last_layer(classifier):
            rows = torch.zeros_like(own[name])  # (C, …)
            for row, label in enumerate(classifier.classes):
                if label in self.classifier.classes:
                    rows[row] = given[name][self.classifier.classes.index(label)]
            given[name] = rows
        classifier.load_state_dict(given)


def _sha256(folder: Path) -> str:
    """Return the sha256 of the weights in the folder of a run or bundle."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def _last_layer(classifier: Classifier) -> tuple[str, ...]:
    return tuple(f"network.{name}" for name in last_layer(classifier.model))


def with_pretrained(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config's values; with `init`, network and normalisation are those of it where nothing else names them.

    Raises:
        DataError, UsageError: as `Pretrained.open`.
    """
    if not isinstance(values.get("init"), str):
        return dict(values)
    source = Pretrained.open(values["init"])
    found = {"model": source.classifier.model, "normalisation": source.classifier.normalise.kind}
    return {**found, **values, "init": source.place}


def check_pretrained(config: TrainConfig) -> None:
    """Raise `ConfigError` if a config names another network or normalisation than its `init` has."""
    if config.init is None:
        return
    source = Pretrained.open(config.init)
    found = {"model": source.classifier.model, "normalisation": source.classifier.normalise.kind}
    for key, value in found.items():
        if getattr(config, key) != value:
            raise ConfigError(
                f"init {config.init}: its {key} is {value}, and the config's is {getattr(config, key)}; leave {key} "
                "out, or take the recipe fine-tune, which has none"
            )


def open_pretrained(config: TrainConfig) -> Pretrained | None:
    """Load the network that a config begins with; None where it begins with random weights."""
    return None if config.init is None else Pretrained.open(config.init)


def describe_initial(source: Pretrained, data: RunData) -> InitialWeights:
    """Describe what a training takes over, and whether it is judged by faces that the old network has learned from."""
    classifier, faces = source.classifier, data.faces
    layer = _last_layer(classifier)
    judged = faces.labelled & ((faces.splits != "train") | find_duplicates(faces, data.held_out))
    learned, seen = source.learned_from(faces), None
    if learned is not None:
        # What the new network learns from, too, says nothing of the old one.
        known = judged & find_duplicates(faces, learned) & ~find_duplicates(faces, data.learned)
        seen = int(known.sum())
    if seen == 0 and source.init and not (source.init.judged_seen == 0 and source.has_rows(faces)):
        seen = None  # the network before the old one may have learned from some
    return InitialWeights(
        name=source.name,
        sha256=source.sha256,
        data=PurePath(str(source.data.get("source"))).name,
        classes=classifier.classes,
        tensors=len(classifier.state_dict()) - len(layer),
        last_layer=layer,
        new_classes=source.new_classes(faces.classes),
        judged=int(judged.sum()),
        judged_seen=seen,
    )
