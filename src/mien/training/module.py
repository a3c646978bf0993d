"""The training step, the validation step and the optimizer, as Lightning wants them."""

import math
from collections.abc import Iterable
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch.utils.data import DataLoader

from mien.core.errors import Diverged
from mien.core.faces import FaceSet
from mien.core.images import SIZE
from mien.models.classifier import Classifier
from mien.training import config
from mien.training.augment import Augmenter
from mien.training.batches import Batch, EpochBatches, InOrder, hard_targets, loader, targets_of, view_of
from mien.training.config import TrainConfig
from mien.training.corrupt import Corrupter
from mien.training.distillation import Teaching
from mien.training.last_layer import keep_features
from mien.training.votes_head import VotesHead

OPTIMIZERS = {"adam": Adam, "adamw": AdamW, "sgd": SGD}
VALIDATION_BATCH = 250
SIDE_STEP_PX = 8
AUGMENTATION, DROPOUT = 0, 1


class TrainingModule(L.LightningModule):
    """Trains a classifier on `faces` and validates it on `held_out`.

    Everything random in a step (augmentation, dropout) comes from a seed made of the run's seed, the process's rank,
    the epoch and the batch's number in it.  So a resumed run repeats what an undisturbed one would have done, and no
    generator's state needs saving.
    """

    def __init__(
        self,
        classifier: Classifier,
        config: TrainConfig,
        *,
        faces: FaceSet,
        held_out: FaceSet,
        teachers: Teaching | None = None,
    ) -> None:
        super().__init__()
        self.classifier, self.config, self.teachers = classifier, config, teachers
        self.views = 0
        if teachers:
            self.views = config.distillation.views
        self.faces, self.held_out = faces, held_out
        self.augment = Augmenter(config.augment)
        self.corrupt: Corrupter | None = None
        if config.augment.corrupt or config.augment.cover:
            self.corrupt = Corrupter(corrupt=config.augment.corrupt, cover=config.augment.cover)
        self.plateau: ReduceLROnPlateau | None = None
        self.class_weights: Tensor | None
        weights = None
        if config.loss.class_weights:
            weights = class_weights(faces)
        self.register_buffer("class_weights", weights, persistent=False)
        self.votes_head: VotesHead | None = None
        if config.loss.votes_share:
            assert faces.votes is not None  # `RunData` sees to it
            self.votes_head = VotesHead(classifier, faces.votes)

    def train_dataloader(self) -> DataLoader[Batch]:
        return loader(
            self.faces,
            targets_of(self.faces, labels=self.config.labels),
            sampler=EpochBatches(
                len(self.faces),
                batch=self.config.batch,
                seed=self.config.seed,
                rank=self.trainer.global_rank,
                world=self.trainer.world_size,
                views=self.views,
            ),
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        return loader(
            self.held_out,
            hard_targets(self.held_out),
            sampler=InOrder(
                len(self.held_out), batch=VALIDATION_BATCH, rank=self.trainer.global_rank, world=self.trainer.world_size
            ),
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        images, targets, rows = batch
        epoch = self.current_epoch
        view = (view_of(epoch, views=self.views), batch_idx)
        self._seed(AUGMENTATION, *view)
        clean = self.augment(images)
        faces = clean
        if self.corrupt:
            faces = self.corrupt(clean)
        smoothing = self.config.loss.label_smoothing
        aim = (1 - smoothing) * targets + smoothing / targets.shape[1]
        if self.teachers:
            share = self.config.distillation.share
            aim = share * self.teachers.probabilities(clean, rows=rows, view=view) + (1 - share) * aim
        self._seed(DROPOUT, epoch, batch_idx)
        side_px = side_of_epoch(epoch, epochs=self.config.epochs, start_px=self.config.start_px)
        with keep_features(self.classifier) as features:
            logits = self.classifier(faces, side_px=side_px).float()
        loss = functional.cross_entropy(logits, aim, weight=self.class_weights)
        if self.votes_head:
            of_votes = self.config.loss.votes_share
            loss = (1 - of_votes) * loss + of_votes * self.votes_head.loss(features[0], rows=rows)
        if not loss.isfinite():
            steps = int(self.trainer.num_training_batches)
            raise Diverged(self._where(f"batch {batch_idx + 1} of {steps}: the training loss is {loss.item()}"))
        self._log("train", loss, logits, targets)
        return loss

    def _where(self, what: str) -> str:
        rule = self.config.optimizer
        lower = "--lr"
        if rule.name != "adam" and rule.lr * rule.weight_decay > 1:  # each step then turns all weights around
            lower = "optimizer.weight_decay"
        return f"epoch {self.current_epoch + 1}, {what}; earlier epochs are kept. Start a new run with a lower {lower}"

    def _seed(self, *what: int) -> None:
        seeds = np.random.SeedSequence([self.config.seed, self.global_rank, *what])
        seed = int(seeds.generate_state(1, np.uint64)[0])
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)  # on a machine without a GPU it takes a millisecond, to note that none was seeded

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        images, targets, _ = batch
        logits = self.classifier(images).float()
        self._log("val", functional.cross_entropy(logits, targets), logits, targets)

    def _log(self, part: str, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        right = (logits.argmax(dim=1) == targets.argmax(dim=1)).float().mean()
        self.log_dict(
            {f"{part}_loss": loss, f"{part}_accuracy": right},
            on_step=False,
            on_epoch=True,
            batch_size=len(targets),
            sync_dist=self.trainer.world_size > 1,
        )

    def configure_optimizers(self) -> Optimizer | OptimizerLRSchedulerConfig:
        rule = self.config.optimizer
        optimizer = make_optimizer(rule, self.parameters())
        if self.config.schedule == "one-cycle":
            steps = self.config.epochs * (len(self.faces) // self.config.batch)
            cycle = OneCycleLR(optimizer, max_lr=rule.lr, total_steps=steps, cycle_momentum=False)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
        plateau = self.config.plateau
        # torch counts the bad epochs that it lets pass, Keras the one that it acts on: hence patience - 1
        self.plateau = ReduceLROnPlateau(
            optimizer,
            factor=plateau.factor,
            patience=plateau.patience - 1,
            threshold=plateau.min_delta,
            threshold_mode="abs",
            eps=0,
        )
        return optimizer

    def on_validation_end(self) -> None:
        loss = self.trainer.callback_metrics["val_loss"].item()
        if not math.isfinite(loss):
            raise Diverged(self._where(f"the validation loss is {loss}"))

    # Lightning steps a plateau scheduler after the checkpoint is written, so a resumed run would miss that step.
    # The module steps it itself, before.
    def on_train_epoch_end(self) -> None:
        if self.plateau:
            self.plateau.step(self.trainer.callback_metrics["val_loss"].item())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.plateau:
            checkpoint["plateau"] = self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._plateau_state = checkpoint.get("plateau")
        for part in ("state_dict", "current_model_state"):  # with averaged weights the second are those that learn
            for key in [key for key in checkpoint.get(part, {}) if key.startswith("augment.")]:
                del checkpoint[part][key]  # the augmentation of earlier versions kept its ranges in tensors
        # Lightning restores what it finds, and says nothing of what is missing.
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            if callback.state_dict() and callback.state_key not in checkpoint["callbacks"]:
                raise ValueError(f"no state of '{callback.state_key}' in it")

    def on_fit_start(self) -> None:
        # a process of its own begins with PyTorch's number of threads, not with the run's
        processes = self.trainer.world_size // self.trainer.num_nodes  # that share this machine's threads
        if self.trainer.world_size > 1 and self.config.threads:
            torch.set_num_threads(max(1, self.config.threads // processes))

    def on_train_epoch_start(self) -> None:
        if self.config.freeze_norms:
            for layer in self.classifier.modules():
                if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                    layer.eval()  # it uses its means and variances instead of the batch's, and keeps them

    def on_train_start(self) -> None:
        if self.teachers:
            self.teachers.to(self.device)
        if self.votes_head:
            self.votes_head.shares = self.votes_head.shares.to(self.device)
        if self.plateau and (state := getattr(self, "_plateau_state", None)):
            self.plateau.load_state_dict(state)


def make_optimizer(rule: config.Optimizer, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Make what updates the parameters as `rule` says."""
    extra: dict[str, Any] = {"eps": rule.eps}
    if rule.name == "sgd":
        extra = {"momentum": 0.9, "nesterov": True}
    optimizer: Optimizer = OPTIMIZERS[rule.name](
        parameters, lr=rule.lr, weight_decay=rule.weight_decay, fused=True, **extra
    )
    return optimizer


def side_of_epoch(epoch: int, *, epochs: int, start_px: int) -> int:
    """Side in pixels of the training faces in `epoch` (from 0): from `start_px` to 48 in steps of 8, equally long.

    Small faces first, full size last: progressive resizing (Tan & Le 2021, arXiv 2104.00298).

    >>> [side_of_epoch(epoch, epochs=6, start_px=32) for epoch in range(6)]
    [32, 32, 40, 40, 48, 48]
    """
    sides: list[int] = [*range(start_px, SIZE, SIDE_STEP_PX), SIZE][-epochs:]  # few epochs see the largest
    return sides[epoch * len(sides) // epochs]


def class_weights(faces: FaceSet) -> Tensor:
    """Weights `float32 (C,)` that give every class the same say: rows / (classes that occur · rows of the class)."""
    counts = np.bincount(faces.targets, minlength=len(faces.classes))
    weights = np.divide(len(faces), np.count_nonzero(counts) * counts, out=np.zeros(len(counts)), where=counts > 0)
    return torch.as_tensor(weights, dtype=torch.float32)
