"""Every flag reaches the function that it is for; nothing is trained or scored here."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.cli import console, flags
from mien.core import command_line
from mien.core.ablation import Ablation, AblationRun
from mien.core.files import write_json
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.evaluation.metrics import score_predictions

from .conftest import Mien

CONFIG_FLAGS = {  # flag: (config key, value)
    "--model mien-s": ("model", "mien-s"),
    "--epochs 3": ("epochs", 3),
    "--batch 16": ("batch", 16),
    "--seed 5": ("seed", 5),
    "--votes v.csv": ("votes", "v.csv"),
    "--labels ferplus": ("labels", "ferplus"),
    "--classes sad,happy": ("classes", ["sad", "happy"]),
    "--detect": ("detect", True),
    "--skip-bad": ("skip_bad", True),
    "--device cuda:1": ("device", "cuda:1"),
    "--devices 2": ("devices", 2),
    "--threads 3": ("threads", 3),
}
TRAIN_FLAGS = {
    **CONFIG_FLAGS,
    "--lr 0.5": ("optimizer.lr", 0.5),
    "--patience 4": ("stopping.patience", 4),
    "--precision fp32": ("precision", "fp32"),
}
FIRST_FLAGS = {"--teachers a,b": ("teachers", ["a", "b"]), "--exclude e.csv": ("exclude", "e.csv")}
RUN_FLAGS = {
    "--name a": ("name", "a"),
    "--out there": ("out", Path("there")),
    "-o there": ("out", Path("there")),
    "--overwrite": ("overwrite", True),
    "--set plateau.factor=0.5 --set plateau.patience=9": ("plateau", {"factor": 0.5, "patience": 9}),
}
EVAL_FLAGS = {
    "--split train": ("split", "train"),
    "--targets t.csv": ("targets", "t.csv"),
    "--votes v.csv": ("votes", "v.csv"),
    "--classes sad,happy": ("classes", ["sad", "happy"]),
    "--detect": ("detect", True),
    "--device cpu": ("device", "cpu"),
    "--skip-bad": ("skip_bad", True),
    "--flip": ("flip", True),
    "--prior sad=3,happy=1": ("prior", {"sad": 3.0, "happy": 1.0}),
}
ENSEMBLE_FLAGS = {
    **{name: EVAL_FLAGS[name] for name in ("--split train", "--device cpu", "--flip")},
    **{name: RUN_FLAGS[name] for name in RUN_FLAGS if "--set" not in name},
}
STREAM_FLAGS = {
    "--split train": ("split", "train"),
    "--every 3": ("every", 3),
    "--fps 2.5": ("fps", 2.5),
    "--no-align": ("align", False),
    "--crops": ("crops", True),
    "--min-confidence 0.9": ("min_confidence", 0.9),
    "--min-px 40": ("min_px", 40),
    "--largest": ("largest", True),
    "--skip-bad": ("skip_bad", True),
}
LOAD_FLAGS = {
    "--device cuda:1": ("device", "cuda:1"),
    "--precision fp32": ("precision", "fp32"),
    "--threads 3": ("threads", 3),
}
DATA_FLAGS = {
    "--votes v.csv": ("votes", "v.csv"),
    "--targets t.csv": ("targets", "t.csv"),
    "--labels ferplus": ("labels", "ferplus"),
    "--classes sad,happy": ("classes", ["sad", "happy"]),
    "--detect": ("detect", True),
    "--skip-bad": ("skip_bad", True),
}
AUDIT_FLAGS = {
    **DATA_FLAGS,
    "--device cpu": ("device", "cpu"),
    **{name: RUN_FLAGS[name] for name in RUN_FLAGS if not name.startswith("--set")},
}
ABLATE_FLAGS = {
    **{name: CONFIG_FLAGS[name] for name in CONFIG_FLAGS if name not in ("--seed 5", "--devices 2")},
    "--factors normalisation,augmentation": ("factors", ["normalisation", "augmentation"]),
    "--factor a=1,2 --factor b=3,4": ("factor", ["a=1,2", "b=3,4"]),
    "--seeds 3,4": ("seeds", [3, 4]),
}
EXPORT_FLAGS = {name: RUN_FLAGS[name] for name in RUN_FLAGS if not name.startswith("--set")}
EXPORT_FLAGS |= {"--max-risk 0.2": ("max_risk", 0.2), "--only int8": ("only", "int8")}
EXPORT_FLAGS |= {"--prior uniform": ("prior", "uniform"), "--flip": ("flip", True)}
STUDY_FLAGS = {"--ablation mien-s": ("ablation", "mien-s")}
VERBS = {  # line: (function, its flags)
    "train x.csv --recipe demo": ("mien.workflows.train.train", TRAIN_FLAGS | FIRST_FLAGS | RUN_FLAGS),
    "train --resume latest": ("mien.workflows.train.resume", TRAIN_FLAGS),
    "study --resume resumed": ("mien.workflows.study.resume_study", {"--threads 3": ("threads", 3)}),
    "ablate --resume resumed": ("mien.workflows.ablate.resume_ablation", {"--threads 3": ("threads", 3)}),
    "ablate x.csv --recipe demo": ("mien.workflows.ablate.ablate", ABLATE_FLAGS | RUN_FLAGS),
    "study x.csv --recipe demo": ("mien.workflows.study.study", CONFIG_FLAGS | RUN_FLAGS | STUDY_FLAGS),
    "ensemble run other": ("mien.workflows.ensemble.ensemble", ENSEMBLE_FLAGS),
    "export run": ("mien.workflows.export.export", EXPORT_FLAGS),
    "eval run": ("mien.workflows.evaluate.evaluate", EVAL_FLAGS),
    "predict y.jpg": ("mien.workflows.predict.load", LOAD_FLAGS),
    "predict x.jpg": ("mien.workflows.stream.stream_results", STREAM_FLAGS),
    "data audit x.csv --model a,b": ("mien.workflows.audit.audit_labels", AUDIT_FLAGS),
    "data describe x.csv": ("mien.workflows.describe.describe", DATA_FLAGS),
}
CASES = [(line, function, flag, *flags[flag]) for line, (function, flags) in VERBS.items() for flag in flags]
DEFAULTS = {
    "ablation": ("mien-n",),
    "device": ("auto", None),
    "split": ("test", None),
    "labels": ("own", None),
    "every": (1,),
    "align": (True,),
    "precision": ("default", None),
    "seeds": ([0, 1, 2],),
}


class Recorder:
    """Stands for a verb's function: keeps what it was given, then ends the command."""

    def __init__(self) -> None:
        self.places: tuple[Any, ...] = ()
        self.given: dict[str, Any] = {}

    def __call__(self, *places: Any, **given: Any) -> None:
        self.places, self.given = places, given
        raise KeyboardInterrupt


def lookup(given: dict[str, Any], key: str) -> Any:
    """The value of a dotted key in nested mappings; None where it is not given."""
    value: Any = given
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def record(monkeypatch: pytest.MonkeyPatch, function: str) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(function, recorder)
    return recorder


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pictures and the run that the lines name."""
    monkeypatch.chdir(tmp_path)
    run = RunDir.create("train", name="resumed")
    run.set_status("interrupted")
    write_json(run.path / "config.json", {})
    for name in ("a.jpg", "x.jpg", "y.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/a.jpg").touch()


@pytest.mark.parametrize(("line", "function", "flag", "key", "value"), CASES)
def test_a_flag_arrives(
    mien: Mien, monkeypatch: pytest.MonkeyPatch, line: str, function: str, flag: str, key: str, value: object
) -> None:
    recorder = record(monkeypatch, function)
    assert mien(*line.split(), *flag.split()).code == 130
    found = lookup(recorder.given, key)
    assert found == value
    assert type(found) is type(value) or isinstance(value, Path)
    assert mien(*line.split()).code == 130
    default = lookup(recorder.given, key)
    assert not default or default in DEFAULTS[key]


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("train x.csv --recipe demo", ("x.csv",)),
        ("train --recipe demo", (None,)),
        ("train --resume resumed", (RunDir(Path("runs/train/resumed")),)),
        ("ablate x.csv --recipe demo", ("x.csv",)),
        ("study x.csv --recipe demo", ("x.csv",)),
        ("export a", ("a",)),
        ("eval a", ("a", None)),
        ("eval a --data d.csv", ("a", "d.csv")),
        ("ensemble a b", (["a", "b"],)),
        ("val a", ("a", None)),
        ("evaluate a", ("a", None)),
        ("data describe x.csv", ("x.csv",)),
    ],
)
def test_the_input_arrives(mien: Mien, monkeypatch: pytest.MonkeyPatch, line: str, places: tuple[str, ...]) -> None:
    functions = {start.split()[0]: function for start, (function, _) in VERBS.items() if "--resume" not in start}
    functions |= {"val": functions["eval"], "evaluate": functions["eval"]}
    function = "mien.workflows.train.resume" if "--resume" in line else functions[line.split(maxsplit=1)[0]]
    recorder = record(monkeypatch, function)
    assert mien(*line.split()).code == 130
    assert recorder.places == tuple(RunDir(one.path.absolute()) if isinstance(one, RunDir) else one for one in places)


@pytest.mark.parametrize(("line", "source"), [("a.jpg", ["a.jpg"]), ("a.jpg b/", ["a.jpg", "b"])])
def test_pictures_and_the_bundle_arrive(
    mien: Mien, monkeypatch: pytest.MonkeyPatch, line: str, source: list[str]
) -> None:
    recorder = record(monkeypatch, "mien.workflows.stream.stream_results")
    assert mien("predict", *line.split(), "--model", "mien-n").code == 130
    model, given = recorder.places
    assert (model.bundle.card.name, given) == ("mien-n", source)
    loader = record(monkeypatch, "mien.workflows.predict.load")
    assert mien("predict", "a.jpg").code == mien("predict", "a.jpg", "--model", "mine").code == 130
    assert loader.places == ("mine",)


@pytest.mark.parametrize("verb", ["train", "ablate", "study"])
def test_recipe_command_and_progress_arrive(mien: Mien, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    recorder = record(monkeypatch, VERBS[f"{verb} x.csv --recipe demo"][0])
    assert mien(verb, "x.csv", "--recipe", "course").code == 130
    assert recorder.given["recipe"] == "course"
    assert command_line.typed == ["mien", verb, "x.csv", "--recipe", "course"]
    assert recorder.given["progress"] is console.progress


@pytest.mark.parametrize("where", ["old", "old/config.json"])
def test_a_run_repeated_by_its_folder_or_its_config(
    mien: Mien, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/config.json").write_text("{}")
    recorder = record(monkeypatch, "mien.workflows.train.train")
    assert mien("train", "--config", where).code == 130
    assert recorder.given["recipe"] == str(Path("old/config.json"))


@pytest.mark.parametrize("flag", ["x.csv", "--recipe demo", "--config c.json", "--name a", "--out b", "--set a=1"])
def test_what_can_not_go_with_resume(mien: Mien, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    recorder = record(monkeypatch, "mien.workflows.train.resume")
    done = mien("train", "--resume", "a", *flag.split())
    assert (done.code, done.out, recorder.places) == (2, "", ())
    name = flag.split(maxsplit=1)[0] if flag.startswith("--") else "DATA"
    assert f"own config; it can't be given: {name}\n" in done.err


def test_an_ablation_is_resumed_as_it_was_begun(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = record(monkeypatch, "mien.workflows.ablate.resume_ablation")
    assert mien("ablate", "--resume", "a").code == 130
    assert recorder.places == ("a",)
    refused = mien("ablate", "x.csv", "--resume", "a", "--epochs", "3", "--seeds", "0", "--overwrite")
    assert (refused.code, refused.out) == (2, "")
    assert "can't be given: DATA, --seeds, --overwrite, --epochs" in refused.err


def test_a_failed_arm_is_an_exit_code_after_the_table(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDir.create("ablate", name="a")
    run.set_status("failed", reason="1 of 2 runs failed")
    ablation = Ablation(
        run=str(run.path),
        source="x.csv",
        synthetic=False,
        network="mien-n",
        recipe="mien-n",
        epochs=1,
        seeds=(0,),
        factors={"flip": ("off", "on")},
        arms=(),
        effects=(),
        runs=(AblationRun(levels={"flip": "off"}, seed=0, run="arms/a", reason="out of memory"),),
    )
    monkeypatch.setattr("mien.workflows.ablate.ablate", lambda *_, **__: ablation)
    done = mien("ablate", "x.csv", "--recipe", "mien-n", "--factors", "augmentation")
    assert done.code == 1
    assert str(run.path) in done.out
    assert "1 of 2 runs failed" in done.err


@pytest.mark.parametrize("text", ["saliency,grad-cam", "saliency, grad-cam"])
def test_names_may_have_spaces_between(text: str) -> None:
    assert flags.listed(text) == ["saliency", "grad-cam"]


@pytest.mark.parametrize("line", ["ablate", "ablate x.csv", "ablate x.csv --recipe mien-n --seeds a"])
def test_an_ablation_needs_data_and_a_recipe(mien: Mien, line: str) -> None:
    done = mien(*line.split())
    assert (done.code, done.out) == (2, "")
    assert "mien ablate fer2013.csv --recipe" in done.err or "such as 0,1,2" in done.err


def test_compare_reads_the_split_that_is_named(mien: Mien, tmp_path: Path) -> None:
    for name, shares in {"a": {"test": 0.9, "train": 0.2}, "b": {"test": 0.2, "train": 0.9}}.items():
        run = RunDir.create("train", name=name)
        (run.path / "config.json").write_text("{}")
        for split, share in shares.items():
            rows = np.array([[share, 1 - share]] * 8, np.float32)
            predictions = Predictions(rows, ("x", "y"), np.arange(8).astype(str), targets=np.arange(8) // 7)
            predictions.save(run.path / "eval" / split / "predictions.npz")
            score_predictions(predictions).write(run.path / "eval" / split / "metrics.json")
    right, wrong = "87.50 %", "12.50 %"
    for split, (first, second) in {"test": (right, wrong), "train": (wrong, right)}.items():
        lines = mien("compare", "a", "b", "--split", split).out.splitlines()
        assert lines[0].startswith(f"a: accuracy {first}")
        assert lines[1].startswith(f"b: accuracy {second}")
    assert mien("compare", "a", "b").out.startswith(f"a: accuracy {right}")
    three = mien("compare", "a", "b", "a").out
    assert three.count("after Holm's correction") == 2
    assert "a and a are right on exactly the same of these 8 faces" in three
    subjects = tmp_path / "subjects.csv"
    subjects.write_text("id,subject\n" + "".join(f"{face},{face // 4}\n" for face in range(8)))
    assert "in 2 groups" in mien("compare", "a", "b", "--group", str(subjects)).out
    for name in ("a", "b"):
        (RunDir.open(name).path / "eval/train").rename(RunDir.open(name).path / "eval/validation")
    assert mien("compare", "a", "b").out.startswith(f"a: accuracy {right}")
    shutil.rmtree(RunDir.open("a").path / "eval/test")
    assert "a: not scored on 'test' yet" in mien("compare", "a", "b").err
    shutil.rmtree(RunDir.open("b").path / "eval/test")
    assert mien("compare", "a", "b").out.startswith(f"a: accuracy {wrong}")
    for name in ("a", "b"):
        (RunDir.open(name).path / "eval/validation").rename(RunDir.open(name).path / "eval/train")
    missing = mien("compare", "a", "b", "--split", "validation")
    assert (missing.code, missing.out) == (3, "")
