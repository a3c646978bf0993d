"""A stopped and resumed run must equal an undisturbed one, byte for byte."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.errors import ConfigError, DataError, Interrupted, UsageError
from mien.core.runs import RunDir
from mien.data.formats import open_faces
from mien.models.classifier import load_classifier
from mien.synthetic.faces import draw_faces
from mien.training.config import stored_config
from mien.training.fit import _keep
from mien.workflows.evaluate import evaluate
from mien.workflows.train import epochs_without_gain, resume

from .conftest import OVERFITS, Small, command, held_out_scores

COMPARED = ("metrics.csv", "model.safetensors", "model.json")


def same_bytes(one: RunDir, two: RunDir) -> dict[str, bool]:
    return {name: (one.path / name).read_bytes() == (two.path / name).read_bytes() for name in COMPARED}


@pytest.mark.parametrize("first", [4, 3], ids=["inside the plateau's patience", "just after it"])
def test_three_and_three_epochs_are_six(small: Small, first: int) -> None:
    whole, parts = small("whole"), small("parts", epochs=first)
    resume(parts.path, epochs=6)
    assert [row.lr for row in whole.history] == [0.003, 0.003, 0.003, 0.0015, 0.0015, 0.00075]
    assert all(same_bytes(whole, parts).values()), same_bytes(whole, parts)
    assert parts.state == "finished"


@pytest.mark.long
def test_one_cycle_and_growing_faces_go_on_after_an_interruption(small: Small, tmp_path: Path) -> None:
    cycle = (
        "start_px=32",
        "schedule=one-cycle",
    )
    whole = small("whole", settings=cycle)
    rates = [row.lr for row in whole.history]
    assert max(rates) == rates[1] == pytest.approx(0.003, rel=0.05)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] < 1e-5
    settings = [f"--set={each}" for each in cycle]
    process = subprocess.Popen(command("--precision=fp32", "--epochs=6", "--out=parts", *settings), cwd=tmp_path)
    history = tmp_path / "parts/metrics.csv"
    while process.poll() is None and not (history.exists() and len(history.read_text().splitlines()) > 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    parts = resume(tmp_path / "parts")
    assert all(same_bytes(whole, parts).values()), same_bytes(whole, parts)
    with pytest.raises(ConfigError, match="one-cycle plans the learning rate"):
        resume(parts.path, epochs=8)


def test_faces_that_grow_are_planned_to_the_last_epoch(small: Small) -> None:
    run = small("run", settings=("start_px=32",), epochs=1)
    with pytest.raises(ConfigError, match="start_px plans the size of the faces of all epochs"):
        resume(run.path, epochs=2)
    with pytest.raises(UsageError, match=r"finished its 1 epochs, and start_px plans .*; start a new run for more"):
        resume(run.path)


def test_averaged_weights_are_kept_and_go_on(small: Small) -> None:
    averaged = ("ema=0.9",)
    whole, parts = small("whole", settings=averaged), small("parts", settings=averaged, epochs=3)
    resume(parts.path, epochs=6)
    assert all(same_bytes(whole, parts).values()), same_bytes(whole, parts)
    plain = small("plain")
    assert [row.train_loss for row in plain.history] == [row.train_loss for row in whole.history]
    assert plain.history[-1].val_loss != whole.history[-1].val_loss
    best = min(whole.history, key=lambda row: row.val_loss)
    assert held_out_scores(whole) == pytest.approx((best.val_loss, best.val_accuracy), rel=1e-4)


@pytest.mark.parametrize("settings", [(), ("ema=0.9",)])
def test_checkpoints_that_hold_the_ranges_of_the_augmentation_are_read(small: Small, settings: tuple[str, ...]) -> None:
    """As those of earlier versions do."""
    whole, parts = small("whole", settings=settings, epochs=4), small("parts", settings=settings, epochs=3)
    path = parts.path / "checkpoints/last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for part in {"state_dict", "current_model_state"} & checkpoint.keys():
        checkpoint[part]["augment.steps.2._param_generator.brightness_factor"] = torch.tensor([0.8, 1.2])
    torch.save(checkpoint, path)
    resume(parts.path, epochs=4)
    assert all(same_bytes(whole, parts).values()), same_bytes(whole, parts)


def test_the_stoppers_count_survives(small: Small, noise: str) -> None:
    stop = ("stopping.patience=2", *OVERFITS)
    whole = small("whole", data=noise, settings=stop, epochs=12)
    epochs = len(whole.history)
    assert whole.state == "stopped-early"
    assert 3 <= epochs < 12
    parts = small("parts", data=noise, settings=stop, epochs=epochs - 1)
    resume(parts.path, epochs=12)
    assert all(same_bytes(whole, parts).values()), same_bytes(whole, parts)
    assert parts.state == "stopped-early"


@pytest.mark.long
def test_a_killed_run_loses_nothing(small: Small, tmp_path: Path) -> None:
    whole = small("whole", epochs=8)
    line = command("--epochs=8", "--precision=fp32", "--out=killed")
    process = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE)
    history = tmp_path / "killed/metrics.csv"
    while process.poll() is None and not (history.exists() and len(history.read_text().splitlines()) > 3):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = RunDir.open(tmp_path / "killed")
    assert killed.state == "running"
    assert not (killed.path / "model.safetensors").exists()
    resume(killed.path)
    assert all(same_bytes(whole, killed).values()), same_bytes(whole, killed)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets torch's threads; afterwards they are as before."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.long)])
def test_two_runs_are_equal_and_two_seeds_are_not(small: Small, threads: Callable[[int], None], count: int) -> None:
    threads(count)
    one, two, other = small("one", epochs=1), small("two", epochs=1), small("other", epochs=1, seed=1)
    assert all(same_bytes(one, two).values())
    assert not same_bytes(one, other)["metrics.csv"]
    assert not same_bytes(one, other)["model.safetensors"]


@pytest.mark.long
def test_a_process_of_its_own_gives_the_same_bytes(
    small: Small, tmp_path: Path, threads: Callable[[int], None]
) -> None:
    threads(1)
    done = subprocess.run(
        command("--epochs=1", "--precision=fp32", "--out=apart", "--quiet"),
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"},
        check=False,
    )
    assert done.returncode == 0
    here, apart = small("here", epochs=1), RunDir.open(tmp_path / "apart")
    assert all(same_bytes(here, apart).values()), same_bytes(here, apart)


@pytest.mark.long
def test_one_and_two_threads_differ_as_little_as_the_docs_say(small: Small, threads: Callable[[int], None]) -> None:
    """docs/training.md: by up to 0.001 in the losses of an epoch of seven steps, by up to 1e-5 in probabilities."""
    runs, said = [], []
    for count in (1, 2):
        threads(count)
        runs.append(small(f"run{count}", epochs=1))
        said.append(load_classifier(runs[0].path).probabilities(open_faces("synthetic:420").images))
    one, two = (run.history[0] for run in runs)
    for loss in ("train_loss", "val_loss"):
        assert getattr(one, loss) == pytest.approx(getattr(two, loss), abs=1e-3)
    assert np.abs(said[0] - said[1]).max() <= 1e-5


def test_a_finished_run_says_how_to_extend_it(small: Small) -> None:
    run = small("run", epochs=1)
    with pytest.raises(UsageError, match=rf"--resume {run.path} --epochs 2"):
        resume(run.path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"model": "mien-s"}, "model was mien-n and can't become mien-s"),
        ({"batch": 64}, "batch was 32 and can't become 64"),
        ({"seed": 3}, "seed was 0"),
        ({"epochs": 1}, "can only grow"),
        ({"optimizer": {"lr": 0.5}}, "optimizer was"),
    ],
)
def test_what_a_resumed_run_may_not_change(small: Small, flags: dict[str, object], message: str) -> None:
    run = small("run", epochs=2)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=message):
        resume(run.path, **flags)
    assert before == {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def test_other_faces_are_refused(small: Small, tmp_path: Path) -> None:
    faces = tmp_path / "faces.csv"
    line = " ".join(["7"] * 2304)
    other = " ".join(["9"] * 2304)
    rows = [f"{i % 7},{' '.join([str(i)] * 2304)}" for i in range(120)]
    faces.write_text("\n".join(["label,feature", *rows, f"0,{line}"]) + "\n")
    run = small("run", data=str(faces), epochs=1)
    faces.write_text("\n".join(["label,feature", *rows, f"0,{other}"]) + "\n")
    with pytest.raises(DataError, match="fingerprint"):
        resume(run.path, epochs=2)


def test_a_resumed_run_may_have_more_patience(small: Small, noise: str) -> None:
    run = small("run", data=noise, settings=("stopping.patience=1", *OVERFITS), epochs=12)
    epochs = len(run.history)
    assert run.state == "stopped-early"
    with pytest.raises(UsageError, match="--patience 2"):
        resume(run.path)
    resume(run.path, epochs=12, stopping={"patience": 0})
    assert len(run.history) == 12 > epochs


def test_patience_given_at_a_resume_counts_from_the_start(small: Small, noise: str) -> None:
    parts = small("parts", data=noise, settings=OVERFITS, epochs=5)
    waited = epochs_without_gain([row.val_loss for row in parts.history])
    assert waited > 0
    whole = small("whole", data=noise, settings=(*OVERFITS, f"stopping.patience={waited + 1}"), epochs=12)
    resume(parts.path, epochs=12, stopping={"patience": waited + 1})
    assert len(parts.history) < 12
    assert all(same_bytes(whole, parts).values()), same_bytes(whole, parts)


def test_a_finished_run_whose_patience_is_used_up_keeps_its_scores(small: Small, noise: str) -> None:
    settings = ("stopping.patience=1", *OVERFITS)
    epochs = len(small("run", data=noise, settings=settings, epochs=12).history)
    run = small("same", data=noise, settings=settings, epochs=epochs)
    assert run.state == "finished"
    evaluate(run, split="validation")
    with pytest.raises(UsageError, match=f"--resume {run.path} --epochs 12 --patience 2$"):
        resume(run.path, epochs=12)
    assert (run.path / "eval/validation/metrics.json").exists()
    resume(run.path, epochs=12, stopping={"patience": 9})
    assert len(run.history) > epochs


def test_a_run_killed_after_its_last_epoch_is_only_finished(small: Small, noise: str) -> None:
    for settings in (("stopping.patience=2", *OVERFITS), OVERFITS):
        run = small(f"run{len(settings)}", data=noise, settings=settings, epochs=5)
        state, before = run.state, {name: (run.path / name).read_bytes() for name in COMPARED}
        (run.path / "model.safetensors").unlink()
        run.set_status("running")
        resume(run.path)
        assert run.state == state
        assert before == {name: (run.path / name).read_bytes() for name in COMPARED}


def test_a_moved_run_keeps_its_best_epoch(small: Small, noise: str, tmp_path: Path) -> None:
    whole = small("whole", data=noise, settings=OVERFITS, epochs=6)
    moved = small("before", data=noise, settings=OVERFITS, epochs=5).path.rename(tmp_path / "after")
    resume(moved, epochs=6)
    assert all(same_bytes(whole, RunDir(moved)).values()), same_bytes(whole, RunDir(moved))


class Hostile:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch hostile",)


def test_a_damaged_or_hostile_checkpoint_is_refused(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = small("run", epochs=1)
    last = run.path / "checkpoints/last.ckpt"
    whole = last.read_bytes()
    torch.save({"loops": Hostile()}, tmp_path / "hostile.ckpt")
    for content in (b"", whole[:5000], b"x" * 5000, (tmp_path / "hostile.ckpt").read_bytes()):
        last.write_bytes(content)
        with pytest.raises(DataError, match=r"last\.ckpt: damaged checkpoint"):
            resume(run.path, epochs=2)
    assert not (tmp_path / "hostile").exists()
    assert run.state == "finished"
    last.write_bytes(whole)
    resume(run.path, epochs=2)


@pytest.mark.parametrize(
    "change",
    [
        {"state_dict": {}},
        {"state_dict": 3},
        {"optimizer_states": "x"},
        {"loops": 3},
        {"callbacks": {"History": 3}},
        {"pytorch-lightning_version": None},
    ],
)
def test_a_checkpoint_of_something_else_is_refused(small: Small, change: dict[str, object]) -> None:
    run = small("run", epochs=1)
    last = run.path / "checkpoints/last.ckpt"
    torch.save(torch.load(last, weights_only=True) | change, last)
    with pytest.raises(DataError, match=r"last\.ckpt: damaged checkpoint"):
        resume(run.path, epochs=2)


def test_best_weights_that_are_damaged_or_hostile(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = small("run", epochs=1)
    best = run.path / "checkpoints/best.ckpt"
    weights = torch.load(best, weights_only=True)["state_dict"]
    fewer = dict(list(weights.items())[1:])
    classifier, config = load_classifier(run.path), stored_config(run)
    for content in ({"state_dict": Hostile()}, {"state_dict": 3, "epoch": 0}, {}, {"state_dict": fewer, "epoch": 0}):
        torch.save(content, best)
        with pytest.raises(DataError, match=r"best\.ckpt: (damaged checkpoint|another network's weights)"):
            _keep(classifier, config, run, held_out=draw_faces(7)[0])
    assert not (tmp_path / "hostile").exists()


def test_old_scores_do_not_outlive_their_model(small: Small) -> None:
    run = small("run", epochs=1)
    evaluate(run)
    (run.path / "report.html").write_text("old")
    resume(run.path, epochs=2)
    assert not (run.path / "eval").exists()
    assert not (run.path / "report.html").exists()


def test_ctrl_c_works_again_afterwards(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("mien.training.callbacks.ProgressCallback.on_train_batch_end", interrupt)
    with pytest.raises(Interrupted):
        small("run")
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.long
def test_ctrl_c_leaves_the_best_weights(tmp_path: Path) -> None:
    line = command("--epochs=60", "--precision=fp32", "--out=run")
    process = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE)
    while process.poll() is None and not (tmp_path / "run/checkpoints/last.ckpt").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    talk = process.communicate()[1].decode()
    assert process.returncode == 130, talk
    assert "mien train --resume" in talk
    run = RunDir.open(tmp_path / "run")
    assert run.state == "interrupted"
    assert (run.path / "model.safetensors").exists()


def test_a_checkpoint_without_a_callbacks_state_is_refused(small: Small) -> None:
    """Lightning itself would go on without it, and stop too late."""
    run = small("run", epochs=1)
    last = run.path / "checkpoints/last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    del checkpoint["callbacks"]["early_stopping"]
    torch.save(checkpoint, last)
    with pytest.raises(DataError, match=r"last\.ckpt: damaged checkpoint .*no state of 'early_stopping'"):
        resume(run.path, epochs=2)
