"""Print what mien needs without upper bounds, one requirement a line: what `make test-newest` installs."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
needed = list(project["dependencies"])
for extra in project["optional-dependencies"].values():
    needed += extra
for requirement in sorted(set(needed)):
    bounds = requirement.split(",")
    print(",".join(bound for bound in bounds if not bound.startswith("<")))
