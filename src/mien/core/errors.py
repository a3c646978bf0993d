"""The exception tree, and what each branch means as an exit code.

MienError                1    failed: a bug or the environment
├── StorageError         1    a file could not be written (disk full, read-only)
├── Diverged             1    a training whose loss became infinite or no number
├── UsageError           2    the command or call was wrong
│   └── ConfigError      2    a recipe, a flag or a config value was wrong
├── DataError            3    input data missing or malformed (file, row, what was expected)
├── GateError            4    a gate was not passed
├── MissingExtraError    5    an optional part is not installed
└── Interrupted          130  stopped by the user after saving
"""

from collections.abc import Iterable
from difflib import get_close_matches

from mien.core.text import readable


class MienError(Exception):
    """Anything mien raises on purpose; the message says what was found, where, what was expected, what to do.

    It may quote file names and what files hold, so it is made `readable`.
    """

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(readable(message))


class StorageError(MienError):
    """A file could not be written; what was there before is unchanged."""


class Diverged(MienError):
    """The loss of a training became infinite or no number; the epochs before are kept."""


class UsageError(MienError):
    """The call or the command line was wrong; nothing was started."""

    exit_code = 2


class ConfigError(UsageError):
    """A recipe, a flag or a config value was wrong; nothing was started."""


class DataError(MienError):
    """Input data are missing or malformed."""

    exit_code = 3


class GateError(MienError):
    """A threshold that the user set was not met."""

    exit_code = 4


class MissingExtraError(MienError):
    """An optional part is not installed; the message holds the `pip install` line."""

    exit_code = 5


class Interrupted(MienError):
    """The user stopped the work after its state was saved."""

    exit_code = 130


def pip_install(extra: str) -> str:
    """Say how an optional part is installed.

    >>> pip_install("video")
    "pip install 'mien[video]', or in a clone of it: pip install '.[video]'"
    """
    return f"pip install 'mien[{extra}]', or in a clone of it: pip install '.[{extra}]'"


EXTRAS = {"pyarrow": "parquet", "av": "video", "pillow_heif": "heic"}
EXTRAS |= dict.fromkeys(
    ("torch", "lightning", "safetensors", "scipy", "matplotlib", "jinja2", "captum", "onnx", "onnxscript"),
    "train",
)
EXTRAS |= dict.fromkeys(("fastapi", "uvicorn", "prometheus_client"), "serve")
"""The optional part that brings a package."""


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """Return the error that names the optional part to install; None where no optional part brings the module.

    >>> str(missing_extra(ModuleNotFoundError(name="torch.nn")))
    "this needs torch: pip install 'mien[train]', or in a clone of it: pip install '.[train]'"
    """
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return None
    return MissingExtraError(f"this needs {package}: {pip_install(EXTRAS[package])}")


def nearest(name: str, choices: Iterable[str], *, count: int = 3) -> str:
    """Say which known names are meant most likely, for the end of an error message.

    >>> nearest("corse_cnn", ["course_cnn", "mien-s"])
    'did you mean course_cnn?'
    >>> nearest("zzz", ["course_cnn", "mien-s"])
    'known: course_cnn, mien-s'
    """
    known = sorted(choices)
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    close = get_close_matches(name, known, n=count, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known[:12])}{more}"
