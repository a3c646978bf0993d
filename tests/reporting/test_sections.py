"""What single sections say, and what stands there while a file is missing."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from mien.core.files import write_atomic, write_json
from mien.core.labels import FER2013
from mien.core.predictions import Predictions
from mien.core.run_record import RunModel
from mien.core.runs import Epoch, RunDir
from mien.evaluation.metrics import score_predictions
from mien.reporting.build import render_page, report
from mien.reporting.run_files import read_run
from mien.reporting.scores import scores
from mien.reporting.sections import data, training
from mien.reporting.summary import best_epoch, summary, warning

from .conftest import write_history, write_run
from .pages import Page


def text(run):
    return Page(report(run).read_text(encoding="utf-8")).text


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (["eval/*/metrics.json"], "No scores yet: mien eval RUN makes them."),
        (["eval/*/metrics.json"], "No confusions yet: mien eval RUN finds them."),
        (
            ["eval/*/top_confusions.npz"],
            "The faces of the top confusions are not here: mien eval RUN keeps them (top_confusions.npz).",
        ),
        (["eval/*/predictions.npz"], "The faces of the top confusions are not here: mien eval RUN keeps them"),
        (["eval/*/examples.npz"], "No example faces yet: mien eval RUN makes them."),
        (["eval/*/predictions.npz"], "No example faces yet: mien eval RUN makes them."),
        (["ablation/ablation.json"], "No ablation yet: mien ablate DATA --recipe mien-n --factors"),
        (["explain/attribution.json"], "No explanation yet: mien explain RUN shows what the network looks at."),
        (["explain/filters.json", "explain/feature_maps.json"], "No pictures of filters yet: mien explain RUN makes"),
        (["explain/filters.json"], "No pictures of filters: mien explain RUN makes them."),
        (["explain/feature_maps.json"], "No feature maps: mien explain RUN makes them."),
        (["metrics.csv"], "No epochs yet: mien train --resume RUN continues the run."),
        (["data.json"], "were not counted: mien train does so"),
        (["data.json", "config.json"], "Nothing is known of the data: mien train writes it"),
        (["model_info.json"], "The size of course_cnn is not known here: mien train writes it"),
        (["model_info.json", "config.json"], "No model yet: mien train makes one."),
        (["config.json"], "No config: mien train writes it when a run starts."),
        (["timing.csv"], "Training"),
        (["status.json"], "Training"),
        (["model.json"], "course_cnn"),
    ],
)
def test_a_missing_file_leaves_one_line_that_names_the_command(page, run, files, line):
    assert line.startswith(("Training", "course")) or line not in page.text
    for pattern in files:
        for path in run.path.glob(pattern):
            path.unlink()
    assert line in text(run)


def test_an_empty_folder_gives_a_page(tmp_path):
    page = text(RunDir(tmp_path))
    for line in (
        "Nothing is known of the data",
        "No model yet",
        "No epochs yet",
        "No scores yet",
        "No confusions yet",
        "No example faces yet",
        "No ablation yet",
        "No explanation yet",
        "No pictures of filters yet",
        "No config",
        "It has not been scored yet.",
    ):
        assert line in page


def test_the_summary_has_the_scores_own_numbers(run):
    shown = summary(read_run(run))
    metrics = run.read_json("eval/test/metrics.json")
    sentences = " ".join(shown["sentences"]).replace("\u00a0", " ")
    low, high = metrics["accuracy_interval"]
    assert f"On the 600 faces of “test” it is right for {metrics['accuracy'] * 100:.1f} % " in sentences
    assert f"(95 % interval {low * 100:.1f} to {high * 100:.1f} %)" in sentences
    assert f"the {metrics['duplicates']} faces that also occur in the training data" in sentences
    best = max(metrics["per_class"], key=lambda each: each["f1"])
    worst = min(metrics["per_class"], key=lambda each: each["f1"])
    assert f"It is best at “{best['name']}”: it finds {best['recall'] * 100:.0f} %" in sentences
    assert f"It is worst at “{worst['name']}”" in sentences
    assert "stopped early" in shown["state"]
    for words in ("doubtful", "fine-tuned", "taught by", "does no better", "Such figures show that the software works"):
        assert words not in sentences + shown["synthetic"]


def scored(run, powers, targets):
    """Give a run the scores of these logits; return its sentences, and the caption of the reliability."""
    probabilities = np.exp(powers) / np.exp(powers).sum(axis=1, keepdims=True)
    ids = np.arange(len(targets)).astype(str)
    predictions = Predictions(probabilities.astype(np.float32), FER2013, ids, targets=targets)
    score_predictions(predictions, bootstrap=200).write(run.path / "eval/test/metrics.json")
    files = read_run(run)
    return " ".join(summary(files)["sentences"]), scores(files)["blocks"][0]["reliability"]["caption"]


def test_intervals_by_groups_are_said_to_be_so(run):
    """One class is shown by one person alone, so its figures have no interval."""
    path = run.path / "eval/test/metrics.json"
    assert "groups of faces" not in render_page(read_run(run))
    predictions = Predictions.load(run.path / "eval/test/predictions.npz")
    groups = np.where(predictions.targets == 1, 0, np.arange(len(predictions)) % 30)
    score_predictions(predictions, bootstrap=50, groups=groups).write(path)
    assert "Intervals take the 30 groups of faces (such as persons) as independent" in render_page(read_run(run))


def test_of_a_network_that_may_be_guessing_nothing_is_said_of_classes(run):
    """Untrained, its labels have nothing to do with the faces; with shuffled labels it is sure besides."""
    generator = np.random.default_rng(0)
    targets = generator.integers(7, size=2000)
    untrained, caption = scored(run, 0.05 * generator.normal(size=(2000, 7)), targets)
    assert "as far as these faces can tell" in caption
    sure, caption = scored(run, 4 * np.eye(7)[generator.permutation(targets)], targets)
    assert "it is more confident than it should be" in caption
    for sentences in (untrained, sure):
        assert "does not rule out that it does no better" in sentences
        assert "best at" not in sentences
        assert "mixes up most" not in sentences


def test_equal_classes_are_not_called_best_and_worst_nor_mixed_up_most(run):
    generator = np.random.default_rng(1)
    targets = generator.integers(7, size=2000)
    powers = generator.normal(size=(2000, 7))
    equal, _ = scored(run, powers + 2 * np.eye(7)[targets], targets)
    assert "mixes up most" not in equal
    assert "best at" not in equal
    unequal, _ = scored(run, powers + np.diag([3, 2, 2, 2, 2, 2, 1])[targets], targets)
    assert "It is best at “angry”" in unequal
    assert "It is worst at “neutral”" in unequal
    powers[targets == 2, 4] += 2  # fear looks sad
    mixed, _ = scored(run, powers + 2 * np.eye(7)[targets], targets)
    assert "The pair that it mixes up most is “fear” and “sad”" in mixed


@pytest.mark.parametrize(
    ("factor", "words"),
    [(1, "as far as these faces can tell"), (3, "more confident than"), (0.3, "less confident than")],
)
def test_confidence_is_called_wrong_only_where_it_is(run, factor, words):
    """Labels drawn by the probabilities, which are then made sharper or flatter."""
    generator = np.random.default_rng(2)
    powers = 1.5 * generator.normal(size=(2000, 7))
    chance = np.exp(powers) / np.exp(powers).sum(axis=1, keepdims=True)
    targets = (chance.cumsum(axis=1) < generator.random((2000, 1))).sum(axis=1).clip(max=6)
    _, caption = scored(run, factor * powers, targets)
    assert words in caption


def test_the_curve_of_risk_is_read_at_half_of_the_faces(run):
    curve = run.read_json("eval/test/metrics.json")["risk_coverage"]
    caption = scores(read_run(run))["blocks"][0]["selective"]["caption"].replace("\u00a0", " ")
    half = next(point for point in curve if point["coverage"] >= 0.5)
    assert f"at least {half['threshold'] * 100:.1f} %) {half['risk'] * 100:.1f} %." in caption
    assert render_page(read_run(run)).count("Accepting only confident labels") == 2  # test and private-test


def test_the_curve_of_risk_tells_right_from_wrong_only_where_something_is_wrong(run):
    targets = np.arange(200) % 7
    hint = "If the curve does not rise to the right, the probabilities do not tell right from wrong."
    for powers, said in ((5 * np.eye(7)[targets], False), (5 * np.eye(7)[(targets + np.arange(200) // 190) % 7], True)):
        scored(run, powers, targets)
        assert (hint in scores(read_run(run))["blocks"][0]["selective"]["caption"]) is said


def test_every_score_is_shown_with_its_interval(run):
    metrics = run.read_json("eval/test/metrics.json")
    page = render_page(read_run(run)).replace("\u00a0", " ")
    for key in ("macro_f1", "balanced_accuracy", "top2_accuracy", "ece"):
        low, high = metrics[f"{key}_interval"]
        assert f"<small>{low * 100:.1f} to {high * 100:.1f} %</small>" in page
    for key in ("log_loss", "brier"):
        low, high = metrics[f"{key}_interval"]
        assert f"<small>{low:.3f} to {high:.3f}</small>" in page
    for one in metrics["per_class"]:
        low, high = one["recall_interval"]
        assert f"<small>{low * 100:.0f} to {high * 100:.0f} %</small>" in page


@pytest.mark.parametrize(
    ("duplicates", "rest", "said"),
    [
        (0, True, "No face is a duplicate of a training face."),
        (600, False, "All faces are duplicates of training faces."),
        (3, True, ""),
        (None, False, ""),  # not known
    ],
)
def test_of_duplicates_only_what_is_known_is_said(run, duplicates, rest, said):
    metrics = run.read_json("eval/test/metrics.json")
    others = metrics["without_duplicates"] | {"duplicates": duplicates} if rest else None
    write_json(run.path / "eval/test/metrics.json", metrics | {"duplicates": duplicates, "without_duplicates": others})
    shutil.rmtree(run.path / "eval/private-test")
    shown = text(run)
    for sentence in ("No face is a duplicate of a training face.", "All faces are duplicates of training faces."):
        assert (sentence in shown) is (sentence == said)
    assert ("that also occur in the training data it is" in shown) is (duplicates == 3)


def test_a_score_that_may_be_guessing_is_said_to_be(tmp_path):
    run = write_run(tmp_path / "run", classes=("smile", "frown"), faces=8)
    metrics = run.read_json("eval/test/metrics.json")
    guess = max(map(sum, metrics["confusion"]["counts"])) / metrics["faces"]
    doubt = "does not rule out that it does no better" in " ".join(summary(read_run(run))["sentences"])
    assert doubt is (metrics["accuracy_interval"][0] <= guess)


def test_splits_come_in_the_order_that_matters(run):
    for split in ("validation", "train", "kdef"):
        (run.path / "eval" / split).mkdir()
        for name in ("metrics.json", "predictions.npz"):
            (run.path / "eval" / split / name).write_bytes((run.path / "eval/test" / name).read_bytes())
    blocks = scores(read_run(run))["blocks"]
    assert [block["split"] for block in blocks] == ["test", "private-test", "kdef", "validation", "train"]
    warnings = [block["warning"] for block in blocks]
    assert warnings[:3] == [""] * 3
    tuned, learned = "Training was tuned on these faces", "The model learned from most of these faces"
    assert [(tuned in each, learned in each) for each in warnings[3:]] == [(True, False), (False, True)]


def test_the_best_epoch_is_the_first_lowest_validation_loss():
    rows = []
    for epoch, loss in enumerate([2.0, float("nan"), 1.0, 1.0], start=1):
        rows.append(Epoch(epoch=epoch, lr=0.1, train_loss=1.0, train_accuracy=0.5, val_loss=loss, val_accuracy=0.5))
    assert best_epoch(rows) == 3
    assert best_epoch(rows[1:2]) is None


def test_the_model_says_which_epoch_it_is_of(run):
    files = read_run(run)
    best, last = best_epoch(files.history), files.history[-1].epoch
    assert best != last
    files.recipe.update(schedule="one-cycle", epochs=last)
    for epoch, why in ((best, ", the best on held-out faces"), (last, ", the last of its cycle")):
        kept = replace(files, model=replace(files.model, epoch=epoch))
        assert f"the weights are those of epoch {epoch}{why}" in summary(kept)["sentences"][0]
    files.recipe["schedule"] = "plateau"  # resumed, and killed before it was kept anew
    assert f"the weights are those of epoch {last}." in summary(kept)["sentences"][0]
    for model in (None, RunModel(model="mien-n")):  # killed before it had one
        assert "the weights" not in summary(replace(files, model=model))["sentences"][0]


def test_scores_of_learned_faces_never_come_first(run):
    """`mien eval RUN --data same.csv --split train` has another name than the run's own splits."""
    for split, duplicates in (("same-train", 60), ("other-validation", 3)):
        (run.path / "eval" / split).mkdir()
        metrics = run.read_json("eval/test/metrics.json")
        write_json(run.path / "eval" / split / "metrics.json", metrics | {"faces": 100, "duplicates": duplicates})
    found = read_run(run).evaluations
    assert [each.split for each in found][-1] == "same-train"
    warned = {each.split: warning(each) for each in found}
    assert "learned from most of these faces" in warned["same-train"]
    assert warned["other-validation"] == warned["test"] == ""


def test_training_names_the_best_epoch_and_the_falls(run):
    captions = [chart["caption"] for chart in training(read_run(run))["charts"]]
    best = best_epoch(read_run(run).history)
    assert f"lowest at epoch {best}," in captions[0]
    assert "begins at 0.001 and ends at 0.000125, after 3 falls" in captions[2]
    assert "the first at epoch 8, the others at 16 and 24." in captions[2]


def test_a_rate_that_fell_is_not_said_to_have_stayed(run):
    files = read_run(run)
    for lr, said in ((files.history[0].lr, True), (0.0001, False)):
        last = replace(files.history[-1], lr=lr)
        history = [replace(row, lr=files.history[0].lr) for row in files.history[:-1]]
        caption = training(replace(files, history=[*history, last]))["charts"][2]["caption"]
        assert ("it never fell" in caption) is said
        assert ("after 1 fall" in caption) is not said


def test_a_student_has_its_teachers_named(run):
    config = run.read_json("config.json")
    before = text(run)
    config["config"] |= {"teachers": ["a", "b"], "distillation": {"share": 1.0, "views": 0}}
    write_json(run.path / "config.json", config)
    assert "expressions apart, taught by 2 trained networks instead of the labels" in text(run)
    for sentence in ("taught by", "The two don't compare: in training the targets are not the labels alone."):
        assert sentence in text(run)
        assert sentence not in before


@pytest.mark.parametrize("change", [{"loss": {"label_smoothing": 0.1}}, {"labels": "ferplus"}])
def test_losses_of_other_targets_are_not_compared(run, change):
    config = run.read_json("config.json")
    write_json(run.path / "config.json", config | {"config": config["config"] | change})
    assert "The two don't compare" in text(run)


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_any_number_of_epochs_is_drawn(run, epochs):
    write_history(run.path, epochs=epochs)
    assert f"{epochs} of at most 100" in text(run)


def test_a_run_that_diverged_has_a_page(run):
    write_atomic(
        run.path / "metrics.csv",
        "epoch,lr,train_loss,train_accuracy,val_loss,val_accuracy\n1,0.1,nan,0.1,nan,0.1\n2,0.1,nan,0.1,nan,0.1\n",
    )
    page = text(run)
    assert "lowest at epoch –, not a number" in page
    assert "Best epoch –" in page


def test_the_data_section_has_the_audit(page):
    for words in (
        "Faces in test that copy one in train they flatter the score 280",
        "Repeated faces in train",
        "Same pixels, different labels in 14 groups; no model can be right on all of them 31",
        "Blank faces",
        "Labels that FER+'s annotators agree with",
    ):
        assert words in page.text


@pytest.mark.parametrize(
    ("key", "values", "sentence"),
    [
        ("duplicates", {"across": ({"split": "test", "other": "train", "faces": 0},)}, "the two share no face"),
        ("duplicates", {"across": ({"split": "test", "other": "train", "faces": 1},)}, "they flatter the score"),
        ("conflicts", {"faces": 0, "groups": 0}, "no two labels contradict each other"),
        ("conflicts", {"faces": 2, "groups": 1}, "in 1 group; no model can be right on all of them"),
    ],
)
def test_the_data_are_said_to_be_sound_only_where_they_are(run, key, values, sentence):
    stored = run.read_json("data.json")
    write_json(run.path / "data.json", stored | {key: stored[key] | values})
    opposites = (
        {"the two share no face", "they flatter the score"},
        {"no two labels contradict each other", "in 1 group; no model can be right on all of them"},
    )
    meanings = {meaning for _, _, meaning in data(read_run(run))["audit"]}
    for pair in opposites:
        if sentence in pair:
            assert meanings & pair == {sentence}


def test_the_appendix_repeats_the_run(page):
    for words in ("mien train /data/fer2013.csv --recipe 'course it is'", "7492b388b8f0d1f9", '"lr": 0.001', "2.13.0"):
        assert words in page.text
