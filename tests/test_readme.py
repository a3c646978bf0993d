"""The README's command lines and programs are ones that work."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.core import TyperCommand, TyperGroup

from mien.cli.main import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
PROGRAMS = [text for language, text in FENCES if language == "python"]
SHELL_LINES = [line for language, text in FENCES if not language for line in text.splitlines()]
INLINE = re.findall(r"`(mien [^`]+)`", README.replace("\n", " "))
LINKS = [*re.findall(r"\]\(([^)]+)\)", README), *re.findall(r"src=\"([^\"]+)\"", README)]
COMMANDS = [line.removeprefix("$ ") for line in SHELL_LINES if line.removeprefix("$ ").startswith("mien ")]
COMMANDS += [line for line in INLINE if len(line.split()) > 2]  # `mien compare` names a command


def test_there_is_something_to_test() -> None:
    assert len(PROGRAMS) == 2
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines_parse(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: object = typer.main.get_command(app)
    context = None
    name: str | None = "mien"
    while isinstance(command, TyperGroup):
        context = command.make_context(name, list(words), parent=context, resilient_parsing=True)
        name, command, words = command.resolve_command(context, words)
    assert isinstance(command, TyperCommand)
    command.make_context(name, list(words), parent=context)


def test_code_is_narrow_enough_for_github() -> None:
    for _, text in FENCES:
        for line in text.splitlines():
            assert len(line) <= 88, line


@pytest.mark.parametrize("path", [link for link in LINKS if not link.startswith("https://")])
def test_links_lead_somewhere(path: str) -> None:
    file, _, section = path.partition("#")
    place = Path(__file__).parents[1] / file
    assert place.exists()
    if section:
        headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert section in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_folders_are_those_of_the_tree() -> None:
    package = Path(__file__).parents[1] / "src/mien"
    folders = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(re.findall(r"^src/mien/(\w+)/ ", README, flags=re.MULTILINE)) == folders


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "expected"), [(PROGRAMS[0], "happy"), (PROGRAMS[1], "Face(")], ids=["predict", "train"]
)
def test_programs_run(
    program: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On drawn faces and a small recipe instead of FER2013, and on a photograph of an astronaut."""
    data = pytest.importorskip("skimage.data")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    for name in ("photo.jpg", "pics/photo.jpg"):
        Image.fromarray(data.astronaut()).save(name)
    small = '"synthetic:350", epochs=1, batch=32, holdout={"rows": 70}'
    program = program.replace('"fer2013.csv"', small).replace('recipe="mien-s"', 'recipe="demo"')
    exec(compile(program, "README.md", "exec"), {"__name__": "readme"})
    assert expected in capsys.readouterr().out
