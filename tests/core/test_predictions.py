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
    copies=np.array([True, False]),
    votes=np.array([[1, 2, 3], [4, 5, 6]], np.uint8),
    vote_names=("a", "b", "c"),
    source="test.csv",
    synthetic=True,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.array([[0.5, 0.4], [1, 0]], np.float32)}, "face 0: not probabilities"),
        ({"probabilities": np.array([[1, 0], [1.5, -0.5]], np.float32)}, "face é/1.png: not probabilities"),
        ({"probabilities": np.array([[1, 0], [np.nan, 0]], np.float32)}, "face é/1.png: not probabilities"),
        ({"probabilities": np.ones((2, 3), np.float32) / 3}, "for 2 classes"),
        ({"probabilities": np.ones(2, np.float32)}, "for 2 classes"),
        ({"ids": np.array(["0"])}, "1 ids for 2 faces"),
        ({"targets": np.array([0])}, "1 targets for 2 faces"),
        ({"copies": np.array([True])}, "1 copies for 2 faces"),
        ({"votes": np.ones((1, 3), np.uint8)}, "1 votes for 2 faces"),
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
    assert part.vote_names == FULL.vote_names
    assert PLAIN.select(np.array([True, False])).targets is None


@pytest.mark.parametrize("predictions", [PLAIN, FULL], ids=["plain", "full"])
def test_round_trip(tmp_path: Path, predictions: Predictions) -> None:
    predictions.save(tmp_path / "p.npz")
    again = Predictions.load(tmp_path / "p.npz")
    for field in fields(Predictions):
        was, now = getattr(predictions, field.name), getattr(again, field.name)
        assert type(was) is type(now)
        assert np.array_equal(was, now), field.name


def test_saving_twice_gives_the_same_arrays_without_pickles(tmp_path: Path) -> None:
    FULL.save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
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
    with pytest.raises(DataError, match="no such file"):
        Predictions.load(tmp_path / "none.npz")
