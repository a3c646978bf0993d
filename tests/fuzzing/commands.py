"""What people type: numbers in flags, and recipes that are trained by for a step."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st

from mien.cli.main import run
from mien.core.labels import FERPLUS_VOTES
from mien.models.classifier import Classifier
from mien.training.config import TrainConfig, merge, nest, read_recipe, read_value, resolve
from mien.training.module import TrainingModule

from .originals import Originals
from .target import Target

FLAGS = {
    "train none.csv --recipe demo": ("--epochs", "--batch", "--lr", "--patience", "--seed", "--threads", "--devices"),
    "study none.csv --recipe demo": ("--epochs", "--batch", "--seed", "--threads", "--devices"),
    "ablate none.csv --recipe demo --factors normalisation": ("--epochs", "--batch", "--seeds", "--threads"),
    "eval none": ("--min-accuracy", "--split"),
    "explain none": ("--faces", "--share", "--count", "--method"),
    "export none": ("--max-risk", "--only"),
    "predict none.mp4": ("--every", "--fps", "--split"),
}
EXTREMES = {
    "optimizer.lr": ("1e-9", "1000"),
    "optimizer.weight_decay": ("0", "1000"),
    "optimizer.name": ("'adam'", "'adamw'", "'sgd'"),
    "plateau.factor": ("1e-6", "0.999999"),
    "plateau.min_delta": ("0", "1000"),
    "loss.label_smoothing": ("0", "0.999999"),
    "loss.class_weights": ("true", "false"),
    "loss.votes_share": ("0", "0.999999"),
    "augment.rotation_deg": ("0", "180"),
    "augment.zoom": ("0", "0.999999"),
    "augment.shift": ("0", "0.999999"),
    "augment.contrast": ("0", "0.999999"),
    "augment.brightness": ("0", "0.999999"),
    "augment.erase": ("0", "1"),
    "schedule": ("'plateau'", "'one-cycle'"),
    "normalisation": ("'none'", "'per-pixel'", "'global'", "'per-face'"),
    "epochs": ("1", "100000"),
    "start_px": ("16", "48"),
    "seed": ("0", str(2**63 - 1)),
}
"""Keys of a recipe that a step depends on, with their limits and choices."""

NUMBERS = st.one_of(
    st.sampled_from(("", "0", "-1", "1", "nan", "inf", "-inf", "1e38", "1e39", "1e300", "1e-320", "1.7e308", "0x10")),
    st.sampled_from(
        (str(2**63), str(2**64), str(10**19), "9" * 400, "9" * 5000, "1_000", "\u0661", "all", "0,0", "1,")
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=5).filter(lambda text: "\0" not in text),
)


def targets(originals: Originals) -> dict[str, Target]:
    """Command lines and settings, by name."""

    def type_flag(given: tuple[str, str, str], folder: Path) -> object:
        line, flag, value = given
        said = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code = run([*line.split(), f"{flag}={value}"])
        assert code in (2, 3), f"exit code {code}: {said.getvalue()[-300:]!r}"
        assert "Traceback" not in said.getvalue()
        return code

    def step(given: list[tuple[str, str]], folder: Path) -> object:
        changes = {"data": "x", "batch": 7, "device": "cpu"}
        for key, value in given:
            changes = merge(changes, nest(key, read_value(value)))
        config = resolve(read_recipe("demo"), changes)
        return _train_step(config, originals)

    line = st.sampled_from(sorted(FLAGS)).flatmap(
        lambda verb: st.tuples(st.just(verb), st.sampled_from(FLAGS[verb]), NUMBERS)
    )
    extreme = st.sampled_from([(key, value) for key, values in EXTREMES.items() for value in values])
    odd = st.tuples(st.sampled_from(sorted(EXTREMES)), NUMBERS)
    settings = st.tuples(st.lists(extreme, min_size=1, max_size=4), st.lists(odd, max_size=1)).map(
        lambda given: given[0] + given[1]
    )
    return {
        "flags": Target(line, type_flag),
        "training steps": Target(settings, step),
    }


def _train_step(config: TrainConfig, originals: Originals) -> float:
    """Learn once from seven faces, as a training with this config does."""
    votes = np.eye(len(FERPLUS_VOTES), dtype=np.uint8)[originals.faces.targets]
    faces = replace(originals.faces, votes=votes, vote_names=FERPLUS_VOTES)
    classifier = Classifier(config.model, faces.classes, normalisation=config.normalisation)
    classifier.normalise.fit(faces.images)
    module = TrainingModule(classifier, config, faces=faces, held_out=faces)
    made = module.configure_optimizers()
    optimizer = made["optimizer"] if isinstance(made, dict) else made
    torch.manual_seed(0)
    images = module.augment(torch.as_tensor(faces.images)[:, None])
    logits = classifier(images, side_px=config.start_px)
    loss = torch.nn.functional.cross_entropy(logits.float(), torch.as_tensor(faces.targets))
    loss.backward()
    optimizer.step()
    if module.plateau:
        module.plateau.step(loss.item())
    return loss.item()
