"""`report`: make a run's `report.html`."""

from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from mien.core.errors import DataError, MienError
from mien.core.files import write_atomic
from mien.core.runs import REPORTED, RunDir
from mien.reporting.formatting import FILTERS
from mien.reporting.run_files import RunFiles, read_run
from mien.reporting.sections import ABLATION_SECTIONS, SECTIONS
from mien.reporting.summary import summary


def report(run: str | Path | RunDir) -> Path:
    """Write `report.html`: one page without scripts that needs no other file and no network.

    The same run folder gives the same bytes.  Files that a section needs and that are not there yet are named on the
    page, with the command that makes them.

    Args:
        run: the run, its folder, its name, or `latest`; only its own files are read.

    Returns:
        The path of the page.

    Raises:
        DataError: a file of the run is damaged or of another version; the page that was there is kept.
        StorageError: the page can't be written; the page that was there is kept.
    """
    run = RunDir.open(run, verbs=REPORTED)
    path = run.path / "report.html"
    try:
        page = render_page(read_run(run)).encode()
    except MienError:
        raise
    except (KeyError, UndefinedError) as error:
        raise DataError(
            f"{run.path}: a file of the run lacks {error}; it is damaged or of another version of mien"
        ) from error
    except Exception as error:  # a value of another kind than expected ends in whatever the code at hand raises
        raise DataError(
            f"{run.path}: a file of the run has a value that can't be shown ({type(error).__name__}: {error}); it is "
            "damaged or of another version of mien"
        ) from error
    write_atomic(path, page)
    return path


def render_page(files: RunFiles) -> str:
    """Make the page.

    Args:
        files: the run's files.

    Raises:
        KeyError: a file lacks a value.
        UndefinedError: a file lacks a value that only a template shows.
    """
    pages = templates()
    parts = []
    for section in ABLATION_SECTIONS if files.is_ablation else SECTIONS:
        view = section.view(files)
        values = {"missing": view} if isinstance(view, str) else view
        name = "missing.html" if isinstance(view, str) else f"{section.anchor}.html"
        body = Markup(pages.get_template(name).render(values))  # noqa: S704 - the template has escaped what it was given
        parts.append({"anchor": section.anchor, "title": section.title, "body": body})
    return pages.get_template("page.html").render(name=files.name, sections=parts, **summary(files))


def templates() -> Environment:
    """Return the templates of mien's pages; all of them may use `style`, the content of `style.css`."""
    pages = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters |= FILTERS
    pages.globals["style"] = Markup(_read("style.css"))  # noqa: S704 - a file of this package
    return pages


def _read(name: str) -> str:
    return resources.files("mien.reporting").joinpath("templates", name).read_text(encoding="utf-8")
