"""The page's confusions: numbers of metrics.json, faces of top_confusions.npz, sentences that fit the numbers."""

import json
import re

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.files import write_json
from mien.reporting.build import report
from mien.reporting.confusions import confusions
from mien.reporting.run_files import read_run

from .conftest import said_of, write_run, write_scores
from .pages import Page


def block_of(run, split="test"):
    return next(block for block in confusions(read_run(run))["blocks"] if block["split"] == split)


def sentences(run, **changes):
    """The sentences about annotators, after some of their figures were changed."""
    path = run.path / "eval/test/metrics.json"
    metrics = json.loads(path.read_text())
    for name, values in changes.items():
        metrics["top_confusions"]["annotators"][name] |= values
    write_json(path, metrics)
    assert Page(report(run).read_text(encoding="utf-8")).text
    return " ".join(block_of(run)["votes"]["sentences"]).replace("\u00a0", " ")


def test_every_top_confusion_is_on_the_page_with_its_numbers(page, written):
    cells = written.read_json("eval/test/metrics.json")["top_confusions"]["cells"]
    assert len(cells) == 6
    for each in cells:
        low, high = each["interval"]
        assert (
            f"{each['target']} → {each['label']} {each['errors']} of {each['faces']} faces, {each['rate'] * 100:.1f} % "
            f"(95 % interval {low * 100:.1f} to {high * 100:.1f} %); {each['share'] * 100:.0f} % of all errors"
        ) in page.text


def test_the_faces_lie_under_the_cell_that_they_are_of(written):
    files = read_run(written)
    test = next(each for each in files.evaluations if each.split == "test")
    block, said = block_of(written), test.predictions
    assert sum(len(shown) for _, shown in block["cells"]) == len(test.confused_rows) > 6
    place = {str(name): row for row, name in enumerate(said.ids)}
    for cell, shown in block["cells"]:
        sure = [face["probability"] for face in shown]
        assert sure == sorted(sure, reverse=True)
        for face in shown:
            row = place[face["id"]]
            assert said.classes[said.targets[row]] == cell.target == face["target"]
            assert said.classes[said.labels[row]] == cell.label == face["label"]
            votes = dict(zip(said.vote_names, said.votes[row].tolist(), strict=True))
            assert face["votes"][0][1] == max(votes.values())
            assert all(votes[name] == count for name, count in face["votes"])


def test_the_table_of_votes_has_the_scores_own_numbers(page, written):
    stored = written.read_json("eval/test/metrics.json")["top_confusions"]
    table = re.findall(r'<table class="annotators">.*?</table>', page.source, re.DOTALL)[0].replace("\u00a0", " ")
    for each, row in zip(stored["cells"], re.findall(r"<tr><th scope=\"row\">.*?</tr>", table), strict=False):
        annotators = each["annotators"]
        disagreement = annotators["disagreement"]
        found = re.findall(r'<td class="n">([\d,]+)', row)
        votes = [annotators["most_votes"][name] for name in ("target", "label", "other", "tie")]
        shares = [f"{share * 100:.0f}" for share in (*votes, disagreement["share"], annotators["right"]["share"])]
        assert found == [str(disagreement["faces"]), *shares]


def test_the_sentences_are_written_from_the_numbers(run):
    annotators = run.read_json("eval/test/metrics.json")["top_confusions"]["annotators"]
    text, listed, right = sentences(run), annotators["disagreement"], annotators["right"]
    low, high = listed["interval"]
    assert (
        f"On {listed['share'] * 100:.0f} % of the {listed['faces']} faces in these cells the annotators disagreed as "
        f"well (95 % interval {low * 100:.0f} to {high * 100:.0f} %), against {right['share'] * 100:.0f} % of the "
        f"{right['faces']} that the model got right."
    ) in text
    matched = annotators["right_matched"]
    low, high = matched["interval"]
    assert f"it is {matched['share'] * 100:.0f} % ({low * 100:.0f} to {high * 100:.0f} %): " in text
    votes = annotators["most_votes"]
    assert f"the model's label on {votes['label'] * 100:.0f} % of these faces" in text
    assert f"the data give on {votes['target'] * 100:.0f} %" in text


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ([0.61, 0.7], "it is the harder faces that the model confuses"),
        ([0.55, 0.65], "the intervals overlap, so these figures can't tell"),
        ([0.3, 0.39], "people agree more on the faces that the model confuses"),
    ],
)
def test_a_difference_is_claimed_only_where_intervals_are_apart(run, interval, words):
    text = sentences(run, disagreement={"interval": interval}, right_matched={"share": 0.5, "interval": [0.4, 0.6]})
    assert words in text


@pytest.mark.parametrize(
    ("label", "faces", "sides"),
    [(0.5, 400, True), (0.34, 400, False), (0.3, 400, False), (0.2, 400, False), (0.5, 20, False)],
)
def test_annotators_agree_with_the_model_only_where_it_is_more_than_luck(run, label, faces, sides):
    votes = {"target": 0.3, "label": label, "other": 0.1, "tie": 0.1}
    text = sentences(run, most_votes=votes, disagreement={"faces": faces})
    assert ("annotators agree more often with the model" in text) is sides


def test_votes_that_are_the_labels_are_not_held_against_them(run):
    """FER+'s majority agrees with itself on all faces."""
    told = Page(report(run).read_text(encoding="utf-8")).text
    stored = run.read_json("config.json")
    stored["config"]["labels"] = "ferplus"
    write_json(run.path / "config.json", stored)
    text = Page(report(run).read_text(encoding="utf-8")).text
    for words in (
        "The plurality of the votes is",
        "Labels agree with the annotators’ plurality",
        "Model agrees",
        "FER+'s annotators agree with",
    ):
        assert words in told
        assert words not in text
    for words in ("the annotators disagreed as well", "Cross-entropy to the votes", "Pictures without a face"):
        assert words in text


def test_faces_that_nobody_voted_on_and_classes_without_right_faces(run):
    nothing = {"share": None, "interval": None}
    assert "too few faces of these classes right" in sentences(run, right_matched=nothing)
    assert sentences(run, disagreement={"faces": 0, **nothing}) == "Nobody voted on these faces."


def test_without_votes_there_are_no_annotators(tmp_path):
    run = write_run(tmp_path / "run", classes=("smile", "frown", "blank"), faces=90)
    assert block_of(run)["votes"] is None
    text = Page(report(run).read_text(encoding="utf-8")).text
    assert "The faces of the top confusions" in text
    assert "Did annotators disagree" not in text


def test_scores_of_an_older_version_are_a_clear_error(run):
    path = run.path / "eval/test/metrics.json"
    write_json(path, json.loads(path.read_text()) | {"schema_version": 1})
    with pytest.raises(DataError, match=r"metrics\.json: written by mien 0\.1 \(schema_version 1\)"):
        report(run)


def test_faces_of_other_cells_are_no_faces_of_these(run):
    """As when top_confusions.npz was copied from another run."""
    said = read_run(run).evaluations[0].predictions
    right = np.flatnonzero(said.labels == said.targets)[:2]
    np.savez(run.path / "eval/test/top_confusions.npz", rows=right, images=np.zeros((2, 48, 48), np.uint8))
    block = block_of(run)
    assert not any(shown for _, shown in block["cells"])
    assert "are not here" in block["missing"]


@pytest.mark.parametrize("key", ["cells", "annotators"])
def test_half_a_result_is_a_data_error(run, key):
    path = run.path / "eval/test/metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["top_confusions"][key]
    write_json(path, metrics)
    with pytest.raises(DataError, match=f"missing required field `{key}`"):
        report(run)


def test_a_run_without_errors_has_no_cells(run):
    said = said_of(("a", "b"), faces=30, seed=1, synthetic=False)
    said.targets[:] = said.labels
    write_scores(run.path / "eval/test", said)
    block = block_of(run)
    assert (block["cells"], block["missing"], block["votes"]) == ([], "", None)
    assert "Not one error." in Page(report(run).read_text(encoding="utf-8")).text
