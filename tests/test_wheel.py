"""The wheel, installed from the package index into an environment that has nothing but what it asks for."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import mien

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
ABSENT = ("torch", "lightning", "captum", "onnx", "matplotlib", "pyarrow", "scipy", "sklearn", "jinja2", "av")
LOOK = """
import importlib.util, json, sys
import mien
model = mien.load(threads=1)
faces = mien.find_faces(sys.argv[1], detector=mien.YuNet(threads=1), margin=model.crop_margin)
said = [dict(zip(model.classes, model(face.image[None])[0].tolist())) for face in faces]
print(json.dumps({"faces": said, "there": [name for name in sys.argv[2:] if importlib.util.find_spec(name)]}))
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that sees none of this environment's modules."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=clean)


def pip(*arguments: str | Path, cwd: Path) -> None:
    done = run(sys.executable, "-m", "pip", "--quiet", "--retries=1", *arguments, cwd=cwd)
    if "connection broken by" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Path:
    """A virtual environment with the wheel and what it depends on, not even pip."""
    folder = wheel.parent / "env"
    venv.create(folder, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    pip("--python", scripts / "python", "install", wheel, cwd=folder)
    return scripts


def test_what_the_wheel_holds(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    about = f"mien-{mien.__version__}.dist-info"
    files = [path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {name for name in packed if not name.startswith(about)} == {
        path.relative_to(ROOT / "src").as_posix() for path in files
    }
    assert "mien/weights/mien-s-ferplus/model.int8.onnx" in packed
    vendored = "src/mien/web/vendor/onnxruntime"
    licences = ("LICENSE", "THIRD_PARTY.md", "src/mien/weights/yunet/LICENSE", f"{vendored}/LICENSE")
    for licence in (*licences, f"{vendored}/ThirdPartyNotices.txt"):
        assert f"{about}/licenses/{licence}" in packed


def test_it_looks_at_photos(environment: Path, portrait: Path, tmp_path: Path) -> None:
    done = run(environment / "python", "-c", LOOK, portrait, *ABSENT, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["there"] == []
    model = mien.load(threads=1)
    [face] = mien.find_faces(portrait, detector=mien.YuNet(threads=1))
    expected = dict(zip(model.classes, model(face.image[None])[0].tolist(), strict=True))
    [said] = found["faces"]
    assert said == pytest.approx(expected, abs=0.02)  # the index may have other versions than we


def test_its_command_line(environment: Path, portrait: Path, tmp_path: Path) -> None:
    done = run(environment / "mien", "doctor", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {each["name"] for each in found["packages"] if each["version"] is None} >= {"torch", "lightning", "av"}
    assert all(each["version"] for each in found["packages"] if not each["extras"])
    done = run(environment / "mien", "models", cwd=tmp_path)
    assert done.returncode == 0
    for bundle in mien.list_models().bundles:
        [line] = [line for line in done.stdout.splitlines() if line.split()[:1] == [bundle.model.name]]
        assert f"{100 * bundle.accuracy:.1f} %" in line
    assert "pip install 'mien[train]'" in done.stdout
    done = run(environment / "mien", "predict", portrait, "--json", "--draw", "drawn.jpg", "--explain", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [face["source"] for face in json.loads(done.stdout)["faces"]] == [str(portrait)]
    assert (tmp_path / "drawn.jpg").stat().st_size > 10_000
    assert run(environment / "mien", "train", "synthetic:70", "--recipe", "demo", cwd=tmp_path).returncode == 5
