import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mien.core.errors import ConfigError, DataError, Interrupted, UsageError
from mien.core.faces import FaceSet
from mien.core.files import write_json
from mien.core.predictions import Predictions
from mien.core.progress import Progress
from mien.core.runs import RunDir
from mien.core.scores import Scores
from mien.data.formats import open_faces
from mien.evaluation.metrics import score_predictions
from mien.explanation.attribution import METHODS
from mien.models.classifier import load_classifier
from mien.training.config import stored_config
from mien.training.run_data import TrainingRun
from mien.workflows.evaluate import classify, evaluate
from mien.workflows.run import Run
from mien.workflows.study import resume_study, study
from mien.workflows.train import resume, train


def test_a_study_leaves_everything_in_one_folder(studied: RunDir) -> None:
    found = {str(path.relative_to(studied.path)) for path in studied.path.rglob("*") if path.is_file()}
    assert found == {
        "config.json",
        "status.json",
        "data.json",
        "model_info.json",
        "metrics.csv",
        "timing.csv",
        "model.safetensors",
        "model.json",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
        "eval/test/predictions.npz",
        "eval/test/metrics.json",
        "eval/test/examples.npz",
        "eval/test/top_confusions.npz",
        *(f"explain/{name}.{end}" for name in ("attribution", "filters", "feature_maps") for end in ("json", "npz")),
        *(f"explain/{name}.png" for name in ("filters", "feature_maps", *METHODS)),
        "report.html",
    }
    assert studied.state == "finished"


def test_stored_scores_are_those_of_the_stored_predictions(studied: RunDir) -> None:
    predictions = Predictions.load(studied.path / "eval/test/predictions.npz")
    expected = replace(score_predictions(predictions), split="test", model=studied.model_id)
    assert Scores.read(studied.path / "eval/test/metrics.json") == expected
    assert predictions.synthetic
    assert len(predictions) == 42


@pytest.mark.parametrize("name", ["examples.npz", "top_confusions.npz"])
def test_kept_faces_are_what_they_name(studied: RunDir, name: str) -> None:
    faces = open_faces("synthetic:210").split("test")
    with np.load(studied.path / "eval/test" / name) as examples:
        assert (examples["images"] == faces.images[examples["rows"]]).all()
        assert len(examples["rows"]) > 0


def relabelled(classes: tuple[str, ...], targets: list[int]) -> FaceSet:
    count = len(targets)
    return FaceSet(
        images=np.zeros((count, 48, 48), np.uint8),
        targets=np.array(targets),
        classes=classes,
        splits=np.full(count, "test"),
        ids=np.arange(count).astype(str),
        source="others",
    )


def test_classes_are_matched_by_name(studied: RunDir) -> None:
    predictions = classify(load_classifier(studied.path), relabelled(("happy", "never seen", "angry"), [0, 2, -1]))
    assert predictions.targets is not None
    assert [predictions.classes[target] if target >= 0 else None for target in predictions.targets] == [
        "happy",
        "angry",
        None,
    ]


def test_a_class_that_the_run_has_not(studied: RunDir, tmp_path: Path) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    assert classify(load_classifier(copy.path), relabelled(("hapy",), [0])).targets is None
    folder = tmp_path / "faces/test/hapy"
    folder.mkdir(parents=True)
    Image.new("L", (50, 60), 90).save(folder / "a.png")
    with pytest.raises(DataError, match="class 'hapy' is none of the classifier's, did you mean happy"):
        evaluate(copy, data=str(tmp_path / "faces"))


def test_other_data_keep_to_a_folder_of_their_own(studied: RunDir, tmp_path: Path) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    before = copy.read_json("eval/test/metrics.json")
    scores = evaluate(copy, data="synthetic:140")
    assert scores.faces == 28
    assert copy.read_json("eval/test/metrics.json") == before
    assert Scores.read(copy.path / "eval/synthetic-140-test/metrics.json") == scores


def test_without_test_faces_what_was_held_out_is_scored(studied: RunDir, tmp_path: Path) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    described = copy.read_json("data.json")
    described["splits"].pop("test")
    write_json(copy.path / "data.json", described)
    assert (evaluate(copy).faces, evaluate(copy).split) == (35, "validation")
    assert (copy.path / "eval/validation/metrics.json").exists()


@pytest.mark.parametrize(
    ("splits", "scored"), [(("train",), "train"), (("train", "test"), "test"), (("exam",), "exam")]
)
def test_other_data_with_a_single_split_are_scored_on_it(
    studied: RunDir, tmp_path: Path, splits: tuple[str, ...], scored: str
) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    data = open_faces("synthetic:140", seed=9)
    data = replace(data, splits=np.array(splits)[np.arange(len(data)) % len(splits)])
    assert (evaluate(copy, data).split, evaluate("mien-n", data).split) == (scored, scored)
    data = replace(data, splits=np.array(["train", "exam"])[np.arange(len(data)) % 2])
    with pytest.raises(DataError, match="no faces in split 'test'; it has"):
        evaluate(copy, data)


@pytest.mark.parametrize(("prior", "name"), [(None, "faces-test"), ("uniform", "faces-test-uniform")])
def test_data_of_the_same_name_keep_apart(
    studied: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prior: str | None, name: str
) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    for folder, count in (("one", 14), ("two", 21), ("one", 14)):
        for i, label in enumerate(copy.read_json("model.json")["classes"] * (count // 7)):
            picture = tmp_path / folder / "faces/test" / label / f"{i}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (48, 48), 10 * i).save(picture)
        monkeypatch.chdir(tmp_path / folder)
        assert evaluate(copy, data="faces", prior=prior).faces == count
    assert copy.read_json(f"eval/{name}/metrics.json")["faces"] == 14
    assert copy.read_json(f"eval/{name}-2/metrics.json")["faces"] == 21
    assert not (copy.path / f"eval/{name}-3").exists()


def test_other_data_never_take_the_name_of_an_own_split(
    studied: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`private.csv` has a split `test`, and the run's own data may have one called `private-test`."""
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    run = TrainingRun(copy.path)
    splits = np.where(run.data.faces.splits == "test", "private-test", run.data.faces.splits)
    run.__dict__["data"] = replace(run.data, faces=replace(run.data.faces, splits=splits))
    for i, name in enumerate(copy.read_json("model.json")["classes"]):
        (tmp_path / "private/test" / name).mkdir(parents=True)
        Image.new("L", (48, 48), 10 * i).save(tmp_path / "private/test" / name / "a.png")
    assert evaluate(run, data=str(tmp_path / "private")).faces == 7
    assert sorted(path.name for path in (copy.path / "eval").iterdir()) == ["private-test-2", "test"]


def test_what_was_held_out_is_scored_alone(studied: RunDir) -> None:
    with pytest.raises(UsageError, match="validation is what the run held out; score it alone"):
        evaluate(studied, split="test, validation")


def test_the_order_of_rows_matters(tmp_path: Path) -> None:
    """The last rows are held out: sorting the file would put learned faces among them."""
    rows = [f"{i % 7},{' '.join([str(i)] * 2304)}" for i in range(100)]
    path = tmp_path / "faces.csv"
    path.write_text("\n".join(["label,feature", *rows]) + "\n")
    few = {"epochs": 1, "batch": 32, "device": "cpu"}
    holdout = {"method": "last", "rows": 40}
    run = train(str(path), recipe="demo", holdout=holdout, out=tmp_path / "run", **few)
    assert evaluate(run, split="validation").faces == 40
    before = open_faces(path).fingerprint
    path.write_text("\n".join(["label,feature", *reversed(rows)]) + "\n")
    assert open_faces(path).fingerprint == before
    with pytest.raises(DataError, match="not in that order"):
        evaluate(run.path, split="validation")
    with pytest.raises(DataError, match="not in that order"):
        resume(run.path, epochs=2)


def test_unlabelled_faces_are_classified_but_not_scored(studied: RunDir) -> None:
    predictions = classify(load_classifier(studied.path), relabelled(("happy",), [-1, -1]))
    assert predictions.targets is None
    assert predictions.probabilities.sum(axis=1) == pytest.approx([1, 1])


def test_scores_need_the_faces_that_were_learned_from(studied: RunDir, tmp_path: Path) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    config = copy.path / "config.json"
    config.write_text(config.read_text().replace("synthetic:210", "synthetic:140"))
    with pytest.raises(DataError, match="put the old file back"):
        evaluate(copy)


def test_other_splits(studied: RunDir, tmp_path: Path) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    held_out = evaluate(copy, split="validation")
    assert (held_out.faces, held_out.duplicates) == (35, 0)
    learned = evaluate(copy, split="train")
    assert (learned.faces, learned.duplicates) == (147, 147)
    with pytest.raises(DataError, match="no faces in split 'exam'"):
        evaluate(copy, split="exam")


def test_targets_belong_to_other_data(studied: RunDir) -> None:
    with pytest.raises(UsageError, match="--data"):
        evaluate(studied, targets="answers.csv")


def test_votes_are_kept(studied: RunDir) -> None:
    votes = np.array([[1, 9], [7, 3]], np.uint8)
    faces = replace(relabelled(("happy",), [0, -1]), votes=votes, vote_names=("happy", "sad"))
    predictions = classify(load_classifier(studied.path), faces)
    assert predictions.votes is not None
    assert predictions.votes.tolist() == votes.tolist()
    assert predictions.vote_names == ("happy", "sad")


def test_other_data_are_opened_as_the_runs_own_were(
    studied: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = RunDir(Path(shutil.copytree(studied.path, tmp_path / "copy")))
    run, asked = TrainingRun(copy.path), []
    assert run.data  # opened with the labels that drawn faces have
    run.__dict__["config"] = run.config.model_copy(update={"labels": "ferplus"})

    def opened(path: str, **given: object) -> FaceSet:
        asked.append((path, given))
        return open_faces("synthetic:140")

    monkeypatch.setattr("mien.workflows.evaluate.open_faces", opened)
    evaluate(run, data="a.csv", targets="t.csv", votes=Path("v.csv"), skip_bad=True)
    assert asked == [
        (
            str(Path("a.csv").absolute()),
            {
                "targets": "t.csv",
                "votes": Path("v.csv"),
                "labels": "ferplus",
                "skip_bad": True,
                "classes": None,
                "find_face": None,
            },
        )
    ]


@pytest.fixture
def calls(studied: RunDir, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What `study` calls, with arguments; nothing is done."""
    made: list[tuple[object, ...]] = []
    for name in ("start", "resume", "evaluate", "explain", "ablate", "resume_ablation", "report"):

        def verb(what: object, *, called: str = name, **given: object) -> object:
            given.pop("progress", None)
            given.pop("run_data", None)
            made.append((called, what, given))
            if called in ("ablate", "resume_ablation"):
                return SimpleNamespace(failed=[])
            return what if isinstance(what, RunDir) else studied

        monkeypatch.setattr(f"mien.workflows.study.{name}", verb)
    return made


def test_a_study_does_everything_in_order(studied: RunDir, tmp_path: Path, calls: list[tuple[object, ...]]) -> None:
    run = planned(studied, tmp_path, "mien-s")
    (run.path / "explain/attribution.json").unlink()  # killed before the last file was written
    config = stored_config(run)
    alone: list[tuple[object, ...]] = [
        ("evaluate", run, {"device": "cpu"}),
        ("report", run, {}),
        ("explain", run, {"device": "cpu"}),
        ("report", run, {}),
    ]
    shared = {"batch": config.batch, "device": "cpu", "holdout": config.holdout.model_dump(), "overwrite": True}
    shared |= {"votes": None, "labels": "own", "classes": None, "detect": False, "skip_bad": False, "exclude": None}
    shared |= {"threads": config.threads, "precision": config.precision}
    factors = {"recipe": "mien-s", "factors": ("normalisation", "augmentation"), "out": run.path / "ablation"}
    ablated: list[tuple[object, ...]] = [("ablate", "synthetic:210", {**factors, **shared}), ("report", run, {})]
    assert resume_study(run.path) == run
    assert calls == [*alone, *ablated]
    calls.clear()
    write_json(run.path / "config.json", run.read_json("config.json") | {"study": {"ablation": None}})
    resume_study(run.path)
    assert calls == alone
    calls.clear()
    small = {"epochs": 1, "batch": 32, "holdout": {"rows": 35}}
    assert study("synthetic:210", recipe="demo", ablation=None, **small) is studied
    _, opened, trained = calls[0]
    assert (opened.config.data, opened.config.epochs, len(opened.held_out)) == ("synthetic:210", 1, 35)
    assert trained == {
        "verb": "study",
        "study": {"ablation": None},
        **{"name": None, "out": None, "overwrite": False},
    }
    assert [name for name, *_ in calls] == ["start", "evaluate", "report"]  # its explanations are there


def planned(studied: RunDir, tmp_path: Path, ablation: str | None) -> Run:
    """A copy of a study that has an ablation."""
    run = Run(Path(shutil.copytree(studied.path, tmp_path / "run")))
    write_json(run.path / "config.json", run.read_json("config.json") | {"study": {"ablation": ablation}})
    return run


def test_a_recipe_of_the_ablation_holds_from_everywhere(
    tmp_path: Path, calls: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.toml").write_text('model = "mien-n"')
    monkeypatch.chdir(tmp_path)
    study("synthetic:210", recipe="demo", ablation="small.toml", batch=32, holdout={"rows": 35})
    trained = next(given for name, _, given in calls if name == "start")
    assert trained["study"] == {"ablation": str(tmp_path / "small.toml")}


@pytest.mark.parametrize("damage", [{"study": None}, {"study": {"ablation": 3}}])
def test_what_is_no_study_does_not_go_on_as_one(studied: RunDir, tmp_path: Path, damage: dict[str, object]) -> None:
    run = planned(studied, tmp_path, None)
    write_json(run.path / "config.json", run.read_json("config.json") | damage)
    with pytest.raises(DataError, match=r"no study .*; `mien study` makes one"):
        resume_study(run.path)


def test_a_study_goes_on_where_it_was(studied: RunDir, tmp_path: Path, calls: list[tuple[object, ...]]) -> None:
    run = planned(studied, tmp_path, "mien-n")
    run.set_status("interrupted")
    (run.path / "ablation").mkdir()
    ablation = Run(run.path / "ablation")
    for name in ("config.json", "status.json"):
        shutil.copy(run.path / name, ablation.path)
    resume_study(run.path, threads=3)
    assert [(name, what) for name, what, _ in calls] == [
        ("resume", run),
        ("evaluate", run),
        ("report", run),
        ("resume_ablation", ablation),
        ("report", run),
    ]
    assert stored_config(run).threads == 3


def test_a_study_computes_with_one_number_of_threads(
    studied: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(studied, tmp_path, "mien-n")
    used = []

    def noted(*_: object, **given: object) -> SimpleNamespace:
        used.append(given.get("threads", torch.get_num_threads()))
        return SimpleNamespace(failed=[])

    for name in ("evaluate", "explain", "ablate"):
        monkeypatch.setattr(f"mien.workflows.study.{name}", noted)
    (run.path / "explain/attribution.json").unlink()
    resume_study(run.path, threads=3)  # it is trained already: what is left takes three threads
    assert used == [3, 3, 3]
    assert stored_config(run).threads == 3


@pytest.mark.long
def test_a_study_that_is_interrupted_and_goes_on(studied: RunDir, tmp_path: Path) -> None:
    def impatient(progress: Progress) -> None:
        if progress.task == "epoch 2/2":
            raise KeyboardInterrupt

    few = {"epochs": 2, "batch": 32, "holdout": {"rows": 35}, "device": "cpu"}
    with pytest.raises(Interrupted, match=f"mien study --resume {tmp_path / 'run'}$"):
        study("synthetic:210", recipe="demo", ablation=None, progress=impatient, out=tmp_path / "run", **few)
    run = resume_study(tmp_path / "run")
    assert len(run.history) == 2
    assert {str(path.relative_to(run.path)) for path in run.path.rglob("*.json")} == {
        str(path.relative_to(studied.path)) for path in studied.path.rglob("*.json")
    }


def test_ctrl_c_after_training(studied: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.workflows.study.evaluate", stopped)
    with pytest.raises(
        Interrupted, match=f"interrupted; resume the whole study with: mien study --resume {studied.path}$"
    ):
        resume_study(studied.path)


def test_a_wrong_ablation_is_told_before_training(tmp_path: Path) -> None:
    wrong = tmp_path / "bad.toml"
    wrong.write_text('model = "mien-n"\nepoks = 3\n')
    for ablation, message in (("mien-q", "no recipe 'mien-q', did you mean"), (str(wrong), "'epoks'")):
        with pytest.raises(ConfigError, match=message):
            study("synthetic:210", recipe="demo", ablation=ablation, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == [wrong]
