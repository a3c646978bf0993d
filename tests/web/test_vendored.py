"""ONNX Runtime for the page: the files that `dev/web/refresh.py` took from the packages, and nothing else."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "src/mien/web/vendor/onnxruntime"
SHA256 = json.loads((ROOT / "dev/web/onnxruntime.json").read_text(encoding="utf-8"))["sha256"]


def content(name: str) -> bytes:
    """What a vendored file holds, unpacked."""
    raw = (VENDOR / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


def test_they_are_the_packages_files_and_no_others() -> None:
    assert {path.name for path in VENDOR.iterdir()} == set(SHA256)
    for name, sha256 in SHA256.items():
        assert hashlib.sha256(content(name)).hexdigest() == sha256, name


@pytest.mark.parametrize("name", [name for name in SHA256 if name.endswith(".gz")])
def test_compressing_again_would_give_the_same_head(name: str) -> None:
    """No name and no time: bytes 3 to 8 of a gzip file."""
    assert (VENDOR / name).read_bytes()[3:8] == bytes(5)


def test_the_script_knows_one_address_and_only_names_it_in_a_warning() -> None:
    script = content("ort.wasm.bundle.min.mjs.gz").decode()
    assert re.findall(r"https?://[\w./-]+", script) == ["https://web.dev/cross-origin-isolation-guide/"]
    assert re.search(r'console\.warn\("env\.wasm\.numThreads is set to [^()]*https://web\.dev/', script)


def test_its_licence_and_the_notices_are_there() -> None:
    assert "Permission is hereby granted, free of charge" in content("LICENSE").decode()
    for part in ("protocolbuffers/protobuf", "eigen"):
        assert part in content("ThirdPartyNotices.txt").decode("utf-8").lower()
