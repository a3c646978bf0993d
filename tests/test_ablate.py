"""`mien ablate`: arms, their table, failures and interruptions."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.ablation import Ablation, AblationRun
from mien.core.errors import DataError, Interrupted, MienError, StorageError, UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_json
from mien.core.labels import FERPLUS_VOTES
from mien.core.runs import RunDir
from mien.data.formats import open_faces
from mien.training.config import stored_config
from mien.training.run_data import RunData, TrainingRun
from mien.workflows import ablate as workflow
from mien.workflows.ablate import ablate, resume_ablation
from mien.workflows.evaluate import evaluate
from mien.workflows.explain import explain
from mien.workflows.export import export
from mien.workflows.train import resume, start, train

SMALL: dict[str, Any] = {"holdout": {"rows": 35}}
GIVEN: dict[str, Any] = {"recipe": "mien-n", **SMALL, "epochs": 1, "batch": 32, "device": "cpu"}


def made(out: Path, **given: Any) -> RunDir:
    values = {"factor": ["augment.flip=false,true"], "seeds": [0, 1], **GIVEN, **given}
    ablation = ablate("synthetic:210", out=out, **values)
    assert ablation == Ablation.read(out / "ablation.json")
    return RunDir.open(ablation.run)


def times(run: RunDir) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in run.path.rglob("model.safetensors")}


@pytest.fixture(scope="module")
def ablated(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return made(tmp_path_factory.mktemp("ablation") / "run")


def test_every_run_is_what_train_alone_makes(ablated: RunDir, tmp_path: Path) -> None:
    found = ablated.read_json("ablation.json")
    assert [(each["levels"], each["seed"]) for each in found["runs"]] == [
        ({"augment.flip": level}, seed) for seed in (0, 1) for level in ("false", "true")
    ]
    alone = train("synthetic:210", out=tmp_path / "alone", **GIVEN | {"augment": {"flip": True}, "seed": 1})
    arm = ablated.path / "arms/augment.flip=true/seed-1"
    assert (arm / "model.safetensors").read_bytes() == (alone.path / "model.safetensors").read_bytes()
    scores = RunDir(arm).read_json("eval/test/metrics.json")
    last = found["runs"][-1]
    assert (last["split"], last["accuracy"], last["faces"]) == ("test", scores["accuracy"], scores["faces"])
    assert (ablated.state, found["synthetic"]) == ("finished", True)


def test_the_table_and_the_effects(ablated: RunDir) -> None:
    found = ablated.read_json("ablation.json")
    with (ablated.path / "ablation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["accuracy"]) for row in rows] == [each["accuracy"] for each in found["runs"]]
    assert [row["augment.flip"] for row in rows] == ["false", "true", "false", "true"]
    (effect,) = found["effects"]
    one, two = (found["runs"][i + 1]["accuracy"] - found["runs"][i]["accuracy"] for i in (0, 2))
    assert (effect["seeds"], effect["difference"]) == (2, pytest.approx((one + two) / 2))


def test_a_finished_ablation_stays_as_it_is(ablated: RunDir) -> None:
    before, table = times(ablated), (ablated.path / "ablation.json").read_bytes()
    resume_ablation(ablated.path)
    assert (times(ablated), (ablated.path / "ablation.json").read_bytes()) == (before, table)


def test_one_failing_run_does_not_lose_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(data: RunData, **given: Any) -> TrainingRun:
        if data.config.seed == 0 and not data.config.augment.flip:
            raise RuntimeError("out of memory")
        return start(data, **given)

    monkeypatch.setattr(workflow, "start", breaks)
    run = made(tmp_path / "run")
    reason = run.read_json("status.json")["reason"]
    assert reason.startswith(
        "1 of 4 runs failed, the first: RuntimeError: out of memory; try those again with: mien ab"
    )
    found = run.read_json("ablation.json")
    assert [each["accuracy"] is None for each in found["runs"]] == [True, False, False, False]
    assert (found["effects"][0]["seeds"], run.state) == (1, "failed")
    before = times(run)
    monkeypatch.setattr(workflow, "start", start)
    resume_ablation(run.path)
    assert before.items() < times(run).items()
    assert (run.read_json("ablation.json")["effects"][0]["seeds"], run.state) == (2, "finished")


@pytest.mark.long
def test_a_killed_ablation_goes_on(ablated: RunDir, tmp_path: Path) -> None:
    line = "ablate synthetic:210 --recipe mien-n --factor augment.flip=false,true --seeds 0,1 --set holdout.rows=35"
    line += " --epochs 1 --batch 32 --device cpu --out killed"
    process = subprocess.Popen(
        [sys.executable, "-c", "from mien.cli.main import main; main()", *line.split()],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (tmp_path / "killed/arms/augment.flip=true/seed-0").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = RunDir(tmp_path / "killed")
    before = times(killed)
    resume_ablation(killed.path)
    assert before.items() <= times(killed).items()
    expected = ablated.read_json("ablation.json")
    assert killed.read_json("ablation.json")["runs"] == expected["runs"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Interrupted("stopped"), Interrupted), (KeyboardInterrupt(), Interrupted), (StorageError("full"), StorageError)],
)
def test_an_interruption_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: type[MienError]
) -> None:
    def interrupted(data: RunData, **given: Any) -> TrainingRun:
        raise error

    monkeypatch.setattr(workflow, "start", interrupted)
    with pytest.raises(kind, match=rf"resume the whole ablation with: mien ablate --resume {tmp_path}/run"):
        made(tmp_path / "run")
    assert RunDir(tmp_path / "run").state == "interrupted"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"factor": ["optimiser.lr=1,2"]}, "unknown key 'optimiser'"),
        ({"factor": ["optimizer.lr=1,-2"]}, "optimizer.lr"),
        ({"factor": ["model=mien-n,mien-q"]}, "no model 'mien-q'"),
        ({"factor": [], "factors": ["agmentation"]}, "did you mean augmentation"),
        ({"factor": ["seed=1,2"]}, "repeat with --seeds"),
        ({"seeds": [1, 1]}, "--seeds 1,1"),
        ({"seeds": []}, "--seeds"),
        ({"seeds": [-1]}, "--seeds -1"),
    ],
)
def test_a_wrong_plan_starts_nothing(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(MienError, match=expected):
        made(tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_all_runs_of_an_ablation_have_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(data: RunData, **given: Any) -> TrainingRun:
        raise Interrupted("stopped")

    with monkeypatch.context() as patch:
        patch.setattr("mien.workflows.ablate.start", interrupted)
        with pytest.raises(Interrupted):
            made(tmp_path / "run", seeds=[0], threads=1)
    resume_ablation(tmp_path / "run", threads=2)
    folders = [path.parent for path in (tmp_path / "run").rglob("config.json")]
    assert [stored_config(RunDir(folder)).threads for folder in folders] == [2, 2, 2]


def test_an_ablation_does_not_replace_a_teacher(tmp_path: Path) -> None:
    teacher = train("synthetic:210", recipe="demo", **SMALL, epochs=1, batch=32, device="cpu", out=tmp_path / "t")
    with pytest.raises(UsageError, match=r"is or holds .*t, which is needed for it"):
        made(teacher.path, teachers=[str(teacher.path)], overwrite=True)
    assert (teacher.path / "model.safetensors").exists()


def test_an_ablation_has_the_teachers_that_it_had(tmp_path: Path) -> None:
    given: dict[str, Any] = {"recipe": "demo", **SMALL, "batch": 32, "device": "cpu"}
    teacher = train("synthetic:210", epochs=1, out=tmp_path / "teacher", **given)
    (teacher.path / "model.safetensors").rename(tmp_path / "hidden")
    with pytest.raises(DataError, match=r"teacher: no trained model|model\.safetensors: no trained model"):
        made(tmp_path / "run", teachers=[str(teacher.path)])
    assert not (tmp_path / "run").exists()
    (tmp_path / "hidden").rename(teacher.path / "model.safetensors")
    run = made(tmp_path / "run", teachers=[str(teacher.path)], seeds=[0])
    train("synthetic:210", epochs=1, seed=1, out=teacher.path, overwrite=True, **given)
    with pytest.raises(DataError, match=r"run: a teacher has changed since"):
        resume_ablation(run.path)


def test_missing_data_start_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        ablate("nowhere.csv", factors=["augmentation"], out=tmp_path / "run", **GIVEN)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("factor", ["loss.votes_share=0,0.5", "labels=own,ferplus", "holdout.rows=35,999"])
def test_what_an_arm_lacks_in_the_data_is_told_before(tmp_path: Path, factor: str) -> None:
    with pytest.raises(MienError, match=r"no votes|no FER\+ votes|999 rows"):
        ablate(open_faces("synthetic:210"), factor=[factor], out=tmp_path / "run", **GIVEN)
    assert not (tmp_path / "run").exists()


def test_faces_without_a_file_can_have_other_labels_in_an_arm(tmp_path: Path) -> None:
    faces = open_faces("synthetic:210")
    votes = 9 * np.eye(10, dtype=np.uint8)[faces.targets]
    voted = replace(faces, votes=votes, vote_names=FERPLUS_VOTES)
    ablation = ablate(voted, factor=["labels=own,ferplus"], seeds=[0], out=tmp_path / "run", **GIVEN)
    assert [run.levels["labels"] for run in ablation.runs] == ["own", "ferplus"]


def test_changed_faces_are_refused(ablated: RunDir, tmp_path: Path) -> None:
    """Arms of two data sets in one table would be worse than none."""
    other = RunDir(Path(shutil.copytree(ablated.path, tmp_path / "other")))
    config = other.read_json("config.json")
    write_json(other.path / "config.json", config | {"data": config["data"] | {"row_fingerprint": "0"}})
    before = times(other)
    with pytest.raises(DataError, match="not the rows that the run learned from"):
        resume_ablation(other.path)
    assert times(other) == before


@pytest.mark.parametrize(
    "plan",
    [
        [],
        "x",
        {},
        {"factors": 3, "seeds": [0]},
        {"factors": {"a": "b"}, "seeds": [0]},
        {"factors": {}, "seeds": 3},
        {"factors": {}, "seeds": []},
    ],
)
def test_a_plan_of_another_kind(tmp_path: Path, plan: Any) -> None:
    write_json(tmp_path / "config.json", {"ablation": plan})
    write_json(tmp_path / "status.json", {"state": "interrupted"})
    with pytest.raises(DataError, match=r"no ablation|damaged"):
        resume_ablation(tmp_path)


def test_levels_are_no_formulae_in_the_table(tmp_path: Path) -> None:
    run, bad = RunDir(tmp_path), "=cmd|' /C calc'!A0"
    config = {"data": {"source": "x", "synthetic": True}, "config": {"model": "m", "recipe": "r", "epochs": 1}}
    write_json(tmp_path / "config.json", config | {"ablation": {"seeds": [0]}})
    scores = {"accuracy": 0.5, "macro_f1": 0.5, "log_loss": -0.5, "ece": 0.1}
    done = [AblationRun(levels={bad: bad}, seed=0, run="@a", split="+a", faces=9, **scores)]
    workflow._write(run, {bad: [bad]}, done)
    with (tmp_path / "ablation.csv").open(newline="") as file:
        head, row = csv.reader(file)
    assert head[0] == row[0] == f"'{bad}"
    assert row[1:] == ["0", "'@a", "'+a", "9", "0.5", "0.5", "-0.5", "0.1"]


def test_an_ablation_is_no_training(ablated: RunDir, tmp_path: Path) -> None:
    before = times(ablated)
    for verb in (resume, evaluate, explain, export):
        with pytest.raises(DataError, match=f"an ablation, .* mien ablate --resume {ablated.path}"):
            verb(ablated.path)
    assert times(ablated) == before


def test_a_network_that_can_t_see_an_arm_s_faces_is_told_before(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="course_cnn can't see faces of 32 px"):
        ablate("synthetic:210", model="course_cnn", factor=["start_px=48,32"], out=tmp_path / "run", **GIVEN)
    assert not (tmp_path / "run").exists()


def test_a_training_run_is_no_ablation(studied: RunDir) -> None:
    with pytest.raises(DataError, match="no ablation"):
        resume_ablation(studied.path)


def test_the_faces_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def counted(source: str, **given: Any) -> FaceSet:
        opened.append(source)
        return open_faces(source, **given)

    monkeypatch.setattr("mien.training.run_data.open_faces", counted)
    run = made(tmp_path / "run")
    assert opened == ["synthetic:210"]
    assert len(run.read_json("ablation.json")["runs"]) == 4
