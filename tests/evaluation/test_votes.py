"""Scores against FER+ votes, by hand and against SciPy's entropy."""

import numpy as np
import pytest
from scipy.stats import entropy

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS, FERPLUS_VOTES
from mien.core.scores import VoteDistribution, WithoutPlurality
from mien.evaluation.metrics import score_predictions
from mien.evaluation.votes import vote_columns

#         neutral happiness surprise sadness anger disgust fear contempt unknown NF
VOTES = [
    [0, 9, 1, 0, 0, 0, 0, 0, 0, 0],  # happiness: the model says happy
    [1, 0, 0, 2, 7, 0, 0, 0, 0, 0],  # anger: the model says sad
    [4, 0, 0, 4, 0, 0, 0, 0, 2, 0],  # tie
    [3, 0, 0, 0, 0, 0, 0, 7, 0, 0],  # contempt: no class of FER2013
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # not a face
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
]  # nobody voted
SAID = ["happy", "sad", "neutral", "neutral", "fear", "fear"]
LABELS = ["happy", "angry", "sad", "neutral", "fear", "happy"]


@pytest.fixture
def voted(make):
    rows = np.full((6, 7), 0.05)
    rows[np.arange(6), [FER2013.index(name) for name in SAID]] = 0.7
    return make(
        rows, [FER2013.index(name) for name in LABELS], votes=np.array(VOTES, np.uint8), vote_names=FERPLUS_VOTES
    )


def test_plurality_by_hand(voted):
    votes = score_predictions(voted).annotators
    assert votes.faces == 2
    assert votes.left_out == WithoutPlurality(no_votes=1, tie=1, other=2)
    assert votes.accuracy == 0.5
    assert votes.label_accuracy == 1


def test_distribution_equals_scipy(voted):
    columns = vote_columns(FER2013, FERPLUS_VOTES)
    shares = np.array(VOTES, float)[:4, columns]
    shares /= shares.sum(axis=1, keepdims=True)
    found = score_predictions(voted).annotators.distribution
    assert found.faces == 4
    assert found.entropy == pytest.approx(entropy(shares, axis=1).mean())
    apart = entropy(shares, voted.probabilities[:4], axis=1).mean()
    assert found.cross_entropy == pytest.approx(found.entropy + apart, rel=1e-6)


def test_columns_of_both_data_sets():
    assert [FERPLUS_VOTES[k] for k in vote_columns(FER2013, FERPLUS_VOTES)] == [
        "anger",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
        "neutral",
    ]
    assert vote_columns(FERPLUS, FERPLUS_VOTES) == list(range(8))
    assert vote_columns(FERPLUS, FERPLUS) == list(range(8))


@pytest.mark.parametrize(
    ("classes", "names"),
    [(("smile", "frown"), FERPLUS_VOTES), (("angry", "anger"), FERPLUS_VOTES), (FER2013, FERPLUS[::-1]), (FER2013, ())],
)
def test_no_columns(classes, names):
    assert vote_columns(classes, names) is None


def test_contempt_counts_where_the_model_has_it(make):
    said = make(np.eye(8)[[7]], [7], FERPLUS, votes=np.array(VOTES, np.uint8)[[3]], vote_names=FERPLUS_VOTES)
    assert score_predictions(said).annotators.accuracy == 1


def test_no_votes_no_scores(make, voted):
    assert score_predictions(make(np.eye(7), range(7))).annotators is None
    silent = score_predictions(voted.select(np.array([5]))).annotators
    assert (silent.faces, silent.accuracy, silent.label_accuracy) == (0, None, None)
    assert silent.distribution == VoteDistribution(faces=0, cross_entropy=None, entropy=None)


def test_votes_that_do_not_fit(make):
    with pytest.raises(DataError, match=r"votes \(7, 3\) for 10 names"):
        score_predictions(make(np.eye(7), range(7), votes=np.zeros((7, 3), np.uint8), vote_names=FERPLUS_VOTES))
