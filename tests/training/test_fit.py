"""What a training leaves in its run folder."""

import json
import re
import subprocess
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import cast

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import log_loss
from torch import Tensor
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from mien.core.errors import ConfigError, DataError, Diverged, StorageError, UsageError
from mien.core.faces import FaceSet
from mien.core.progress import Progress
from mien.core.runs import HISTORY, RunDir
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.models.classifier import load_classifier
from mien.training.augment import Augmenter
from mien.training.config import TrainConfig, stored_config
from mien.training.fit import _call_trainer, _keep
from mien.training.module import TrainingModule, class_weights
from mien.training.run_data import RunData, TrainingRun
from mien.workflows.evaluate import evaluate
from mien.workflows.train import resume, train

from .conftest import OVERFITS, SMALL, Small, command, held_out_scores


def test_metrics_csv_is_plain_numbers(small: Small) -> None:
    table = pd.read_csv(small("run", epochs=2).path / "metrics.csv")
    assert tuple(table.columns) == HISTORY
    assert table.dtypes.map(lambda dtype: dtype.kind in "if").all()
    assert table["epoch"].tolist() == [1, 2]


def test_the_history_tells_the_truth(small: Small) -> None:
    run = small("run", epochs=1)
    row = run.history[0]
    assert held_out_scores(run) == pytest.approx((row.val_loss, row.val_accuracy), rel=1e-4)


def test_the_kept_model_is_calibrated_on_the_held_out_faces(small: Small) -> None:
    run = small("run", epochs=8, settings=("optimizer.lr=0.005",))
    faces = TrainingRun(run.path).data.held_out
    classifier = load_classifier(run.path)
    kept = classifier.temperature
    losses = []
    for temperature in (kept, 1.0, kept * 1.02, kept / 1.02):
        classifier.temperature = temperature
        losses.append(log_loss(faces.targets, classifier.probabilities(faces.images), labels=range(7)))
    assert 0.11 < kept < 9
    assert min(losses) == losses[0]


def test_other_seeds_hold_out_the_same_faces(small: Small) -> None:
    def held_out(**flags: int) -> list[str]:
        config = stored_config(small("run", epochs=1, overwrite=True, **flags))
        return list(RunData.open(config).held_out.ids)

    assert held_out(seed=0) == held_out(seed=1)
    assert held_out(seed=0) != held_out(holdout={"seed": 1})


@pytest.mark.long
def test_two_processes_share_each_batch(tmp_path: Path) -> None:
    line = command("--epochs=1", "--precision=fp32", "--out=run", "--devices=2")
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = RunDir.open(tmp_path / "run")
    row = run.history[0]
    assert held_out_scores(run) == pytest.approx((row.val_loss, row.val_accuracy), rel=1e-4)
    assert done.stdout.strip() == str(run.path)


def test_the_best_epoch_is_kept(small: Small, noise: str) -> None:
    """Training again for exactly the best epoch's number of epochs must give the same weights."""
    run = small("run", data=noise, epochs=6, settings=OVERFITS)
    losses = [row.val_loss for row in run.history]
    best = int(np.argmin(losses)) + 1
    assert best < 6
    assert run.read_json("model.json")["epoch"] == best
    again = small("again", data=noise, epochs=best, settings=OVERFITS)
    assert (run.path / "model.safetensors").read_bytes() == (again.path / "model.safetensors").read_bytes()


def test_the_last_epoch_of_a_whole_cycle_is_kept(small: Small, noise: str) -> None:
    settings = [*OVERFITS, "schedule=one-cycle", "stopping.patience=0"]
    run = small("run", data=noise, epochs=6, settings=settings)
    assert np.argmin([row.val_loss for row in run.history]) < 5
    row = run.history[-1]
    assert run.read_json("model.json")["epoch"] == 6
    assert held_out_scores(run) == pytest.approx((row.val_loss, row.val_accuracy), rel=1e-4)


def test_the_config_repeats_the_run(small: Small, tmp_path: Path) -> None:
    run = small("run", epochs=1)
    again = train(None, recipe=str(run.path / "config.json"), out=tmp_path / "again")
    assert (run.path / "metrics.csv").read_bytes() == (again.path / "metrics.csv").read_bytes()
    assert stored_config(run) == stored_config(again)


def test_overwrite_begins_anew(small: Small, tmp_path: Path) -> None:
    run = small("run", epochs=1)
    (run.path / "report.html").write_text("old")
    (run.path / "mine.txt").write_text("mine")
    again = small("run", epochs=2, seed=7, overwrite=True)
    fresh = small("fresh", epochs=2, seed=7)
    assert (again.path / "metrics.csv").read_bytes() == (fresh.path / "metrics.csv").read_bytes()
    assert not (again.path / "report.html").exists()
    assert (again.path / "mine.txt").read_text() == "mine"


DIVERGES = ("optimizer.name=sgd", "optimizer.lr=1000", "optimizer.weight_decay=0")


@pytest.mark.parametrize("patience", [0, 5])
def test_a_diverged_run_fails(small: Small, tmp_path: Path, patience: int) -> None:
    with pytest.raises(Diverged, match=r"epoch 2, batch \d of 7: the training loss is nan; .* lower --lr"):
        small("run", settings=(*DIVERGES, f"stopping.patience={patience}"))
    run = RunDir.open(tmp_path / "run")
    assert (run.state, len(run.history)) == ("failed", 1)
    assert re.search(r"epoch 2, batch \d of 7", run.read_json("status.json")["reason"])


def test_a_weight_decay_is_blamed_where_it_makes_a_run_diverge(small: Small) -> None:
    with pytest.raises(Diverged, match=r"Start a new run with a lower optimizer\.weight_decay$"):
        small("run", settings=("optimizer.name=sgd", "optimizer.lr=1", "optimizer.weight_decay=1000"))


def test_data_may_be_a_setting(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        train(recipe="demo", data="nowhere.csv", out=tmp_path / "run", device="cpu")
    with pytest.raises(UsageError, match="no data: name a file or folder"):
        train(None, recipe="demo", out=tmp_path / "run", device="cpu")


def test_progress_counts_faces_and_ends_where_the_training_ends(small: Small, noise: str) -> None:
    told: list[Progress] = []
    run = small("run", data=noise, settings=("stopping.patience=1", *OVERFITS), epochs=12, progress=told.append)
    epochs, faces = len(run.history), 4 * 32
    assert 1 < epochs < 12
    assert [each.done for each in told[:-1]] == [32 * step for step in range(1, 4 * epochs + 1)]
    assert {(each.total, each.unit) for each in told[:-1]} == {(12 * faces, "faces")}
    assert [each.task for each in told[:5]] == ["epoch 1/12"] * 4 + ["epoch 2/12"]
    assert told[-1].done == told[-1].total == epochs * faces


@pytest.mark.parametrize(
    "error", [ProcessExitedException("SIGKILL", 1, 7, 9, "SIGKILL"), torch.OutOfMemoryError("CUDA out of memory")]
)
def test_a_checkpoint_is_not_blamed_for_a_lost_process(
    small: Small, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run = small("run", epochs=1)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("lightning.Trainer.fit", fails)
    with pytest.raises(type(error)):
        resume(run.path, epochs=2)


@pytest.mark.long
def test_several_processes_log_and_report_as_one(
    small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Progress] = []
    with caplog.at_level("INFO", logger="mien"):
        small("run", epochs=2, devices=2, progress=told.append)
    assert [each.done for each in told[:-1]] == [32 * step for step in range(1, 15)]
    epochs = [record for record in caplog.records if record.message.startswith("epoch ")]
    assert [record.message.partition(":")[0] for record in epochs] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert {record.name for record in epochs} == {"mien.training.callbacks"}


@pytest.mark.long
def test_quiet_holds_in_all_processes(tmp_path: Path) -> None:
    line = command("--epochs=1", "--precision=fp32", "--out=run", "--devices=2", "--quiet")
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.long
def test_an_error_of_one_of_two_processes_is_said_in_one_line(tmp_path: Path) -> None:
    line = command(
        "--epochs=3",
        "--precision=fp32",
        "--out=run",
        "--devices=2",
        "--batch=8",  # on some processors it takes eleven steps
        *[f"--set={setting}" for setting in DIVERGES],
    )
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    which = r"(batch \d+ of 28: the training|the validation)"
    assert re.search(rf"epoch 1, {which} loss is nan; .* lower --lr\n", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert RunDir.open(tmp_path / "run").read_json("status.json")["reason"].startswith("Diverged: epoch ")


def test_a_run_that_diverges_in_its_last_batch_fails(small: Small, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="epoch 2, the validation loss is nan"):
        small("run", settings=DIVERGES, batch=224)
    assert len(RunDir.open(tmp_path / "run").history) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_that_diverges_late_keeps_what_it_had(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    augment, steps = Augmenter.forward, iter(range(1000))

    def broken(self: Augmenter, faces: Tensor) -> Tensor:
        return augment(self, faces) * (value if next(steps) == 2 * 7 + 3 else 1)

    with monkeypatch.context() as patch:
        patch.setattr(Augmenter, "forward", broken)
        with pytest.raises(Diverged, match=r"epoch 3, batch 4 of 7: the training loss is nan; earlier epochs are"):
            small("run", epochs=4)
    run, two, four = RunDir.open(tmp_path / "run"), small("two", epochs=2), small("four", epochs=4)
    assert run.state == "failed"
    for name in ("metrics.csv", "model.safetensors", "model.json"):
        assert (run.path / name).read_bytes() == (two.path / name).read_bytes()
    assert evaluate(run).faces == 84
    resume(run.path)
    assert run.state == "finished"
    for name in ("metrics.csv", "model.safetensors", "model.json"):
        assert (run.path / name).read_bytes() == (four.path / name).read_bytes()


def test_a_run_remembers_that_bad_pictures_were_left_out(small: Small, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("smile", "frown"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for i in range(60):
            picture = generator.integers(0, 256, (48, 48), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / "faces" / name / f"{i}.png")
    (tmp_path / "faces/smile/bad.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"bad\.png"):
        small("run", data=str(tmp_path / "faces"))
    run = small("run", data=str(tmp_path / "faces"), skip_bad=True, epochs=1)
    assert evaluate(run, split="validation").faces == 70
    again = train(None, recipe=str(run.path / "config.json"), out=tmp_path / "again")
    assert (run.path / "metrics.csv").read_bytes() == (again.path / "metrics.csv").read_bytes()


def test_config_json_says_where_numbers_come_from(small: Small) -> None:
    stored = json.loads((small("run", epochs=1).path / "config.json").read_text())
    faces = open_faces("synthetic:420")
    assert stored["data"]["fingerprint"] == faces.fingerprint
    assert stored["data"]["synthetic"]
    assert sum(stored["data"]["training"].values()) + sum(stored["data"]["held_out"].values()) == 294
    assert stored["versions"]["torch"] == torch.__version__


def test_other_generators_stay_out_of_it(small: Small) -> None:
    torch.manual_seed(5)
    expected = torch.get_rng_state()
    one = small("one", epochs=1)
    assert torch.equal(torch.get_rng_state(), expected)
    torch.manual_seed(6)
    np.random.seed(6)
    two = small("two", epochs=1)
    assert (one.path / "metrics.csv").read_bytes() == (two.path / "metrics.csv").read_bytes()


def test_class_weights_against_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    targets = np.array([0, 0, 0, 1, 2, 2])
    faces = FaceSet(
        images=np.zeros((6, 48, 48), np.uint8),
        targets=targets,
        classes=("a", "b", "c", "absent"),
        splits=np.full(6, "train"),
        ids=np.arange(6).astype(str),
        source="test",
    )
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    assert class_weights(faces).numpy() == pytest.approx([*expected, 0.0])


def test_the_model_is_calibrated_alike_however_often_it_is_kept(small: Small) -> None:
    """Ctrl+C while the model is saved saves it again."""
    run = small("run", epochs=2, settings=("optimizer.lr=0.01",))
    config, said = stored_config(run), (run.path / "model.json").read_bytes()
    held_out = TrainingRun(run.path).data.held_out
    classifier = load_classifier(run.path)
    assert classifier.temperature != pytest.approx(1, abs=0.01)
    _keep(classifier, config, run, held_out=held_out)
    assert (run.path / "model.json").read_bytes() == said


@pytest.mark.parametrize("error", [StorageError("full"), ProcessRaisedException("Traceback …", 1, 99)])
def test_what_fails_after_a_checkpoint_was_read_is_not_its_fault(tmp_path: Path, error: Exception) -> None:
    class Trainer:
        callbacks = ()

        def fit(self, *_: object, **__: object) -> None:
            raise error

    with pytest.raises(type(error)) as raised:
        _call_trainer(cast(L.Trainer, Trainer()), cast(TrainingModule, None), tmp_path / "last.ckpt")
    assert raised.value is error


def test_each_process_has_a_face_to_validate_on() -> None:
    given = {"data": "synthetic:420", "recipe": "-", "model": "mien-n", "devices": 3, "holdout": {"rows": 2}}
    with pytest.raises(DataError, match="2 rows held out, fewer than --devices 3"):
        RunData.open(TrainConfig.parse(given, source="test"))


def test_a_recipe_s_paths_hold_from_everywhere(noise: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = resources.files("mien.recipes").joinpath("demo.toml").read_text()
    Path("mine.toml").write_text(f'data = "noise.csv"\n{recipe}')
    given = {"batch": 32, "precision": "fp32", "device": "cpu", **SMALL, "out": tmp_path / "run"}
    run = train(recipe="mine.toml", epochs=1, **given)
    assert stored_config(run).data == noise
    monkeypatch.chdir("/")
    resume(run.path, epochs=2)
    with pytest.raises(ConfigError, match=f"votes was None and can't become {Path('votes.csv').absolute()}"):
        resume(run.path, votes="votes.csv")


@pytest.mark.parametrize(
    ("settings", "flags", "error", "message"),
    [
        (("holdout.method=file", "holdout.rows=2000"), {"data": "TINY"}, DataError, "no validation rows"),
        (("holdout.rows=294",), {}, DataError, "294 rows to hold out of 294"),
        ((), {"batch": 400}, DataError, "fewer than one batch of 400"),
        (("optimiser.lr=1",), {}, ConfigError, "did you mean optimizer"),
        (("augment.rotaton_deg=1",), {}, ConfigError, "did you mean rotation_deg"),
        (("optimizer.lr=-1",), {}, ConfigError, "optimizer.lr"),
        (("nonsense",), {}, ConfigError, "key=value"),
        ((), {"model": "course"}, UsageError, "did you mean course_cnn"),
        ((), {"device": "cuda:7"}, UsageError, "it has"),
        ((), {"data": "no/such.csv"}, DataError, "no/such.csv"),
    ],
)
def test_bad_input_leaves_nothing(small: Small, tmp_path: Path, settings: tuple[str, ...], flags: dict[str, object],
                                  error: type[Exception], message: str) -> None:  # fmt: skip
    if flags.get("data") == "TINY":
        tiny = tmp_path / "tiny.csv"
        tiny.write_text("label,feature\n" + "".join(f"{i % 7},{' '.join([str(i)] * 2304)}\n" for i in range(60)))
        flags = {"data": str(tiny)}
    with pytest.raises(error, match=message):
        small("run", settings=settings, **flags)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limits of this kind")
    limit_bytes = 300_000  # the weights need 529 kB

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = subprocess.run(
        command("--epochs=1", "--out=run"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=little_space,
    )
    assert done.returncode == 1, done.stderr
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "run/status.json").read_text())["state"] == "failed"
    assert not [path for path in (tmp_path / "run").rglob("*") if path.name.startswith(".") or path.suffix == ".ckpt"]


def test_classes_and_splits_that_nobody_learns_from_are_told(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    faces = replace(open_faces("synthetic:420"), synthetic=False)
    happy = (faces.targets == faces.classes.index("happy")) & (faces.splits == "train")
    rare = faces.select(~happy | (np.cumsum(happy) == 1))  # one, which some fold holds out
    (fold,) = [fold for fold in range(5) if happy_is_held_out(rare, fold)]
    small("rare", data=rare, epochs=1, holdout={"method": "kfold", "fold": fold, "rows": 2000})
    told = " ".join(caplog.messages)
    assert "no face to learn from: happy; all are held out or excluded" in told
    assert "Add faces, or hold out others (--set holdout.fold=…)" in told
    assert "42 faces of the split validation are not used, since faces of train are held out" in told
    caplog.clear()
    small("file", data=faces, epochs=1, holdout={"method": "file", "rows": 2000})
    small("drawn", epochs=1)
    assert "no face to learn from" not in caplog.text
    assert "are not used" not in caplog.text


def happy_is_held_out(faces: FaceSet, fold: int) -> bool:
    learned, _ = hold_out(faces, method="kfold", fold=fold)
    return faces.classes.index("happy") not in learned.targets


@pytest.mark.parametrize(
    ("holdout", "message"),
    [
        (
            {"method": "kfold", "rows": 60},
            "holdout.rows has no meaning with holdout.method=kfold, only with stratified or",
        ),
        ({"folds": 4}, "holdout.folds has no meaning with holdout.method=stratified, only with kfold"),
        ({"method": "last", "seed": 3}, "holdout.seed has no meaning with holdout.method=last"),
    ],
)
def test_what_the_hold_out_does_not_read_is_refused(tmp_path: Path, holdout: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train("synthetic:210", recipe="demo", holdout=holdout, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
