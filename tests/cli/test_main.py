"""Exit codes, streams and messages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cli import console
from mien.core.rundir import RunDir

from .conftest import Mien

VERBS = ("train", "eval", "val", "compare", "predict", "report", "study")


@pytest.mark.parametrize("verb", [*VERBS, "data", "models", "data describe"])
def test_help_has_an_example(mien: Mien, verb: str) -> None:
    done = mien(*verb.split(), "--help")
    assert done.code == 0
    assert "Example:" in done.out or verb == "data"


@pytest.mark.parametrize("verb", [*VERBS, "data describe"])
def test_without_input_nothing_starts(mien: Mien, tmp_path: Path, verb: str) -> None:
    done = mien(*verb.split())
    assert done.code == 2
    assert done.out == ""
    assert "mien" in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train x.csv --recpe course", "--recipe"),
        ("train x.csv --recipe corse", "did you mean course?"),
        ("train x.csv --recipe course --set optimzer.lr=1", "did you mean optimizer?"),
        ("train x.csv --recipe course --set optimizer.lr", "expected key=value"),
        ("train x.csv --recipe course --model mien_s", "did you mean mien-s"),
        ("train x.csv --recipe course --device tpu", "it has"),
        ("train x.csv --recipe course --precision fp8", "fp8"),
        ("train x.csv --recipe course --config y.json", "--config"),
        ("train x.csv", "--recipe course"),
        ("train --recipe course", "no data"),
        ("train --resume latest --recipe course", "recipe"),
        ("train --config missing.json", "missing.json: can't be read"),
        ("study x.csv", "--recipe course"),
        ("trian", "Did you mean 'train'"),
        ("models --jsn", "--json"),
        ("data descrbe", "descr"),
        ("predict run test.csv --format exel", "no format 'exel'"),
    ],
)
def test_usage_errors_exit_2(mien: Mien, tmp_path: Path, line: str, message: str) -> None:
    done = mien(*line.split())
    assert done.code == 2, done.err
    assert done.out == ""
    assert message in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line", ["eval latest", "report no/such/run", "predict nowhere x.csv", "train --resume latest"]
)
def test_missing_runs_exit_3(mien: Mien, line: str) -> None:
    done = mien(*line.split())
    assert done.code == 3
    assert "run" in done.err
    assert "Traceback" not in done.err


def test_underscores_are_accepted(mien: Mien, studied: RunDir) -> None:
    assert mien("eval", studied.path / "eval/test/predictions.npz", "--min_accuracy", "0").code == 0


def test_a_gate_exits_4_after_its_result(mien: Mien, studied: RunDir) -> None:
    done = mien("eval", studied.path / "eval/test/predictions.npz", "--min-accuracy", "0.999", "--json")
    accuracy = json.loads(done.out)["accuracy"]
    assert done.code == 4
    assert f"accuracy {accuracy:.4f} is below --min-accuracy 0.999" in done.err


def test_a_bug_exits_1_and_shows_where_when_asked(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.models.registry.info", lambda name: 1 / 0)
    short = mien("models")
    assert (short.code, short.out) == (1, "")
    assert "ZeroDivisionError" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in mien("models", "--verbose").err


def test_interruption_exits_130(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.models.registry.info", interrupt)
    assert mien("models").code == 130


def test_models(mien: Mien) -> None:
    rows = {row["name"]: row for row in json.loads(mien("models", "--json").out)["models"]}
    course = rows["course_cnn"]
    assert (course["parameters"], course["trainable"], course["non_trainable"]) == (4_790_107, 4_784_907, 5_200)
    assert course["input"] == [1, 48, 48]
    table = mien("models").out
    assert all(name in table for name in rows)
    assert "4,790,107" in table


def test_the_installed_command(studied: RunDir) -> None:
    command = [Path(sys.executable).parent / "mien", "eval", studied.path / "eval/test/predictions.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "accuracy" in done.stdout
    assert "synthetic" in done.stdout


def test_names_in_a_table_are_names(mien: Mien, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table("", {"class": "left"}, [["[bold]happy[/bold]"], [":smile:"]])
    out = capsys.readouterr().out
    assert "[bold]happy[/bold]" in out
    assert ":smile:" in out
