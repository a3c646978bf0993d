"""Build what a release consists of, check it, and use it in an environment of its own, as `make dist` does.

Wheel and source archive lie in `dist/` afterwards.  The wheel is installed outside the tree, with PyTorch; it predicts,
trains, evaluates, exports, and predicts with what it trained.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

import matplotlib.cbook

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
MOST_BYTES = 40_000_000
"""Of a wheel: most of it are the networks and the browser's runtime."""

IN_WHEEL = (
    *("mien/py.typed", "mien/recipes/mien-s.toml", "mien/web/page.html", "mien/weights/yunet/yunet_free_size.onnx"),
    *("mien/weights/mien-n/card.json", "mien/weights/mien-s/card.json", "mien/weights/mien-s-ferplus/card.json"),
    *("mien/weights/mien-s/model.safetensors", "mien/data/fer2013_public_test.npz"),
    "mien/evaluation/robustness_baselines.json",
)
IN_SOURCE = ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md", "CHANGELOG.md", "tests/conftest.py")
NOWHERE = (".pyc", ".parquet", ".onnx.data", ".log")
"""Endings of what must not get into a release by mistake."""


def main() -> None:
    """Build, check, use."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    [wheel] = DIST.glob("*.whl")
    [source] = DIST.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, source)
    with zipfile.ZipFile(wheel) as archive:
        check(wheel, archive.namelist(), IN_WHEEL)
    with tarfile.open(source) as sources:
        check(source, [name.partition("/")[2] for name in sources.getnames()], IN_SOURCE)
    if wheel.stat().st_size > MOST_BYTES:
        sys.exit(f"{wheel}: {wheel.stat().st_size:,} bytes, expected at most {MOST_BYTES:,}")
    with tempfile.TemporaryDirectory() as folder:
        use(wheel, Path(folder))
    for path in (wheel, source):
        print(f"{path}: {path.stat().st_size:,} bytes")


def check(path: Path, names: list[str], expected: tuple[str, ...]) -> None:
    """End with a message if a release lacks a file, or has one that it shouldn't have."""
    missing = [name for name in expected if name not in names]
    wrong = [name for name in names if name.endswith(NOWHERE)]
    if missing or wrong:
        sys.exit(f"{path}: missing {missing}, not wanted {wrong}")


def use(wheel: Path, folder: Path) -> None:
    """Install a wheel into an environment of its own, and do with it what a user does first."""
    environment = folder / "env"
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "pip", "install", "--quiet", "torch==2.13.0", f"{wheel}[train]", cwd=folder)
    photo = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    for line in (
        f"predict {photo}",
        "train synthetic:280 --recipe demo --epochs 1 --batch 32 --set holdout.rows=70 --out run --threads 1",
        "eval run",
        "export run --out bundle",
        f"predict {photo} --model bundle",
        f"export bundle --html {folder / 'page.html'}",
    ):
        print(f"$ mien {line}", flush=True)
        run(scripts / "mien", *line.split(), cwd=folder)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command that sees none of this environment's modules; end if it fails."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if subprocess.run(command, cwd=cwd, env=clean, check=False).returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
