"""Fetch ONNX Runtime for the page, check it, and put it into src/mien/web/vendor/onnxruntime.

    python dev/web/refresh.py                             # the version in onnxruntime.json
    python dev/web/refresh.py --version 1.31.0            # says what would change; nothing is written
    python dev/web/refresh.py --version 1.31.0 --accept   # writes it, and its hashes into onnxruntime.json

Needs npm and pip.  Of the npm package only two files are taken: the others fetch more code when they run, or are
larger.  Its licence and the notices of what it is made of lie in the Python wheel of the same version alone.
"""

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
HASHES = HERE / "onnxruntime.json"
VENDOR = HERE.parents[1] / "src/mien/web/vendor/onnxruntime"

FROM_NPM = {
    "ort.wasm.bundle.min.mjs.gz": "package/dist/ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm.gz": "package/dist/ort-wasm-simd-threaded.wasm",
}
FROM_WHEEL = {"LICENSE": "onnxruntime/LICENSE", "ThirdPartyNotices.txt": "onnxruntime/ThirdPartyNotices.txt"}
"""The vendored file, and where it lies in the package."""


def main() -> None:
    """Fetch, compare with the hashes that are written down, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", help="of onnxruntime-web; by default the one in onnxruntime.json")
    parser.add_argument("--accept", action="store_true", help="write other content than the hashes say, and its hashes")
    arguments = parser.parse_args()
    known = json.loads(HASHES.read_text(encoding="utf-8"))
    version = arguments.version or known["version"]
    with tempfile.TemporaryDirectory() as folder:
        files = fetch(version, Path(folder))
    hashes = {}
    for name, content in files.items():
        hashes[name] = hashlib.sha256(content).hexdigest()
        said = "as written down" if known["sha256"].get(name) == hashes[name] else "CHANGED"
        print(f"{name}: {len(content):,} bytes, sha256 {hashes[name]}, {said}")
    if hashes != known["sha256"] and not arguments.accept:
        raise SystemExit(f"other content than {HASHES.name} says; nothing was written; --accept takes it")
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (VENDOR / name).write_bytes(packed(content) if name.endswith(".gz") else content)
    HASHES.write_text(json.dumps({"version": version, "sha256": hashes}, indent=2) + "\n", encoding="utf-8")
    print(f"onnxruntime-web {version} is in {VENDOR}")


def fetch(version: str, folder: Path) -> dict[str, bytes]:
    """Download both packages into `folder`; returns the content of each vendored file, not yet compressed."""
    files = {}
    npm = ("npm", "pack", f"onnxruntime-web@{version}", "--silent", "--pack-destination", folder)
    subprocess.run(npm, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    [package] = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        for name, path in FROM_NPM.items():
            member = archive.extractfile(path)
            if member is None:
                raise SystemExit(f"{package.name}: {path} is no file")
            files[name] = member.read()
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder)
    subprocess.run((*pip, f"onnxruntime=={version}"), check=True, cwd=folder)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed_wheel:
        for name, path in FROM_WHEEL.items():
            files[name] = packed_wheel.read(path)
    return files


def packed(content: bytes) -> bytes:
    """Compress without a time or a name in it, so that the same content gives the same bytes."""
    return gzip.compress(content, 9, mtime=0)


if __name__ == "__main__":
    main()
