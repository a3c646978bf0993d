from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.errors import DataError
from mien.models.classifier import Classifier, Normalisation, Normalise, load_classifier, save_classifier

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


@pytest.mark.parametrize("kind", KINDS)
def test_blank_faces_stay_finite(kind: Normalisation) -> None:
    blank = np.full((3, 48, 48), 200, np.uint8)
    normalise = Normalise(kind)
    normalise.fit(blank)
    assert normalise(torch.from_numpy(blank)[:, None]).isfinite().all()


def classifier(seed: int = 0, model: str = "mien-n") -> Classifier:
    torch.manual_seed(seed)
    made = Classifier(model, ("a", "b", "c"), normalisation="per-pixel")
    made.normalise.fit(FACES)
    return made


def test_probabilities() -> None:
    made = classifier()
    probabilities = made.probabilities(FACES)
    assert probabilities.shape == (20, 3)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    assert made.probabilities(FACES, batch=7) == pytest.approx(probabilities, abs=1e-5)
    assert made.probabilities(FACES[:0]).shape == (0, 3)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_left_as_it_was(training: bool) -> None:
    made = classifier().train(training)
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    made.probabilities(FACES)
    assert made.training is training
    assert all(tensor.equal(before[name]) for name, tensor in made.state_dict().items())


def test_round_trip(tmp_path: Path) -> None:
    made = classifier()
    save_classifier(made, tmp_path)
    again = load_classifier(tmp_path)
    assert (again.model, again.classes, again.normalise.kind) == ("mien-n", ("a", "b", "c"), "per-pixel")
    assert not again.training
    assert (again.probabilities(FACES) == made.probabilities(FACES)).all()


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trained model"):
        load_classifier(tmp_path)
    save_classifier(classifier(), tmp_path)
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
            with pytest.raises(DataError, match="damaged model"):
                load_classifier(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(DataError, match="no trained model"):
        load_classifier(tmp_path)
