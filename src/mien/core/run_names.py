"""What a run may be called."""

import re

from mien.core.errors import UsageError

WINDOWS_NAMES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names of devices, which no file or folder can have there, with any ending."""


def check_name(name: str) -> None:
    """Raise `UsageError` if a name can't be that of a new folder below `runs/<verb>`."""
    if not re.fullmatch(r"[\w][\w.+-]*", name):
        raise UsageError(f"'{name}' is no name for a run: letters, digits, '.', '_', '+' and '-' only")
    if name == "latest":
        raise UsageError(f"'{name}' is no name for a run: it means the newest one")
    if name.endswith(".") or name.partition(".")[0].lower() in WINDOWS_NAMES:
        raise UsageError(f"'{name}' is no name for a run: Windows has no folder that is called so")
