"""Top confusions against scikit-learn and a plain loop; what annotators saw on their faces by hand and by a loop."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix as sk_confusion_matrix

from mien.core.confusions import ConfusionVotes, Disagreement, MostVotes, TopConfusions
from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.core.predictions import Predictions
from mien.evaluation.confusion import top_cells
from mien.evaluation.examples import choose_confused_faces, choose_examples
from mien.evaluation.intervals import mixed_wilson, wilson
from mien.evaluation.metrics import score_predictions
from mien.evaluation.top_confusions import score_top_confusions
from mien.evaluation.votes import annotators_disagree, vote_columns

#         neutral happiness surprise sadness anger disgust fear contempt unknown NF
FACES = [
    ("fear", "sad", [0, 0, 0, 3, 0, 0, 7, 0, 0, 0]),  # most votes: the target
    ("fear", "sad", [0, 0, 0, 5, 0, 0, 5, 0, 0, 0]),  # a tie, split
    ("fear", "sad", [1, 0, 0, 5, 0, 0, 4, 0, 0, 0]),  # the model's label, split: 5 of 10 are no majority
    ("fear", "sad", [0, 0, 9, 0, 0, 0, 1, 0, 0, 0]),  # another class of the model
    ("fear", "sad", [0, 0, 0, 0, 0, 0, 1, 0, 4, 0]),  # "unknown", 4 of 5
    ("fear", "sad", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),  # nobody voted
    ("happy", "neutral", [9, 1, 0, 0, 0, 0, 0, 0, 0, 0]),  # the model's label
    ("happy", "neutral", [8, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
    ("fear", "fear", [0, 0, 0, 3, 2, 0, 5, 0, 0, 0]),  # right, split
    ("fear", "fear", [0, 0, 0, 0, 0, 0, 9, 0, 1, 0]),
    ("happy", "happy", [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]),
    ("sad", "sad", [2, 0, 0, 2, 2, 2, 2, 0, 0, 0]),  # right, split, of a class without errors
]


@pytest.fixture
def annotated(make):
    rows = np.full((len(FACES), 7), 0.05)
    rows[np.arange(len(FACES)), [FER2013.index(label) for _, label, _ in FACES]] = 0.7
    votes = np.array([votes for *_, votes in FACES], np.uint8)
    return make(rows, [FER2013.index(target) for target, *_ in FACES], votes=votes, vote_names=FERPLUS_VOTES)


def voted(said, seed=0):
    """Give random predictions random votes, now and then none, never even between the columns."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(10, 0.4), len(said))
    votes = np.array(
        [generator.multinomial(count, row) for count, row in zip([10, 9, 0, 10] * 99, shares, strict=False)]
    )
    return votes.astype(np.uint8)


@pytest.mark.parametrize("choose", [choose_examples, choose_confused_faces])
def test_a_picture_is_shown_once(choose: Callable[..., NDArray[np.int64]]) -> None:
    rows = np.array([[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.2, 0.8]], np.float32)
    said = Predictions(rows, ("happy", "sad"), np.arange(4).astype(str), targets=np.array([1, 1, 1, 0]))
    digests = np.array([7, 7, 8, 9], np.uint64)
    assert choose(said, digests=digests).tolist() in ([3, 0, 2], [0, 2, 3])
    assert sorted(choose(said).tolist()) == [0, 1, 2, 3]


def test_top_confusions_equal_a_loop_over_scikit_learn(case):
    counts = sk_confusion_matrix(case.targets, case.labels, labels=np.arange(len(case.classes)))
    wrong = [(-counts[i, j], i, j) for i, row in enumerate(counts) for j in range(len(row)) if i != j and counts[i, j]]
    cells = score_predictions(case, bootstrap=1).top_confusions.cells
    assert [(each.errors, each.target, each.label) for each in cells] == [
        (-errors, case.classes[i], case.classes[j]) for errors, i, j in sorted(wrong)[:6]
    ]
    for each in cells:
        interval = binomtest(each.errors, each.faces).proportion_ci(method="wilson")
        assert each.interval == pytest.approx([interval.low, interval.high])
        assert each.rate == each.errors / (case.targets == case.classes.index(each.target)).sum()
        assert each.share == pytest.approx(each.errors / (case.targets != case.labels).sum())
        assert each.annotators is None


def test_counts_rank_the_cells_not_rates():
    assert top_cells(np.array([[90, 10, 0], [1, 0, 0], [0, 12, 3]])) == [(2, 1), (0, 1), (1, 0)]
    assert top_cells(np.diag([3, 4])) == []


def test_the_annotators_by_hand(annotated):
    found = score_top_confusions(annotated)
    fear, happy = found.cells
    assert (fear.target, fear.label, fear.errors, fear.faces) == ("fear", "sad", 6, 8)
    assert fear.annotators == ConfusionVotes(
        disagreement=Disagreement(faces=5, share=2 / 5, interval=wilson(2, 5)),
        most_votes=MostVotes(target=1 / 5, label=1 / 5, other=2 / 5, tie=1 / 5),
        right=Disagreement(faces=2, share=1 / 2, interval=wilson(1, 2)),
    )
    assert happy.annotators.most_votes == MostVotes(target=0, label=1, other=0, tie=0)
    assert happy.annotators.right == Disagreement(faces=1, share=0, interval=wilson(0, 1))
    annotators = found.annotators
    assert (annotators.disagreement.faces, annotators.disagreement.share) == (7, 2 / 7)
    assert annotators.most_votes == MostVotes(target=1 / 7, label=3 / 7, other=2 / 7, tie=1 / 7)
    assert annotators.wrong == Disagreement(faces=7, share=2 / 7, interval=wilson(2, 7))
    assert annotators.right == Disagreement(faces=4, share=2 / 4, interval=wilson(2, 4))
    # Five of seven listed faces are fear, two happy: so 5/7 of fear's 1/2, and 2/7 of happy's 0. Sad has no part.
    assert annotators.right_matched.faces == 3
    assert annotators.right_matched.share == pytest.approx(5 / 7 * 1 / 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_annotators_equals_a_loop(draw, make, seed):
    said = draw(390, seed=seed)
    said = make(said.probabilities, said.targets, votes=voted(said, seed), vote_names=FERPLUS_VOTES)
    columns = vote_columns(FER2013, FERPLUS_VOTES)
    found = score_top_confusions(said)
    for each in found.cells:
        target, label = FER2013.index(each.target), FER2013.index(each.label)
        tally, faces, split = dict.fromkeys(("target", "label", "other", "tie"), 0), 0, 0
        for votes in said.votes[(said.targets == target) & (said.labels == label)].tolist():
            if not sum(votes):
                continue
            faces += 1
            split += max(votes) <= sum(votes) / 2
            tied, first = votes.count(max(votes)) > 1, votes.index(max(votes))
            kind = "tie" if tied else {columns[target]: "target", columns[label]: "label"}.get(first, "other")
            tally[kind] += 1
        assert each.annotators.disagreement.faces == faces
        assert each.annotators.disagreement.share == pytest.approx(split / faces)
        assert each.annotators.most_votes.to_dict() == pytest.approx(
            {kind: count / faces for kind, count in tally.items()}
        )
    low, high = found.annotators.right_matched.interval
    assert 0 < low < found.annotators.right_matched.share < high < 1


def test_a_majority_is_more_than_half_of_all_columns():
    votes = [[6, 4, 0], [5, 5, 0], [5, 4, 1], [1, 0, 0], [0, 0, 0], [255, 200, 54], [255, 200, 55]]
    assert annotators_disagree(np.array(votes, np.uint8)).tolist() == [False, True, True, False, False, False, True]


def test_no_votes_no_annotators(make, annotated):
    assert score_top_confusions(make(np.eye(7), range(7))) == TopConfusions(cells=(), annotators=None)
    silent = score_top_confusions(annotated.select(np.array([5])))
    assert silent.cells[0].annotators.disagreement.share is None
    assert set(silent.cells[0].annotators.most_votes.to_dict().values()) == {None}
    assert silent.annotators.right_matched == Disagreement(faces=0, share=None, interval=None)
    with pytest.raises(DataError, match=r"votes \(7, 3\) for 10 names"):
        score_top_confusions(make(np.eye(7), range(7), votes=np.zeros((7, 3), np.uint8), vote_names=FERPLUS_VOTES))


def test_classes_without_a_right_face_are_not_compared(annotated):
    wrong_and_some = annotated.select(np.array([0, 1, 6, 8]))  # happy has an error and no right face
    matched = score_top_confusions(wrong_and_some).annotators.right_matched
    assert matched == Disagreement(faces=1, share=None, interval=None)


def test_a_mixed_interval_of_one_share_is_wilsons():
    one = mixed_wilson(np.array([3]), np.array([17]), weights=np.ones(1))
    assert one == pytest.approx(wilson(3, 17))


def test_a_mixed_interval_of_many_faces_is_the_normal_one():
    right, total, weights = np.array([30_000, 80_000]), np.array([100_000, 90_000]), np.array([0.25, 0.75])
    shares = right / total
    half = 1.959964 * np.sqrt((weights**2 * shares * (1 - shares) / total).sum())
    middle = weights @ shares
    assert mixed_wilson(right, total, weights=weights) == pytest.approx([middle - half, middle + half], abs=3e-5)


def test_a_mixed_interval_covers_the_truth_as_often_as_it_says():
    generator, shares, total, weights = np.random.default_rng(0), np.array([0.05, 0.4]), np.array([30, 60]), [0.3, 0.7]
    drawn = generator.binomial(total, shares, size=(2000, 2))
    ends = np.array([mixed_wilson(right, total, weights=np.array(weights)) for right in drawn])
    inside = (ends[:, 0] <= weights @ shares) & (weights @ shares <= ends[:, 1])
    assert 0.93 < inside.mean() < 0.98


def test_the_chosen_faces_are_the_surest_of_their_cells(case):
    rows = choose_confused_faces(case, count=3).tolist()
    sure = case.probabilities.max(axis=1)
    expected = []
    for each in score_predictions(case, bootstrap=1).top_confusions.cells:
        names = (each.target, each.label)
        inside = [
            row
            for row in range(len(case))
            if (case.classes[case.targets[row]], case.classes[case.labels[row]]) == names
        ]
        expected += sorted(inside, key=lambda row: -sure[row])[:3]
    assert rows == expected


def test_faces_without_a_target_are_never_chosen(draw, make):
    said = draw()
    targets = said.targets.copy()
    targets[::2] = -1
    rows = choose_confused_faces(make(said.probabilities, targets))
    assert len(rows)
    assert (rows % 2 == 1).all()
    assert choose_confused_faces(make(said.probabilities, None)).tolist() == []
