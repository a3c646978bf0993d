"""`mien explain`: its flags arrive, its table and its JSON say what was found."""

import inspect
import json
import shutil
from typing import Any

import pytest

from mien.cli import console
from mien.core.runs import RunDir
from mien.workflows.explain import explain

from .conftest import Mien

DEFAULTS = {name: each.default for name, each in inspect.signature(explain).parameters.items() if name != "run"}
FLAGS = {  # flag: (argument, value)
    "--method saliency,grad-cam": ("methods", ["saliency", "grad-cam"]),
    "--faces 14": ("faces", 14),
    "--share 0.5": ("share", 0.5),
    "--layer conv3": ("layer", "conv3"),
    "--filters conv1": ("filters", "conv1"),
    "--count 9": ("count", 9),
    "--count all": ("count", None),
    "--face 12": ("face", "12"),
    "--split train": ("split", "train"),
    "--device cuda:1": ("device", "cuda:1"),
}


@pytest.fixture
def given(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the verb's function is given for the run `a`; nothing is explained."""
    kept: dict[str, Any] = {}

    def record(run: RunDir, **values: Any) -> None:
        kept.update(values, run=run)
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.workflows.explain.explain", record)
    (RunDir.create("train", name="a").path / "config.json").write_text("{}")
    return kept


def test_without_flags_the_functions_own_defaults_hold(mien: Mien, given: dict[str, Any]) -> None:
    assert mien("explain", "a").code == 130
    assert given.pop("run") == RunDir.open("runs/train/a")
    assert given.pop("progress") is console.progress
    assert given == {name: value for name, value in DEFAULTS.items() if name != "progress"}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_arrives(mien: Mien, given: dict[str, Any], flag: str) -> None:
    name, value = FLAGS[flag]
    assert mien("explain", "a", *flag.split()).code == 130
    assert given[name] == value
    assert type(given[name]) is type(value)
    del given["run"], given["progress"]
    assert given == {**{name: default for name, default in DEFAULTS.items() if name != "progress"}, name: value}


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--count 0", "--count 0: expected a number of filters, or all"),
        ("--count many", "--count many: expected a number of filters, or all"),
        ("--faces 0", "'--faces'"),
        ("--share 2", "'--share'"),
    ],
)
def test_numbers_out_of_range_start_nothing(mien: Mien, given: dict[str, Any], flag: str, said: str) -> None:
    done = mien("explain", "a", *flag.split())
    assert (done.code, done.out, given) == (2, "", {})
    assert said in done.err


def test_no_such_run(mien: Mien) -> None:
    done = mien("explain", "nowhere")
    assert (done.code, done.out) == (3, "")
    assert "nowhere: no run folder" in done.err


def test_table_and_json(mien: Mien, studied: RunDir) -> None:
    run = RunDir(RunDir.create("train", name="a").path)
    shutil.copytree(studied.path, run.path, dirs_exist_ok=True)
    line = ("explain", "a", "--method", "saliency", "--count", "1", "--device", "cpu")
    table = mien(*line)
    assert (table.code, "\x1b" in table.out) == (0, False)
    found = run.read_json("explain/attribution.json")
    figures = found["comparison"]["methods"]["saliency"]
    (row,) = (row for row in table.out.splitlines() if row.split()[:1] == ["saliency"])
    assert row.split()[1:4] == [f"{figures[name]:.3f}" for name in ("deletion", "insertion", "score")]
    assert f"{figures['randomisation']['all layers']:+.2f}" in row
    assert "drawn faces (says nothing of real ones)" in table.out
    assert all(f"({control})" in table.out for control in found["comparison"]["controls"])
    assert table.out.endswith(f"{run.path / 'explain'}\n")
    assert "explaining" in table.err
    said = mien(*line, "--json", "--quiet")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == found
