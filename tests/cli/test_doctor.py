"""`mien doctor` and `mien.doctor`."""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from mien.core.bundle import weights
from mien.core.diagnosis import PackageInfo
from mien.workflows import doctor

from .conftest import Mien


@pytest.fixture
def damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of what ships, for a test to damage; nothing is timed for long."""
    copy = shutil.copytree(weights(), tmp_path / "weights")
    for name in ("mien.core.bundle.weights", "mien.workflows.doctor.weights", "mien.runtime.detect.weights"):
        monkeypatch.setattr(name, lambda: copy)
    monkeypatch.setattr(doctor, "REPEATS", 1)
    return copy


def test_what_a_report_says(mien: Mien) -> None:
    done = mien("doctor", "--json")
    found = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert found["mien"] == metadata.version("mien")
    assert found["python"].startswith(platform.python_version())
    assert {each["name"]: each["version"] for each in found["packages"]}["numpy"] == metadata.version("numpy")
    assert "CPUExecutionProvider" in found["runtime"]["providers"]
    for file in found["files"][:-1]:
        assert file["sha256"] == hashlib.sha256((weights() / file["file"]).read_bytes()).hexdigest()
    assert [file["file"] for file in found["files"]][-2:] == ["mien-s-ferplus/model.int8.onnx", "yunet"]
    assert 0 < found["inference"]["ms_per_face"] < 1000
    assert [part["problem"] for part in (found["runtime"], *found["files"], found["inference"])] == [None] * 8
    text = mien("doctor").out
    for said in (
        found["system"],
        found["processor"],
        f"numpy {metadata.version('numpy')}",
        "mien-n/model.onnx",
        "whole",
    ):
        assert said in text


def test_nothing_private_is_said(mien: Mien, monkeypatch: pytest.MonkeyPatch, damaged: Path) -> None:
    """Neither the user's name nor the machine's."""
    (damaged / "mien-n/model.onnx").unlink()
    monkeypatch.setenv("HOME", str(damaged.parent))
    monkeypatch.setenv("USERPROFILE", str(damaged.parent))
    out = mien("doctor", "--json").out
    assert str(damaged.parent) not in out
    assert "~/weights/mien-n/model.onnx: can't be read" in out
    assert platform.node() not in out


@pytest.mark.parametrize("file", ["mien-n/model.int8.onnx", "mien-n/card.json", "yunet/yunet_free_size.onnx"])
def test_a_damaged_file(mien: Mien, damaged: Path, file: str) -> None:
    (damaged / file).write_bytes(b"{}")
    done = mien("doctor")
    assert done.code == 3
    assert done.err.startswith(f"mien: damaged: {file.partition('/')[0]}")
    assert done.err.endswith("; install mien again\n")
    assert "DataError: " in done.out
    assert "ms: mien-s, int8, cpu" in done.out


def test_the_default_network_is_absent(mien: Mien, damaged: Path) -> None:
    shutil.rmtree(damaged / "mien-s")
    done = mien("doctor")
    assert done.code == 1
    assert done.err.startswith("mien: no face can be classified: DataError: ")


def test_an_onnx_runtime_that_does_not_start() -> None:
    """The report is whole all the same: this is what it is for."""
    code = (
        "import sys; sys.modules['onnxruntime'] = None; from mien.cli.main import run; "
        "sys.exit(run(['doctor', '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 3, done.stderr  # the detector's check needs it too
    assert all("import of onnxruntime halted" in found[part]["problem"] for part in ("runtime", "inference"))


def test_packages_that_are_absent(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["numpy>=2.0", "torch<2.14,>=2.9; extra == 'train'", "pyarrow>=18; extra == 'train'"]
    needs += ["pyarrow>=18; extra == 'parquet'", "absent[all]>=1; extra == 'dev'", "gone[all]>=1; extra == 'train'"]
    monkeypatch.setattr(metadata, "requires", lambda _: needs)
    assert doctor.doctor().packages == (
        PackageInfo(name="numpy", version=metadata.version("numpy"), extras=()),
        PackageInfo(name="torch", version=metadata.version("torch"), extras=("train",)),
        PackageInfo(name="pyarrow", version=metadata.version("pyarrow"), extras=("train", "parquet")),
        PackageInfo(name="gone", version=None, extras=("train",)),
    )
    assert "gone [train]" in mien("doctor").out


def test_a_home_that_is_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some containers have it so; a path keeps its slashes."""
    monkeypatch.setenv("HOME", "/")
    assert doctor.doctor().location == str(weights().parent)
