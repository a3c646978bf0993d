import pickle
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.predictions import Predictions

PLAIN = Predictions(np.array([[0.25, 0.75], [1, 0]], np.float32), ("happy", "sad"), np.array(["0", "é/1.png"]))
FULL = replace(
    PLAIN,
    targets=np.array([1, -1]),
    duplicates=np.array([True, False]),
    votes=np.array([[1, 2, 3], [4, 5, 6]], np.uint8),
    vote_names=("a", "b", "c"),
    source="test.csv",
    synthetic=True,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.array([[0.5, 0.4], [1, 0]], np.float32)}, r"test\.csv, face 0: .*they sum to 0\.9"),
        ({"probabilities": np.array([[1, 0], [1.5, -0.5]], np.float32)}, "face é/1.png: not probabilities"),
        ({"probabilities": np.array([[1, 0], [np.nan, 0]], np.float32)}, "face é/1.png: not probabilities"),
        ({"probabilities": np.ones((2, 3), np.float32) / 3}, "for 2 classes"),
        ({"probabilities": np.ones(2, np.float32)}, "for 2 classes"),
        ({"probabilities": np.array([[1, 0], [0, 1]])}, "probabilities are int64, expected float32"),
        ({"probabilities": np.array([["1", "0"]] * 2)}, "probabilities are <U1"),
        ({"classes": ("a\nb", "sad")}, "can't be shown"),
        ({"ids": np.array(["0"])}, "1 ids for 2 faces"),
        ({"ids": ["0", "1"]}, "ids are a list, expected an array"),
        ({"targets": np.array([0])}, "1 targets for 2 faces"),
        ({"duplicates": np.array([True])}, "1 duplicates for 2 faces"),
        ({"votes": np.ones((1, 3), np.uint8)}, "1 votes for 2 faces"),
        ({"probabilities": np.array([[1, 0], [np.inf, -np.inf]], np.float32)}, "face é/1.png: not probabilities"),
        ({"ids": np.array([["0"], ["1"]])}, r"^test\.csv: ids are <U1 \(2, 1\), expected str \(N,\)"),
        ({"targets": np.array([[0], [1]])}, r"targets are int64 \(2, 1\), expected int \(N,\)"),
        ({"targets": np.array([0.0, 1.0])}, r"targets are float64 \(2,\)"),
        ({"targets": np.array(["happy", "sad"])}, "targets are <U5"),
        ({"duplicates": np.array([0, 1])}, r"duplicates are int64 \(2,\), expected bool \(N,\)"),
        ({"duplicates": np.array([[True], [False]])}, r"duplicates are bool \(2, 1\)"),
        ({"votes": np.array([1, 2], np.uint8)}, r"votes are uint8 \(2,\), expected int \(N, V\)"),
        ({"votes": np.full((2, 3), np.nan)}, "votes are float64"),
    ],
)
def test_checks(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(FULL, **change)


def test_labels_and_select() -> None:
    assert FULL.labels.tolist() == [1, 0]
    part = FULL.select(np.array([1]))
    assert part.ids.tolist() == ["é/1.png"]
    assert part.targets is not None
    assert part.targets.tolist() == [-1]
    assert part.duplicates is not None
    assert part.duplicates.tolist() == [False]
    assert part.votes is not None
    assert part.votes.tolist() == [[4, 5, 6]]
    assert part.probabilities.tolist() == [[1, 0]]
    assert (part.classes, part.vote_names, part.source, part.synthetic) == (
        FULL.classes,
        FULL.vote_names,
        FULL.source,
        True,
    )
    assert len(part) == 1
    assert FULL.select(np.array([1, 0])).ids.tolist() == ["é/1.png", "0"]
    assert PLAIN.select(np.array([True, False])).targets is None


@pytest.mark.parametrize("predictions", [PLAIN, FULL], ids=["plain", "full"])
def test_round_trip(tmp_path: Path, predictions: Predictions) -> None:
    predictions.save(tmp_path / "p.npz")
    again = Predictions.load(tmp_path / "p.npz")
    for field in fields(Predictions):
        was, now = getattr(predictions, field.name), getattr(again, field.name)
        assert type(was) is type(now)
        assert getattr(was, "dtype", None) == getattr(now, "dtype", None), field.name
        assert np.array_equal(was, now), field.name


def test_a_saved_file_holds_no_pickles(tmp_path: Path) -> None:
    FULL.save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == {field.name for field in fields(Predictions)}
        assert not [name for name in arrays.files if arrays[name].dtype == object]


def test_what_is_no_file_of_predictions(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    FULL.save(path)
    whole = path.read_bytes()
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.savez(tmp_path / "object.npz", probabilities=np.array([{}], dtype=object), classes=[], ids=[])
    contents = {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"id,label\n",
        "pickle": pickle.dumps({"probabilities": 1}),
        "other": (tmp_path / "other.npz").read_bytes(),
        "object": (tmp_path / "object.npz").read_bytes(),
    }
    for name, content in contents.items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"p\.npz: (damaged|not a file of predictions)"):
            print(name, Predictions.load(path))
    with pytest.raises(DataError, match=r"none\.npz: no such file"):
        Predictions.load(tmp_path / "none.npz")
    with pytest.raises(DataError, match="damaged"):
        Predictions.load(tmp_path)


def test_one_wrong_byte_never_gives_other_predictions(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    FULL.save(path)
    whole, messages = path.read_bytes(), []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            again = Predictions.load(path)
        except DataError as error:
            messages.append(str(error))
        else:
            assert (again.probabilities == FULL.probabilities).all()
            assert (again.ids == FULL.ids).all()
            assert again.classes == FULL.classes
    assert len(messages) > len(whole) / 2
    assert all(message.startswith(f"{path}: ") for message in messages)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.array(3)}, "not a file of predictions"),
        ({"ids": np.array("0")}, "not a file of predictions"),
        ({"probabilities": np.array([["a", "b"], ["c", "d"]])}, "not a file of predictions"),
        ({"synthetic": np.array([True, False])}, "not a file of predictions"),
        ({"accuracy": np.array(0.7)}, "missing: none; unknown: accuracy"),
        ({"ids": None, "classes": None}, "missing: classes, ids; unknown: none"),
        ({"classes": np.array(["happy"])}, "for 1 classes"),
        ({"source": np.array("test.csv"), "ids": np.array(["0"])}, r"\(test\.csv: 1 ids for 2 faces\)"),
        ({"targets": np.array([0.5, 1.0])}, r"p\.npz: not a file of predictions \(targets are float64"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, change: dict[str, np.ndarray | None], message: str) -> None:
    path = tmp_path / "p.npz"
    arrays = {"probabilities": PLAIN.probabilities, "classes": np.array(PLAIN.classes), "ids": PLAIN.ids} | change
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match=message) as caught:
        Predictions.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_without_a_source_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    np.savez(path, probabilities=PLAIN.probabilities, classes=np.array(PLAIN.classes), ids=PLAIN.ids)
    again = Predictions.load(path)
    assert again.source == str(path)
    assert again.synthetic is False
    assert (again.targets, again.duplicates, again.votes, again.vote_names) == (None, None, None, ())
