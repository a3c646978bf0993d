"""The page's JavaScript is typed by JSDoc; the TypeScript compiler checks it where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TSC = shutil.which("tsc")


@pytest.mark.skipif(TSC is None, reason="no TypeScript: npm install -g typescript")
@pytest.mark.parametrize("side", [path.name for path in sorted(HERE.glob("tsconfig.*.json"))])
def test_types(side: str) -> None:
    done = subprocess.run([str(TSC), "-p", str(HERE / side)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
