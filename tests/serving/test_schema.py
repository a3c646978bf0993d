"""schemathesis against the schema: no request that it thinks of is answered otherwise than the schema says."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .service import Service

CONFIG = """
[checks]
# Which bytes are a picture, no schema can say: most that fit it are refused with 422.
positive_data_acceptance.expected-statuses = [200, 422]
"""


@pytest.mark.long
def test_the_schema_is_true(service: Service, tmp_path: Path) -> None:
    if find_spec("schemathesis") is None:
        pytest.skip("no schemathesis: pip install schemathesis")
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    address = f"http://127.0.0.1:{service.port}/openapi.json"
    line = [sys.executable, "-m", "schemathesis.cli", "run", address, "--checks", "all", "--max-examples", "50"]
    done = subprocess.run([*line, "--seed", "1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Operations:       6 selected / 6 total" in done.stdout
