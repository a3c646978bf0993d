import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mien.core.errors import DataError, UsageError
from mien.core.prior import change_prior
from mien.models.classifier import BLOCK, Classifier, Normalisation, Normalise, load_classifier, save_classifier
from mien.models.registry import MODELS

FACES = np.random.default_rng(0).integers(0, 256, (20, 48, 48), dtype=np.uint8)
KINDS: tuple[Normalisation, ...] = ("none", "per-pixel", "global", "per-face")


def expected(kind: Normalisation) -> np.ndarray:
    values = FACES.astype(np.float64)
    axis = {"per-pixel": 0, "global": (0, 1, 2), "per-face": (1, 2)}
    if kind == "none":
        return values / 255
    return (values - values.mean(axis[kind], keepdims=True)) / values.std(axis[kind], keepdims=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalisation_is_numpys(kind: Normalisation, dtype: torch.dtype) -> None:
    normalise = Normalise(kind)
    normalise.fit(FACES)
    result = normalise(torch.from_numpy(FACES)[:, None].to(dtype))
    assert result.dtype == torch.float32
    assert result[:, 0].numpy() == pytest.approx(expected(kind), abs=1e-4)


@pytest.mark.parametrize("kind", ["per-pixel", "global"])
def test_the_faces_are_not_copied(kind: Normalisation) -> None:
    """Of a million faces an array of 64-bit numbers would be 18 GB."""
    faces = np.random.default_rng(0).integers(0, 256, (2 * BLOCK + 3, 48, 48)).astype(np.uint8)
    normalise = Normalise(kind)
    many = np.tile(faces, (9, 1, 1))
    tracemalloc.start()
    normalise.fit(many)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2 * many.nbytes
    axis = 0 if kind == "per-pixel" else None
    assert normalise.mean.numpy()[0, 0] == pytest.approx(np.broadcast_to(faces.mean(axis=axis), (48, 48)), rel=1e-6)
    assert normalise.sd.numpy()[0, 0] == pytest.approx(np.broadcast_to(faces.std(axis=axis), (48, 48)), rel=1e-6)


def test_a_gpu_has_full_precision_too() -> None:
    """By default it convolves `float32` with ten bits of mantissa (TF32)."""
    classifier, allowed = Classifier("mien-n", ("a", "b"), normalisation="none"), []
    classifier.network.register_forward_hook(lambda *_: allowed.append(torch.backends.cudnn.allow_tf32))
    classifier.logits(FACES)
    assert (allowed, torch.backends.cudnn.allow_tf32) == ([False], True)


@pytest.mark.parametrize("kind", KINDS)
def test_blank_faces_stay_finite(kind: Normalisation) -> None:
    blank = np.full((3, 48, 48), 200, np.uint8)
    normalise = Normalise(kind)
    normalise.fit(blank)
    result = normalise(torch.from_numpy(blank)[:, None])
    assert result == pytest.approx(np.full((3, 1, 48, 48), 200 / 255 if kind == "none" else 0), abs=1e-6)
    assert normalise(torch.zeros(1, 1, 48, 48)).isfinite().all()


def test_a_constant_pixel_is_divided_by_one_grey_level() -> None:
    images = FACES.copy()
    images[:, 5, 7] = 90
    normalise = Normalise("per-pixel")
    normalise.fit(images)
    faces = torch.from_numpy(images)[:, None].float()
    assert not normalise(faces)[:, 0, 5, 7].any()
    assert (normalise(faces + 3)[:, 0, 5, 7] == 3).all()


def test_a_faint_face_is_divided_by_one_grey_level() -> None:
    faint = torch.full((1, 1, 48, 48), 100.0)
    faint[0, 0, ::2] = 100.5  # its deviation is a quarter of a grey level
    assert Normalise("per-face")(faint).unique().tolist() == pytest.approx([-0.25, 0.25], abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "differs"), [("none", False), ("per-pixel", True), ("global", True), ("per-face", False)]
)
def test_what_learns_from_the_training_faces(kind: Normalisation, differs: bool) -> None:
    faces = torch.from_numpy(FACES)[:, None]
    one, two = Normalise(kind), Normalise(kind)
    one.fit(FACES)
    two.fit(FACES // 2)
    assert one(faces).equal(two(faces)) is not differs


def test_an_unknown_normalisation() -> None:
    with pytest.raises(UsageError, match=r"no normalisation 'per-pxel', did you mean per-pixel"):
        Normalise("per-pxel")


def classifier(*, model: str = "mien-n", kind: Normalisation = "per-pixel") -> Classifier:
    torch.manual_seed(0)
    made = Classifier(model, ("a", "b", "c"), normalisation=kind)
    made.normalise.fit(FACES)
    return made


def test_probabilities() -> None:
    made = classifier()
    probabilities = made.probabilities(FACES)
    assert probabilities.shape == (20, 3)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    for batch in (1, 7, 20):
        assert made.probabilities(FACES, batch=batch) == pytest.approx(probabilities, abs=1e-5)
    empty = made.probabilities(FACES[:0])
    assert (empty.shape, empty.dtype) == ((0, 3), np.float32)


@pytest.mark.parametrize("view", ["read-only", "mirrored", "strided", "turned"])
def test_faces_may_be_any_view(view: str) -> None:
    frozen = FACES.copy()
    frozen.flags.writeable = False
    views = {
        "read-only": frozen,
        "mirrored": FACES[:, :, ::-1],
        "strided": np.repeat(FACES, 2, axis=0)[::2],
        "turned": FACES.transpose(0, 2, 1),
    }
    expected = classifier().probabilities(np.array(views[view], order="C"))
    assert (classifier().probabilities(views[view]) == expected).all()


def test_probabilities_are_the_logits_softmax() -> None:
    made = classifier().eval()
    with torch.inference_mode():
        logits = made(torch.from_numpy(FACES)[:, None]).numpy().astype(np.float64)
    powers = np.exp(logits)
    assert np.ptp(logits) > 0.01
    assert made.probabilities(FACES) == pytest.approx(powers / powers.sum(axis=1, keepdims=True), abs=1e-5)


def test_faces_decide_and_not_their_neighbours() -> None:
    made = classifier().train()
    order = np.random.default_rng(1).permutation(20)
    assert made.probabilities(FACES[order]) == pytest.approx(made.probabilities(FACES)[order], abs=1e-5)
    assert made.probabilities(FACES[3:4]) == pytest.approx(made.probabilities(FACES)[3:4], abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_left_as_it_was(model: str, training: bool) -> None:
    made = classifier(model=model).train(training)
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    made.probabilities(FACES[:2])
    assert {module.training for module in made.modules()} == {training}
    assert all(tensor.equal(before[name]) for name, tensor in made.state_dict().items())


@pytest.mark.parametrize(
    ("model", "kind"),
    [*((model, "per-pixel") for model in MODELS), *(("mien-n", kind) for kind in KINDS[2:]), ("mien-n", "none")],
)
def test_round_trip(tmp_path: Path, model: str, kind: Normalisation) -> None:
    made = classifier(model=model, kind=kind).train()
    with torch.no_grad():
        made(torch.from_numpy(FACES[:2])[:, None])  # running statistics that are no longer 0 and 1
    torch.manual_seed(9)
    save_classifier(made, tmp_path, epoch=3)
    again = load_classifier(tmp_path)
    assert (again.model, again.classes, again.normalise.kind) == (model, ("a", "b", "c"), kind)
    assert not again.training
    assert (again.probabilities(FACES[:4]) == made.probabilities(FACES[:4])).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    assert made.training


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trained model"):
        load_classifier(tmp_path)
    save_classifier(classifier(), tmp_path, epoch=3)
    weights, card = (tmp_path / "model.safetensors").read_bytes(), (tmp_path / "model.json").read_text()
    changes = [("mien-n", "mien-s"), ("mien-n", "mien-x"), ("per-pixel", "per-pxel"), ('"c"', '"c", "d"')]
    damaged = {
        "model.safetensors": [b"", weights[:1000], b"x" * 1000],
        "model.json": [b"", b"[]", b"{}", *(card.replace(*change).encode() for change in changes)],
    }
    for name, contents in damaged.items():
        for content in contents:
            (tmp_path / "model.safetensors").write_bytes(weights)
            (tmp_path / "model.json").write_text(card)
            (tmp_path / name).write_bytes(content)
            with pytest.raises(DataError, match=r"damaged model|model\.json: damaged"):
                load_classifier(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(DataError, match="no trained model"):
        load_classifier(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": "abc"},
        {"classes": ["a", "b", 3]},
        {"classes": ["a", "b", "\x1b[2J"]},
        {"classes": {"a": 1}},
        {"classes": [str(i) for i in range(1001)]},
        {"temperature": "warm"},
        {"temperature": 0},
        {"temperature": -1},
        {"temperature": None},
        {"bias": [0.5]},
        {"bias": [0.5, 0.5, "a"]},
        {"bias": 0.5},
        {"model": ["mien-n"]},
        {"normalisation": {}},
    ],
)
def test_a_card_with_values_of_another_kind(tmp_path: Path, change: dict[str, object]) -> None:
    save_classifier(classifier(), tmp_path, epoch=3)
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(card | change))
    with pytest.raises(DataError, match="damaged model"):
        load_classifier(tmp_path)


def test_the_network_sees_the_standardised_face_at_the_side_that_is_asked_for() -> None:
    classifier = Classifier("mien-n", ("a", "b"), normalisation="per-pixel").eval()
    classifier.normalise.fit(FACES)
    seen: list[torch.Tensor] = []
    classifier.network.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    faces = torch.from_numpy(FACES)[:, None]
    for side_px in (48, 24):
        classifier(faces, side_px=side_px)
    whole, half = seen
    assert half.shape == (20, 1, 24, 24)
    pillows = Image.fromarray(whole[0, 0].numpy()).resize((24, 24), Image.Resampling.BILINEAR)
    assert half[0, 0].numpy() == pytest.approx(np.asarray(pillows), abs=1e-4)


def test_biases_are_kept_and_move_logits(tmp_path: Path) -> None:
    made = classifier()
    plain = made.logits(FACES)
    made.temperature, made.bias = 2.0, torch.tensor([0.5, -0.5, 0.0])
    assert torch.allclose(made.logits(FACES), plain / 2 + made.bias, atol=1e-6)
    save_classifier(made, tmp_path, epoch=1)
    assert torch.equal(load_classifier(tmp_path).logits(FACES), made.logits(FACES))


def test_a_classifier_for_another_mixture_of_classes() -> None:
    made = classifier()
    made.bias = torch.tensor([0.5, -0.5, 0.0])
    old, new = {"a": 0.8, "b": 0.1, "c": 0.1}, {"a": 0.2, "b": 0.7, "c": 0.1}
    found = made.for_prior(old=old, new=new).probabilities(FACES)
    assert found == pytest.approx(change_prior(made.probabilities(FACES), old=old, new=new), abs=1e-6)
    assert made.for_prior(old=old, new={"a": 0.0, "b": 0.9, "c": 0.1}).probabilities(FACES)[:, 0].max() == 0
