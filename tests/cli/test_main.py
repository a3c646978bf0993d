"""Exit codes, streams and messages."""

import json
import os
import re
import subprocess
import sys
from difflib import get_close_matches
from pathlib import Path

import pytest
import typer

import mien as package
from mien.cli import console
from mien.cli.main import app
from mien.core import errors
from mien.core.errors import MienError
from mien.core.runs import RunDir

from .conftest import Mien

VERBS = ("train", "eval", "val", "ablate", "compare", "predict", "report", "explain", "study", "export", "ensemble")
COMMAND = Path(sys.executable).parent / "mien"


def flags_of(group: object = None, verb: str = "") -> dict[str, list[str]]:
    """Every verb with its long flags, as Typer knows them."""
    group = group or typer.main.get_command(app)
    if not hasattr(group, "commands"):
        return {verb.strip(): [name for p in group.params for name in (*p.opts, *p.secondary_opts) if name[:2] == "--"]}
    found: dict[str, list[str]] = {}
    for name, command in group.commands.items():
        found |= flags_of(command, f"{verb} {name}")
    return found


FLAGS = [(verb, flag) for verb, flags in flags_of().items() for flag in flags]


@pytest.mark.parametrize("verb", [*VERBS, "data", "models", "doctor", "serve", "data describe"])
def test_help_has_an_example(mien: Mien, verb: str) -> None:
    done = mien(*verb.split(), "--help")
    assert done.code == 0
    assert re.search(r"Examples?:", done.out) or verb == "data"


@pytest.mark.parametrize(
    ("line", "example"),
    [
        *((verb, f"mien {verb}") for verb in (*VERBS, "data describe") if verb != "val"),
        ("val", "mien eval"),
        ("compare a", "mien compare"),
        ("study x.csv", "mien study"),
        ("train x.csv", "mien train"),
        ("eval --json", "mien eval"),
    ],
)
def test_without_input_nothing_starts(mien: Mien, tmp_path: Path, line: str, example: str) -> None:
    done = mien(*line.split())
    assert (done.code, done.out) == (2, "")
    assert re.search(rf"^mien: .*; for example: {example} \S", done.err)
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["", "data"])
def test_without_a_verb_there_is_help(mien: Mien, line: str) -> None:
    done = mien(*line.split())
    assert done.code == 2
    assert "Usage" in done.out
    assert done.err == ""


def test_the_version_has_a_short_flag_and_python_m_runs_the_command(mien: Mien) -> None:
    version = mien("--version").out
    done = subprocess.run([sys.executable, "-m", "mien", "-V"], capture_output=True, text=True, check=True)
    assert done.stdout == version


def test_help_spends_no_room_on_types_and_twins(mien: Mien) -> None:
    shown = mien("predict", "--help").out
    for words in ("<bool>  Draw", "int range", "--no-explain", "--no-json", "[default: no-"):
        assert words not in shown
    assert "--no-align" in shown  # what is on by default is switched off
    assert "Computing" in shown


def test_the_verbs_are_those_tested_here() -> None:
    assert set(flags_of()) == {*VERBS, "models", "doctor", "serve", "data audit", "data describe", "evaluate"}


@pytest.mark.parametrize(("verb", "flag"), FLAGS)
def test_a_misspelt_flag_names_the_nearest(mien: Mien, tmp_path: Path, verb: str, flag: str) -> None:
    wrong = flag + flag[-1]
    done = mien(*verb.split(), wrong)
    assert (done.code, done.out) == (2, "")
    assert f"No such option: {wrong}" in done.err
    known = get_close_matches(wrong, flags_of()[verb], n=3)
    assert flag in known
    assert re.search(rf"{flag}\b", done.err.removeprefix(f"mien: No such option: {wrong}"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("verb", "flag"), [(verb, flag) for verb, flag in FLAGS if "-" in flag[2:]])
def test_hyphens_may_be_underscores(mien: Mien, verb: str, flag: str) -> None:
    done = mien(*verb.split(), "--help", "--" + flag[2:].replace("-", "_"))
    assert "No such option" not in done.err
    if done.code != 0:  # a flag that takes a value lacks it here
        assert done.code == 2
        assert "requires an argument" in done.err


def test_the_same_flag_means_the_same_everywhere() -> None:
    """Each comes from `flags.py`: same name, same help, whichever verb."""
    helps: dict[str, set[str | None]] = {}
    for verb, command in typer.main.get_command(app).commands.items():
        for parameter in command.params if verb != "data" else ():
            name = (*parameter.opts, *parameter.secondary_opts)[0]
            helps.setdefault(name, set()).add(getattr(parameter, "help", None))
    several = {flag for flag, texts in helps.items() if len(texts) > 1}
    # `predict` takes all faces, a bundle, a file; `eval` scores bundles, which have other precisions, and files;
    # `export` puts into the graph what `eval --flip` tries
    assert several == {"--split", "--model", "--resume", "--precision", "--flip", "run"}
    assert len(helps) > 20


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
        ("train x.csv", "--recipe mien-n"),
        ("train --recipe course", "no data"),
        ("train --resume latest --recipe course", "recipe"),
        ("train --config missing.json", "missing.json: can't be read"),
        ("study x.csv", "--recipe mien-n"),
        ("study --resume latest --epochs 9", "it can't be given: --epochs"),
        ("study --resume latest --ablation none", "it can't be given: --ablation"),
        ("study --resume latest --seed 0", "it can't be given: --seed"),
        ("compare a.npz b.npz --split validation", "--split belongs to runs"),
        ("train --resume latest --overwrite", "it can't be given: --overwrite"),
        ("train --config saved.cfg", "expected the config.json of a run"),
        ("trian", "Did you mean 'train'"),
        ("models --jsn", "--json"),
        ("data descrbe", "descr"),
        ("predict test.csv --format exel", "no format 'exel'"),
    ],
)
def test_usage_errors_exit_2(mien: Mien, tmp_path: Path, line: str, message: str) -> None:
    done = mien(*line.split())
    assert done.code == 2, done.err
    assert done.out == ""
    assert message in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["eval latest", "report no/such/run", "train --resume latest"])
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


def test_predictions_alone_have_no_flip_views(mien: Mien, studied: RunDir) -> None:
    done = mien("eval", studied.path / "eval/test/predictions.npz", "--flip")
    assert done.code == 2
    assert "--flip can't be given with them" in done.err


def test_a_bug_exits_1_and_shows_where_when_asked(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.models.registry.info", lambda name: 1 / 0)
    short = mien("models")
    assert (short.code, short.out) == (1, "")
    assert "ZeroDivisionError" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in mien("models", "--verbose").err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        *(
            (value(f"{name} it is"), value.exit_code, f"mien: {name} it is\n")
            for name, value in vars(errors).items()
            if isinstance(value, type) and issubclass(value, MienError)
        ),
        (ValueError("odd"), 1, "mien: ValueError: odd (--verbose shows where)\n"),
        (OSError(28, "No space"), 1, "mien: OSError: [Errno 28] No space (--verbose shows where)\n"),
        (ModuleNotFoundError("no", name="own.part"), 1, "mien: ModuleNotFoundError: no (--verbose shows where)\n"),
        (
            ModuleNotFoundError("no", name="lightning.pytorch"),
            5,
            f"mien: this needs lightning: {errors.pip_install('train')}\n",
        ),
        (KeyboardInterrupt(), 130, "mien: interrupted\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_an_error_becomes(
    mien: Mien, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr("mien.models.registry.info", fail)
    assert mien("models") == (code, "", said)
    assert mien("models", "--quiet") == (code, "", said)


def test_interruption_exits_130(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.models.registry.info", interrupt)
    assert mien("models").code == 130


def test_models(mien: Mien) -> None:
    rows = {row["name"]: row for row in json.loads(mien("models", "--json").out)["networks"]}
    course = rows["course_cnn"]
    assert (course["parameters"], course["trainable"], course["non_trainable"]) == (4_790_107, 4_784_907, 5_200)
    assert course["input"] == [1, 48, 48]
    table = mien("models").out
    assert all(name in table for name in rows)
    assert "4,790,107" in table


LINES = (
    "models",
    "models --json",
    "data describe synthetic:70",
    "eval RUN",
    "eval RUN --json",
    "eval RUN/eval/test/predictions.npz",
    "compare RUN RUN",
    "compare RUN RUN --json",
    "predict synthetic:70 --split test",
    "predict synthetic:70 --json",
    "report RUN --json",
    "--help",
    "train --help",
)


@pytest.mark.parametrize("line", LINES)
def test_results_go_to_stdout_and_nothing_else_does(mien: Mien, studied: RunDir, line: str) -> None:
    done = mien(*line.replace("RUN", str(studied.path)).split())
    assert (done.code, done.err) == (0, "")
    assert done.out
    assert "\x1b" not in done.out
    if "--json" in line:
        assert isinstance(json.loads(done.out), dict)
    assert mien(*line.replace("RUN", str(studied.path)).split(), *([] if "--help" in line else ["--quiet"])) == done


@pytest.mark.parametrize("line", ["--help", "eval RUN", "eval RUN --json"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough(studied: RunDir, line: str, unbuffered: str) -> None:
    """As in `mien eval … | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [COMMAND, *line.replace("RUN", str(studied.path / "eval/test/predictions.npz")).split()]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_disk_behind_stdout(studied: RunDir) -> None:
    with Path("/dev/full").open("w") as full:
        command = [COMMAND, "eval", studied.path / "eval/test/predictions.npz"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"mien: OSError: \[Errno 28\].*\n", done.stderr)


def test_shell_completion() -> None:
    environment = os.environ | {"_MIEN_COMPLETE": "complete_bash", "COMP_WORDS": "mien ev", "COMP_CWORD": "1"}
    done = subprocess.run([COMMAND], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "eval", "")


def test_the_installed_command(studied: RunDir) -> None:
    command = [COMMAND, "eval", studied.path / "eval/test/predictions.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "accuracy" in done.stdout
    assert "synthetic" in done.stdout


def test_names_in_a_table_are_names(mien: Mien, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table({"class": "left"}, [["[bold]happy[/bold]"], [":smile:"]])
    out = capsys.readouterr().out
    assert "[bold]happy[/bold]" in out
    assert ":smile:" in out


def test_the_version(mien: Mien) -> None:
    done = mien("--version")
    assert (done.code, done.out, done.err) == (0, f"{package.__version__}\n", "")


@pytest.mark.parametrize("line", ["export mien-n", "report mien-n", "explain mien-n", "train --resume mien-n"])
def test_a_bundle_where_a_run_is_wanted(mien: Mien, line: str) -> None:
    done = mien(*line.split())
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "mien: mien-n: a bundle, and this needs the folder of a training run, as `mien train` leaves it\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "predict a.png -o https://example.org/x.csv",
        "predict a.png -o s3://bucket/faces/",
        "predict a.png --draw https://example.org/x.png",
        "predict a.gif --chart https://example.org/x.png",
        "train synthetic --recipe demo --out s3://bucket/run",
        "export mien-n --html https://example.org/x.html",
        "export mien-n --hub hf://me/model",
    ],
)
def test_nothing_is_written_to_an_address(
    mien: Mien, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = mien(*line.split())
    assert failed.code == 2
    assert "mien does not upload; name a file or folder of this machine" in failed.err
    assert not list(tmp_path.iterdir())
