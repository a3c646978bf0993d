"""What must work without the training libraries, and what must load nothing heavy."""

import os
import shutil
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

import mien
from mien.core.bundle import Bundle
from mien.core.runs import RunDir

HEAVY = (
    *("torch", "lightning", "safetensors", "matplotlib", "pyarrow", "sklearn", "scipy", "onnxruntime"),
    *("numpy", "pandas", "PIL", "pydantic", "jinja2"),
)
ROOT = Path(mien.__file__).parent
TORCH_FREE = [
    ".".join(("mien", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for part in ("core", "data", "evaluation", "reporting", "runtime", "serving", "cli")
    for path in sorted((ROOT / part).rglob("*.py"))
]
TORCH_FREE += ["mien.weights", "mien.workflows.compare", "mien.workflows.evaluate", "mien.workflows.doctor"]
TORCH_FREE += ["mien.workflows.page"]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_and_help_load_nothing_heavy() -> None:
    done = python(
        "import sys, mien; from mien.cli.main import run; code = run(['--help']); "
        f"print(code, [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.strip() == "0 []"
    assert "train" in done.stdout


LOADS = """import sys
before = set(sys.modules)
{}
new = set(sys.modules) - before
print(sorted({{name.partition('.')[0] for name in new}} - set(sys.stdlib_module_names)))
print(sorted(name for name in new if name.startswith('mien.')))
print('importlib.metadata' in new, len(new))
"""


def loaded_by(code: str) -> list[str]:
    """The packages, modules of ours, whether importlib.metadata (as slow as Pillow) and how many modules are loaded."""
    done = python(LOADS.format(code))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_import_alone_loads_only_itself() -> None:
    packages, ours, rest = loaded_by("import mien")
    assert (packages, ours) == ("['mien']", "[]")
    assert rest.startswith("False")


def test_a_photo_loads_no_more_than_it_needs(portrait: Path) -> None:
    """The import budget behind the first result in 1.5 seconds."""
    look = (
        "import mien; model = mien.load(); [face] = mien.find_faces(%r, detector=mien.YuNet()); model(face.image[None])"
    )
    packages, ours, rest = loaded_by(look % str(portrait))
    assert packages == "['PIL', 'mien', 'msgspec', 'numpy', 'onnxruntime', 'typing_extensions']"
    assert all(name.split(".")[1] in {"core", "runtime", "workflows"} for name in literal_eval(ours))
    slow, count = rest.split()
    assert slow == "False"
    assert int(count) <= 300  # 232 in November 2026


def test_the_command_loads_little_more(portrait: Path) -> None:
    """Typer parses the command line; no table reader, no video, no figure is loaded for a photo."""
    code = f"from mien.cli.main import run; sys.stdout = open(%r, 'w'); assert run(['predict', {str(portrait)!r}]) == 0"
    packages, ours, _ = loaded_by(f"{code % os.devnull}; sys.stdout = sys.__stdout__")
    assert {"typer", "onnxruntime"} <= set(literal_eval(packages))
    assert set(literal_eval(packages)).isdisjoint(
        {*HEAVY, "av", "onnx"} - {"numpy", "PIL", "onnxruntime", "pydantic"}
    )  # Typer needs it
    assert {name.split(".")[1] for name in literal_eval(ours)} == {"cli", "core", "runtime", "workflows"}


BLOCK = "import sys; sys.modules |= dict.fromkeys(('torch', 'lightning', 'safetensors', 'onnx'), None)\n"


def test_every_module_outside_training_imports_where_torch_is_not() -> None:
    assert {"mien.core.images", "mien.core.bundle", "mien.evaluation.compare", "mien.runtime.session"} <= set(
        TORCH_FREE
    )
    assert len(TORCH_FREE) > 40
    code = f"{BLOCK}from importlib import import_module\nfor name in {TORCH_FREE}: import_module(name)"
    done = python(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_block_blocks() -> None:
    done = python(f"{BLOCK}import mien.models.registry")
    assert done.returncode == 1
    assert "ModuleNotFoundError: import of torch halted" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "data describe synthetic:70",
        "eval RUN/eval/test/predictions.npz",
        "eval BUNDLE --data synthetic:210",
        "eval BUNDLE --data synthetic:35 --robustness",
        "compare RUN RUN",
        "report RUN",
        "models -q",
        "doctor",
        "predict synthetic:70 --model BUNDLE",
    ],
)
def test_verbs_that_need_no_torch(studied: RunDir, exported: Bundle, tmp_path: Path, line: str) -> None:
    copy = shutil.copytree(studied.path, tmp_path / "copy")
    arguments = line.replace("RUN", str(copy)).replace("BUNDLE", str(exported.path)).split()
    done = python(f"{BLOCK}from mien.cli.main import run; sys.exit(run({arguments}))")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
