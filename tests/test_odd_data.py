"""Data at the edge of what there can be: each verb gives a result or an error that says what is wrong."""

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from mien.core.bundle import Bundle
from mien.core.errors import DataError
from mien.core.runs import RunDir
from mien.reporting.build import report
from mien.workflows.evaluate import evaluate
from mien.workflows.export import export
from mien.workflows.predict import predict
from mien.workflows.train import train

SCRIPTS = ("生气的样子", "😀👩‍👩‍👧 سعيد", "x" * 200)


def noise(count: int, *, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8))


def course(path: Path, labels: Sequence[Any], images: Sequence[np.ndarray]) -> str:
    lines = [f"{label},{' '.join(map(str, image.ravel()))}" for label, image in zip(labels, images, strict=True)]
    path.write_text("\n".join(["label,feature", *lines]) + "\n")
    return str(path)


def folder(path: Path, classes: Sequence[str], *, each: int) -> str:
    images = iter(noise(each * len(classes)))
    for name in classes:
        (path / name).mkdir(parents=True)
        for i in range(each):
            Image.fromarray(next(images)).save(path / name / f"{i}.png")
    return str(path)


def trained(data: str, out: Path, *, rows: int = 8, batch: int = 8, **settings: Any) -> RunDir:
    return train(data, recipe="demo", holdout={"rows": rows}, out=out, epochs=1, batch=batch, device="cpu", **settings)


def make(kind: str, folder_: Path) -> str:
    if kind == "a class without rows":
        return course(folder_ / "a.csv", [i % 5 for i in range(40)], noise(40))
    if kind == "an empty class":
        (folder_ / "faces/empty").mkdir(parents=True)
        return folder(folder_ / "faces", ["happy", "sad"], each=20)
    if kind == "constant images":
        return course(folder_ / "a.csv", [i % 7 for i in range(40)], [np.full((48, 48), 3 * i) for i in range(40)])
    assert kind == "any script"
    return folder(folder_ / "faces", SCRIPTS, each=14)


@pytest.mark.parametrize(
    "kind",
    ["a class without rows", "an empty class", "constant images", "any script"],
)
def test_what_can_be_learned_is(kind: str, tmp_path: Path) -> None:
    run = trained(make(kind, tmp_path), tmp_path / "run", loss={"class_weights": True})
    assert run.state == "finished"
    assert all(np.isfinite(list(row.to_dict().values())).all() for row in run.history)
    scores = evaluate(run, split="validation")
    assert scores.faces == sum(each.faces for each in scores.per_class)
    assert 0 <= scores.accuracy <= 1
    json.dumps(scores.to_dict(), allow_nan=False)
    page = report(run).read_text(encoding="utf-8")
    assert all(name in page for name in scores.classes)


def test_names_in_any_script_come_through_the_bundle(tmp_path: Path) -> None:
    data = make("any script", tmp_path)
    run = trained(data, tmp_path / "run")
    bundle = Bundle.open(export(run, out=tmp_path / "bundle").path)
    assert set(bundle.classes) == set(SCRIPTS)
    (face,) = predict(f"{data}/{SCRIPTS[0]}/0.png", bundle).faces
    assert face.record()["label"] in SCRIPTS
    assert evaluate(bundle, data, split="train").classes == bundle.classes
    assert all(name in (bundle.path / "CARD.md").read_text(encoding="utf-8") for name in SCRIPTS)


def test_three_faces_are_enough(tmp_path: Path) -> None:
    run = trained(course(tmp_path / "a.csv", [0, 1, 2], noise(3)), tmp_path / "run", rows=1, batch=2)
    scores = evaluate(run, split="validation")
    assert (scores.faces, scores.accuracy) in {(1, 0.0), (1, 1.0)}
    assert report(run).is_file()


@pytest.mark.parametrize(
    ("labels", "images", "message"),
    [
        ([], [], r"a\.csv: a header and no rows"),
        ([3], noise(1), r"a\.csv: 8 rows to hold out of 1 labelled ones"),
        (range(7), noise(7), r"a\.csv: 8 rows to hold out of 7"),
        ([0] * 12, noise(12), r"a\.csv: 4 rows to learn from are fewer than one batch of 8; .* lower --batch"),
        ([0] * 40, [np.full((48, 48), 7)] * 40, r"a\.csv: .* leaves 40 faces to learn from and 0 .*copies stay"),
        (
            [3] * 40,
            noise(40),
            r"a\.csv: all labelled faces of the split 'train' are of one class, 'happy'; expected two",
        ),
        ([9] * 40, noise(40), r"a\.csv, line 2: label '9', expected 0 to 6"),
        ([-1] * 40, noise(40), r"a\.csv, line 2: label '-1', expected 0 to 6"),
        (
            ["happy"] * 40,
            noise(40),
            r"a\.csv: all labelled faces of the split 'train' are of one class, 'happy'; expected",
        ),
        ([""] * 40, noise(40), r"a\.csv, line 2: label '', expected 0 to 6"),
        (["nan"] * 40, noise(40), r"a\.csv, line 2: label 'nan', expected 0 to 6"),
        ([1.5] * 40, noise(40), r"a\.csv, line 2: label '1.5', expected 0 to 6"),
    ],
)
def test_what_can_not_be_learned_is_said(
    labels: Sequence[Any], images: Sequence[np.ndarray], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        trained(course(tmp_path / "a.csv", labels, images), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all labelled faces of the split 'train' are of one class, 'happy'"):
        trained(folder(tmp_path / "faces", ["happy"], each=40), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_labels_that_are_all_wrong_score_zero(tmp_path: Path) -> None:
    """A network that has learned two kinds by heart, judged by labels that are the wrong way round."""
    bright = [np.full((48, 48), grey) for grey in (*range(20), *range(200, 220))]
    right = [0] * 20 + [1] * 20
    run = trained(course(tmp_path / "a.csv", right, bright), tmp_path / "run")
    train(None, recipe=str(run.path / "config.json"), out=tmp_path / "longer", epochs=12)
    wrong = course(tmp_path / "wrong.csv", [1 - label for label in right], bright)
    scores = evaluate(tmp_path / "longer", data=wrong, split="train")
    assert (scores.accuracy, scores.faces) == (0.0, 40)
    assert scores.accuracy_interval[0] == 0.0 < scores.accuracy_interval[1]
    assert scores.log_loss > 0.7
    assert report(RunDir(tmp_path / "longer")).is_file()


def test_a_test_split_without_a_class_that_was_learned(tmp_path: Path) -> None:
    data = folder(tmp_path / "faces/train", ["a", "b", "c"], each=14)
    shutil.copytree(f"{data}/a", tmp_path / "faces/test/a")
    run = trained(str(tmp_path / "faces"), tmp_path / "run")
    scores = evaluate(run)
    assert [each.faces for each in scores.per_class] == [14, 0, 0]
    assert report(run).is_file()


def test_names_in_parquet_may_have_200_letters_of_any_script(tmp_path: Path) -> None:
    """No file system has names of 800 bytes, a Parquet file has."""
    names = ["😀" * 200, "很" * 200, "x" * 200]
    images = [image.tobytes() for image in noise(30)]
    table = {
        "label": [names[i % 3] for i in range(30)],
        "image": [{"bytes": _png(image), "path": None} for image in images],
    }
    pyarrow.parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
    run = trained(str(tmp_path / "a.parquet"), tmp_path / "run")
    assert set(evaluate(run, split="validation").classes) == set(names)
    assert report(run).is_file()


def _png(pixels: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.frombytes("L", (48, 48), pixels).save(buffer, "PNG")
    return buffer.getvalue()
