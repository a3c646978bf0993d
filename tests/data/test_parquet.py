"""Parquet in mien's own layout and in those of Hugging Face."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.data import parquet
from mien.data.formats import open_faces
from mien.data.pictures import Reading
from mien.workflows.describe import describe


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


SMALL = io.BytesIO()
Image.new("L", (48, 48)).save(SMALL, "BMP")
SMALL = SMALL.getvalue()


@pytest.fixture
def write(tmp_path, images):
    """Write the first rows as Parquet: columns given by name, and ClassLabel names in the metadata."""

    def write(name, *, class_names=None, pictures=None, **columns):
        count = len(next(iter(columns.values())))
        pictures = [png(image) for image in images[:count]] if pictures is None else pictures
        table = pa.table({"image": [{"bytes": data, "path": None} for data in pictures], **columns})
        if class_names:
            features = {"label": {"names": class_names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
            table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=2)
        return path

    return write


def test_own_layout(write, images):
    votes = {f"votes_{name}": pa.array([row + 1, 0, 10], pa.uint8()) for row, name in enumerate(FERPLUS_VOTES)}
    path = write("x.bin", emotion=[6, 0, 3], usage=["Training", "PublicTest", "PrivateTest"], **votes)
    faces = open_faces(path)
    np.testing.assert_array_equal(faces.images, images[:3])
    assert faces.classes == FER2013
    assert faces.targets.tolist() == [6, 0, 3]
    assert faces.splits.tolist() == ["train", "test", "private-test"]
    assert faces.ids.tolist() == ["0", "1", "2"]
    assert faces.votes.tolist() == [list(range(1, 11)), [0] * 10, [10] * 10]


@pytest.mark.parametrize("spell", [str.upper, str.capitalize])
def test_the_case_of_columns_does_not_matter(write, images, spell):
    votes = {f"votes_{name}": pa.array([1, 2], pa.uint8()) for name in FERPLUS_VOTES}
    path = write("x.parquet", label=[1, 0], class_names=["yes", "no"], split=["test", "train"], **votes)
    table = pq.read_table(path)
    named = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    renamed = {"info": {"features": {spell(name): value for name, value in named.items()}}}
    table = table.rename_columns([spell(name) for name in table.column_names])
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(renamed)}), path)
    faces = open_faces(path)
    np.testing.assert_array_equal(faces.images, images[:2])
    assert (faces.classes, faces.targets.tolist()) == (("yes", "no"), [1, 0])
    assert faces.splits.tolist() == ["test", "train"]
    assert faces.votes.tolist() == [[1] * 10, [2] * 10]


@pytest.mark.parametrize(
    ("labels", "names", "classes", "targets"),
    [
        ([1, 0, 1], ["no", "yes"], ("no", "yes"), [1, 0, 1]),
        ([1, -1, 0], ["yes", "no"], ("yes", "no"), [1, -1, 0]),
        ([1, None, 0], ["yes", "no"], ("yes", "no"), [1, -1, 0]),
        (["sad", "happy", "sad"], None, ("happy", "sad"), [1, 0, 1]),
        (["happy", None, "happy"], None, ("happy",), [0, -1, 0]),
        ([10, 9, 10], None, ("9", "10"), [1, 0, 1]),
    ],
)
def test_hugging_face_labels(write, labels, names, classes, targets):
    faces = open_faces(write("data/train-00000-of-00001.parquet", label=labels, class_names=names))
    assert faces.classes == classes
    assert faces.targets.tolist() == targets


@pytest.mark.parametrize("place", ["", "data/"])
def test_a_folder_of_files(write, images, place):
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test-00000-of-00001"):
        path = write(f"{place}{name}.parquet", label=[1, 0], class_names=["no", "yes"])
    root = path.parent.parent if place else path.parent
    faces = open_faces(root)
    assert [len(faces.split(name)) for name in ("train", "validation", "test")] == [4, 2, 2]
    assert faces.split("validation").ids.tolist() == [
        "validation-00000-of-00001.parquet:0",
        "validation-00000-of-00001.parquet:1",
    ]
    np.testing.assert_array_equal(faces.split("train").images, images[[0, 1, 0, 1]])


def test_files_that_name_the_classes_otherwise(write):
    write("train-0.parquet", label=[0], class_names=["happy", "sad"])
    write("train-1.parquet", label=[0])
    path = write("train-2.parquet", label=[0], class_names=["sad", "happy"])
    with pytest.raises(DataError, match=r"files of different class names"):
        open_faces(path.parent)
    path.unlink()
    assert open_faces(path.parent).classes == ("happy", "sad")


@pytest.mark.parametrize(
    ("name", "split"), [("faces.parquet", "train"), ("test.parquet", "test"), ("fer_val-0.parquet", "validation")]
)
def test_split_from_the_name(write, name, split):
    assert set(open_faces(write(name, label=[0, 1])).splits) == {split}


def test_a_picture_that_cannot_be_read(write, images, caplog):
    path = write("x.parquet", pictures=[png(images[0]), b"junk", None, png(images[3])], label=[0, 1, 2, 3])
    with pytest.raises(DataError, match="row 1: not a picture"):
        open_faces(path)
    faces = open_faces(path, skip_bad=True)
    warned = [message.split(":")[1].strip() for message in caplog.messages]
    assert warned == [f"{path}, row 1", f"{path}, row 2"]
    assert faces.ids.tolist() == ["0", "3"]
    np.testing.assert_array_equal(faces.images, images[[0, 3]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"emotion": [0, 9]}, r"row 1: emotion 9, expected 0 to 6 \(angry, "),
        ({"label": [0, 2], "class_names": ["no", "yes"]}, r"row 1: label 2, expected 0 to 1 \(no, yes\)"),
        ({"label": [0.5, 1.0]}, "row 0: label 0.5, expected a whole number or a string"),
        ({"label": [0, 1], "usage": ["Training", "Other"]}, "row 1: usage 'Other', expected Training or"),
        ({"other": [0, 1]}, "the columns are image, other; expected image, and one of emotion, label"),
        ({"emotion": [0, 1], **{f"votes_{name}": [1, 300] for name in FERPLUS_VOTES}}, "row 1: votes_neutral 300"),
        ({"label": [], "pictures": []}, "no rows with a picture"),
    ],
)
def test_columns_that_do_not_fit(write, columns, message):
    path = write("x.parquet", **columns)
    with pytest.raises(DataError, match=message) as caught:
        open_faces(path)
    assert str(path) in str(caught.value)


def test_damaged_files(write, tmp_path):
    path = write("x.parquet", label=[0, 1])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged"):
        open_faces(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="damaged"):
        open_faces(path)


def test_files_of_different_columns(write):
    write("train.parquet", label=[0, 1])
    path = write("test.parquet", label=["a", "b"])
    with pytest.raises(DataError, match="different columns"):
        open_faces(path.parent)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [[0], [1]]}, "the column label is list<.*expected numbers or text"),
        ({"label": [{"a": 1}, None]}, "the column label is struct<"),
        ({"label": [b"sad", b"\xff"]}, "the column label is binary"),
        ({"label": [True, False]}, "the column label is bool"),
        ({"label": [0, 1], "usage": [["Training"], ["Training"]]}, "the column usage is list<"),
        ({"label": ["sad", "x" * 300]}, "a label of more than 256 characters"),
        ({"label": ["sad", "a\0b"]}, r"the class name 'a\\x00b' has characters that can't be shown"),
        ({"label": ["sad", ""]}, "the class name '' is no text"),
        ({"label": [0, 1], "class_names": ["sad", "a\nb"]}, "can't be shown"),
        ({"label": list(range(1001)), "pictures": [SMALL] * 1001}, "1,001 classes, at most 1,000"),
    ],
)
def test_values_that_are_no_labels(write, columns, message):
    with pytest.raises(DataError, match=message):
        open_faces(write("x.parquet", **columns))


def test_class_names_in_odd_metadata(write):
    path = write("x.parquet", label=[0, 1])
    table = pq.read_table(path)
    for features in ('{"info": {"features": {"label": {"names": "no"}}}}', "[" * 100_000, "[]", '{"info": 3}'):
        pq.write_table(table.replace_schema_metadata({"huggingface": features}), path)
        assert open_faces(path).classes == ("0", "1")


def test_a_column_that_is_there_twice(tmp_path):
    labels = pa.array([0])
    pictures = pa.array([{"bytes": SMALL}])
    pq.write_table(
        pa.Table.from_arrays([pictures, labels, labels], ["image", "label", "label"]), tmp_path / "x.parquet"
    )
    with pytest.raises(DataError, match="2 times the column label"):
        open_faces(tmp_path / "x.parquet")
    pq.write_table(
        pa.Table.from_arrays([pictures, labels, labels], ["image", "label", "Label"]), tmp_path / "x.parquet"
    )
    with pytest.raises(DataError, match="2 times the column label"):
        open_faces(tmp_path / "x.parquet")


def test_a_picture_that_is_repeated_is_held_once(tmp_path):
    """1,800 bytes of file would be 450 MB of pictures."""
    picture = pa.StructArray.from_arrays([pa.array([SMALL + bytes(900_000)] * 500)], ["bytes"])
    pq.write_table(pa.table({"image": picture, "label": [0] * 500}), tmp_path / "x.parquet", compression="zstd")
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        assert len(open_faces(tmp_path / "x.parquet")) == 500
    finally:
        pa.set_memory_pool(before)
    assert pool.max_memory() < 50 << 20


def test_a_file_that_unpacks_to_too_much(tmp_path):
    picture = pa.StructArray.from_arrays([pa.array([SMALL + bytes(300 << 20)])], ["bytes"])
    pq.write_table(pa.table({"image": picture, "label": [0]}), tmp_path / "x.parquet", compression="zstd")
    with pytest.raises(DataError, match=r"unpack to 314,5.*; this holds no pictures"):
        open_faces(tmp_path / "x.parquet")


def test_pictures_must_be_inside(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"image": ["a.png"], "label": [0]}), path)
    with pytest.raises(DataError, match="the column image is string, expected a struct"):
        open_faces(path)


@pytest.mark.parametrize("large", [0, 1 << 20])
def test_a_file_in_pieces_is_the_file(write, images, monkeypatch, caplog, large):
    """Above `LARGE_GROUP_BYTES` a row group is read a few rows at a time."""
    monkeypatch.setattr("mien.data.parquet.LARGE_GROUP_BYTES", large)
    monkeypatch.setattr("mien.data.parquet.FEW_ROWS", 1)
    monkeypatch.setattr("mien.data.parquet.ROWS_AT_ONCE", 4)
    count = 11
    pictures = [png(images[i % 4]) for i in range(count)]
    pictures[5] = b"junk"
    path = write("x.parquet", pictures=pictures, label=[("sad", "happy")[i % 2] for i in range(count)])
    parts = list(parquet.stream_rows(path, Reading(skip_bad=True)))
    assert len(caplog.messages) == 1
    assert [len(part) for part in parts] == ([4, 4, 2] if large == 0 else [4, 5, 1])
    assert {part.classes for part in parts} == {("happy", "sad")}
    whole = open_faces(path, skip_bad=True)
    assert whole.ids.tolist() == [str(i) for i in range(count) if i != 5]
    assert np.concatenate([part.ids for part in parts]).tolist() == whole.ids.tolist()
    np.testing.assert_array_equal(np.concatenate([part.images for part in parts]), whole.images)
    np.testing.assert_array_equal(whole.images[5], images[6 % 4])
    assert whole.targets.tolist() == [1 - i % 2 for i in range(count) if i != 5]


@pytest.mark.parametrize("place", [2, -1, 1000])
def test_a_dictionary_that_is_shorter_than_its_indices_say(write, monkeypatch, images, place):
    """As one changed byte in a file leads to."""
    path = write("x.parquet", label=["sad", "happy"])
    short = pa.DictionaryArray.from_arrays(pa.array([0, place], pa.int32()), pa.array([b"a", b"b"]), safe=False)
    batch = pa.RecordBatch.from_arrays([short, pa.array(["sad", "happy"])], ["image", "label"])
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_, **__: [batch])
    with pytest.raises(DataError, match=r"x\.parquet: damaged, or files of different columns \("):
        open_faces(path)


def test_rows_that_a_few_bytes_say(tmp_path, images):
    """200,000 rows of one picture would take 0.5 GB in memory, and five times that in training."""
    count = 20_000
    pictures = pa.DictionaryArray.from_arrays(pa.array([0] * count), pa.array([png(images[0])]))
    labels = pa.DictionaryArray.from_arrays(pa.array([0] * count), pa.array(["sad"]))
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"image": pictures, "label": labels}), path)
    assert path.stat().st_size < count
    for opens in (open_faces, describe):
        with pytest.raises(DataError, match=r"20,000 rows in \d+,\d+ bytes; these are no pictures of their own"):
            opens(path)
