"""`do_part`: what a worker does, in whatever process or machine: from a part's pictures to one Parquet file."""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mien.core.bundle import Bundle, Precision
from mien.core.errors import DataError
from mien.core.files import read_json, replacing, write_json
from mien.jobs.manifest import BEGUN, BUNDLE, INSIDE, JobOptions
from mien.jobs.parts import NamedBytes, Part, name_of, pictures_of
from mien.runtime.result_files import ParquetWriter
from mien.runtime.results import PictureResult
from mien.runtime.sources import PictureSource
from mien.workflows.predict import Model, load

MOST_DEATHS = 2
"""A picture at which so many workers died is left out."""

MOST_NAMED = 10
"""So many unreadable pictures of a part are named."""

_models = threading.local()


@dataclass(frozen=True)
class Job:
    """What workers must know; small, since it goes with every part.

    Attributes:
        folder: where the parts are written, absolute.
        sha256: of the network's graph.
        precision: `fp32` or `int8`.
        options: how pictures are looked at.
    """

    folder: str
    sha256: str
    precision: Precision
    options: JobOptions

    def open_model(self) -> Model:
        """Return the model; it is loaded once in each thread of a worker.

        Raises:
            DataError: the folder's bundle is missing or damaged; a worker of a cluster doesn't see the folder.
        """
        known: dict[str, Model] = _models.__dict__.setdefault("known", {})
        if self.sha256 not in known:
            bundle = Bundle.open(Path(self.folder, INSIDE, BUNDLE))
            known[self.sha256] = load(bundle, precision=self.precision, threads=1, device="cpu")
        return known[self.sha256]


@dataclass
class Done:
    """What a finished part has.

    Attributes:
        pictures: how many, those that could not be read included; each frame of a video is one.
        faces: how many.
        without_face: how many pictures have none.
        unreadable: how many pictures could not be read or killed their worker.
        reasons: why, of the first of these.
        warnings: what was logged, the first message of each kind.
    """

    pictures: int = 0
    faces: int = 0
    without_face: int = 0
    unreadable: int = 0
    reasons: list[str] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)

    def add(self, result: PictureResult) -> None:
        """Count a picture."""
        self.pictures += 1
        self.faces += len(result.faces)
        if result.error is not None:
            self.unreadable += 1
            if len(self.reasons) < MOST_NAMED:
                self.reasons.append(result.error)
        elif not result.faces:
            self.without_face += 1

    def counts(self) -> dict[str, int]:
        """Return the four numbers."""
        return {
            "pictures": self.pictures,
            "faces": self.faces,
            "without_face": self.without_face,
            "unreadable": self.unreadable,
        }


def do_part(job: Job, part: Part, *, careful: bool) -> Done:
    """Classify a part's pictures and write its file, whole or not at all.

    Args:
        job: how.
        part: which pictures.
        careful: write down which picture is begun, since a worker died at this part before; a picture at which
            `MOST_DEATHS` workers died is left out, with a record that says so.

    Raises:
        DataError: the table or archive of the part can't be read (a bad picture has a record that says so).
        StorageError: the file can't be written.
    """
    done = Done()
    pictures = pictures_of(part)
    begun = Begun(Path(job.folder, INSIDE, BEGUN, f"{part.number:06}.json"))
    if careful:
        pictures = begun.watch(pictures)
    model = job.open_model()
    with (
        _keeper.keep(done.warnings),
        replacing(Path(job.folder, part.file)) as file,
        closing(ParquetWriter(file, model.classes)) as writer,
    ):
        # Pictures from a generator are worked on in this thread: what is written down as begun is what is worked on.
        for result in model.stream(pictures, skip_bad=True, **job.options.to_dict()):
            done.add(result)
            writer.write(result)
        writer.close(done.counts())
    begun.forget()
    return done


class Begun:
    """A file that says at which picture a part is, so that one that kills its worker is known.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deaths: dict[str, int] = {}
        if path.exists():
            saved = read_json(path)
            self._deaths = saved["deaths"]
            died_at = str(saved["at"])
            self._deaths[died_at] = self._deaths.get(died_at, 0) + 1

    def watch(self, pictures: Iterator[PictureSource]) -> Iterator[PictureSource]:
        """Write down each picture before it is worked on; those at which too many workers died are left out."""
        for place, picture in enumerate(pictures):
            if self._deaths.get(str(place), 0) >= MOST_DEATHS:
                yield LeftOut(b"", name_of(picture))
                continue
            write_json(self._path, {"at": place, "deaths": self._deaths})
            yield picture

    def forget(self) -> None:
        """Remove the file: the part is done."""
        self._path.unlink(missing_ok=True)


class LeftOut(NamedBytes):
    """Takes the place of a picture that kills workers: its record says why it has no faces."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Raise `DataError`, as for a picture that can't be read."""
        raise DataError(f"{self.name}: left out, since {MOST_DEATHS} workers died at it")


class _Keeper(logging.Handler):
    """Keeps what threads log while each works on a part, instead of printing it; what others log is passed on."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: dict[int, dict[str, str]] = {}  # of each thread
        self._changes = threading.Lock()
        self._passes_on = True

    @contextmanager
    def keep(self, messages: dict[str, str]) -> Iterator[None]:
        """Keep the first warning of each kind that this thread logs while the block runs."""
        library, thread = logging.getLogger("mien"), threading.get_ident()
        with self._changes:
            if not self._messages:
                self._passes_on, library.propagate = library.propagate, False
                library.addHandler(self)
            self._messages[thread] = messages
        try:
            yield
        finally:
            with self._changes:
                del self._messages[thread]
                if not self._messages:
                    library.removeHandler(self)
                    library.propagate = self._passes_on

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning unless there is one of its kind, or pass on what another thread logs."""
        messages = self._messages.get(record.thread or 0)
        if messages is None:
            if self._passes_on:
                logging.getLogger().handle(record)
        elif record.levelno >= logging.WARNING:
            messages.setdefault(str(record.msg), record.getMessage())


_keeper = _Keeper()
