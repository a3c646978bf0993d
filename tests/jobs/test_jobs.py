import gc
import io
import json
import logging
import os
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import mien
from mien.core.errors import DataError, MienError, StorageError, UsageError
from mien.jobs import plan as planning
from mien.jobs import work
from mien.jobs.manifest import INSIDE
from mien.jobs.plan import plan
from mien.jobs.run import predict_job
from mien.jobs.status import job_status
from mien.jobs.workers import Workers
from mien.runtime.result_files import flat_record
from mien.runtime.results import PictureResult

from .pictures import kill_at_poison, make_folder, picture


class Here(Executor):
    """Does all in this process, at once, unless a function says that the worker dies."""

    def __init__(self, dies: Callable[[int, bool], bool] = lambda number, careful: False) -> None:
        self.dies = dies
        self.asked: list[tuple[int, bool]] = []

    def submit(self, function: Any, /, job: Any, part: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.asked.append((part.number, named["careful"]))
        try:
            if self.dies(part.number, named["careful"]):
                raise RuntimeError("killed")
            future.set_result(function(job, part, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "PICTURES", 4)
    monkeypatch.setattr(planning, "ROWS", 4)


@pytest.fixture
def folder(tmp_path: Path, small_parts: None) -> Path:
    """Ten pictures, of which one is none, in three parts."""
    made = make_folder(tmp_path / "pics", count=10)
    (made / "005.png").write_bytes(b"no picture")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def rows(folder: Path) -> list[dict[str, Any]]:
    return ds.dataset(folder).to_table().to_pylist()


def test_a_job_has_the_rows_of_predict(folder: Path, tmp_path: Path) -> None:
    status = predict_job(folder, tmp_path / "out", model="mien-n", executor=Here())
    model = mien.load("mien-n", threads=1)
    expected = [flat_record(record, model.classes) for record in model.predict(folder, skip_bad=True).records()]
    assert rows(tmp_path / "out") == expected
    assert len(expected) == 10
    assert (status.parts, status.done, status.failed, status.pictures) == (3, 3, {}, 10)
    assert (status.faces, status.without_face, status.unreadable) == (9, 0, 1)


def test_two_processes_write_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    predict_job(folder, tmp_path / "here", model="mien-n", executor=Here())
    predict_job(folder, tmp_path / "two", model="mien-n", workers=2)
    assert contents(tmp_path / "two") == contents(tmp_path / "here")
    assert len(contents(tmp_path / "two")) == 3


def test_what_reads_tables_reads_a_job(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_job(folder, out, model="mien-n", executor=Here())
    assert len(pd.read_parquet(out)) == 10
    assert pq.read_table(out).num_rows == 10
    assert duckdb.sql(f"select count(*) from '{out}/*.parquet'").fetchall() == [(10,)]


def test_only_what_is_missing_is_done(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_job(folder, out, model="mien-n", executor=Here())
    before = contents(out)
    (out / "part-000001.parquet").unlink()
    assert job_status(out).missing == 1
    again = Here()
    predict_job(folder, out, model="mien-n", executor=again)
    assert again.asked == [(1, False)]
    assert contents(out) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "mien-s"}, r"another network \(mien-n, .* now mien-s"),
        ({"largest": True}, "other settings"),
        ({"precision": "fp32"}, "another network"),
    ],
)
def test_another_job_is_refused(folder: Path, tmp_path: Path, change: dict[str, Any], says: str) -> None:
    out = tmp_path / "out"
    predict_job(folder, out, model="mien-n", executor=Here())
    before = contents(out)
    with pytest.raises(UsageError, match=says):
        predict_job(folder, out, **{"model": "mien-n", "executor": Here(), **change})
    assert contents(out) == before


def test_other_inputs_are_refused(folder: Path, tmp_path: Path) -> None:
    predict_job(folder, tmp_path / "out", model="mien-n", executor=Here())
    (folder / "new.png").write_bytes(picture(99))
    with pytest.raises(UsageError, match=r"other inputs \(10 pictures, now 11\)"):
        predict_job(folder, tmp_path / "out", model="mien-n", executor=Here())


def test_a_folder_of_other_things_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not empty, and not the folder of a job"):
        predict_job(folder, folder, model="mien-n")
    with pytest.raises(DataError, match="not the folder of a job"):
        job_status(folder)


def test_a_lost_part_is_done_again_carefully(folder: Path, tmp_path: Path) -> None:
    once = Here(dies=lambda number, careful: number == 1 and not careful)
    status = predict_job(folder, tmp_path / "out", model="mien-n", executor=once)
    assert sorted(once.asked) == [(0, False), (1, False), (1, True), (2, False)]
    predict_job(folder, tmp_path / "calm", model="mien-n", executor=Here())
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")
    assert status.failed == {}


class DyingTogether(Workers):
    """Three parts are begun and lost, as when the death of one process ends all; later ones are done by a thread."""

    def __init__(self) -> None:
        self.count = 2
        self.lost: list[Future[Any]] = []
        self.given: list[Future[Any]] = []
        self.beside: list[int] = []
        self.thread = ThreadPoolExecutor(1)

    def submit(self, function: Any, /, job: Any, part: Any, **named: Any) -> "Future[Any]":
        if named["careful"]:
            self.beside.append(sum(not each.done() for each in self.given))
            self.given.append(self.thread.submit(function, job, part, **named))
            return self.given[-1]
        self.lost.append(Future())
        if len(self.lost) == self.count + 1:
            for each in self.lost:
                each.set_exception(BrokenExecutor("killed"))
        return self.lost[-1]

    def restart(self) -> None:
        pass


def test_parts_that_died_together_are_done_one_by_one(folder: Path, tmp_path: Path) -> None:
    """Else the picture of another part is blamed for the death that the poisonous one has brought to all."""
    workers = DyingTogether()
    status = predict_job(folder, tmp_path / "out", model="mien-n", executor=workers)
    assert (status.done, len(workers.lost)) == (3, 3)
    assert workers.beside == [0, 0, 0]


def test_half_written_files_of_dead_workers_are_removed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    halves = [out / ".mien-a.tmp", out / INSIDE / "begun" / ".mien-b.tmp"]

    def dies(number: int, careful: bool) -> bool:
        if careful:
            return False
        for half in halves:
            half.write_bytes(b"PAR1")
        return True

    predict_job(folder, out, model="mien-n", executor=Here(dies))
    assert not any(half.exists() for half in halves)
    for half in halves:  # as a job leaves them that was killed itself
        half.write_bytes(b"PAR1")
    predict_job(folder, out, model="mien-n", executor=Here())
    assert not any(half.exists() for half in halves)


def test_a_part_that_is_always_lost_is_named(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status = predict_job(folder, out, model="mien-n", executor=Here(dies=lambda number, careful: number == 1))
    assert status.failed == {"part-000001.parquet": "lost 20 times, since its workers died (RuntimeError: killed)"}
    assert (status.done, status.missing) == (2, 0)
    assert predict_job(folder, out, model="mien-n", executor=Here()).failed == {}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_a_name_in_another_encoding_is_no_reason_to_lose_a_part(folder: Path, tmp_path: Path) -> None:
    (folder / "001.png").rename(folder / "\udcff.png")
    status = predict_job(folder, tmp_path / "out", model="mien-n", executor=Here())
    assert (status.done, status.unreadable, status.failed) == (3, 2, {})
    assert f"{folder}/\\udcff.png" in [row["source"] for row in rows(tmp_path / "out")]


def test_a_part_that_fails_closes_its_file(folder: Path, tmp_path: Path) -> None:
    """Else PyArrow complains when the writer is collected, which pytest makes an error."""
    shard = tmp_path / "shard.tar"
    with tarfile.open(shard, "w") as archive:
        archive.add(folder / "000.png")

    def cut_off(number: int, careful: bool) -> bool:
        shard.write_bytes(shard.read_bytes()[:600])
        return False

    status = predict_job(shard, tmp_path / "out", model="mien-n", executor=Here(cut_off))
    gc.collect()
    assert "damaged" in status.failed["part-000000.parquet"]


def test_parts_in_threads_leave_the_log_as_it_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first part ends while the second is at work; what is logged beside them and later is heard."""
    inside, beside, left = Event(), Event(), Event()
    log, add = logging.getLogger("mien.test"), work.Done.add

    def add_and_wait(done: work.Done, result: PictureResult) -> None:
        add(done, result)
        if result.source.endswith("000.png"):
            inside.set()
            assert beside.wait(60)
        if result.source.endswith("004.png"):
            log.warning("said by a part")
            beside.set()
            assert left.wait(60)

    class InTurn(ThreadPoolExecutor):
        def submit(self, function: Any, /, job: Any, part: Any, **named: Any) -> "Future[Any]":
            return super().submit(self._do, function, job, part, **named)

        def _do(self, function: Any, job: Any, part: Any, **named: Any) -> Any:
            if part.number:
                assert inside.wait(60)
            done = function(job, part, **named)
            if not part.number:
                log.warning("said beside it")
                left.set()
            return done

    monkeypatch.setattr(work.Done, "add", add_and_wait)
    with InTurn(2) as threads:
        predict_job(folder, tmp_path / "out", model="mien-n", executor=threads, crops=True)
    log.warning("said later")
    heard = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    unreadable = f"left out: {folder}/005.png: not a picture that Pillow can read"
    assert sorted(heard) == sorted([unreadable, "said by a part", "said beside it", "said later"])


def test_a_full_disk_ends_the_job_and_keeps_what_is_done(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing = work.replacing

    def full(path: Path) -> Any:
        if path.name == "part-000001.parquet":
            raise StorageError(f"{path}: could not be written (no space left on device)")
        return replacing(path)

    monkeypatch.setattr(work, "replacing", full)
    with pytest.raises(StorageError, match="part-000001"):
        predict_job(folder, tmp_path / "out", model="mien-n", executor=Here())
    assert "part-000000.parquet" in contents(tmp_path / "out")
    monkeypatch.undo()


@pytest.mark.long
def test_a_picture_that_kills_workers_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "006.png").write_bytes(b"POISON")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(kill_at_poison(tmp_path / "kill")), os.environ.get("PYTHONPATH", "")])
    )
    status = predict_job(folder, tmp_path / "out", model="mien-n", workers=2)
    assert (status.done, status.failed, status.unreadable) == (3, {}, 2)
    found = {row["source"]: row for row in rows(tmp_path / "out")}
    assert len(found) == 10
    assert found[str(folder / "006.png")]["reason"] == f"{folder / '006.png'}: left out, since 2 workers died at it"
    assert [row["source"] for row in rows(tmp_path / "out")] == [str(path) for path in sorted(folder.iterdir())]
    assert not list((tmp_path / "out" / INSIDE / "begun").iterdir())


@pytest.mark.long
def test_a_killed_worker_costs_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "006.png").write_bytes(b"POISON")
    once = kill_at_poison(tmp_path / "kill", marker=str(tmp_path / "died"))
    predict_job(folder, tmp_path / "calm", model="mien-n", executor=Here())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(once), os.environ.get("PYTHONPATH", "")]))
    predict_job(folder, tmp_path / "out", model="mien-n", workers=2)
    assert (tmp_path / "died").exists()
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")


def test_lists_tables_and_archives(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (tmp_path / "list.txt").write_text("000.png\n\n001.png\n000.png\n")
    pq.write_table(pa.table({"path": ["002.png"], "other": [1]}), tmp_path / "names.parquet")
    images = [{"bytes": picture(number), "path": None} for number in range(6)]
    pq.write_table(pa.table({"image": images}), tmp_path / "images.parquet", row_group_size=5)
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for name, content in (("a.png", picture(1)), ("a.json", b"{}"), ("b.png", picture(2))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    inputs = [
        f"@{tmp_path}/list.txt",
        *(str(tmp_path / name) for name in ("names.parquet", "images.parquet", "shard.tar")),
    ]
    status = predict_job(inputs, tmp_path / "out", model="mien-n", executor=Here())
    found = rows(tmp_path / "out")
    of_table = [f"{tmp_path}/images.parquet:{row}" for row in range(6)]
    of_archive = [f"{tmp_path}/shard.tar/a.png", f"{tmp_path}/shard.tar/b.png"]
    assert [row["source"] for row in found] == ["000.png", "001.png", "002.png", *of_table, *of_archive]
    assert (status.parts, status.faces) == (4, 11)
    alone = mien.predict([picture(5)], "mien-n")[0].faces[0]
    assert found[8]["label"] == alone.label
    assert found[8]["probability"] == round(alone.probability, 6)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("list.txt", b"a.png\nb.png\n", r"list.txt, name 1: no such file or folder: a.png, and 1 more"),
        ("list.txt", b"\n", "no names in it"),
        ("list.txt", b"\xff\xfe", "not UTF-8 text"),
        ("x.csv", b"path\n", "no input of a job in parts"),
        ("x.tar", b"no archive", "not a tar archive"),
        ("x.parquet", b"PAR1 no table", "not a Parquet file, or damaged"),
    ],
)
def test_bad_inputs_are_refused_before_anything_is_made(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    given = f"@{tmp_path / name}" if name == "list.txt" else str(tmp_path / name)
    with pytest.raises(MienError, match=says):
        predict_job(given, tmp_path / "out", model="mien-n")
    assert not (tmp_path / "out").exists()


def test_a_table_without_pictures_says_what_it_needs(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="the columns are a; expected image with the pictures' bytes, or one of path"):
        plan([tmp_path / "x.parquet"])
    pq.write_table(pa.table({"path": ["a.png", None]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="row 1: path is None, expected the name of a picture file"):
        plan([tmp_path / "x.parquet"])


def test_a_file_that_is_gone_has_a_record(folder: Path, tmp_path: Path) -> None:
    class Late(Here):
        def submit(self, function: Any, /, job: Any, part: Any, **named: Any) -> "Future[Any]":
            (folder / "003.png").unlink(missing_ok=True)
            return super().submit(function, job, part, **named)

    status = predict_job(folder, tmp_path / "out", model="mien-n", executor=Late())
    assert (status.pictures, status.unreadable) == (10, 2)
    assert rows(tmp_path / "out")[3]["reason"].endswith("003.png: no such file or folder")


def test_threads_work_as_well(folder: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        predict_job(folder, tmp_path / "out", model="mien-n", executor=threads)
    predict_job(folder, tmp_path / "calm", model="mien-n", executor=Here())
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")


def test_one_does_the_job(folder: Path, tmp_path: Path) -> None:
    for both in ({"workers": 2, "executor": Here()}, {"workers": 2, "cluster": "tcp://127.0.0.1:9"}):
        with pytest.raises(UsageError, match="workers of this machine, a cluster or an executor do a job; give one"):
            predict_job(folder, tmp_path / "out", model="mien-n", **both)
        assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="workers 0, expected 1 to 1024"):
        predict_job(folder, tmp_path / "out", workers=0)


def test_a_damaged_part_is_named(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_job(folder, out, model="mien-n", executor=Here())
    (out / "part-000001.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"part-000001.parquet: damaged .*; remove it and start the job again"):
        job_status(out)
    (out / INSIDE / "manifest.json").write_text(json.dumps({"schema_version": 3}))
    with pytest.raises(DataError, match=r"manifest.json: damaged"):
        job_status(out)
