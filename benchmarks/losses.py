"""Whether other losses get more out of the labels: a recipe over the folds of dev/oof, training faces alone.

    python benchmarks/losses.py fer2013.csv --votes fer2013new.csv dev/oof/mien-n.npz arms/ --recipe mien-n

For each fold and loss this trains the recipe, 24 epochs long, without the fold, and writes the logits of the fold and
of the final hold-out to `arms/LOSS-FOLD.npz`; what is there already isn't trained again.  Seed, order of the faces,
augmentation and first weights are those that made the file of `dev/oof`, so that faces can be compared one by one;
`losses_compared.py` does that.

* `labels`: the recipe's own loss, to see that this script trains what made the file of `dev/oof`.
* `adjusted`: the log shares of the classes are added to the logits in the loss alone (Menon et al. 2021,
  arXiv 2007.07314).
* `votes`: three tenths of each target are FER+'s votes, as with `--teachers FILE --set distillation.share=0.3`.
* `two-heads`: a second last layer learns all ten columns of FER+'s votes, as with `--set loss.votes_share=0.5`.
"""

import argparse
import time
from pathlib import Path

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.core.faces import FaceSet
from mien.core.labels import FER2013, FERPLUS, FERPLUS_NAMES
from mien.data.ferplus import distribution
from mien.data.formats import open_faces
from mien.models.classifier import Classifier
from mien.training.batches import hard_targets
from mien.training.config import TrainConfig, read_recipe, resolve
from mien.training.distillation import PredictedTargets
from mien.training.memory import keep_freed_memory
from mien.training.module import TrainingModule
from mien.training.torch_devices import resolve_precision

LOSSES = ("two-heads", "votes", "adjusted", "labels")
EPOCHS = 24
"""Of the networks of dev/oof."""

SHARE = 0.3
"""Of the votes in the targets of `votes`."""

FINAL = -1
"""The fold number of the final hold-out."""


class Note(L.Callback):
    """Prints each epoch."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        seen = trainer.callback_metrics
        print(f"  epoch {trainer.current_epoch + 1}: {float(seen['train_loss']):.6f}", flush=True)


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("folds_of", help="an npz of dev/oof")
    parser.add_argument("out", type=Path)
    parser.add_argument("--votes")
    parser.add_argument("--recipe", default="mien-n", help="the one that made the npz")
    parser.add_argument("--losses", default=",".join(LOSSES[:3]))
    parser.add_argument("--folds", default="0,1,2,3,4")
    asked = parser.parse_args()
    training = open_faces(asked.data, votes=asked.votes).split("train")
    with np.load(asked.folds_of) as stored:
        fold_of = stored["fold"]
        if not np.array_equal(stored["row"], training.ids.astype(np.int64)):
            raise SystemExit(f"{asked.folds_of}: other rows than the training rows")
    config = resolve(read_recipe(asked.recipe), {"data": asked.data, "epochs": EPOCHS})
    asked.out.mkdir(exist_ok=True)
    keep_freed_memory()
    for fold in map(int, asked.folds.split(",")):
        for loss in asked.losses.split(","):
            file = asked.out / f"{loss}-{fold}.npz"
            if file.exists():
                continue
            start_s = time.process_time()
            learned = training.select((fold_of != fold) & (fold_of != FINAL))
            classifier = train(loss, learned, config)
            seconds = time.process_time() - start_s
            own = logits_of(classifier, training, fold_of == fold)
            final = logits_of(classifier, training, fold_of == FINAL)
            np.savez_compressed(file, own=own, final=final, seconds=seconds)
            print(f"{file}: {len(learned):,} faces, {seconds:.0f} processor seconds", flush=True)


def train(loss: str, learned: FaceSet, config: TrainConfig) -> Classifier:
    """Train one network, as `mien train` does."""
    torch.manual_seed(config.seed)
    classifier = Classifier(config.model, FER2013, normalisation=config.normalisation)
    classifier.normalise.fit(learned.images)
    teachers = None
    if loss == "two-heads":
        config = resolve(config.model_dump(), {"loss": {"votes_share": 0.5}})
    elif loss == "votes":
        teachers = PredictedTargets(votes_as_targets(learned))
        config = resolve(config.model_dump(), {"distillation": {"share": SHARE}})
    elif loss == "adjusted":
        shares = np.bincount(learned.targets, minlength=len(FER2013)) / len(learned)
        classifier.bias = torch.as_tensor(np.log(shares), dtype=torch.float32)
    module = TrainingModule(classifier, config, faces=learned, held_out=learned, teachers=teachers)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=1,
        precision="bf16-mixed" if resolve_precision("auto", "cpu") == "bf16" else "32-true",
        max_epochs=EPOCHS,
        callbacks=[Note()],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(module)
    classifier.bias = None
    return classifier


def votes_as_targets(faces: FaceSet) -> Tensor:
    """Give each class its share of the votes for the seven, `float32 (N, 7)`; the label where there are none."""
    assert faces.votes is not None
    columns = [FERPLUS.index(FERPLUS_NAMES.get(name, name)) for name in FER2013]
    votes = torch.from_numpy(distribution(faces.votes))[:, columns]
    total = votes.sum(dim=1, keepdim=True)
    return torch.where(total > 0, votes / total, hard_targets(faces))


def logits_of(classifier: Classifier, faces: FaceSet, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the logits of the chosen faces in full precision: `float32 (n, 7)`."""
    return classifier.logits(faces.images[chosen]).numpy()


if __name__ == "__main__":
    main()
