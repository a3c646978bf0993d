"""FER+ votes: the join by row, and the paper's rules on rows worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, UsageError
from mien.core.labels import FERPLUS, FERPLUS_NAMES, FERPLUS_VOTES
from mien.data import ferplus
from mien.data.formats import open_faces
from mien.synthetic.faces import draw_faces
from mien.workflows.describe import describe
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


def test_the_case_of_a_votes_file_s_columns_does_not_matter(write_csv, fer2013):
    for header in (HEADER.upper(), HEADER.lower()):
        assert open_faces(fer2013, votes=write_csv("votes.csv", header, ROWS)).votes.tolist() == [
            list(row[2:]) for row in ROWS
        ]


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
    with pytest.raises(DataError, match="no row has the Image name '1' of made \\(2 of 2 faces have none\\); give the"):
        ferplus.attach(faces, write_csv("votes.csv", HEADER, ROWS))


def vote_rows(faces, names):
    """Ten votes for each face's own label."""
    rows = []
    for target, name in zip(faces.targets, names, strict=True):
        label = FERPLUS_NAMES.get(faces.classes[target], faces.classes[target])
        rows.append(("Training", name, *[10 * (vote == label) for vote in FERPLUS_VOTES]))
    return rows


def agreement(faces):
    return describe(faces).votes.agreement.all


@pytest.fixture
def drawn_csv(write_csv):
    faces = draw_faces(140, seed=0)[0]
    rows = zip(faces.targets, faces.images, ["Training"] * 140, strict=True)
    return faces, write_csv("drawn.csv", "emotion,pixels,Usage", rows)


def test_names_in_order_that_number_only_some_rows(drawn_csv, write_csv):
    faces, data = drawn_csv
    names = [f"fer{number:07}.png" for number in range(139)]
    rows = vote_rows(faces, [*names[:50], "", *names[50:]])
    assert agreement(open_faces(data, votes=write_csv("votes.csv", HEADER, rows))) == 1


@pytest.mark.parametrize("order", ["by happiness", "swapped at the end", "backwards", "one name twice"])
def test_names_out_of_order_are_refused(drawn_csv, write_csv, order):
    faces, data = drawn_csv
    rows = vote_rows(faces, [f"fer{number}.png" for number in range(140)])
    if order == "by happiness":
        rows.sort(key=lambda row: row[3])
    elif order == "backwards":
        rows.reverse()
    elif order == "one name twice":
        rows[70] = rows[69]
    else:
        rows[-2:] = [rows[-1], rows[-2]]
    with pytest.raises(DataError, match=r"votes\.csv, line \d+: 'fer\d+\.png' comes after 'fer\d+\.png', so the rows"):
        open_faces(data, votes=write_csv("votes.csv", HEADER, rows))


def test_row_numbers_as_names_are_matched_in_any_order(drawn_csv, write_csv):
    faces, data = drawn_csv
    rows = vote_rows(faces, range(140))[::-1]
    assert agreement(open_faces(data, votes=write_csv("votes.csv", HEADER, rows))) == 1


@pytest.mark.parametrize("split", ["", "train/"])
def test_pictures_are_matched_by_name_in_any_order(tmp_path, write_csv, split):
    faces = draw_faces(70, seed=0)[0]
    for number, (image, target) in enumerate(zip(faces.images, faces.targets, strict=True)):
        path = tmp_path / f"root/{split}{faces.classes[target]}/fer{number:07}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    names = [f"fer{number:07}.png" for number in range(70)]
    rows = vote_rows(faces, names)
    more = ("PublicTest", "fer0000099.png", *[1] * 10)
    votes = write_csv("votes.csv", HEADER, [more, *rows[::-1], ("PrivateTest", "", *[0] * 10)])
    assert agreement(open_faces(tmp_path / "root", votes=votes)) == 1
    with pytest.raises(DataError, match=r"line 72: 'fer0000000\.png' occurs for the second time"):
        open_faces(tmp_path / "root", votes=write_csv("votes.csv", HEADER, [*rows, rows[0]]))
    with pytest.raises(DataError, match=r"'fer0000069\.png' of .*root \(1 of 70 faces have none\)"):
        open_faces(tmp_path / "root", votes=write_csv("votes.csv", HEADER, rows[:-1]))
    other = "sad" if faces.classes[faces.targets[0]] == "happy" else "happy"
    Image.fromarray(faces.images[0]).save(tmp_path / f"root/{split}{other}/{names[0]}")
    with pytest.raises(DataError, match=r"2 faces are named 'fer0000000\.png'"):
        open_faces(tmp_path / "root", votes=write_csv("votes.csv", HEADER, rows))


def test_faces_in_another_order_than_nameless_votes(drawn_csv, write_csv):
    faces, _ = drawn_csv
    order = np.random.default_rng(0).permutation(140)
    data = write_csv(
        "shuffled.csv", "emotion,pixels,Usage", [(faces.targets[i], faces.images[i], "Training") for i in order]
    )
    votes = write_csv("votes.csv", HEADER, vote_rows(faces, [""] * 140))
    (note,) = open_faces(data, votes=votes).notes
    assert "of the labels are the plurality of the votes" in note
    assert "are the rows in the same order?" in note


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
