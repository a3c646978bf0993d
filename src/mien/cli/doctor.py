"""`mien doctor`."""

from typing import Any

from mien.cli import console, flags
from mien.cli.main import app
from mien.core.errors import DataError, MienError


@app.command()
def doctor(*, json: flags.Json = False, quiet: flags.Quiet = False, verbose: flags.Verbose = False) -> None:
    """Examine the installation: versions, devices, whether what ships is whole, the time of one face.

    Example: `mien doctor --json`
    """
    from mien.workflows.doctor import examine

    found = examine()
    if json:
        console.print_json(found)
    else:
        for head, text in _lines(found):
            print(f"{head:<32}{text}")
    damaged = [file["file"] for file in found["files"] if file["problem"]]
    if damaged:
        raise DataError(f"damaged: {', '.join(damaged)}; install mien again")
    for part in ("runtime", "inference"):
        if found[part]["problem"]:
            raise MienError(f"no {part}: {found[part]['problem']}")


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What is found, as heads and texts."""
    runtime, inference, packages = found["runtime"], found["inference"], found["packages"]
    there = [f"{package['name']} {package['version']}" for package in packages if package["version"]]
    absent = [f"{package['name']} [{', '.join(package['extras'])}]" for package in packages if not package["version"]]
    computes = (
        runtime["problem"] or f"{runtime['version']}, {runtime['threads']} threads, {', '.join(runtime['providers'])}"
    )
    return [
        ("mien", f"{found['mien']} in {found['location']}"),
        ("Python", found["python"]),
        ("system", found["system"]),
        ("processor", found["processor"]),
        ("packages", ", ".join(there)),
        ("not installed", ", ".join(absent) or "nothing"),
        ("ONNX Runtime", computes),
        *((file["file"], file["problem"] or f"whole, sha256 {file['sha256']}") for file in found["files"]),
        ("one face", inference["problem"] or "{ms_a_face} ms: {model}, {precision}, {device}".format(**inference)),
    ]
