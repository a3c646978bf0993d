"""The `mien` command: its verbs, and what an error becomes."""

import errno
import io
import os
import re
import sys
import traceback
import warnings
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from mien.cli import console
from mien.core import command_line
from mien.core.errors import Interrupted, MienError, UsageError, missing_extra

app = typer.Typer(
    name="mien",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": lambda t: t.replace("_", "-")},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(version("mien"))
        raise typer.Exit


@app.callback()
def _before(
    *,
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Facial-expression recognition you can check: train, evaluate, explain, ship."""


def main() -> None:
    """Run the command line and exit with the code that `core/errors.py` lists."""
    _leave_ascii()
    for stream in (sys.stdout, sys.stderr):  # results are UTF-8 everywhere; a terminal shows what it can
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")  # Pillow's; our own error says it too
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # a full disk: the interpreter would try it once more, and exit with 120
        _drop_output()
    sys.exit(code)


def _leave_ascii() -> None:
    """Start anew in Python's UTF-8 mode where it takes names of files for ASCII: in the C locale with PYTHONUTF8=0."""
    if sys.getfilesystemencoding() == "ascii":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code.

    >>> run(["models", "--no-such-flag"])
    2
    """
    console.show_logs()
    command_line.typed[:] = ["mien", *arguments]
    try:
        return _call(arguments)
    except MienError as error:
        return _fail(error, error.exit_code)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            return _fail(error, 1)
        return _fail(missing, missing.exit_code)
    except KeyboardInterrupt:
        console.complain(Interrupted("interrupted"))
        return Interrupted.exit_code
    except OSError as error:
        if not _is_closed_pipe(error):
            return _fail(error, 1)
        _drop_output()
        return 0
    except Exception as error:
        return _fail(error, 1)


def _is_closed_pipe(error: OSError) -> bool:
    """Say whether the reader of our output has seen enough; Windows calls that an invalid argument."""
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)


def _drop_output() -> None:
    """Let what is left in the buffer of standard output, and what is still to come, go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _call(arguments: list[str]) -> int:
    """Call the verb; Typer's and Rich's own ways out become the exceptions that they stand for."""
    try:
        code = int(app(arguments, standalone_mode=False) or 0)
    except TyperException as error:
        if not error.format_message():  # help was shown
            return 2
        raise UsageError(_with_example(error)) from error
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as error:
        if isinstance(error.__context__, OSError) and _is_closed_pipe(error.__context__):
            raise error.__context__ from None
        raise
    if code == Interrupted.exit_code:
        raise KeyboardInterrupt
    sys.stdout.flush()
    return code


def _with_example(error: TyperException) -> str:
    """Return the message; where an input is missing, with the verb's own example."""
    message = error.format_message()
    command = getattr(getattr(error, "ctx", None), "command", None)
    example = re.search(r"Examples?:\s+(?:\* )?`([^`]+)`", getattr(command, "help", None) or "")
    return f"{message.rstrip('.')}; for example: {example[1]}" if example and message.startswith("Missing") else message


def _fail(error: Exception, code: int) -> int:
    if console.verbose():
        traceback.print_exception(error)
    named = str(error) if isinstance(error, MienError) else f"{type(error).__name__}: {error} (--verbose shows where)"
    console.complain(MienError(named))
    return code


for _verb in (
    *("data", "train", "evaluate", "ensemble", "compare", "predict", "explain", "report"),
    *("ablate", "study", "export", "serve", "models", "doctor"),
):
    import_module(f"mien.cli.{_verb}")
