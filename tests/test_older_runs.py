"""What mien 0.1 left in `fixtures/v0_1`: a training that was interrupted after 11 epochs, and a bundle."""

import csv
import json
import re
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mien.cli.main import run as mien
from mien.core.bundle import Bundle
from mien.core.errors import Interrupted
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.data.formats import open_faces
from mien.models.classifier import load_classifier
from mien.models.registry import MODELS
from mien.workflows.predict import load
from mien.workflows.train import resume, train

from .fixtures.v0_1.make import EPOCHS, TINY, CtrlC, this_machine

OLD = Path(__file__).parent / "fixtures/v0_1"
EXPECTED, WHOLE = OLD / "expected", OLD / "whole"
CONVERT = Path(__file__).parents[1] / "dev/convert_cards.py"
COMPARED = ("metrics.csv", "model.safetensors", "model.json")


@pytest.fixture(autouse=True)
def tiny_network_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(MODELS, "tiny", TINY)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


STATE_KEYS = {"History": "history", "Stopper": "early_stopping", "Keeper{'monitor': 'val": "checkpoint_best"}
"""How the names of callback states in a checkpoint began in mien 0.1, and today's names."""


def of_today(folder: Path) -> Path:
    """Give stored files today's schema version and names: what is tested with them is the rest of their content."""
    for card in folder.rglob("card.json"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [str(CONVERT), str(card.parent)])
            runpy.run_path(str(CONVERT))
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace('"schema_version": 1', f'"schema_version": {SCHEMA_VERSION}'))
    for path in folder.rglob("last.ckpt"):
        checkpoint = torch.load(path, weights_only=True)
        states = {}
        for old, state in checkpoint["callbacks"].items():
            known = [new for start, new in STATE_KEYS.items() if old.startswith(start)]
            states[known[0] if known else "checkpoint_last"] = state
        torch.save({**checkpoint, "callbacks": states}, path)
    return folder


def copy_of_the_run(folder: Path) -> RunDir:
    return RunDir(of_today(shutil.copytree(OLD / "run", folder)))


def of_that_time(path: Path) -> bytes:
    """The content of a file of today as it was stored with schema version 1."""
    content = path.read_bytes()
    if path.suffix == ".json":
        content = content.replace(f'"schema_version": {SCHEMA_VERSION}'.encode(), b'"schema_version": 1')
    return content


def expected_history() -> list[dict[str, float]]:
    with (EXPECTED / "metrics.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def made_on_a_machine_like_this() -> bool:
    return json.loads((EXPECTED / "machine.json").read_text()) == this_machine()


def test_a_resumed_run_has_all_that_its_checkpoint_holds(tmp_path: Path) -> None:
    """Two parts: what doesn't depend on the processor is exact, and the sums of floats are close.

    Exact are the old epochs of the history, the learning rates (they depend on how many bad epochs the plateau has
    counted), when it stops (this depends on how many early stopping has counted) and the kept weights, since the best
    epoch lies before the interruption.  The first new epoch's losses show that weights, optimizer and seeds are the old
    ones: other processors change them by less than 0.0002, a lost optimizer state or another seed by 0.007 and more.
    """
    run, expected = copy_of_the_run(tmp_path / "run"), expected_history()
    old_rows, weights = (run.path / "metrics.csv").read_text(), (run.path / "model.safetensors").read_bytes()
    resume(run.path)
    assert run.state == "stopped-early"
    assert (run.path / "metrics.csv").read_text().startswith(old_rows)
    assert [row.lr for row in run.history] == [row["lr"] for row in expected]
    assert (run.path / "model.safetensors").read_bytes() == weights
    assert run.read_json("model.json")["epoch"] == min(expected, key=lambda row: row["val_loss"])["epoch"] <= EPOCHS
    assert run.history[EPOCHS].train_loss == pytest.approx(expected[EPOCHS]["train_loss"], abs=0.001)
    assert run.history[EPOCHS].val_loss == pytest.approx(expected[EPOCHS]["val_loss"], abs=0.02)
    if made_on_a_machine_like_this():
        for name in COMPARED:
            assert of_that_time(run.path / name) == (EXPECTED / name).read_bytes()


def test_an_old_run_that_is_interrupted_again_equals_one_that_is_not(tmp_path: Path) -> None:
    """Byte for byte on any processor, since both halves are made here."""
    once, twice = copy_of_the_run(tmp_path / "once"), copy_of_the_run(tmp_path / "twice")
    resume(once.path)
    with pytest.raises(Interrupted):
        resume(twice.path, progress=CtrlC(epoch=EPOCHS + 2))
    assert len(twice.history) == EPOCHS + 1
    resume(twice.path)
    for name in COMPARED:
        assert (once.path / name).read_bytes() == (twice.path / name).read_bytes()


def test_a_training_gives_what_it_gave(tmp_path: Path) -> None:
    """The first epoch on any processor, the whole training byte for byte on one like that of the fixture."""
    whole = made_on_a_machine_like_this()
    run = train(recipe=str(OLD / "recipe.toml"), out=tmp_path / "run", **({} if whole else {"epochs": 1}))
    expected = expected_history()[0]
    assert run.history[0].lr == expected["lr"]
    assert run.history[0].train_loss == pytest.approx(expected["train_loss"], abs=0.001)
    assert run.history[0].val_loss == pytest.approx(expected["val_loss"], abs=0.02)
    if whole:
        for name in COMPARED:
            assert (run.path / name).read_bytes() == (WHOLE / name).read_bytes()


def test_a_bundle_says_what_its_network_said(tmp_path: Path) -> None:
    old = of_today(shutil.copytree(OLD, tmp_path / "old"))
    bundle, faces = Bundle.open(old / "bundle"), open_faces("synthetic:210").split("test").images
    expected = load_classifier(old / "expected").probabilities(faces)
    assert load(old / "bundle", precision="fp32")(faces) == pytest.approx(expected, abs=1e-5)
    assert bundle.classes == load_classifier(old / "expected").classes


@pytest.mark.parametrize(
    "line",
    [
        "train --resume old/run",
        "train synthetic:210 --recipe demo --set teachers=['old/run']",
        "train --recipe old/run/config.json",
        "study --resume old/run",
        "ablate --resume old/run",
        "eval old/run",
        "explain old/run",
        "report old/run",
        "export old/run",
        "compare old/run old/run",
        "ensemble old/run old/run/.",
        "eval old/bundle --data synthetic:210",
        "predict synthetic:7 --model old/bundle",
    ],
)
def test_files_of_an_older_mien_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str
) -> None:
    """Whatever reads them; nothing is written."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OLD, "old")
    before = sorted(Path().rglob("*"))
    assert mien(line.split()) == 3
    out, err = capsys.readouterr()
    assert out == ""
    refusal = rf"written by mien 0\.1 \(schema_version 1\), and this one reads {SCHEMA_VERSION}"
    remedy = r"(train it again|export it again|name a recipe), or use mien 0\.1"
    assert re.fullmatch(rf"mien: (.*/)?old/(run|bundle|run/config\.json): {refusal}; {remedy}\n", err)
    assert sorted(Path().rglob("*")) == before
