import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mien.core.errors import DataError, Interrupted, StorageError, UsageError
from mien.core.runs import OWN, REPORTED, STATES, RunDir
from mien.core.schema import SCHEMA_VERSION


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(verb: str, name: str) -> RunDir:
    run = RunDir.create(verb, name=name)
    (run.path / "config.json").write_text("{}")
    run.set_status("finished")
    return run


def test_names_that_are_taken(here: Path) -> None:
    paths = [made("train", "a").path for _ in range(3)]
    assert paths == [here / "runs/train" / name for name in ("a", "a-2", "a-3")]


def test_runs_made_at_once_get_folders_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: RunDir.create("train", name="a"), range(16)))
    assert {run.path.name for run in runs} == {"a", *(f"a-{i}" for i in range(2, 17))}
    assert RunDir.create("train", name="b").path.name == "b"


@pytest.mark.parametrize("name", ["mien-s-20260101-120000", "a.b", "x+y", "1", "été"])
def test_names_that_are_good(here: Path, name: str) -> None:
    run = made("train", name)
    assert run.path == here / "runs/train" / name
    assert RunDir.open(name) == run


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".", "..", ".hidden", "-x", "a b", "a\n", "latest"])
def test_names_that_are_none(here: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a run"):
        RunDir.create("train", name=name)
    assert not list(here.iterdir())


def test_out(here: Path) -> None:
    run = RunDir.create("train", name="a", out=Path("there/deep"))
    assert run.path == here / "there/deep"
    RunDir.create("train", name="a", out=Path("there/deep"))  # still empty
    (run.path / "x").write_text("")
    with pytest.raises(UsageError, match="not empty"):
        RunDir.create("train", name="a", out=run.path)
    assert RunDir.create("train", name="a", out=run.path, overwrite=True).path == run.path
    with pytest.raises(UsageError, match="not empty"):
        RunDir.create("train", name="a", out=run.path / "x")
    with pytest.raises(StorageError, match=r"deep/x: could not be written"):
        RunDir.create("train", name="a", out=run.path / "x", overwrite=True)
    assert (run.path / "x").is_file()
    assert not (here / "runs").exists()


def test_a_place_that_cannot_be(here: Path) -> None:
    (here / "runs").write_text("a file")
    with pytest.raises(StorageError, match="could not be written"):
        RunDir.create("train", name="a")


def test_a_run_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made("train", "a")
    mkdir, tries = Path.mkdir, []

    def full(path: Path, *args: object, **flags: object) -> None:
        if path.name == "b":
            tries.append(path)
            raise OSError(28, "No space left on device")
        mkdir(path, *args, **flags)

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StorageError, match=r"train/b: could not be written \(No space"):
        RunDir.create("train", name="b")
    assert len(tries) == 1


def test_a_name_is_no_pattern() -> None:
    run = made("train", "run-1")
    assert RunDir.open("run-1") == run
    for pattern in ("*", "run-?", "run-[1]"):
        with pytest.raises(DataError, match="no run folder"):
            RunDir.open(pattern)


def test_opening() -> None:
    one, two = made("train", "one"), made("study", "two")
    assert RunDir.open("one") == RunDir.open(one.path) == RunDir.open("runs/train/one") == one
    assert RunDir.open("two") == RunDir.open(two) == two


def at(run: RunDir, second: int, state: str = "finished") -> RunDir:
    """Set the state of a run, as if that had happened in this second."""
    run.set_status(state)
    os.utime(run.path / "status.json", ns=(0, second * 10**9))
    return run


def test_the_latest_is_the_newest_finished_run_of_the_kind() -> None:
    old, new = at(made("train", "old"), 1), at(made("train", "new"), 2, "stopped-early")
    at(made("train", "interrupted"), 3, "interrupted")
    study, ablation = at(made("study", "study"), 4), at(made("ablate", "ablation"), 5)
    assert RunDir.open("latest", verbs=REPORTED) == ablation
    assert RunDir.open("latest") == study
    assert RunDir.open("latest", verbs=("train",)) == new
    at(old, 6)
    assert RunDir.open("latest", verbs=("train",)) == old


def test_the_latest_to_resume_is_the_newest_unfinished_one() -> None:
    for second, state in enumerate(("interrupted", "failed", "running")):
        at(made("train", state), second, state)
        at(made("train", f"finished after {state}".replace(" ", "-")), second)
        assert RunDir.open("latest", verbs=("train",), unfinished=True).path.name == state
    at(made("study", "study"), 9, "interrupted")
    assert RunDir.open("latest", verbs=("train",), unfinished=True).path.name == "running"


def test_a_study_is_complete_when_its_ablation_is() -> None:
    study = made("study", "a")
    (study.path / "config.json").write_text('{"study": {"ablation": "mien-n"}}')
    assert not study.is_complete
    assert RunDir.open("latest", verbs=("study",), unfinished=True) == study
    (study.path / "explain").mkdir()
    (study.path / "explain/attribution.json").write_text("{}")
    assert not study.is_complete
    ablation = RunDir.create("ablate", name="-", out=study.path / "ablation")
    (ablation.path / "config.json").write_text("{}")
    at(ablation, 1, "failed")
    assert not study.is_complete
    at(ablation, 1)
    assert study.is_complete


def test_no_latest() -> None:
    run = at(made("train", "a"), 1, "interrupted")
    with pytest.raises(DataError, match=rf"no finished run of train; name one, .*{run.path} \(interrupted\)"):
        RunDir.open("latest", verbs=("train",))
    at(run, 2)
    with pytest.raises(DataError, match=rf"no unfinished run of train; the newest is {run.path}, name it"):
        RunDir.open("latest", verbs=("train",), unfinished=True)
    with pytest.raises(DataError, match="no run of study yet; `mien study` makes one"):
        RunDir.open("latest", verbs=("study",))


@pytest.mark.parametrize("where", ["latest", "none", "runs/train/none", "/none", "*"])
def test_runs_that_are_not_there(where: str) -> None:
    with pytest.raises(DataError, match="no run"):
        RunDir.open(where)


def test_a_name_that_is_too_long_for_one() -> None:
    with pytest.raises(DataError, match="File name too long"):
        RunDir.open("x" * 300)
    with pytest.raises(DataError, match="no run folder"):
        RunDir.open("a\0b")


@pytest.mark.parametrize("data", ["null", "[]", "3", "{}", '{"row_fingerprint": []}'])
def test_a_run_that_does_not_say_what_it_was_made_with(here: Path, data: str) -> None:
    run = RunDir.create("train", name="a")
    (run.path / "config.json").write_text(f'{{"data": {data}}}')
    assert run.row_fingerprint is None


def test_a_table_that_is_none(here: Path) -> None:
    run = RunDir.create("train", name="a")
    (run.path / "metrics.csv").write_text(f"epoch\n{'9' * 200_000}\n")
    with pytest.raises(DataError, match=r"metrics\.csv: damaged, expected numbers"):
        run.read_table("metrics.csv", ("epoch",))
    (run.path / "timing.csv").write_text("epoch\n1\n")
    assert run.read_table("timing.csv", ("epoch",)) == [{"epoch": 1.0}]


def test_a_folder_without_a_config_is_no_run() -> None:
    run = RunDir.create("train", name="a")
    with pytest.raises(DataError, match=r"no config\.json"):
        RunDir.open(run.path)


@pytest.mark.parametrize("state", STATES)
def test_status(state: str) -> None:
    run = made("train", "a")
    run.set_status(state, reason="because")
    assert run.state == state
    status = run.read_json("status.json")
    assert (status["schema_version"], status["reason"], status["pid"]) == (SCHEMA_VERSION, "because", os.getpid())
    run.set_status("running")
    assert (run.state, run.read_json("status.json")["reason"]) == ("running", "")


@pytest.mark.parametrize("content", ["", "{", "[]", "\udcff"])
def test_damaged_json(content: str) -> None:
    run = made("train", "a")
    (run.path / "status.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=r"status\.json: damaged"):
        _ = run.state
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        run.read_json("none.json")


@pytest.mark.parametrize("content", ["{}", '{"state": "done"}', '{"state": null}', '{"state": ["finished"]}'])
def test_a_status_that_is_none(content: str) -> None:
    run = made("train", "a")
    (run.path / "status.json").write_text(content)
    with pytest.raises(DataError, match=r"status\.json: damaged \(state .*, expected running, finished, "):
        _ = run.state


def test_a_name_that_two_runs_have() -> None:
    one, two = made("study", "a"), made("train", "a")
    with pytest.raises(UsageError, match="names several runs: runs/study/a, runs/train/a"):
        RunDir.open("a")
    assert (RunDir.open(one.path), RunDir.open("runs/train/a")) == (one, two)


def test_overwriting_removes_the_old_run_and_nothing_else(here: Path) -> None:
    run = old_run()
    again = RunDir.create("train", name="a", out=Path("there"), overwrite=True)
    with again.replacing():
        assert not any((run.path / name).exists() for name in OWN)
        (run.path / "config.json").write_text("new")
    assert sorted(path.name for path in run.path.iterdir()) == ["config.json", "mine.txt"]
    assert (run.path / "config.json").read_text() == "new"


def old_run() -> RunDir:
    """A folder with everything that mien writes, and a file of the user's."""
    run = RunDir.create("train", name="a", out=Path("there"))
    for name in OWN:
        (run.path / name).write_text("old")
    (run.path / "mine.txt").write_text("mine")
    return run


def make_new(run: RunDir, name: str, error: BaseException) -> None:
    """Write one file of a new run, then fail."""
    with run.replacing():
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_text("new")
        raise error


def test_a_new_run_that_fails_leaves_the_old_one() -> None:
    run = old_run()
    with pytest.raises(ZeroDivisionError):
        make_new(run, "config.json", ZeroDivisionError())
    assert sorted(path.name for path in run.path.iterdir()) == sorted([*OWN, "mine.txt"])
    assert {(run.path / name).read_text() for name in OWN} == {"old"}


@pytest.mark.parametrize("last", ["checkpoints/last.ckpt", "arms/a=1/seed-0/checkpoints/last.ckpt"])
def test_a_new_run_that_can_be_resumed_stays(last: str) -> None:
    run = old_run()
    with pytest.raises(ZeroDivisionError):
        make_new(run, last, ZeroDivisionError())
    assert sorted(path.name for path in run.path.iterdir()) == [last.partition("/")[0], "mine.txt"]


def test_a_new_run_that_the_user_stops_stays() -> None:
    run = old_run()
    with pytest.raises(Interrupted):
        make_new(run, "config.json", Interrupted("resume it"))
    assert sorted(path.name for path in run.path.iterdir()) == ["config.json", "mine.txt"]


def test_a_run_elsewhere_is_never_the_latest() -> None:
    RunDir.create("train", name="a", out=Path("there")).set_status("finished")
    with pytest.raises(DataError, match="no run of train or study yet"):
        RunDir.open("latest")


def test_a_locked_run_is_not_overwritten() -> None:
    run = made("train", "a")
    again = RunDir.create("train", name="a", out=run.path, overwrite=True)
    at_work = rf"{run.path}: process {os.getpid()} on .* is at work in it"
    with run.locked(), pytest.raises(UsageError, match=at_work), again.replacing():
        pytest.fail("two are at work in it")
    assert sorted(path.name for path in run.path.iterdir()) == ["config.json", "status.json"]
    with again.replacing():
        pass
    assert not list(run.path.iterdir())


def test_locking_removes_what_killed_processes_left() -> None:
    run = made("train", "a")
    arm = run.path / "arms/a=1/seed-0"
    for folder in (run.path, run.path / "checkpoints", arm):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".mien-x1.tmp").write_text("half")
        (folder / "mine.tmp").write_text("mine")
    (arm / "config.json").write_text("{}")
    with run.locked():
        pass
    assert sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*.tmp")) == [
        "arms/a=1/seed-0/.mien-x1.tmp",  # another run, which may be at work
        "arms/a=1/seed-0/mine.tmp",
        "checkpoints/mine.tmp",
        "mine.tmp",
    ]


@pytest.mark.parametrize("name", ["status.json", "metrics.csv", "timing.csv"])
def test_a_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    run = made("train", "a")
    (run.path / name).write_text("")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=rf"{name}: can't be read \(Permission denied\)"):
        run.read_json(name) if name.endswith(".json") else run.read_table(name, ("epoch",))


@pytest.mark.parametrize("name", OWN)
def test_links_in_a_run_are_not_written_through(here: Path, name: str) -> None:
    run = RunDir.create("train", name="a", out=Path("there"))
    (here / "precious").mkdir()
    (run.path / name).symlink_to(here / "precious")
    message = rf"there/{name}: a link to .*/precious, and mien doesn't write through links"
    with pytest.raises(DataError, match=message), run.locked():
        pytest.fail("locked")


@pytest.mark.parametrize("name", ["eval/test", "eval/test/metrics.json", "checkpoints/last.ckpt", "arms/a=1"])
def test_links_in_the_folders_of_a_run(here: Path, name: str) -> None:
    run = RunDir.create("train", name="a", out=Path("there"))
    (run.path / name).parent.mkdir(parents=True)
    (run.path / name).symlink_to(here / "precious")
    with pytest.raises(DataError, match=rf"there/{name}: a link to .*/precious"), run.locked():
        pytest.fail("locked")


def test_a_link_of_the_users_own_is_left_alone(here: Path) -> None:
    run = RunDir.create("train", name="a", out=Path("there"))
    (run.path / "notes.txt").symlink_to(here / "notes.txt")
    (here / "link").symlink_to(run.path)
    with RunDir(here / "link").locked():
        pass
    assert (run.path / "notes.txt").is_symlink()
