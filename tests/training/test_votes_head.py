"""A second last layer that learns votes: what the loss is, and what is left of it."""

from dataclasses import replace
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mien.core.errors import ConfigError, DataError
from mien.core.faces import FaceSet
from mien.core.labels import FERPLUS_VOTES
from mien.data.formats import open_faces
from mien.models.classifier import Classifier
from mien.training.config import TrainConfig
from mien.training.module import TrainingModule
from mien.workflows.train import resume, train

from .conftest import Small

DRAWN = open_faces("synthetic:420")
WEIGHTS = "model.safetensors"


def voted(faces: FaceSet = DRAWN) -> FaceSet:
    """Ten votes for each face: most for the label, the others at random; nobody voted on the first face."""
    votes = np.random.default_rng(0).multinomial(3, np.full(10, 0.1), len(faces)).astype(np.uint8)
    votes[np.arange(len(faces)), faces.targets] += 7
    votes[0] = 0
    return replace(faces, votes=votes, vote_names=FERPLUS_VOTES)


def module(faces: FaceSet, **loss: float) -> TrainingModule:
    torch.manual_seed(0)
    settings = {"data": "-", "recipe": "-", "model": "mien-n", "normalisation": "global", "batch": len(faces)}
    config = TrainConfig.parse({**settings, "loss": loss}, source="test")
    classifier = Classifier("mien-n", faces.classes, normalisation="global").eval()
    made = TrainingModule(classifier, config, faces=faces, held_out=faces)
    made.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    made.log_dict = lambda *_, **__: None  # type: ignore[assignment,method-assign]
    return made


def first_loss(made: TrainingModule) -> torch.Tensor:
    return made.training_step(next(iter(made.train_dataloader())), 0)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_loss_is_that_of_the_labels_and_that_of_the_shares_of_the_votes() -> None:
    faces = voted(DRAWN.select(np.arange(50)))
    made = module(faces, votes_share=0.3, label_smoothing=0.1)
    assert made.votes_head is not None
    nn.init.normal_(made.votes_head.output.weight, std=0.3)
    nn.init.normal_(made.votes_head.output.bias)
    loss = first_loss(made).item()

    features: list[torch.Tensor] = []
    network = made.classifier.network
    network.drop.register_forward_hook(lambda *given: features.append(given[2]))
    labels = -np.log(made.classifier.probabilities(faces.images))
    smoothed = 0.9 * np.eye(7)[faces.targets] + 0.1 / 7
    with torch.inference_mode():
        of_votes = -made.votes_head.output(features[0]).log_softmax(dim=1).numpy()
    assert faces.votes is not None
    of_votes = (of_votes * faces.votes).sum(axis=1) / np.maximum(faces.votes.sum(axis=1), 1)
    assert of_votes[0] == 0
    assert loss == pytest.approx(0.7 * (labels * smoothed).sum(axis=1).mean() + 0.3 * of_votes.mean(), rel=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_votes_teach_the_layers_below_the_last_ones() -> None:
    def gradient(made: TrainingModule) -> torch.Tensor:
        first_loss(made).backward()  # type: ignore[no-untyped-call]
        below = made.classifier.network.stages[3].widen.weight.grad
        assert below is not None
        return below

    faces = voted(DRAWN.select(np.arange(50)))
    without, beside = gradient(module(faces)), module(faces, votes_share=0.5)
    assert gradient(beside) == pytest.approx(without / 2, abs=1e-7)  # as long as the second layer is at 0
    assert beside.votes_head is not None
    nn.init.normal_(beside.votes_head.output.weight)
    beside.zero_grad()
    assert (gradient(beside) - without / 2).abs().max() > 0.1 * without.abs().max()


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_run_resumes_exactly_and_its_network_has_no_second_layer(small: Small, ema: float) -> None:
    given = {"data": voted(), "loss": {"votes_share": 0.5}, "ema": ema}
    whole, parts = small("whole", epochs=2, **given), small("parts", epochs=1, **given)
    resume(parts.path, epochs=2)
    assert (whole.path / WEIGHTS).read_bytes() == (parts.path / WEIGHTS).read_bytes()
    plain = small("plain", epochs=2, data=voted(), ema=ema)
    learned, alone = load_file(whole.path / WEIGHTS), load_file(plain.path / WEIGHTS)
    assert learned.keys() == alone.keys()
    assert not all(tensor.equal(alone[name]) for name, tensor in learned.items())
    kept = torch.load(whole.path / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert {key for key in kept if not key.startswith("classifier.")} == {
        "votes_head.output.weight",
        "votes_head.output.bias",
    }
    assert all(tensor.abs().max() > 0 for key, tensor in kept.items() if key.startswith("votes_head."))
    assert ", with votes of annotators making up 50 % of the loss" in whole.report().read_text()


def test_teachers_and_a_first_network_go_with_votes(small: Small) -> None:
    old = small("old", epochs=1)
    taught = {"init": str(old.path), "distillation": {"from_init": True, "share": 0.7}, "epochs": 1}
    weights = []
    for share in (0.0, 0.5):
        run = small(f"{share}", data=voted(old.data.faces), loss={"votes_share": share}, **taught)
        weights.append(load_file(run.path / WEIGHTS)["network.output.weight"])
    assert not weights[0].equal(weights[1])
    assert "(70 %) and the labels, with votes of annotators making up 50 % of the loss" in run.report().read_text()


@pytest.mark.long
def test_two_processes_learn_votes_together(small: Small) -> None:
    run = small("run", data=voted(), loss={"votes_share": 0.5}, epochs=2, devices=2)
    kept = torch.load(run.path / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert kept["votes_head.output.weight"].abs().max() > 0
    alone = small("alone", data=voted(), loss={"votes_share": 0.5}, epochs=2)
    assert run.history[0].train_loss == pytest.approx(alone.history[0].train_loss, rel=0.05)


def test_votes_are_needed(small: Small, tmp_path: Path) -> None:
    loss = {"votes_share": 0.5}
    with pytest.raises(DataError, match=r"synthetic: no votes, which loss\.votes_share learns.*--votes"):
        small("run", loss=loss)
    nobody = replace(voted(), votes=np.zeros((len(DRAWN), 10), np.uint8))
    with pytest.raises(DataError, match="no votes"):
        small("run", data=nobody, loss=loss)
    with pytest.raises(ConfigError, match="with labels ferplus the votes are them"):
        train("fer2013.csv", recipe="mien-n", votes="fer2013new.csv", labels="ferplus", loss=loss, out=tmp_path / "run")
    with pytest.raises(ConfigError, match="votes_share"):
        small("run", data=voted(), loss={"votes_share": 1.0})
    assert not (tmp_path / "run").exists()
