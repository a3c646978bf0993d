"""`distribute`: give the parts of a job to an executor, and again where a worker died at one."""

import logging
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from pathlib import Path

from mien.core.errors import MienError, StorageError
from mien.core.files import remove, write_atomic
from mien.core.progress import OnProgress, Progress
from mien.jobs.manifest import BEGUN, FAILED, INSIDE
from mien.jobs.parts import Part
from mien.jobs.work import Done, Job, do_part
from mien.jobs.workers import Workers

MOST_LOSSES = 20
"""A part that was lost so often is given up."""

MOST_STARTS = 3
"""Workers that died so often before any of them began to work can't be started."""

AT_ONCE = 256
"""So many parts are given to an executor of somebody else's at once, which has its own queue."""

MOST_NAMED = 10
"""So many unreadable pictures are named; the files of a job have all."""

log = logging.getLogger(__name__)


def distribute(
    job: Job, parts: Sequence[Part], executor: Executor, *, done: int, progress: OnProgress | None = None
) -> None:
    """Have an executor do all parts; those that can't be done are written down as failed.

    Args:
        job: how.
        parts: which; at least one.
        executor: who.
        done: how many pictures of the job are finished already.
        progress: called with how many pictures are done.

    Raises:
        MienError: the workers can't be started.
        StorageError: a part can't be written; those that are finished stay.
    """
    _Distribution(job, executor, done=done, total=done + sum(part.count for part in parts), progress=progress).do(parts)


class _Distribution:
    def __init__(self, job: Job, executor: Executor, *, done: int, total: int, progress: OnProgress | None) -> None:
        self._job, self._executor, self._progress = job, executor, progress
        self._done, self._total, self._faces, self._named = done, total, 0, 0
        self._at_once = executor.count + 1 if isinstance(executor, Workers) else AT_ONCE
        self._running: dict[Future[Done], Part] = {}
        self._losses: Counter[int] = Counter()
        self._has_begun = False
        self._starts = 1
        self._warned: set[str] = set()

    def do(self, parts: Sequence[Part]) -> None:
        waiting = deque(parts)
        try:
            while waiting or self._running:
                while waiting and self._has_room_for(waiting[0]):
                    self._submit(waiting.popleft())
                for part in self._finished():
                    waiting.appendleft(part)
        finally:
            for future in self._running:
                future.cancel()

    def _has_room_for(self, part: Part) -> bool:
        lost_before = any(self._losses[each.number] for each in (part, *self._running.values()))
        if lost_before and self._running and isinstance(self._executor, Workers):
            # The death of one of these processes ends them all: where one died before, a part is done alone, so
            # that no picture of another part is blamed for it.
            return False
        return len(self._running) < self._at_once

    def _submit(self, part: Part) -> None:
        remove(self._inside(FAILED, f"{part.number:06}.txt"))
        future = self._executor.submit(do_part, self._job, part, careful=self._losses[part.number] > 0)
        self._running[future] = part

    def _finished(self) -> list[Part]:
        """Wait for a part, and return those that were lost and are still to be done."""
        finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
        broken = any(not future.cancelled() and isinstance(future.exception(), BrokenExecutor) for future in finished)
        if broken:  # with one process all are lost
            finished, _ = wait(self._running)
        lost = [part for future in finished if (part := self._take(future, self._running.pop(future)))]
        if broken:
            self._restart()
        return lost

    def _take(self, future: "Future[Done]", part: Part) -> Part | None:
        """Count a part that is done, or write down that it failed, or return one that was lost."""
        try:
            done = future.result()
        except StorageError:
            raise
        except MienError as error:
            self._fail(part, str(error))
            return None
        except (Exception, CancelledError) as error:  # whatever ends a worker, of any executor
            self._losses[part.number] += 1
            if self._losses[part.number] < MOST_LOSSES:
                return part
            self._fail(part, f"lost {MOST_LOSSES} times, since its workers died ({type(error).__name__}: {error})")
            return None
        self._has_begun = True
        self._tell(done, part)
        return None

    def _tell(self, done: Done, part: Part) -> None:
        self._done += part.count
        self._faces += done.faces
        for kind, message in done.warnings.items():
            if kind not in self._warned:
                self._warned.add(kind)
                log.warning("%s", message)
        for reason in done.reasons:
            if self._named < MOST_NAMED:
                log.warning("left out: %s", reason)
            self._named += 1
        if self._progress:
            self._progress(Progress(f"{self._faces:,} faces found", self._done, self._total, "pictures"))

    def _fail(self, part: Part, reason: str) -> None:
        log.error("%s: %s", part.file, reason)
        write_atomic(self._inside(FAILED, f"{part.number:06}.txt"), reason)

    def _restart(self) -> None:
        """Start workers anew.

        Raises:
            MienError: they can't be started, or they are somebody else's.
        """
        if not isinstance(self._executor, Workers):
            raise MienError("the executor's processes died; finished parts are kept: give it anew and start again")
        self._starts += 1
        self._has_begun = self._has_begun or any(self._inside(BEGUN).iterdir())
        if not self._has_begun and self._starts > MOST_STARTS:
            raise MienError(
                "the worker processes die as they start; a script that calls predict_job needs the line "
                '`if __name__ == "__main__":` around it, and each process needs about 200 MB of memory'
            )
        self._executor.restart()

    def _inside(self, *names: str) -> Path:
        return Path(self._job.folder, INSIDE, *names)
