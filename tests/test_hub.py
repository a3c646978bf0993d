"""`mien export --hub`: a folder as model hubs expect one, which loads again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.cli.main import run as mien_line
from mien.core.errors import UsageError
from mien.models.classifier import load_classifier
from mien.workflows.run import Run

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)


def head(readme: Path) -> dict[str, object]:
    """Read the front matter, whose values are JSON."""
    before, text, body = readme.read_text(encoding="utf-8").split("---\n", 2)
    assert before == ""
    assert body.lstrip().startswith("# ")
    return {key: json.loads(value) for key, value in (line.split(": ", 1) for line in text.splitlines())}


def test_a_shipped_network(tmp_path: Path) -> None:
    folder = mien.export_hub("mien-s", tmp_path / "hub")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "card.json",
        "config.json",
        "model.int8.onnx",
        "model.safetensors",
    ]
    assert np.array_equal(mien.load(folder, threads=1)(FACES), mien.load("mien-s", threads=1)(FACES))
    said = head(folder / "README.md")
    assert said["library_name"] == "mien"
    assert said["pipeline_tag"] == "image-classification"
    assert said["license"] == "apache-2.0"
    assert said["datasets"] == ["fer2013"]
    scores = mien.Bundle.open("mien-s").card.scores.int8
    (result,) = said["model-index"][0]["results"]
    assert {"type": "accuracy", "name": "accuracy", "value": round(scores.accuracy, 6)} in result["metrics"]
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"]["3"] == "happy"


def test_a_published_data_set_has_its_name_whatever_the_file_is_called(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(mien.Bundle.open("mien-n").path, tmp_path / "copy"))
    card = mien.Bundle.open(copy).card
    data = replace(card.training.data, source="my faces (3).csv")
    of_file = replace(card, training=replace(card.training, data=data))
    for named, name, kind in (
        (of_file, "FER2013 PublicTest", "fer2013"),
        (replace(of_file, scores=replace(card.scores, data_set=None)), "my faces (3).csv", "my-faces-3"),
    ):
        named.write(copy / "card.json")
        said = head(mien.export_hub(copy, tmp_path / "hub", overwrite=True) / "README.md")
        assert said["datasets"] == [kind]
        assert said["model-index"][0]["results"][0]["dataset"] == {"type": kind, "name": name, "split": "test"}


def test_the_head_is_yaml(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    readme = mien.export_hub("mien-n", tmp_path / "hub") / "README.md"
    assert yaml.safe_load(readme.read_text(encoding="utf-8").split("---\n")[1]) == head(readme)


def test_a_run_with_its_weights(studied: Run, tmp_path: Path) -> None:
    run = Run.open(shutil.copytree(studied.path, tmp_path / "run"))  # it gets a bundle
    folder = mien.export_hub(run, tmp_path / "hub")
    network = load_classifier(folder)
    assert np.allclose(network.probabilities(FACES), mien.load(folder, precision="fp32", threads=1)(FACES), atol=1e-5)
    assert head(folder / "README.md")["datasets"] == ["synthetic"]


def test_what_else_lies_there_stays(tmp_path: Path) -> None:
    (tmp_path / "hub/.git").mkdir(parents=True)
    with pytest.raises(UsageError, match="not empty"):
        mien.export_hub("mien-n", tmp_path / "hub")
    mien.export_hub("mien-n", tmp_path / "hub", overwrite=True)
    assert (tmp_path / "hub/.git").is_dir()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mien_line(["export", "mien-n", "--hub", str(tmp_path / "hub")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'hub'}\n"
    assert mien_line(["export", "mien-n", "--hub", str(tmp_path / "hub2"), "--html", str(tmp_path / "x.html")]) == 2
    assert not (tmp_path / "hub2").exists()
