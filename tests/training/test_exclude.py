"""Faces that a file names are not learned from, and nothing else changes."""

from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.errors import DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import read_json
from mien.core.label_audit import digest_text
from mien.data.exclusion import read_digests, write_digests
from mien.training.config import read_recipe, resolve
from mien.training.run_data import RunData
from mien.workflows.audit import audit_labels

SETTINGS = {"epochs": 1, "batch": 16, "holdout": {"rows": 20}, "device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def drawn() -> FaceSet:
    return mien.open_faces("synthetic:140")


def open_data(faces: FaceSet, exclude: Path | None) -> RunData:
    return RunData.open(
        resolve(read_recipe("demo"), SETTINGS | {"data": "x", "exclude": exclude and str(exclude)}), given=faces
    )


def test_only_learned_faces_are_left_out(drawn: FaceSet, tmp_path: Path) -> None:
    """Names of held-out faces and of test faces change nothing, so that scores stay comparable."""
    whole = open_data(drawn, None)
    tested = drawn.split("test")
    named = [whole.learned.digests[3:8], whole.held_out.digests[:2], tested.digests[:2], np.array([7], np.uint64)]
    write_digests(tmp_path / "audit.csv", np.concatenate(named))
    part = open_data(drawn, tmp_path / "audit.csv")
    assert part.held_out.row_fingerprint == whole.held_out.row_fingerprint
    assert part.faces.row_fingerprint == whole.faces.row_fingerprint
    assert part.learned.ids.tolist() == np.delete(whole.learned.ids, np.arange(3, 8)).tolist()
    assert (part.left_out, whole.left_out) == (5, 0)
    assert part.row_fingerprint != whole.row_fingerprint


def test_a_file_without_names_leaves_nothing_out(drawn: FaceSet, tmp_path: Path) -> None:
    (tmp_path / "audit.csv").write_text("digest,reason\n")
    data = open_data(drawn, tmp_path / "audit.csv")
    assert (len(data.learned), data.left_out) == (len(open_data(drawn, None).learned), 0)


def test_any_table_with_digests_is_read(tmp_path: Path) -> None:
    """As a spreadsheet may have saved it: other columns, semicolons, upper case, a byte-order mark."""
    (tmp_path / "a.csv").write_bytes(
        "\ufeffid;digest;label\r\n7;0x00000000000000FF;sad\r\n8;0xffffffffffffffff;\r\n".encode()
    )
    assert read_digests(tmp_path / "a.csv").tolist() == [255, 2**64 - 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,label\n1,sad\n", r"line 1: no column 'digest'; found id,label"),
        ("digest\n0x00000000000000ff\n1.2e17\n", r"line 3: digest '1.2e17', expected 0x and 16 hexadecimal digits"),
        ("digest,id\n0x00000000000000ff\n", r"line 2: 1 columns, expected 2"),
        ("", "empty"),
        ("digest\n0x00000000000000ff\n", r"none of its 1 faces is in synthetic; is it the audit of other data"),
    ],
)
def test_bad_files(drawn: FaceSet, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "audit.csv").write_text(content)
    with pytest.raises(DataError, match=message) as raised:
        open_data(drawn, tmp_path / "audit.csv")
    assert "audit.csv" in str(raised.value)
    with pytest.raises(DataError, match=r"no\.csv: can't be read"):
        open_data(drawn, tmp_path / "no.csv")


@pytest.mark.long
def test_a_run_keeps_what_it_left_out(drawn: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit, training, card and report; the file may be gone afterwards, and the run's folder may have moved."""
    monkeypatch.chdir(tmp_path)
    wrong = drawn.targets.copy()
    learned = np.flatnonzero(np.isin(drawn.ids, open_data(drawn, None).learned.ids))[:6]
    wrong[learned] = (wrong[learned] + 1) % 7
    probabilities = np.full((140, 7), 0.01, np.float32)
    probabilities[np.arange(140), drawn.targets] = 0.94
    judge = mien.Predictions(probabilities=probabilities, classes=drawn.classes, ids=drawn.ids, source="judge")
    faces = FaceSet(
        images=drawn.images, targets=wrong, classes=drawn.classes, splits=drawn.splits, ids=drawn.ids, source="made"
    )
    audit = audit_labels(faces, model=judge, out="audit")
    assert {face.digest for face in audit.doubtful} == {
        digest_text(digest) for digest in drawn.digests[learned].tolist()
    }
    # With other labels some other faces are held out; those of the wrong ones that are stay.
    count = int(np.isin(open_data(faces, None).learned.digests, drawn.digests[learned]).sum())
    assert count > 3
    run = mien.train(faces, recipe="demo", exclude=Path("audit/audit.csv"), out="run", **SETTINGS)
    (tmp_path / "audit/audit.csv").unlink()
    (tmp_path / "run").rename(tmp_path / "moved")
    run = mien.Run.open("moved")
    assert run.data.left_out == count
    assert read_json(run.path / "config.json")["data"]["left_out"] == count
    assert run.evaluate(split="validation").faces == 20
    assert f"without {count} doubtful faces" in run.report().read_text()
    assert (
        f"{count} faces that a list of doubtful ones names were left out"
        in (run.export(out="bundle").path / "CARD.md").read_text()
    )
    resumed = mien.resume(run, epochs=2)
    assert resumed.data.left_out == count
    with pytest.raises(UsageError, match="does not download"):
        mien.train(faces, recipe="demo", exclude="https://example.org/audit.csv", out="other", **SETTINGS)


def test_a_run_that_leaves_nothing_out_says_nothing(studied: mien.Run, exported: mien.Bundle) -> None:
    assert "doubtful" not in (studied.path / "report.html").read_text()
    assert "doubtful" not in (exported.path / "CARD.md").read_text()
    assert not (studied.path / "exclude.csv").exists()
