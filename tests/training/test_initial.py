"""Fine-tuning: what is taken over from a trained network, what is not, and what is said about it."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien.core.bundle import WEIGHTS
from mien.core.errors import ConfigError, DataError, UsageError
from mien.core.faces import FaceSet
from mien.core.run_record import InitialWeights
from mien.data.formats import open_faces
from mien.models.classifier import Classifier, load_classifier
from mien.training.distillation import Teachers, open_teachers
from mien.training.initial import Pretrained
from mien.workflows.export import export
from mien.workflows.hub import export_hub
from mien.workflows.run import Run
from mien.workflows.train import resume, train

from .conftest import Small

FACES = open_faces("synthetic:280", seed=5)
STILL = {"lr": 1e-9, "weight_decay": 0}
"""A rate at which nothing moves."""


def renamed(faces: FaceSet, **names: str) -> FaceSet:
    return replace(faces, classes=tuple(names.get(label, label) for label in faces.classes))


def fine_tune(data: str | FaceSet, init: Run | str | Path, out: Path, **settings: object) -> Run:
    quick = {"epochs": 1, "precision": "fp32", "device": "cpu"}
    return train(data, init=init, out=out, **(quick | settings))


def record(run: Run) -> InitialWeights:
    return InitialWeights.from_dict(run.read_json("config.json")["init"], source="config.json")


def test_all_is_taken_over_but_the_rows_of_other_classes(small: Small) -> None:
    source = Pretrained.open(str(small("old", epochs=1).path))
    old = source.classifier
    classes = ("joy", *old.classes[:0:-1])  # the others in another order
    new = Classifier("mien-n", classes, normalisation="global")
    source.give_weights(new)
    for name, tensor in old.state_dict().items():
        if not name.startswith("network.output."):
            assert new.state_dict()[name].equal(tensor)
    weight, bias = new.network.output.weight, new.network.output.bias  # type: ignore[union-attr]
    for row, label in enumerate(classes[1:], start=1):
        assert weight[row].equal(old.network.output.weight[old.classes.index(label)])  # type: ignore
        assert bias[row].equal(old.network.output.bias[old.classes.index(label)])  # type: ignore
    assert not weight[0].any()
    assert not bias[0].any()


def test_a_fine_tuned_network_begins_as_the_old_one(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=3)
    new = fine_tune(FACES, old, tmp_path / "new", optimizer=STILL)
    before, after = load_classifier(old.path), load_classifier(new.path)
    before.temperature = after.temperature = 1.0
    before.bias = after.bias = None
    assert after.probabilities(FACES.images) == pytest.approx(before.probabilities(FACES.images), abs=1e-4)
    assert (new.config.recipe, new.config.model, new.config.normalisation) == ("fine-tune", "mien-n", "global")
    assert new.config.init == str(old.path)
    found = record(new)
    assert (found.name, found.data, found.classes) == ("old", "synthetic", FACES.classes)
    assert found.sha256 == old.model_id.sha256
    assert (found.last_layer, found.new_classes) == (("network.output.weight", "network.output.bias"), ())
    assert found.tensors + 2 == len(load_file(old.path / WEIGHTS))


@pytest.mark.parametrize("freeze", [True, False])
def test_frozen_norms_keep_their_statistics_and_learn_the_rest(small: Small, tmp_path: Path, freeze: bool) -> None:
    old = small("old", epochs=1)
    new = fine_tune(FACES, old, tmp_path / "new", epochs=2, freeze_norms=freeze)
    before, after = load_file(old.path / WEIGHTS), load_file(new.path / WEIGHTS)
    statistics = [name for name in before if "running_" in name]
    same = [before[name].equal(after[name]) for name in statistics]
    assert len(statistics) == 24
    assert all(same) if freeze else not any(same)
    scales = [name.replace("running_mean", "weight") for name in statistics if "running_mean" in name]
    assert not any(before[name].equal(after[name]) for name in scales)


def test_other_classes_get_new_rows_that_are_named(
    small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old = small("old", epochs=1)
    new = fine_tune(renamed(FACES, happy="joy", sad="grief"), old, tmp_path / "new")
    assert record(new).new_classes == ("joy", "grief")
    assert load_classifier(new.path).classes[3:5] == ("joy", "grief")
    assert "new rows in the last layer: joy, grief" in caplog.text


def test_a_fine_tuning_resumes_exactly_also_without_what_it_began_with(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    settings = {"schedule": "plateau"}  # whose epochs can become more
    whole = fine_tune(FACES, old, tmp_path / "whole", epochs=3, **settings)
    parts = fine_tune(FACES, old, tmp_path / "parts", epochs=2, **settings)
    shutil.rmtree(old.path)
    resume(parts, epochs=3)
    for name in (WEIGHTS, "model.json", "metrics.csv"):
        assert (whole.path / name).read_bytes() == (parts.path / name).read_bytes()
    assert record(parts) == record(whole)


def test_a_run_from_random_weights_says_nothing_of_this(small: Small) -> None:
    plain = small("plain", epochs=1)
    assert "init" not in plain.read_json("config.json")
    card = export(plain, out=plain.path / "bundle").card
    assert card.training.init is None
    assert not any("fine-tuned" in limit for limit in card.limits)
    assert "fine-tuned" not in (plain.path / "bundle/CARD.md").read_text()
    assert "fine-tuned" not in plain.report().read_text()


def test_what_is_wrong_is_said(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    out = tmp_path / "new"
    with pytest.raises(DataError, match=r"mien-z: no network to begin with.* did you mean mien-[ns]"):
        fine_tune(FACES, "mien-z", out)
    with pytest.raises(ConfigError, match="its model is mien-n, and the config's is mien-s; leave model out"):
        fine_tune(FACES, old, out, model="mien-s")
    with pytest.raises(ConfigError, match="its normalisation is global, and the config's is per-face"):
        fine_tune(FACES, old, out, normalisation="per-face")
    with pytest.raises(ConfigError, match="its model is mien-n, and the config's is course_cnn"):
        train(FACES, recipe="course", init=old, out=out)
    with pytest.raises(ConfigError, match="freeze_norms keeps the means and variances of a trained network"):
        train(FACES, recipe="demo", freeze_norms=True, out=out)
    with pytest.raises(UsageError, match="no recipe: name one, such as mien-n, or a trained network"):
        train(FACES, out=out)
    with pytest.raises(UsageError, match="recipe fine-tune needs a trained network"):
        train(FACES, recipe="fine-tune", out=out)
    with pytest.raises(UsageError, match="recipe robust needs a trained network"):
        train(FACES, recipe="robust", out=out)
    with pytest.raises(UsageError, match=r"is or holds .*old, which is needed for it"):
        fine_tune(FACES, old, old.path, overwrite=True)
    bundle = export(old, out=tmp_path / "bundle")
    with pytest.raises(UsageError, match="only graphs in this bundle, no weights; name the run"):
        fine_tune(FACES, bundle.path, out)
    (old.path / WEIGHTS).write_bytes((old.path / WEIGHTS).read_bytes()[:1000])
    with pytest.raises(DataError, match="old: damaged model"):
        fine_tune(FACES, old, out)
    assert not out.exists()


def test_a_bundle_with_weights_is_as_good_as_its_run(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=3)
    bundle = export(old, out=tmp_path / "bundle", weights=True)
    assert bundle.card.weights is not None
    assert (
        bundle.card.weights.bytes == (bundle.path / WEIGHTS).stat().st_size < 0.6 * (old.path / WEIGHTS).stat().st_size
    )
    assert WEIGHTS in (bundle.path / "CARD.md").read_text()
    for place in (bundle.path, export_hub(bundle, tmp_path / "hub")):
        source = Pretrained.open(str(place))
        expected = load_classifier(old.path).probabilities(FACES.images)
        assert source.classifier.probabilities(FACES.images) == pytest.approx(expected, abs=5e-3)
        assert source.sha256 == bundle.card.weights.sha256
    new = fine_tune(FACES, bundle.path, tmp_path / "new")
    assert (record(new).sha256, new.config.init) == (bundle.card.weights.sha256, str(bundle.path))
    content = (bundle.path / WEIGHTS).read_bytes()
    (bundle.path / WEIGHTS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match="sha256"):
        Pretrained.open(str(bundle.path))
    assert export(old, out=bundle.path, overwrite=True).card.weights is None
    assert not (bundle.path / WEIGHTS).exists()


def test_a_bundle_in_its_run_and_a_hubs_folder_have_the_runs_weights(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    bundle = export(old, out=old.path / "bundle")
    assert Pretrained.open(str(bundle.path)).place == str(old.path)
    hub = Pretrained.open(str(export_hub(old, tmp_path / "hub")))
    assert (hub.sha256, hub.place) == (old.model_id.sha256, str(tmp_path / "hub"))


def test_a_folder_that_is_named_by_its_path_comes_before_a_name(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small("old", epochs=1).path, "mien-n")
    with caplog.at_level(logging.INFO, logger="mien"):
        assert Pretrained.open("mien-n").place == str(tmp_path / "mien-n")
    assert "'mien-n': the run in this folder, not the bundle " in caplog.text
    Path("runs/train").mkdir(parents=True)
    shutil.move("mien-n", "runs/train/mien-n")
    with pytest.raises(UsageError, match=r"'mien-n' names a bundle and a run: .* and runs/train/mien-n; give the path"):
        Pretrained.open("mien-n")


def test_faces_that_the_old_network_had_seen_are_counted(
    small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = small("old", epochs=1)
    same = small("same", epochs=1, init=old)  # the same faces held out
    assert (record(same).judged_seen, record(same).limit()) == (0, "")
    assert "that it is judged by" not in caplog.text
    other = small("other", epochs=1, init=old, settings=("holdout.seed=1",))
    known = set(other.data.held_out.ids) & set(old.data.learned.ids)
    assert record(other).judged_seen == len(known) > 0
    assert record(other).judged == 70 + int((other.data.faces.splits != "train").sum())
    sentence = f"which had learned from {len(known)} of the {record(other).judged:,} faces that it is judged by"
    assert sentence in caplog.text
    card = export(other, out=tmp_path / "bundle").card
    assert any(sentence in limit for limit in card.limits)
    assert "mien-n, fine-tuned from old (synthetic), learned from" in (tmp_path / "bundle/CARD.md").read_text()
    assert sentence in other.report().read_text()
    assert sentence not in same.report().read_text()


def test_what_the_network_before_the_old_one_had_seen_is_known_where_nothing_had_been_seen(
    small: Small, tmp_path: Path
) -> None:
    old = small("old", epochs=1)
    same = small("same", epochs=1, init=old)
    again = small("again", epochs=1, init=same)
    assert record(again).judged_seen == 0
    bundle = export(again, out=tmp_path / "bundle", weights=True)
    third = small("third", epochs=1, init=str(bundle.path))
    assert record(third).judged_seen == 0
    other = small("other", epochs=1, init=old, settings=("holdout.seed=1",))
    assert record(small("after-other", epochs=1, init=other, settings=("holdout.seed=1",))).judged_seen is None


def test_others_rows_say_nothing_of_the_network_before_the_old_one(small: Small, tmp_path: Path) -> None:
    same = small("same", epochs=1, init=small("old", epochs=1))
    held_out = same.data.held_out  # of which the old network had learned from none, as of the one before that
    run = fine_tune(replace(held_out, source="held out"), same, tmp_path / "run")
    assert record(run).judged_seen is None


def test_some_of_the_old_networks_faces_are_found_again_by_their_pixels(
    small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = small("old", epochs=1)
    learned = old.data.learned
    part = learned.select(np.arange(len(learned)) % 2 == 0)
    run = fine_tune(replace(part, source="part"), old, tmp_path / "part")
    assert record(run).judged_seen == record(run).judged == len(run.data.held_out)
    bundle = export(old, out=tmp_path / "bundle", weights=True)
    with caplog.at_level(logging.INFO, logger="mien"):
        unknown = fine_tune(replace(part, source="part"), bundle.path, tmp_path / "unknown")
    assert record(unknown).judged_seen is None
    assert "scores on the faces of synthetic:420 from which that network learned" in record(unknown).limit()
    assert record(unknown).limit() in caplog.text


def test_the_same_rows_are_known_again_when_they_have_votes(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    bundle = export(old, out=tmp_path / "bundle", weights=True)
    faces = old.data.faces
    voted = replace(faces, votes=np.eye(7, dtype=np.uint8)[faces.targets], vote_names=faces.classes)
    same = small("same", data=voted, epochs=1, init=str(bundle.path))
    assert (record(same).judged_seen, record(same).limit()) == (0, "")
    other = small("other", data=voted, epochs=1, init=str(bundle.path), settings=("holdout.seed=1",))
    assert record(other).judged_seen


def test_rows_of_new_classes_are_fitted_to_their_faces(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    joy = renamed(FACES, happy="joy")
    rare = joy.select((joy.targets != joy.classes.index("joy")) | (np.arange(len(joy)) % 3 == 0))

    def rows(name: str, **settings: object) -> torch.Tensor:
        run = fine_tune(rare, old, tmp_path / name, optimizer=STILL, **settings)
        return load_file(run.path / WEIGHTS)["network.output.weight"]

    fitted = rows("a")
    assert fitted[joy.classes.index("joy")].any()
    assert torch.allclose(fitted, rows("b", seed=1), atol=1e-6)
    weighted = rows("c", loss={"class_weights": True})
    assert (weighted - fitted).abs().max() > 0.01 * fitted.abs().max()


def test_the_network_that_a_training_begins_with_teaches_it(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    run = train(old.data.faces, init=old, recipe="robust", out=tmp_path / "new", epochs=2, device="cpu", batch=32)
    teachers = open_teachers(run.data)
    assert isinstance(teachers, Teachers)
    faces = run.data.learned.images[:40]
    said = teachers.probabilities(torch.tensor(faces)[:, None].float(), rows=torch.arange(40), view=(0, 0))
    assert said.numpy() == pytest.approx(load_classifier(old.path).probabilities(faces), abs=1e-6)
    assert ", taught by the network that it began with (70 %) and the labels" in run.report().read_text()


def test_a_network_that_teaches_what_it_became_resumes_exactly(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    quick = {"init": old, "device": "cpu", "precision": "fp32", "batch": 32, "distillation": {"from_init": True}}
    whole = small("whole", epochs=2, **quick)
    part = small("part", epochs=1, **quick)
    assert (resume(part.path, epochs=2).path / WEIGHTS).read_bytes() == (whole.path / WEIGHTS).read_bytes()
    small("old", epochs=1, seed=1, overwrite=True)
    with pytest.raises(DataError, match="part: a teacher has changed since"):
        resume(part.path, epochs=3)


def test_a_network_of_other_classes_does_not_teach(small: Small, tmp_path: Path) -> None:
    old = small("old", epochs=1)
    with pytest.raises(UsageError, match=r"old: has the classes angry, .*, expected angry, .*joy"):
        train(renamed(FACES, happy="joy"), init=old, recipe="robust", out=tmp_path / "new")
    with pytest.raises(ConfigError, match="from_init has its teacher already"):
        train(FACES, init=old, recipe="robust", teachers=[old], out=tmp_path / "new")
    with pytest.raises(ConfigError, match="from_init is taught by a trained network"):
        train(FACES, recipe="demo", distillation={"from_init": True}, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
