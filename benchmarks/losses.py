"""Whether other losses get more out of the labels: `mien-n` over the folds of dev/oof, training faces alone.

    python benchmarks/losses.py fer2013.csv --votes fer2013new.csv dev/oof/mien-n.npz arms/ --folds 0,1,2,3,4

For each fold and loss this trains the recipe `mien-n` without the fold, and writes the logits of the fold and of the
final hold-out to `arms/LOSS-FOLD.npz`; what is there already isn't trained again.  Seed, order of the faces,
augmentation and the first weights below the last layer are those that made `dev/oof/mien-n.npz`, so that faces can be
compared one by one; `losses_compared.py` does that.

* `labels`: the recipe's own loss, to see that this script trains what made `dev/oof/mien-n.npz`.
* `adjusted`: the log shares of the classes are added to the logits in the loss alone (Menon et al. 2021,
  arXiv 2007.07314).
* `votes`: three tenths of each target are FER+'s votes, as with `--teachers FILE --set distillation.share=0.3`.
* `two-heads`: a second last layer learns all ten columns of FER+'s votes; the loss is the mean of both.
"""

import argparse
import time
from pathlib import Path

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.core.faces import FaceSet
from mien.core.labels import FER2013, FERPLUS, FERPLUS_NAMES, FERPLUS_VOTES
from mien.data.ferplus import distribution
from mien.data.formats import open_faces
from mien.models.classifier import Classifier
from mien.training.batches import Batch, hard_targets
from mien.training.config import TrainConfig, read_recipe, resolve
from mien.training.distillation import PredictedTargets
from mien.training.memory import keep_freed_memory
from mien.training.module import AUGMENTATION, DROPOUT, TrainingModule
from mien.training.torch_devices import resolve_precision

LOSSES = ("two-heads", "votes", "adjusted", "labels")
SHARE = 0.3
"""Of the votes in the targets of `votes`."""

FINAL = -1
"""The fold number of the final hold-out."""


class TwoHeads(TrainingModule):
    """Learns the labels with the first seven logits, and the shares of FER+'s ten columns with the other ten."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        images, targets, rows = batch
        self._seed(AUGMENTATION, self.current_epoch, batch_idx)
        faces = self.augment(images)
        self._seed(DROPOUT, self.current_epoch, batch_idx)
        logits = self.classifier(faces).float()  # (n, 7 + 10)
        of_labels, of_votes = logits[:, : len(FER2013)], logits[:, len(FER2013) :]
        smoothing = self.config.loss.label_smoothing
        aim = (1 - smoothing) * targets + smoothing / targets.shape[1]
        assert self.faces.votes is not None
        votes = torch.from_numpy(self.faces.votes)[rows].float()
        votes = votes / votes.sum(dim=1, keepdim=True).clamp(min=1)
        loss = (functional.cross_entropy(of_labels, aim) + functional.cross_entropy(of_votes, votes)) / 2
        self._log("train", loss, of_labels, targets)
        return loss


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
    parser.add_argument("--losses", default=",".join(LOSSES[:3]))
    parser.add_argument("--folds", default="0,1,2,3,4")
    parser.add_argument("--epochs", type=int, help="fewer than the recipe's: stop after so many of its epochs")
    asked = parser.parse_args()
    training = open_faces(asked.data, votes=asked.votes).split("train")
    with np.load(asked.folds_of) as stored:
        fold_of = stored["fold"]
        if not np.array_equal(stored["row"], training.ids.astype(np.int64)):
            raise SystemExit(f"{asked.folds_of}: other rows than the training rows")
    config = resolve(read_recipe("mien-n"), {"data": asked.data})
    asked.out.mkdir(exist_ok=True)
    keep_freed_memory()
    for fold in map(int, asked.folds.split(",")):
        for loss in asked.losses.split(","):
            file = asked.out / f"{loss}-{fold}.npz"
            if file.exists():
                continue
            start_s = time.process_time()
            learned = training.select((fold_of != fold) & (fold_of != FINAL))
            classifier = train(loss, learned, config, epochs=asked.epochs or config.epochs)
            seconds = time.process_time() - start_s
            if asked.epochs is None:
                own = logits_of(classifier, training, fold_of == fold)
                final = logits_of(classifier, training, fold_of == FINAL)
                np.savez_compressed(file, own=own, final=final, seconds=seconds)
            print(f"{file}: {len(learned):,} faces, {seconds:.0f} processor seconds", flush=True)


def train(loss: str, learned: FaceSet, config: TrainConfig, *, epochs: int) -> Classifier:
    """Train one network, as `mien train` does."""
    torch.manual_seed(config.seed)
    outputs: tuple[str, ...] = FER2013
    if loss == "two-heads":
        outputs = (*FER2013, *FERPLUS_VOTES)
    classifier = Classifier(config.model, outputs, normalisation=config.normalisation)
    classifier.normalise.fit(learned.images)
    make, teachers = TrainingModule, None
    if loss == "two-heads":
        make = TwoHeads
    elif loss == "votes":
        teachers = PredictedTargets(votes_as_targets(learned))
        config = resolve(config.model_dump(), {"distillation": {"share": SHARE}})
    elif loss == "adjusted":
        shares = np.bincount(learned.targets, minlength=len(FER2013)) / len(learned)
        classifier.bias = torch.as_tensor(np.log(shares), dtype=torch.float32)
    module = make(classifier, config, faces=learned, held_out=learned, teachers=teachers)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=1,
        precision="bf16-mixed" if resolve_precision("auto", "cpu") == "bf16" else "32-true",
        max_epochs=epochs,
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
    """Return the logits of the chosen faces in full precision: `float32 (n, 7)`, or `(n, 17)` of two heads."""
    return classifier.logits(faces.images[chosen]).numpy()


if __name__ == "__main__":
    main()
