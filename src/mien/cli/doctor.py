"""`mien doctor`."""

from typing import TYPE_CHECKING

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import DataError, MienError

if TYPE_CHECKING:
    from mien.core.diagnosis import Diagnosis


@app.command()
def doctor(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """Examine the installation: versions, devices, whether what ships is whole, the time of one face.

    Examples:
    * `mien doctor`
    * `mien doctor --json`
    """
    from mien.workflows.doctor import doctor as examine

    found = examine()
    if json:
        console.print_json(found.to_dict())
    else:
        for head, text in _lines(found):
            print(f"{head:<32}{text}")
    damaged = [file.file for file in found.files if file.problem]
    if damaged:
        raise DataError(f"damaged: {', '.join(damaged)}; install mien again")
    if found.runtime.problem:
        raise MienError(f"ONNX Runtime can't be used: {found.runtime.problem}")
    if found.inference.problem:
        raise MienError(f"no face can be classified: {found.inference.problem}")


def _lines(found: "Diagnosis") -> list[tuple[str, str]]:
    """Return what is found, as heads and texts."""
    installed, absent = [], []
    for package in found.packages:
        if package.version:
            installed.append(f"{package.name} {package.version}")
        else:
            absent.append(f"{package.name} [{', '.join(package.extras)}]")
    runtime, inference = found.runtime, found.inference
    lines = [
        ("mien", f"{found.mien} in {found.location}"),
        ("Python", found.python),
        ("system", found.system),
        ("processor", found.processor),
        ("packages", ", ".join(installed)),
        ("not installed", ", ".join(absent) or "nothing"),
        (
            "ONNX Runtime",
            runtime.problem or f"{runtime.version}, {runtime.threads} threads, {', '.join(runtime.providers)}",
        ),
    ]
    for file in found.files:
        lines.append((file.file, file.problem or f"whole, sha256 {file.sha256}"))
    speed = f"{inference.ms_per_face} ms: {inference.model}, {inference.precision}, {inference.device}"
    lines.append(("one face", inference.problem or speed))
    return lines
