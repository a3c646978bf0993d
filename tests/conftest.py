"""A tiny finished study, its bundle and the real faces, made or read once and shared; nobody changes them."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch is imported: the workers of a test run share the cores

import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from mien.core.bundle import Bundle
from mien.core.faces import FaceSet
from mien.data.formats import open_faces

if TYPE_CHECKING:
    from mien.workflows.run import Run

ROOT = Path(__file__).parents[1]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Let one worker of the test run make a folder; returns a copy for this worker alone."""
    own = factory.mktemp(name) / name
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make(own)
        return own
    common = factory.getbasetemp().parent  # of all workers of this test run
    whole, part = common / "whole" / name, common / "part" / name  # a report has its run's name, so both have the same
    with FileLock(common / f"{name}.lock"):
        if not whole.exists():
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            whole.parent.mkdir(exist_ok=True)
            part.rename(whole)
    return shutil.copytree(whole, own)


@pytest.fixture(autouse=True)
def logs_reach_pytest() -> None:
    """Undo what the command line, run by a test or by a fixture before this one, does to the library's logs."""
    logger = logging.getLogger("mien")
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_works() -> None:
    """A shell lets its background jobs ignore Ctrl+C, and whatever they start would ignore it too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def sigterm_ends_the_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """A training takes SIGTERM for itself, and code under test may catch what is raised: so no further test begins."""

    def stop(*_: object) -> None:
        request.session.shouldfail = "ended by SIGTERM"
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """`mien study` on 210 drawn faces for one epoch, with ways of explaining compared on 14 of them only."""
    from mien.workflows.run import Run

    def make(out: Path) -> None:
        from mien.workflows.study import study

        settings = {"epochs": 1, "batch": 32, "holdout": {"rows": 35}, "device": "cpu"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mien.workflows.explain.COMPARED_FACES", 14)
            study("synthetic:210", recipe="demo", ablation=None, out=out, **settings)

    return Run(made_once(tmp_path_factory, "study", make))


@pytest.fixture
def course_csv(tmp_path: Path) -> Path:
    """A course file with two faces of each of FER2013's seven classes."""
    path = tmp_path / "train.csv"
    rows = [f"{i % 7},{' '.join([str(10 * i)] * 2304)}" for i in range(14)]
    path.write_text("\n".join(["label,feature", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def exported(studied: "Run", tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The study's bundle."""

    def make(out: Path) -> None:
        from mien.workflows.export import export

        export(studied, out=out, max_risk=1.0)

    return Bundle.open(made_once(tmp_path_factory, "bundle", make))


@pytest.fixture
def bundle(exported: Bundle, tmp_path: Path) -> Bundle:
    """A copy of it that a test may damage."""
    return Bundle.open(shutil.copytree(exported.path, tmp_path / "copy"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real rows: `MIEN_DATA`, or `../shared/data` beside the repository."""
    folder = Path(os.environ.get("MIEN_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "fer2013_public.parquet").is_file():
        pytest.skip(f"no real data: {folder}/fer2013_public.parquet is absent, MIEN_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def real(data_dir: Path) -> FaceSet:
    """All real rows, from the Parquet file."""
    return open_faces(data_dir / "fer2013_public.parquet")


@pytest.fixture(
    scope="session", params=["matplotlib/mpl-data/sample_data/grace_hopper.jpg", "skimage/data/astronaut.png"]
)
def portrait(request: pytest.FixtureRequest) -> Path:
    """A photo of one person, in the public domain, out of an installed package."""
    package, _, file = request.param.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"no photo: {package} is not installed")
    path = Path(spec.origin).parent / file
    if not path.is_file():
        pytest.skip(f"no photo: this {package} is without {file}")
    return path


@pytest.fixture
def two_machines() -> Iterator[tuple[str, str]]:
    """Two network namespaces, joined by a cable, as if they were machines: their names; 10.77.0.1 and 10.77.0.2."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and `ip` to make network namespaces")
    names = (f"mien-a-{os.getpid()}", f"mien-b-{os.getpid()}")
    commands = [f"ip netns add {name}" for name in names]
    commands += [f"ip link add mien0 netns {names[0]} type veth peer name mien0 netns {names[1]}"]
    for number, name in enumerate(names, start=1):
        commands += [f"ip -n {name} addr add 10.77.0.{number}/24 dev mien0"]
        commands += [f"ip -n {name} link set {device} up" for device in ("mien0", "lo")]
    try:
        for command in commands:
            done = subprocess.run(command.split(), check=False, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"`{command}` fails here: {done.stderr.strip()}")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
