"""`mien predict` in every format, `eval` and `compare` on its results."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from mien.cli.records import FORMATS
from mien.core.predictions import Predictions
from mien.core.rundir import RunDir

from .conftest import Mien

TWO = Predictions(
    np.array([[0.75, 0.25], [0.125, 0.875]], np.float32), ("smile", "frown, a bit"), np.array(["0", "b/2.png"])
)

GOLDEN = {
    "table": "face     probability  expression\n0              0.750  smile\nb/2.png        0.875  frown, a bit\n",
    "csv": 'schema_version,source,face,label,probability,smile,"frown, a bit"\n1,,0,smile,0.75,0.75,0.25\n'
    '1,,b/2.png,"frown, a bit",0.875,0.125,0.875\n',
    "submission": "id,label\n0,0\nb/2.png,1\n",
    "jsonl": '{"schema_version": 1, "source": "", "face": "0", "label": "smile", "probability": 0.75, "probabilities": '
    '{"smile": 0.75, "frown, a bit": 0.25}}\n{"schema_version": 1, "source": "", "face": "b/2.png", "label": '
    '"frown, a bit", "probability": 0.875, "probabilities": {"smile": 0.125, "frown, a bit": 0.875}}\n',
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_formats(name: str) -> None:
    assert FORMATS[name](TWO) == GOLDEN[name]


def test_json_is_one_object() -> None:
    value = json.loads(FORMATS["json"](TWO))
    assert [face["label"] for face in value["faces"]] == ["smile", "frown, a bit"]
    assert set(value) == {"schema_version", "source", "synthetic", "classes", "faces"}


def test_every_format_has_a_test() -> None:
    assert set(FORMATS) == {*GOLDEN, "json"}


def test_submission(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    rows = [f"{i + 5},{' '.join([str(i)] * 2304)}" for i in range(3)]
    (tmp_path / "test.csv").write_text("\n".join(["id,feature", *rows]) + "\n")
    done = mien("predict", studied.path, "test.csv", "--format", "submission", "-o", "out.csv")
    assert (done.code, done.out) == (0, "")
    written = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["id"] for row in written] == ["5", "6", "7"]
    assert {row["label"] for row in written} <= set("0123456")
    again = mien("predict", studied.path, "test.csv", "--format", "submission", "-o", "out.csv")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert mien("predict", studied.path, "test.csv", "-o", "out.csv", "--overwrite").code == 0


def test_predictions_are_the_evaluations(mien: Mien, studied: RunDir) -> None:
    faces = json.loads(mien("predict", studied.path, "synthetic:210", "--split", "test", "--json").out)["faces"]
    stored = Predictions.load(studied.path / "eval/test/predictions.npz")
    assert [face["face"] for face in faces] == stored.ids.tolist()
    said = np.array([list(face["probabilities"].values()) for face in faces])
    assert said == pytest.approx(stored.probabilities, abs=1e-6)


def test_eval_writes_what_it_says(mien: Mien, studied: RunDir) -> None:
    said = json.loads(mien("eval", studied.path, "--json").out)
    assert said == studied.read_json("eval/test/metrics.json")
    table = mien("eval", studied.path / "eval/test/predictions.npz").out
    assert f"{said['accuracy']:.4f}" in table
    assert "says nothing of real faces" in table


def test_compare(mien: Mien, studied: RunDir, tmp_path: Path) -> None:
    stored = Predictions.load(studied.path / "eval/test/predictions.npz")
    targets = stored.targets
    assert targets is not None
    perfect = np.eye(7, dtype=np.float32)[targets]
    Predictions(perfect, stored.classes, stored.ids, targets=targets).save(tmp_path / "perfect.npz")
    done = mien("compare", studied.path, "perfect.npz")
    assert done.code == 0
    assert "1.0000" in done.out
    result = json.loads(mien("compare", studied.path, "perfect.npz", "--json").out)
    assert result["b"]["accuracy"] == 1
    assert result["mcnemar_p"] < 0.05
    assert mien("compare", studied.path, "no.npz").code == 3
