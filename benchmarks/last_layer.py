"""Whether another loss for the last layer alone gets more out of the labels, over the folds of dev/oof.

    python benchmarks/last_layer.py fer2013.csv --votes fer2013new.csv dev/oof/mien-n.npz runs/mien-n/fold-{0,1,2,3,4}

The runs are those of `dev/oof/README.md`.  Everything below the last layer stays as it is; the last layer is fitted
anew to the faces that the run learned from, unaugmented, and predicts the fold that it did not learn from (Kang et al.
2020, arXiv 1910.09217, "classifier re-training").  So it takes seconds where `losses.py` takes minutes, and says less.
Columns: differences in points of accuracy, macro-F1 and balanced accuracy, ± standard error by faces (by folds).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from losses import FINAL, SHARE, votes_as_targets
from losses_compared import calibrated, loss_change, losses
from paired import OutOfFold, differences, log_shares, read, scores, targets_of
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from mien.core.faces import FaceSet
from mien.core.labels import FER2013
from mien.data.formats import open_faces
from mien.models.classifier import Classifier
from mien.training.batches import hard_targets
from mien.training.last_layer import features_of
from mien.training.module import class_weights

DECAY = 1e-4
"""Of the weights; 21,000 faces for 455 numbers need hardly any."""

KINDS = ("labels", "class weights", "adjusted", "votes")
COMPARED = (
    ("labels", "as trained"),
    ("labels, calibrated", "as trained, calibrated"),
    ("class weights", "labels, uniform prior"),
    ("adjusted", "labels, uniform prior"),
    ("votes", "labels"),
)


def main() -> None:
    """Fit each kind of last layer in each fold, and print the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("folds_of", help="an npz of dev/oof")
    parser.add_argument("runs", type=Path, nargs="+", help="in the order of the folds")
    parser.add_argument("--votes")
    parser.add_argument("--model", default="mien-n", help="the runs' network")
    asked = parser.parse_args()
    training = open_faces(asked.data, votes=asked.votes).split("train")
    before = read(asked.folds_of)
    with np.load(asked.folds_of) as stored:
        fold_of = stored["fold"]
    logits = {kind: np.empty_like(before.logits) for kind in KINDS}
    final = np.empty_like(before.final)
    for fold, run in enumerate(asked.runs):
        classifier = Classifier(asked.model, FER2013, normalisation="global").eval()
        classifier.load_state_dict(load_file(run / "model.safetensors"))
        learned = training.select((fold_of != fold) & (fold_of != FINAL))
        features = features_of(classifier, learned).double()
        own = features_of(classifier, training.select(fold_of == fold)).double()
        of_final = features_of(classifier, training.select(fold_of == FINAL)).double()
        centre, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
        for kind in KINDS:
            layer = fit((features - centre) / scale, learned, kind)
            logits[kind][before.folds == fold] = layer((own - centre) / scale).detach().numpy()
            if kind == "labels":
                final[fold] = layer((of_final - centre) / scale).detach().numpy()
        print(f"{run}: {len(learned):,} faces", flush=True)
    targets, folds = targets_of(training, before), before.folds
    shares = log_shares(targets)
    refitted = OutOfFold(before.rows, folds, logits["labels"], final)
    of_final_targets = training.targets[~before.rows]
    columns = {
        "as trained": before.logits,
        "as trained, calibrated": calibrated(before, of_final_targets),
        **logits,
        "labels, calibrated": calibrated(refitted, of_final_targets),
        "labels, uniform prior": logits["labels"] - shares,
    }
    print(f"{len(targets):,} faces; accuracy, macro-F1, balanced accuracy, log loss")
    for name, rows in columns.items():
        print(f"{name:22}", np.round(scores(rows.argmax(axis=1), targets), 2), f"{losses(rows, targets).mean():.4f}")
    for name, other in COMPARED:
        new, old = columns[name], columns[other]
        changes = differences(new.argmax(axis=1), old.argmax(axis=1), targets, folds)
        print(f"{name} over {other}: {changes}  {loss_change(new, old, targets)}")


def fit(features: Tensor, faces: FaceSet, kind: str) -> torch.nn.Linear:
    """Fit a last layer with one of `KINDS` of loss."""
    aim = hard_targets(faces).double()
    weights, shift = None, torch.zeros(len(FER2013), dtype=torch.float64)
    if kind == "class weights":
        weights = class_weights(faces).double()
    elif kind == "adjusted":
        shift = torch.as_tensor(log_shares(faces.targets))
    elif kind == "votes":
        aim = (1 - SHARE) * aim + SHARE * votes_as_targets(faces).double()
    layer = torch.nn.Linear(features.shape[1], len(FER2013), dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(layer(features) + shift, aim, weight=weights)
        loss = loss + DECAY * (layer.weight**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return layer


if __name__ == "__main__":
    main()
