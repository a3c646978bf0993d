"""The page's confusions: numbers of metrics.json, faces of cells.npz, sentences that say what the numbers say."""

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
    """The crowd's sentences, after some of its figures were changed."""
    path = run.path / "eval/test/metrics.json"
    metrics = json.loads(path.read_text())
    for name, values in changes.items():
        metrics["worst_cells"]["crowd"][name] |= values
    write_json(path, metrics)
    assert Page(report(run).read_text(encoding="utf-8")).text
    return " ".join(block_of(run)["crowd"]["sentences"]).replace("\u00a0", " ")


def test_every_worst_cell_is_on_the_page_with_its_numbers(page, written):
    cells = written.read_json("eval/test/metrics.json")["worst_cells"]["cells"]
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
    assert sum(len(cell["shown"]) for cell in block["cells"]) == len(test.cell_rows) > 6
    place = {str(name): row for row, name in enumerate(said.ids)}
    for cell in block["cells"]:
        sure = [face["probability"] for face in cell["shown"]]
        assert sure == sorted(sure, reverse=True)
        for face in cell["shown"]:
            row = place[face["id"]]
            assert said.classes[said.targets[row]] == cell["target"] == face["target"]
            assert said.classes[said.labels[row]] == cell["label"] == face["label"]
            votes = dict(zip(said.vote_names, said.votes[row].tolist(), strict=True))
            assert face["votes"][0][1] == max(votes.values())
            assert all(votes[name] == count for name, count in face["votes"])


def test_the_crowds_table_has_the_scores_own_numbers(page, written):
    stored = written.read_json("eval/test/metrics.json")["worst_cells"]
    table = re.findall(r'<table class="crowd">.*?</table>', page.source, re.DOTALL)[0].replace("\u00a0", " ")
    for each, row in zip(stored["cells"], re.findall(r"<tr><th scope=\"row\">.*?</tr>", table), strict=False):
        crowd = each["crowd"]
        found = re.findall(r'<td class="n">([\d,]+)', row)
        votes = [crowd["most_votes"][name] for name in ("target", "label", "other", "tie")]
        shares = [f"{share * 100:.0f}" for share in (*votes, crowd["split"], crowd["right"]["split"])]
        assert found == [str(crowd["faces"]), *shares]


def test_the_sentences_are_written_from_the_numbers(run):
    crowd = run.read_json("eval/test/metrics.json")["worst_cells"]["crowd"]
    text, listed, alike = sentences(run), crowd["listed"], crowd["right_alike"]
    low, high = listed["split_interval"]
    assert (
        f"On {listed['split'] * 100:.0f} % of the {listed['faces']} faces in these cells the crowd was split as well "
        f"(95 % interval {low * 100:.0f} to {high * 100:.0f} %), against {crowd['right']['split'] * 100:.0f} % of the "
        f"{crowd['right']['faces']} that the model got right."
    ) in text
    low, high = alike["split_interval"]
    assert f"it is {alike['split'] * 100:.0f} % ({low * 100:.0f} to {high * 100:.0f} %): " in text
    votes = listed["most_votes"]
    assert f"what the model said on {votes['label'] * 100:.0f} % of these faces" in text
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
    text = sentences(run, listed={"split_interval": interval}, right_alike={"split": 0.5, "split_interval": [0.4, 0.6]})
    assert words in text


@pytest.mark.parametrize(("label", "sides"), [(0.5, True), (0.2, False)])
def test_the_crowd_is_with_the_model_only_where_it_is(run, label, sides):
    votes = {"target": 0.3, "label": label, "other": 0.1, "tie": 0.1}
    assert ("the crowd is more often with the model" in sentences(run, listed={"most_votes": votes})) is sides


def test_votes_that_are_the_labels_are_not_held_against_them(run):
    """FER+'s majority agrees with itself on all faces."""
    told = Page(report(run).read_text(encoding="utf-8")).text
    stored = run.read_json("config.json")
    stored["config"]["labels"] = "ferplus"
    write_json(run.path / "config.json", stored)
    text = Page(report(run).read_text(encoding="utf-8")).text
    for words in ("Most votes went to", "Labels agree with the crowd", "Model agrees", "FER+'s annotators agree with"):
        assert words in told
        assert words not in text
    for words in ("the crowd was split as well", "Cross-entropy to the votes", "Pictures without a face"):
        assert words in text


def test_faces_that_nobody_voted_on_and_classes_without_right_faces(run):
    nothing = {"split": None, "split_interval": None}
    assert "too few faces of these classes right" in sentences(run, right_alike=nothing)
    assert sentences(run, listed={"faces": 0, **nothing}) == "Nobody voted on these faces."


def test_without_votes_there_is_no_crowd(tmp_path):
    run = write_run(tmp_path / "run", classes=("smile", "frown", "blank"), faces=90)
    assert block_of(run)["crowd"] is None
    text = Page(report(run).read_text(encoding="utf-8")).text
    assert "The faces behind the worst cells" in text
    assert "Was the crowd split" not in text


def test_a_run_that_was_scored_before_cells_were_has_a_page(run):
    path = run.path / "eval/test/metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["worst_cells"]
    write_json(path, metrics)
    text = Page(report(run).read_text(encoding="utf-8")).text
    assert "The worst cells of the matrix are not known here: mien eval RUN finds them and keeps their faces." in text
    assert "Most confused pairs" in text


def test_faces_of_other_cells_are_no_faces_of_these(run):
    """As when cells.npz was copied from another run."""
    said = read_run(run).evaluations[0].predictions
    right = np.flatnonzero(said.labels == said.targets)[:2]
    np.savez(run.path / "eval/test/cells.npz", rows=right, images=np.zeros((2, 48, 48), np.uint8))
    block = block_of(run)
    assert not any(cell["shown"] for cell in block["cells"])
    assert "are not here" in block["missing"]


@pytest.mark.parametrize("key", ["cells", "crowd"])
def test_half_a_result_is_a_data_error(run, key):
    path = run.path / "eval/test/metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["worst_cells"][key]
    write_json(path, metrics)
    with pytest.raises(DataError, match=f"lacks '{key}'"):
        report(run)


def test_a_run_without_errors_has_no_cells(run):
    said = said_of(("a", "b"), faces=30, seed=1, synthetic=False)
    said.targets[:] = said.labels
    write_scores(run.path / "eval/test", said)
    block = block_of(run)
    assert (block["cells"], block["missing"], block["crowd"]) == ([], "", None)
    assert "Not one error." in Page(report(run).read_text(encoding="utf-8")).text
