"""FER+ votes: the join by row, and the paper's rules on rows worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, UsageError
from mien.core.labels import FERPLUS, FERPLUS_VOTES
from mien.data import ferplus
from mien.data.formats import open_faces
from mien.workflows.evaluate import evaluate

HEADER = "Usage,Image name," + ",".join(FERPLUS_VOTES)
ROWS = [
    ("Training", "a.png", 4, 0, 0, 1, 3, 2, 0, 0, 0, 0),
    ("PublicTest", "b.png", 0, 10, 0, 0, 0, 0, 0, 0, 0, 0),
    ("PrivateTest", "", 0, 0, 0, 0, 0, 0, 0, 0, 1, 9),
]


@pytest.fixture
def fer2013(images, write_csv):
    return write_csv(
        "fer2013.csv",
        "emotion,pixels,Usage",
        zip((0, 3, 6), images, ("Training", "PublicTest", "PrivateTest"), strict=False),
    )


def test_votes_are_joined_by_row(fer2013, write_csv):
    faces = open_faces(fer2013, votes=write_csv("votes.csv", HEADER, ROWS))
    assert faces.votes.dtype == np.uint8
    assert faces.votes.tolist() == [list(row[2:]) for row in ROWS]
    assert faces.vote_names == FERPLUS_VOTES


def test_ferplus_labels_drop_rows_without_majority(fer2013, write_csv):
    faces = open_faces(fer2013, votes=write_csv("votes.csv", HEADER, ROWS), labels="ferplus")
    assert faces.classes == FERPLUS
    assert faces.ids.tolist() == ["1"]
    assert faces.targets.tolist() == [FERPLUS.index("happiness")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:2], "2 rows, expected 3"),
        ([*ROWS, ROWS[0]], "line 5: more rows than the 3"),
        ([ROWS[1], ROWS[0], ROWS[2]], "line 2: Usage 'PublicTest', but row 0"),
        ([("x", *ROWS[0][1:])], "line 2: Usage 'x'"),
        ([(*ROWS[0][:2], -1, *ROWS[0][3:])], "line 2: neutral '-1', expected a count"),
        ([(*ROWS[0][:2], 256, *ROWS[0][3:])], "line 2: neutral '256', expected a count"),
        ([(*ROWS[0][:-1], "")], "line 2: NF '', expected a count"),
        ([ROWS[0][:-1]], "line 2: 11 columns, expected 12"),
        ([], "0 rows, expected 3"),
    ],
)
def test_votes_that_do_not_fit(fer2013, write_csv, rows, message):
    votes = write_csv("votes.csv", HEADER, rows)
    with pytest.raises(DataError) as caught:
        open_faces(fer2013, votes=votes)
    assert message in str(caught.value)
    assert str(votes) in str(caught.value)


def test_a_missing_vote_column(fer2013, write_csv):
    with pytest.raises(DataError, match="line 1: no column 'NF'"):
        open_faces(fer2013, votes=write_csv("votes.csv", HEADER.removesuffix(",NF"), []))


def test_faces_without_row_numbers_get_no_votes(make_faces, write_csv):
    faces = make_faces([0, 1]).select(np.array([1, 0]))
    with pytest.raises(DataError, match="joined by row number"):
        ferplus.attach(faces, write_csv("votes.csv", HEADER, ROWS))


def test_labels_that_are_ferplus_need_no_votes(tmp_path):
    """Somebody's own faces, sorted into its classes; nobody voted on them."""
    for name in ("happiness", "contempt"):
        (tmp_path / "own" / name).mkdir(parents=True)
        Image.new("L", (48, 48), 90).save(tmp_path / "own" / name / "a.png")
    assert open_faces(tmp_path / "own", labels="ferplus").classes == ("contempt", "happiness")
    scores = evaluate("mien-s-ferplus", tmp_path / "own", split="train")
    assert scores.faces == 2
    (tmp_path / "own/happy").mkdir()
    Image.new("L", (48, 48), 90).save(tmp_path / "own/happy/a.png")
    with pytest.raises(UsageError, match="no FER\\+ votes"):
        open_faces(tmp_path / "own", labels="ferplus")


def test_ferplus_labels_need_votes(fer2013, make_faces):
    with pytest.raises(UsageError, match=r"--votes fer2013new\.csv"):
        open_faces(fer2013, labels="ferplus")
    with pytest.raises(DataError, match=r"no FER\+ votes"):
        ferplus.relabel(make_faces([0]))


@pytest.mark.parametrize(
    ("votes", "shares", "winner"),
    [
        ([6, 3, 0, 1, 0, 0, 0, 0, 0, 0], [6 / 9, 3 / 9, 0, 0, 0, 0, 0, 0], 0),
        ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0, 0, 0, 0], -1),
        ([0, 0, 0, 0, 5, 4, 1, 0, 0, 0], [0, 0, 0, 0, 5 / 9, 4 / 9, 0, 0], 4),
        ([0, 0, 4, 0, 0, 0, 2, 0, 4, 0], [0, 0, 4 / 6, 0, 0, 0, 2 / 6, 0], -1),
        ([0, 3, 0, 0, 0, 0, 0, 0, 0, 7], [0, 1, 0, 0, 0, 0, 0, 0], -1),
        ([0, 0, 0, 0, 0, 0, 0, 0, 6, 4], [0] * 8, -1),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [0] * 8, -1),
        ([0, 0, 0, 0, 0, 0, 0, 2, 1, 1], [0, 0, 0, 0, 0, 0, 0, 1], 7),
        ([0] * 10, [0] * 8, -1),
        ([0, 200, 0, 0, 0, 0, 0, 0, 0, 199], [0, 1, 0, 0, 0, 0, 0, 0], 1),
    ],
)
def test_rules_by_hand(votes, shares, winner):
    row = np.array([votes], np.uint8)
    np.testing.assert_allclose(ferplus.distribution(row), [shares], rtol=1e-6)
    assert ferplus.majority(row).tolist() == [winner]
    assert ferplus.distribution(row).dtype == np.float32
    assert ferplus.majority(row).dtype == np.int64
