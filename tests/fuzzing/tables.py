"""CSV files: FER2013's and the course's faces, FER+ votes, answers, faces that are left out."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mien.core.faces import FaceSet
from mien.core.label_audit import digest_text
from mien.core.labels import FERPLUS_VOTES
from mien.data.exclusion import read_digests
from mien.data.formats import open_faces
from mien.workflows.describe import describe

from .damage import damaged
from .target import Target
from .values import TEXTS

CELLS = st.one_of(
    st.sampled_from(("", "-1", "7", "255", "256", "1.5", "١", "²", '"', '""', '"a"b"', "a,b", ",,", "\r", "Training")),
    st.sampled_from([text for text in TEXTS if "\ud800" not in text]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
NUMBERS = ("256", "-1", "1e2", "0x1", "99999999999999999999999", "", "\0", "١", "1 2", "\t", "0000000001", "3.0", "nan")
USAGES = ("Training", "PublicTest", "PrivateTest")


@st.composite
def texts(draw, header: list[str], rows: list[list[str]], *, pixels: int | None = None) -> bytes:
    """A table with odd cells, columns, line ends and encodings; `pixels` is the column that holds numbers."""
    header, rows = list(header), [list(row) for row in rows]
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.sampled_from([header, *rows]))
        at = draw(st.integers(0, len(row)))
        if at == pixels and row is not header and draw(st.booleans()):
            numbers = row[at].split(" ")
            numbers[draw(st.integers(0, len(numbers) - 1))] = draw(st.sampled_from(NUMBERS))
            row[at] = " ".join(numbers)
        else:
            row[at : at + draw(st.integers(0, 1))] = [draw(CELLS)]
    end = draw(st.sampled_from((*["\n"] * 6, "\r\n", "\r\n", "\r", "\n\n")))
    text = end.join(map(",".join, [header, *rows])) + draw(st.sampled_from(("\n", "", "\n", "", "\n\n\n", "\0", ",")))
    encoding = draw(st.sampled_from((*["utf-8"] * 12, "utf-8-sig", "utf-16", "utf-32", "cp037")))
    content = text.encode(encoding, "replace")
    return draw(damaged([content])) if draw(st.integers(0, 4)) == 0 else content


def targets(faces: FaceSet) -> dict[str, Target]:
    """Readers of tables, by name."""
    pixels = [" ".join(map(str, image.ravel().tolist())) for image in faces.images[:4]]
    usage = ["Training", "Training", "PublicTest", "PrivateTest"]
    kaggle = [[str(row), text, usage[row]] for row, text in enumerate(pixels)]
    votes = [[usage[row], f"fer{row:07}.png", *map(str, [8 - row, row, *[0] * 7, 2])] for row in range(4)]
    answers = [[str(10 + row), str(row)] for row in range(4)]
    excluded = [[digest_text(digest), "label"] for digest in faces.digests[:4].tolist()]
    whole = {
        "fer2013.csv": (["emotion", "pixels", "Usage"], kaggle),
        "test.csv": (["id", "feature"], [[str(10 + row), text] for row, text in enumerate(pixels)]),
    }
    written = {name: "\n".join(map(",".join, [head, *rows])).encode() for name, (head, rows) in whole.items()}

    def read(content: bytes, folder: Path) -> object:
        return describe(open_faces(_put(folder, "faces.csv", content)))

    def read_votes(given: tuple[bytes, Any], folder: Path) -> object:
        path = _put(folder, "fer2013.csv", written["fer2013.csv"])
        return describe(open_faces(path, votes=_put(folder, "votes.csv", given[0]), labels=given[1]))

    def read_answers(content: bytes, folder: Path) -> object:
        path = _put(folder, "test.csv", written["test.csv"])
        return describe(open_faces(path, targets=_put(folder, "answers.csv", content)))

    def read_excluded(content: bytes, folder: Path) -> object:
        return read_digests(_put(folder, "audit.csv", content))

    tables = st.one_of(
        texts(*whole["fer2013.csv"], pixels=1),
        texts(["emotion", " Usage", " pixels"], [[row[0], row[2], row[1]] for row in kaggle], pixels=2),
        texts(["label", "feature"], [row[:2] for row in kaggle], pixels=1),
        texts(*whole["test.csv"], pixels=1),
    )
    labels = st.sampled_from(("own", "ferplus"))
    return {
        "faces in a CSV": Target(tables, read),
        "FER+ votes": Target(st.tuples(texts(["Usage", "Image name", *FERPLUS_VOTES], votes), labels), read_votes),
        "answers": Target(texts(["id", "label"], answers), read_answers),
        "excluded faces": Target(texts(["digest", "reason"], excluded), read_excluded),
    }


def _put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
