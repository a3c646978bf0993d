"""What must work without the training libraries, and what must load nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "lightning", "kornia", "matplotlib", "pyarrow", "sklearn", "onnxruntime", "numpy", "pandas")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_and_help_load_nothing_heavy() -> None:
    done = python(
        "import sys, mien; from mien.cli.main import run; code = run(['--help']); "
        f"print(code, [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.strip() == "0 []"
    assert "train" in done.stdout


@pytest.mark.parametrize(
    "module",
    [
        "mien.core.pixels",
        "mien.core.predictions",
        "mien.core.rundir",
        "mien.data.sniff",
        "mien.data.split",
        "mien.data.audit",
        "mien.evaluation.metrics",
        "mien.evaluation.compare",
        "mien.reporting.build",
    ],
)
def test_works_where_torch_is_not(module: str) -> None:
    block = "import sys; sys.modules |= dict.fromkeys(('torch', 'lightning', 'kornia'), None); "
    done = python(f"{block}import {module}")
    assert done.returncode == 0, done.stderr


def test_a_missing_part_is_named() -> None:
    block = "import sys; sys.modules['torch'] = None; "
    done = python(f"{block}from mien.cli.main import run; sys.exit(run(['models']))")
    assert done.returncode == 5
    assert "pip install 'mien[train]'" in done.stderr
    assert "Traceback" not in done.stderr
