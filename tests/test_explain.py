"""`mien.explain` on a copy of a tiny finished run."""

import html
import inspect
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from mien.core.arrays import read_arrays
from mien.core.explanations import Explanation
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.core.summaries import summarise
from mien.explanation.attribution import METHODS, attribute
from mien.explanation.filters import top_activating
from mien.explanation.masking import mask_least_salient
from mien.explanation.regions import attribution_shares
from mien.explanation.simple_pictures import simple_pictures
from mien.models.classifier import load_classifier
from mien.reporting.build import report
from mien.synthetic.faces import draw_faces
from mien.workflows import explain as verb
from mien.workflows.train import train

SMALL: dict[str, Any] = {"methods": ("saliency", "grad-cam"), "count": 4, "device": "cpu"}


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Pictures of filters after two steps; tests/explanation looks at how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "maximise", partial(verb.maximise, steps=2))
        yield


def copy_of(run: RunDir, to: Path) -> RunDir:
    shutil.copytree(run.path, to)
    return RunDir(to)


@pytest.fixture
def run(studied: RunDir, tmp_path: Path) -> RunDir:
    return copy_of(studied, tmp_path / "run")


@pytest.fixture(scope="module")
def explained(studied: RunDir, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDir, Explanation]:
    run = copy_of(studied, tmp_path_factory.mktemp("explained") / "run")
    return run, mien.explain(run, **SMALL)


def strict(path: Path) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(path.read_text(), parse_constant=refuse)


def arrays(run: RunDir, name: str) -> dict[str, np.ndarray]:
    return read_arrays(run.path / "explain" / name, holds="arrays")


def test_every_file_is_there_and_can_be_read(explained: tuple[RunDir, Explanation]) -> None:
    run, found = explained
    names = {path.name for path in (run.path / "explain").iterdir()}
    parts = ("attribution", "filters", "feature_maps")
    assert found.model == run.model_id
    assert all(list(strict(run.path / f"explain/{part}.json"))[1] == "model" for part in parts)
    pictures = {"saliency.png", "grad-cam.png", "filters.png", "feature_maps.png"}
    assert names == {f"{part}.{kind}" for part in parts for kind in ("json", "npz")} | pictures
    assert Explanation.from_dict(strict(run.path / "explain/attribution.json"), source="x") == found
    assert all(strict(run.path / f"explain/{part}.json")["schema_version"] == SCHEMA_VERSION for part in parts)
    for name in pictures:
        assert Image.open(io.BytesIO((run.path / "explain" / name).read_bytes())).format == "PNG"


def test_the_maps_are_those_of_the_methods(explained: tuple[RunDir, Explanation]) -> None:
    run, found = explained
    kept, classifier = arrays(run, "attribution.npz"), load_classifier(run.path)
    count = len(kept["rows"])
    faces = mien.open_faces("synthetic:210").split("test")
    assert np.array_equal(kept["images"], faces.images[kept["rows"]])
    assert np.array_equal(kept["ids"], faces.ids[kept["rows"]])
    assert np.array_equal(kept["targets"], faces.targets[kept["rows"]])
    assert np.array_equal(kept["labels"], kept["probabilities"].argmax(axis=1))
    assert (found.layer, found.filters, found.share) == ("stages.3", "conv2", 0.7)
    for method in SMALL["methods"]:
        again = attribute(classifier, kept["images"], classes=kept["labels"], method=method).maps
        maps = kept[f"{method}/maps"]
        assert (maps.shape, maps.dtype) == ((count, 48, 48), np.float32)
        assert maps == pytest.approx(again, rel=1e-3, abs=1e-3 * float(again.max()))
        assert np.array_equal(kept[f"{method}/masked"], mask_least_salient(kept["images"], maps, share=0.7))
        assert kept[f"{method}/class_maps"].shape == (7, 48, 48)
        assert list(found.comparison.methods[method].over_controls) == ["random order", "centre first"]


def test_filters_and_feature_maps(explained: tuple[RunDir, Explanation]) -> None:
    run, _ = explained
    kept, said = arrays(run, "filters.npz"), strict(run.path / "explain/filters.json")
    assert kept["channels"].tolist() == [0, 1, 2, 3]
    assert (kept["pictures"].shape, kept["real_images"].shape) == ((4, 48, 48), (4, 5, 48, 48))
    assert (kept["activations"].shape, kept["real_activations"].shape, kept["real_ids"].shape) == ((4,), (4, 5), (4, 5))
    faces = len(np.unique(mien.open_faces("synthetic:210").digests))  # of every split
    assert (said["filters"], said["layer_filters"], said["faces"], said["layer"]) == (4, 16, faces, "conv2")
    bank = simple_pictures()
    assert said["simple_pictures"] == len(bank.images)
    best = top_activating(load_classifier(run.path), bank.images, layer="conv2", channels=range(4), top=1)
    assert kept["simple_names"].tolist() == bank.names[best.rows[:, 0]].tolist()
    assert np.array_equal(kept["simple_images"], bank.images[best.rows[:, 0]])
    assert said["above_all_simple"] == (kept["activations"] > kept["simple_activations"]).sum()
    assert said["above_all_faces"] == (kept["activations"] > kept["real_activations"][:, 0]).sum()
    maps, face = arrays(run, "feature_maps.npz"), strict(run.path / "explain/feature_maps.json")["face"]
    assert (maps["maps"].shape, sorted(maps["channels"])) == ((16, 24, 24), list(range(16)))
    assert np.array_equal(maps["image"], mien.open_faces("synthetic:210").images[int(face)])


def test_the_masks_are_those_of_the_drawn_faces(explained: tuple[RunDir, Explanation]) -> None:
    run, found = explained
    faces, masks = draw_faces(210)
    chosen = faces.splits == "test"
    labels = load_classifier(run.path).probabilities(faces.split("test").images).argmax(axis=1)
    assert found.comparison.faces == found.features.faces == chosen.sum()
    assert found.comparison.mask_area == pytest.approx(masks[chosen].mean())
    maps = attribute(load_classifier(run.path), faces.images[chosen], classes=labels, method="saliency").maps
    share = np.nanmean(attribution_shares(maps, masks[chosen][:, None]))
    assert found.comparison.methods["saliency"].mask.share == pytest.approx(share, rel=1e-3)


def test_two_calls_write_the_same_and_nothing_older_stays(explained: tuple[RunDir, Any], run: RunDir) -> None:
    (run.path / "explain").mkdir(exist_ok=True)
    (run.path / "explain/occlusion.png").write_bytes(b"older")
    mien.explain(run, **SMALL | {"methods": ["saliency", "grad-cam", "saliency"]})
    first, second = (
        {p.name: p.read_bytes() for p in (each.path / "explain").iterdir()} for each in (explained[0], run)
    )
    assert first.keys() == second.keys()
    assert [name for name in first if not name.endswith("npz") and first[name] != second[name]] == []
    for name in ("attribution.npz", "filters.npz", "feature_maps.npz"):
        one, two = arrays(explained[0], name), arrays(run, name)
        assert all(one[key].tobytes() == two[key].tobytes() for key in one | two)


def test_other_faces_filters_and_layers_as_asked(run: RunDir) -> None:
    found = mien.explain(
        run, **SMALL | {"methods": ["grad-cam"], "count": None}, split="validation", layer="conv5", filters="conv1",
        share=0.25, faces=1, face=None,
    )  # fmt: skip
    assert (found.split, found.layer, found.filters, found.share) == ("validation", "conv5", "conv1", 0.25)
    assert found.methods == ("grad-cam",)
    assert found.comparison.faces == 35
    assert arrays(run, "filters.npz")["channels"].tolist() == list(range(16))
    kept = arrays(run, "attribution.npz")
    right = kept["labels"] == kept["targets"]
    assert all(
        (right[kept["targets"] == label].sum(), (~right)[kept["targets"] == label].sum()) <= (1, 1)
        for label in range(7)
    )


def test_a_face_is_chosen_by_its_id(run: RunDir) -> None:
    faces = mien.open_faces("synthetic:210").split("test")
    mien.explain(run, **SMALL, face=str(faces.ids[3]))
    assert strict(run.path / "explain/feature_maps.json")["face"] == faces.ids[3]
    assert np.array_equal(arrays(run, "feature_maps.npz")["image"], faces.images[3])


def test_two_classes(tmp_path: Path) -> None:
    faces, folder = mien.open_faces("synthetic:420"), tmp_path / "faces"
    for image, target, name in zip(faces.images, faces.targets, faces.ids, strict=True):
        if target in (3, 4):
            path = folder / faces.classes[target] / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    run = train(
        str(folder), recipe="demo", out=tmp_path / "run", epochs=1, batch=16, device="cpu", holdout={"rows": 40}
    )
    found = mien.explain(run, **SMALL)
    assert (found.split, found.synthetic, found.comparison.mask_area) == ("validation", False, None)
    assert arrays(run, "attribution.npz")["saliency/class_maps"].shape == (2, 48, 48)


def said(labels: list[int], sure: list[float]) -> Predictions:
    rows = np.full((len(sure), 3), np.nan, np.float32)
    for row, (label, probability) in enumerate(zip(labels, sure, strict=True)):
        rows[row] = (1 - probability) / 2
        rows[row, label] = probability
    return Predictions(rows, ("a", "b", "c"), np.arange(len(sure)).astype(str), targets=np.array([0, 1, 2]))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 1, 1], 1), ([0, 0, 1], 0), ([1, 0, 0], 2)],
    ids=["two right", "one right", "none right"],
)
def test_the_most_confident_right_face_is_shown_or_the_most_confident(labels: list[int], expected: int) -> None:
    faces = mien.open_faces("synthetic:210").select(np.arange(3))
    assert verb._row_of(faces, said(labels, [0.5, 0.6, 0.9]), None) == expected


def test_rows_are_drawn_evenly_by_label() -> None:
    labels = np.repeat([0, 1, 2], [2, 30, 60])
    rows = verb.choose_evenly(labels, 20, seed=0)
    assert np.bincount(labels[rows]).tolist() == [2, 9, 9]
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, verb.choose_evenly(labels, 20, seed=0))
    assert not np.array_equal(rows, verb.choose_evenly(labels, 20, seed=1))
    assert verb.choose_evenly(labels, 500, seed=0).tolist() == list(range(92))
    assert len(verb.choose_evenly(labels[:0], 5, seed=0)) == 0


def test_the_whole_registry_of_methods_is_the_default() -> None:
    assert inspect.signature(mien.explain).parameters["methods"].default == tuple(METHODS)


CLAIMS = (
    *("The network looks at", "Relative to their area", "Better than both controls", "don't trust these maps"),
    *("It is best at", "It is worst at", "that it mixes up most", "agree more often with the model"),
    *("Its weakest class", "Its most frequent error"),
)
"""What report and card say only of a network that knows something."""


@pytest.mark.long
@pytest.mark.parametrize("fault", ["untrained", "shuffled labels"])
def test_a_network_that_knows_nothing_is_not_said_to_look_anywhere(tmp_path: Path, fault: str) -> None:
    faces, settings = mien.open_faces("synthetic:210"), {"epochs": 2}
    if fault == "untrained":
        settings = {"epochs": 1, "optimizer": {"lr": 1e-9}}
    else:
        targets = np.random.default_rng(0).permutation(faces.targets)
        faces = replace(faces, targets=targets)
    run = train(faces, recipe="demo", out=tmp_path / "run", batch=32, device="cpu", holdout={"rows": 35}, **settings)
    found = mien.explain(run, methods=["occlusion"], count=2, device="cpu")
    assert not found.against_guessing.is_better
    assert "say nothing of expressions" in str(summarise(found)[-1])
    run.evaluate()
    text = html.unescape(report(run).read_text(encoding="utf-8"))
    text += (run.export(out=tmp_path / "bundle").path / "CARD.md").read_text(encoding="utf-8")
    assert "does not rule out that it does no better" in text
    assert "It may do no better than always naming the most frequent class" in text
    assert "can't be told, for it may know nothing of expressions" in text
    assert [claim for claim in CLAIMS if claim in text] == []


@pytest.mark.long
def test_a_network_that_reads_a_mark_beside_the_face_is_not_said_to_look_at_the_face(tmp_path: Path) -> None:
    faces = mien.open_faces("synthetic:420")
    targets = np.random.default_rng(0).choice([3, 4], len(faces))  # whatever the face shows
    images = faces.images.copy()
    images[targets == 3, 40:, :8] = 255
    images[targets == 4, 40:, :8] = 0
    marked = replace(faces, images=images, targets=targets)
    run = train(marked, recipe="demo", out=tmp_path / "run", batch=16, epochs=4, device="cpu", holdout={"rows": 35})
    found = mien.explain(run, methods=["occlusion"], count=2, device="cpu")
    assert found.against_guessing.is_better
    assert not any(other.lead.is_sure for other in found.features.elsewhere.values())
    text = html.unescape(report(run).read_text(encoding="utf-8"))
    assert "It can't be told whether the network looks at the features of the face" in text
    assert CLAIMS[0] not in text
