"""Tables as they lie around: other columns, separators and line ends, packed, numbered otherwise, not UTF-8."""

import gzip
import io
import os
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mien.core.errors import DataError, UsageError
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.data.formats import open_faces, stream_faces
from mien.synthetic.faces import draw_faces
from mien.workflows.describe import describe


@pytest.fixture(scope="module")
def drawn():
    return draw_faces(70, seed=0)[0]


def text(image):
    return " ".join(map(str, image.ravel()))


def usages(names):
    return [names[0] if row % 5 else names[1] for row in range(70)]


@pytest.fixture
def fer2013(drawn, write_csv):
    rows = zip(drawn.targets, drawn.images, usages(["Training", "PublicTest"]), strict=True)
    return write_csv("fer2013.csv", "emotion,pixels,Usage", rows)


@pytest.fixture
def fingerprint(fer2013):
    return open_faces(fer2013).fingerprint


def rewritten(path, how):
    content = path.read_bytes()
    if how == "semicolons":
        return content.replace(b",", b";")
    if how == "tabs":
        return content.replace(b",", b"\t")
    if how == "old Mac":
        return content.replace(b"\n", b"\r")
    if how == "old Mac, no last line end":
        return content.rstrip(b"\n").replace(b"\n", b"\r")
    if how == "Excel's UTF-8":
        return b"\xef\xbb\xbf" + content.replace(b",", b";").replace(b"\n", b"\r\n")
    if how == "split column":
        return content.replace(b"Usage", b"split", 1).replace(b"Training", b"train").replace(b"PublicTest", b"test")
    if how == "capitals":
        return content.replace(b"emotion,pixels,Usage", b"Emotion,Pixels,usage")
    assert how == "test in other words"
    return content.replace(b"Training", b"Train_set").replace(b"PublicTest", b"testing")


@pytest.mark.parametrize(
    "how",
    [
        *("semicolons", "tabs", "old Mac", "old Mac, no last line end", "Excel's UTF-8", "split column", "capitals"),
        "test in other words",
    ],
)
def test_the_same_faces_however_they_are_written(fer2013, fingerprint, tmp_path, how):
    (tmp_path / "other.csv").write_bytes(rewritten(fer2013, how))
    assert open_faces(tmp_path / "other.csv").fingerprint == fingerprint


def test_a_mistake_in_a_file_of_old_line_ends_has_its_line(fer2013, tmp_path):
    content = fer2013.read_bytes().replace(b"\n", b"\r").replace(b"\r3,", b"\rx,", 1)
    (tmp_path / "other.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"other\.csv, line \d+: emotion 'x', expected 0 to 6"):
        open_faces(tmp_path / "other.csv")


@pytest.mark.parametrize("place", ["first line", "in the middle", "last line", "a column that nobody reads"])
def test_a_byte_that_is_not_utf8_is_refused_wherever_it_stands(drawn, write_csv, place):
    notes = ["ok"] * 70
    line = {"first line": 2, "in the middle": 41, "last line": 71, "a column that nobody reads": 41}[place]
    notes[line - 2] = "Prüfung"
    path = write_csv("a.csv", "emotion,pixels,note", zip(drawn.targets, drawn.images, notes, strict=True))
    assert len(open_faces(path)) == 70
    path.write_bytes(path.read_bytes().replace("ü".encode(), "ü".encode("latin-1")))
    with pytest.raises(DataError, match=rf"a\.csv, line {line}: not UTF-8 text; save the file as CSV in UTF-8"):
        open_faces(path)


def test_the_files_of_the_challenge(drawn, write_csv):
    train = open_faces(write_csv("train.csv", "emotion,pixels", zip(drawn.targets, drawn.images, strict=True)))
    assert (train.splits == "train").all()
    np.testing.assert_array_equal(train.targets, drawn.targets)
    test = open_faces(write_csv("test.csv", "pixels", ([image] for image in drawn.images)))
    assert (test.splits == "test").all()
    assert not test.labelled.any()
    np.testing.assert_array_equal(test.images, drawn.images)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("class,pixels", "line 1: no column of labels; found class,pixels, expected emotion or label"),
        ("Usage,split,emotion,pixels", "line 1: the columns Usage and split mean the same; keep one of them"),
        ("emotion,label,pixels", "line 1: the columns emotion and label mean the same"),
        ("pixels,feature,label", "line 1: the columns pixels and feature mean the same"),
    ],
)
def test_columns_that_mean_the_same_or_nothing(write_csv, header, message):
    with pytest.raises(DataError, match=message):
        open_faces(write_csv("a.csv", header, []))


def test_numbers_get_names(drawn, write_csv, caplog):
    is_happy = drawn.targets == FER2013.index("happy")
    path = write_csv("a.csv", "label,feature", zip(is_happy.astype(int), drawn.images, strict=True))
    open_faces(path)
    assert "read as FER2013's: 0 as angry, 1 as disgust; if they mean something else" in caplog.text
    faces = open_faces(path, classes=["sad", "happy"])
    assert (faces.classes, faces.notes) == (("sad", "happy"), ())
    np.testing.assert_array_equal(faces.targets, is_happy)
    with pytest.raises(DataError, match=r"line 2: label '2', expected 0 to 1 \(sad, grim\)"):
        open_faces(write_csv("b.csv", "label,feature", [(2, drawn.images[0])]), classes=["sad", "grim"])
    with pytest.raises(DataError, match=r"label '7', expected 0 to 6 .*for other classes give --classes"):
        open_faces(write_csv("c.csv", "label,feature", [(7, drawn.images[0])]))


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": ""}


def write_parquet(path, drawn, **columns):
    pq.write_table(pa.table({"image": [png(image) for image in drawn.images], **columns}), path)
    return path


def test_labels_that_are_names(drawn, write_csv, fer2013):
    names = [FER2013[target] for target in drawn.targets]
    faces = open_faces(write_csv("names.csv", "label,pixels", zip(names, drawn.images, strict=True)))
    assert faces.classes == FER2013
    assert faces.targets.tolist() == drawn.targets.tolist()
    two = ["Smile " if row % 2 else "Frown" for row in range(69)] + ["smile"]
    faces = open_faces(write_csv("two.csv", "emotion,pixels", zip(two, drawn.images, strict=True)))
    assert faces.classes == ("Frown", "Smile")
    assert faces.targets.tolist() == [row % 2 for row in range(70)]
    assert "'Smile' and 'smile'" in faces.notes[0]


@pytest.mark.parametrize("odd", ["3", "3.0", "", "nan"])
def test_names_and_numbers_in_one_column_are_refused(drawn, write_csv, odd):
    names = ["happy"] * 68 + [odd, "sad"]
    path = write_csv("mixed.csv", "emotion,pixels", zip(names, drawn.images, strict=True))
    with pytest.raises(
        DataError, match=r"mixed\.csv, line 2: emotion 'happy', expected 0 to 6 .*or write names in all rows"
    ):
        open_faces(path)


def test_labels_that_are_names_have_no_other_names(drawn, write_csv):
    names = ["happy" if row % 2 else "sad" for row in range(70)]
    path = write_csv("names.csv", "label,pixels", zip(names, drawn.images, strict=True))
    assert open_faces(path, classes=["happy", "sad"]).classes == ("happy", "sad")
    with pytest.raises(UsageError, match="names its classes itself"):
        open_faces(path, classes=["a", "b"])


def test_numbers_in_parquet_and_folders_get_names(drawn, tmp_path):
    numbers = (drawn.targets % 2).tolist()
    for column in ("label", "emotion"):
        path = write_parquet(tmp_path / f"{column}.parquet", drawn, **{column: numbers})
        faces = open_faces(path, classes=("even", "odd"))
        assert (faces.classes, faces.targets.tolist()) == (("even", "odd"), numbers)
        assert describe(path, classes=("even", "odd")).splits["train"].classes["odd"] == sum(numbers)
    assert "0 as angry, 1 as disgust" in describe(path).notes[0]
    for row, number in enumerate(numbers):
        (tmp_path / f"folder/{number}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.images[row]).save(tmp_path / f"folder/{number}/{row}.png")
    assert open_faces(tmp_path / "folder", classes=("even", "odd")).fingerprint == faces.fingerprint
    (tmp_path / "folder/1").rename(tmp_path / "folder/2")
    with pytest.raises(DataError, match="no name for the class 2"):
        open_faces(tmp_path / "folder", classes=("even", "odd"))


def test_names_that_can_not_be_given(drawn, tmp_path, fer2013):
    path = write_parquet(tmp_path / "a.parquet", drawn, label=[drawn.classes[target] for target in drawn.targets])
    with pytest.raises(UsageError, match=r"names its classes itself \(angry, .*leave --classes out"):
        open_faces(path, classes=("a", "b"))
    for names, message in ((["a"], "two or more"), ("ab", "two or more"), (["a", "a"], "not unique")):
        with pytest.raises(UsageError, match=message):
            open_faces(fer2013, classes=names)


@pytest.mark.parametrize(
    ("column", "names"),
    [("split", ["train", "test"]), ("usage", ["Training", "PublicTest"]), ("usage", ["train", "validation"])],
)
def test_splits_in_parquet(drawn, tmp_path, column, names):
    labels = [drawn.classes[target] for target in drawn.targets]
    faces = open_faces(write_parquet(tmp_path / "a.parquet", drawn, label=labels, **{column: usages(names)}))
    other = "validation" if "validation" in names else "test"
    assert (len(faces.split("train")), len(faces.split(other))) == (56, 14)


def test_splits_in_parquet_that_are_none(drawn, tmp_path):
    labels = drawn.targets.tolist()
    path = write_parquet(tmp_path / "a.parquet", drawn, emotion=labels, split=["other"] * 70)
    with pytest.raises(DataError, match="row 0: split 'other', expected Training or"):
        open_faces(path)
    both = usages(["train", "test"])
    with pytest.raises(DataError, match="the columns usage and split mean the same"):
        open_faces(write_parquet(tmp_path / "b.parquet", drawn, emotion=labels, split=both, usage=both))


def test_spellings_of_a_class_in_parquet(drawn, tmp_path):
    names = [drawn.classes[target] for target in drawn.targets]
    mixed = [f"{name} " if row % 2 else name.title() for row, name in enumerate(names)]
    faces = open_faces(write_parquet(tmp_path / "a.parquet", drawn, label=mixed))
    assert faces.classes == FER2013
    assert "'Happy' and 'happy '" in faces.notes[0]
    np.testing.assert_array_equal(faces.targets, drawn.targets)


def pack(path, how, folder):
    archive = folder / f"packed.{how}"
    if how == "gz":
        archive.write_bytes(gzip.compress(path.read_bytes()))
    elif how == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(path, "fer2013/fer2013.csv")
            packed.writestr("__MACOSX/fer2013/._fer2013.csv", b"x")
            packed.writestr("fer2013/README", b"x")
    else:
        with tarfile.open(archive, f"w:{how.removeprefix('tar').removeprefix('.')}") as packed:
            packed.add(path, "fer2013/fer2013.csv")
    return archive


@pytest.mark.parametrize("how", ["gz", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_one_table_in_an_archive_is_read(fer2013, fingerprint, tmp_path, how):
    archive = pack(fer2013, how, tmp_path)
    faces = open_faces(archive)
    assert (faces.fingerprint, faces.source) == (fingerprint, str(archive))
    assert describe(archive).fingerprint == fingerprint
    cut = archive.read_bytes()[: archive.stat().st_size // 2]
    archive.write_bytes(cut)
    with pytest.raises(DataError, match=rf"packed\.{how}"):
        open_faces(archive)


def test_a_mistake_in_an_archive_is_named_by_the_archive(write_csv, drawn, tmp_path):
    archive = pack(write_csv("a.csv", "label,feature", [(9, drawn.images[0])]), "gz", tmp_path)
    with pytest.raises(DataError, match=r"packed\.gz, line 2: label '9'"):
        open_faces(archive)


@pytest.fixture
def votes(fer2013, write_csv):
    """Votes that agree with no label."""
    faces = open_faces(fer2013)
    counts = np.ones((len(faces), 10), int).tolist()
    names = {"train": "Training", "public-test": "PublicTest", "private-test": "PrivateTest"}
    rows = [(names.get(split, split), f"f{row:03}.png", *counts[row]) for row, split in enumerate(faces.splits)]
    return write_csv("votes.csv", "Usage,Image name," + ",".join(FERPLUS_VOTES), rows)


@pytest.mark.parametrize("how", ["gz", "zip", "tar.gz"])
def test_votes_in_an_archive_are_read(fer2013, votes, tmp_path, how):
    archive = pack(votes, how, tmp_path)
    expected, faces = open_faces(fer2013, votes=votes), open_faces(fer2013, votes=archive)
    assert (faces.votes == expected.votes).all()
    assert faces.notes == tuple(note.replace(str(votes), str(archive)) for note in expected.notes)
    assert any(str(archive) in note for note in faces.notes)


def test_a_mistake_in_packed_votes_is_named_by_the_archive(fer2013, votes, tmp_path):
    votes.write_text(votes.read_text().replace(",1,1\n", ",1,x\n", 1))
    with pytest.raises(DataError, match=r"packed\.gz, line 2: NF 'x', expected a count"):
        open_faces(fer2013, votes=pack(votes, "gz", tmp_path))
    archive = tmp_path / "packed.gz"
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"packed\.gz: a damaged or encrypted archive"):
        open_faces(fer2013, votes=archive)


def test_packed_answers_are_read(write_csv, drawn, tmp_path):
    faces = write_csv("test.csv", "id,feature", enumerate(drawn.images[:2]))
    answers = pack(write_csv("answers.csv", "id,label", [(0, 3), (1, 4)]), "zip", tmp_path)
    assert open_faces(faces, targets=answers).targets.tolist() == [3, 4]


@pytest.mark.parametrize("role", ["votes", "targets"])
@pytest.mark.parametrize("name", ["none", "x" * 300, "a\0b"])
def test_votes_and_answers_that_are_not_there(write_csv, drawn, tmp_path, role, name):
    faces = write_csv("test.csv", "id,feature", enumerate(drawn.images[:2]))
    with pytest.raises(DataError, match=": can't be read"):
        open_faces(faces, **{role: tmp_path / name})


@pytest.mark.parametrize("role", ["votes", "targets"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "--{}: the name is empty; name a file, or leave --{} out"),
        ("s3://x/a.csv", "mien does not download"),
    ],
)
def test_names_of_votes_and_answers_that_are_none(write_csv, drawn, role, name, message):
    faces = write_csv("test.csv", "id,feature", enumerate(drawn.images[:2]))
    with pytest.raises(UsageError, match=message.format(role, role)):
        open_faces(faces, **{role: name})
    with pytest.raises(UsageError, match=message.format(role, role)):
        next(stream_faces(faces, **{role: name}))


@pytest.mark.parametrize("role", ["votes", "targets"])
def test_a_pipe_is_no_table_of_votes_or_answers(write_csv, drawn, tmp_path, role):
    os.mkfifo(tmp_path / "pipe")
    faces = write_csv("test.csv", "id,feature", enumerate(drawn.images[:2]))
    with pytest.raises(DataError, match="pipe: neither a file nor a folder"):
        open_faces(faces, **{role: tmp_path / "pipe"})


def zipped(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.csv", "b.csv"], r"an archive with 2 tables \(a\.csv, b\.csv\).*unpack it \(unzip a\.zip -d FOLDER\)"),
        (["train/happy/a.png", "x"], "an archive with 2 files and no table"),
        (["[Content_Types].xml", "xl/workbook.xml"], "an Excel or other spreadsheet file; save it as CSV in UTF-8"),
        (["mimetype", "content.xml"], "an Excel or other spreadsheet file"),
    ],
)
def test_archives_that_are_named(tmp_path, names, message):
    zipped(tmp_path / "a.zip", names)
    with pytest.raises(DataError, match=message):
        open_faces(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it: 7z x a"),
        (b"Rar!\x1a\x07\x00", "a RAR archive"),
        (b"\x28\xb5\x2f\xfd", "packed by zstd"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file; save it as CSV in UTF-8, instead of a"),
        (b"BZh9", "unpack it: bunzip2 -k a"),
        (b"\xfd7zXZ\x00", "unpack it: unxz -k a"),
        (b"\xff\xd8\xff\xe0", "a picture, expected a table or a folder of faces"),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content + bytes(600))
    with pytest.raises(DataError, match=message):
        open_faces(tmp_path / "a")


def test_an_archive_in_an_archive_and_one_that_grows(tmp_path, monkeypatch, fer2013):
    (tmp_path / "b.gz").write_bytes(gzip.compress(pack(fer2013, "gz", tmp_path).read_bytes()))
    with pytest.raises(DataError, match=r"b\.gz: an archive in an archive"):
        open_faces(tmp_path / "b.gz")
    monkeypatch.setattr("mien.data.archives.MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"packed\.gz: unpacks to more than 1,000 bytes"):
        open_faces(tmp_path / "packed.gz")


def test_a_folder_with_a_table_in_it(fer2013):
    with pytest.raises(DataError, match=r"no pictures in it; did you mean .*fer2013\.csv\?"):
        open_faces(fer2013.parent)


@pytest.mark.parametrize("opens", [open_faces, describe])
def test_an_empty_name_is_not_the_current_folder(opens):
    with pytest.raises(UsageError, match="the name is empty"):
        opens("")
