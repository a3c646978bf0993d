"""`evaluate`: how right a trained run or a bundle is, on labelled faces.

A bundle is scored without the training libraries, so what needs torch is imported where a run is scored.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.arrays import write_arrays
from mien.core.bundle import Bundle, Precision
from mien.core.card import GraphPrecision, TrainingData
from mien.core.errors import UsageError
from mien.core.faces import FaceSet
from mien.core.files import replacing_folder
from mien.core.known import PublishedFaces
from mien.core.model_id import ModelId
from mien.core.open_model import open_model
from mien.core.predictions import Predictions
from mien.core.prior import Prior, Shares, change_prior, estimate_prior, prior_shares
from mien.core.progress import OnProgress
from mien.core.robustness import Robustness
from mien.core.runs import RunDir
from mien.core.scores import FlipScores, Scores
from mien.data.formats import absolute_source, open_faces
from mien.data.groups import read_groups
from mien.data.matching import check_classes, join_predictions
from mien.data.split import find_duplicates
from mien.evaluation.examples import choose_confused_faces, choose_examples
from mien.evaluation.metrics import accuracy, score_predictions
from mien.runtime.photo import face_finder
from mien.runtime.session import BundleModel
from mien.workflows.published import card_faces
from mien.workflows.robustness import ClassifyFaces, measure_robustness, measured_before

if TYPE_CHECKING:
    from mien.models.classifier import Classifier
    from mien.training.config import TrainConfig
    from mien.training.run_data import TrainingRun


def evaluate(
    model: str | Path | RunDir | Bundle,
    data: str | Path | FaceSet | None = None,
    *,
    split: str | None = None,
    targets: str | Path | None = None,
    votes: str | Path | None = None,
    classes: Sequence[str] | None = None,
    detect: bool = False,
    flip: bool = False,
    robustness: bool = False,
    precision: Precision = "default",
    device: str = "auto",
    skip_bad: bool = False,
    prior: Prior | None = None,
    group: str | Path | None = None,
    progress: OnProgress | None = None,
) -> Scores:
    """Score a trained run or a bundle on one split of labelled faces.

    Of a run, predictions, scores and example faces are kept in its folder: `eval/<split>/`, or
    `eval/<name of the data>-<split>/` for other data than its own, and `-uniform` or the like added
    for another prior.  Of a bundle nothing is written.

    Args:
        model: a run or a bundle: its folder, its name, or `latest` for the newest run.
        data: what `open_faces` reads, or faces; None takes the run's own data.
        split: which faces; `validation` is what the run held out.  None takes `test`, or `validation` where the run's
            data have no labelled test faces; of other `data` with a single split, that one.
        targets: a file `id,label` with the labels of unlabelled `data`.
        votes: FER+ votes of `data`; what learned FER+'s eight classes is scored by their majority.
        classes: the names of the labels 0, 1, … of `data` that only number them.
        detect: cut the largest face out of each picture of `data`; what learned from such faces always does.
        flip: also score the mean of the logits of each face and of its mirror image.
        robustness: also score the faces corrupted in 15 ways at 5 severities (`docs/robustness.md`).
        precision: of a bundle: `fp32`, `int8`, or the card's `default`.
        device: of a run: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; a bundle runs on the CPU.
        skip_bad: leave out pictures of `data` that can't be read, with a warning each, instead of raising at the first.
        prior: how frequent the classes are among the scored faces, as in `mien.predict`; `estimate` estimates it from
            their probabilities, without their labels.
        group: a CSV with two columns, `id` and one such as `subject` or `video`: faces with the same value there count
            together in the intervals.
        progress: called while corrupted faces are scored.

    Raises:
        DataError: no such run, bundle or split, no labels, a class that the network has not, a damaged file, a file of
            groups that doesn't fit, or the run's own data have changed.
        UsageError: `targets`, `votes`, `classes` or `detect` without `data`; a bundle without `data`; no such device or
            precision; `flip` of a bundle whose graphs do that; or another process is at work in the run.
    """
    if (data is None or isinstance(data, FaceSet)) and (targets or votes or classes or detect):
        raise UsageError("--targets, --votes, --classes and --detect belong to other data; name them with --data")
    opened = open_model(model)
    request = _Request(flip=flip, robustness=robustness, prior=prior, group=group, progress=progress)

    def open_like(source: str | Path, trained: "TrainConfig | TrainingData") -> FaceSet:
        find_face = face_finder() if detect or trained.detect else None
        return open_faces(
            source,
            targets=targets,
            votes=votes,
            labels=trained.labels,
            classes=classes,
            find_face=find_face,
            skip_bad=skip_bad,
        )

    if isinstance(opened, Bundle):
        if data is None:
            raise UsageError(
                f"{model} is a bundle, which has no faces of its own; name some: mien eval {model} --data fer2013.csv"
            )
        if device not in ("auto", "cpu"):
            raise UsageError(f"--device {device}: a bundle runs on the CPU; leave --device out")
        if flip and opened.card.flip:
            raise UsageError(
                f"--flip: {opened.card.name} averages each face and its mirror image already, inside its graphs; leave "
                "--flip out (its card has the accuracy of the face alone)"
            )
        chosen = opened.resolve(precision)
        faces = data if isinstance(data, FaceSet) else open_like(data, opened.card.training.data)
        return _evaluate_bundle(opened, faces, request, split=split or _default_split(faces), precision=chosen)
    if precision != "default":
        raise UsageError(f"--precision belongs to a bundle, and {model} is none; `mien export {model}` makes one")
    from mien.training.run_data import TrainingRun

    run = TrainingRun.open(opened)
    run.check_trained()
    with run.locked():
        if data is None:
            split = split or run.default_split
            return _evaluate_run(run, None, request, split=split, name=split, device=device)
        if isinstance(data, FaceSet):
            faces, source = data, data.source
        else:
            source = absolute_source(str(data))
            faces = open_like(source, run.config)
        split = split or _default_split(faces)
        name = f"{Path(source).stem}-{split}".replace(":", "-")
        return _evaluate_run(run, faces, request, split=split, name=name, device=device)


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What is asked of a network's answers; see `evaluate`."""

    flip: bool
    robustness: bool
    prior: Prior | None
    group: str | Path | None
    progress: OnProgress | None


@dataclass(frozen=True, kw_only=True)
class _Answers:
    """What a network says of faces, for the shares of the classes in `shares`; None are those that it assumes."""

    predictions: Predictions
    mirrored: Predictions | None
    robustness: Robustness | None
    shares: dict[str, float] | None
    groups: NDArray[np.int64] | None


def _default_split(faces: FaceSet) -> str:
    """Return `test`, or the split of data that have only one, such as a folder of class folders."""
    splits = set(faces.splits.tolist())
    return splits.pop() if len(splits) == 1 else "test"


def _evaluate_bundle(
    bundle: Bundle, data: FaceSet, request: _Request, *, split: str, precision: GraphPrecision
) -> Scores:
    card = bundle.card
    faces = data.split(split)
    check_classes(faces, known=bundle.classes)
    model = BundleModel.open(bundle, precision=precision, device="cpu")
    assumed = card.assumed_shares
    answers = _ask(model, faces, request, classes=bundle.classes, assumed=assumed, shares_for=card.shares_for)
    of_card = card_faces(card, faces, data=data, split=split)
    predictions = replace(answers.predictions, duplicates=of_card.duplicates)
    scores = replace(
        _score(predictions, mirrored=answers.mirrored, groups=answers.groups),
        model=bundle.model_id(precision),
        precision=precision,
        split=split,
        prior=card.prior if answers.shares is None else answers.shares,
        robustness=answers.robustness,
    )
    if of_card.belongs is None or answers.shares not in (None, assumed):  # its figures are for no other mixture
        return scores
    faces_of_card = None
    if of_card.known is not None:
        found = accuracy(predictions.select(of_card.belongs))
        faces_of_card = PublishedFaces(**of_card.known.to_dict(), accuracy=found)
    return replace(scores, published_accuracy=card.scores.of(precision).accuracy, published_faces=faces_of_card)


def _evaluate_run(
    run: "TrainingRun", data: FaceSet | None, request: _Request, *, split: str, name: str, device: str
) -> Scores:
    """Score a run on a split of other data, or of its own, and keep that under a name."""
    from mien.models.classifier import load_classifier
    from mien.training.torch_devices import resolve_torch_device

    if data is None:
        faces, training = run.data.split(split), run.data.training_beside(split)
    else:
        faces, training = data.split(split), run.data.faces.split("train")
        check_classes(faces, known=run.data.faces.classes)
    assumed = run.data.shares
    classifier = load_classifier(run.path, device=resolve_torch_device(device))
    answers = _ask(
        classifier.probabilities,
        faces,
        request,
        classes=classifier.classes,
        assumed=assumed,
        shares_for=partial(prior_shares, training=assumed),
    )
    if answers.shares is not None:
        name += f"-{request.prior}" if isinstance(request.prior, str) else "-given"
    if data is not None:
        name = _free_name(run.path / "eval", name, source=faces.source, taken=run.data.faces.splits)
    return score_and_save(
        answers.predictions,
        mirrored=answers.mirrored,
        robustness=answers.robustness,
        faces=faces,
        split=split,
        training=training,
        model=run.model_id,
        folder=run.path / "eval" / name,
        prior=answers.shares,
        groups=answers.groups,
    )


def _ask(
    classify_faces: ClassifyFaces,
    faces: FaceSet,
    request: _Request,
    *,
    classes: tuple[str, ...],
    assumed: Shares,
    shares_for: Callable[[Prior], dict[str, float]],
) -> _Answers:
    groups = read_groups(request.group, faces.ids) if request.group else None
    shares = None
    if request.prior is not None and request.prior != "estimate":
        shares = shares_for(request.prior)  # first, so that a wrong one is told before the faces are classified
    predictions = join_predictions(faces, classify_faces(faces.images), classes=classes)
    mirrored = None
    if request.flip:
        mirrored = join_predictions(faces, classify_faces(mirror(faces).images), classes=classes)
    if request.prior == "estimate":
        shares = estimate_prior(predictions.probabilities, old=assumed)
    if shares is not None:
        predictions = _for_prior(predictions, old=assumed, new=shares)
        mirrored = mirrored and _for_prior(mirrored, old=assumed, new=shares)
    measured = None
    if request.robustness:
        classify_corrupted = _for_other_prior(classify_faces, old=assumed, new=shares)
        measured = measure_robustness(classify_corrupted, faces, predictions, groups=groups, progress=request.progress)
    return _Answers(predictions=predictions, mirrored=mirrored, robustness=measured, shares=shares, groups=groups)


def _for_prior(predictions: Predictions, *, old: Shares, new: Shares) -> Predictions:
    return replace(predictions, probabilities=change_prior(predictions.probabilities, old=old, new=new))


def _for_other_prior(classify: ClassifyFaces, *, old: Shares, new: Shares | None) -> ClassifyFaces:
    """Return a classifier for another mixture of classes; `new` None returns the same one."""
    if new is None:
        return classify
    return lambda images: change_prior(classify(images), old=old, new=new)


def _free_name(folder: Path, name: str, *, source: str, taken: NDArray[np.str_]) -> str:
    """Add `-2`, `-3` to a name while it is one of the run's own splits, or the scores there are those of other data."""
    for number in itertools.count(1):
        numbered = name if number == 1 else f"{name}-{number}"
        scores = folder / numbered / "metrics.json"
        if numbered not in taken and (not scores.exists() or Scores.read(scores).source == source):
            return numbered
    raise AssertionError("there is always a next number")


def classify(classifier: "Classifier", faces: FaceSet) -> Predictions:
    """Predict faces with a network; labels of classes that it has not count as unknown."""
    return join_predictions(faces, classifier.probabilities(faces.images), classes=classifier.classes)


def mirror(faces: FaceSet) -> FaceSet:
    """Turn each face into its mirror image."""
    return replace(faces, images=faces.images[:, :, ::-1])


def score_and_save(
    predictions: Predictions,
    *,
    mirrored: Predictions | None,
    robustness: Robustness | None = None,
    faces: FaceSet,
    split: str,
    training: FaceSet,
    model: ModelId | None,
    folder: Path,
    prior: dict[str, float] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> Scores:
    """Score predictions, and keep them, the scores and example faces in `folder`.

    Args:
        predictions: of `faces`.
        mirrored: of their mirror images, to score the mean of both too; or None.
        robustness: what was measured on these faces, corrupted; None keeps what `folder` has of the same predictions.
        faces: labelled faces.
        split: which they are.
        training: the faces among which duplicates are looked for.
        model: the network that made the predictions; None where several did.
        folder: is made, or replaced as a whole.
        prior: the share of each class that the predictions assume; None: that of training.
        groups: `int64 (N,)`, the group of each face, if the intervals are to be by groups.
    """
    predictions = replace(predictions, duplicates=find_duplicates(faces, training))
    scores = _score(predictions, mirrored=mirrored, groups=groups)
    scores = replace(scores, model=model, split=split, prior=prior, robustness=robustness)
    if robustness is None:
        scores = replace(scores, robustness=measured_before(folder, predictions, scores))
    chosen = {
        "examples.npz": choose_examples(predictions, digests=faces.digests),
        "top_confusions.npz": choose_confused_faces(predictions, digests=faces.digests),
    }
    with replacing_folder(folder) as new:
        predictions.save(new / "predictions.npz")
        for file, rows in chosen.items():
            write_arrays(new / file, {"rows": rows, "images": faces.images[rows]})
        scores.write(new / "metrics.json")
    return scores


def _score(predictions: Predictions, *, mirrored: Predictions | None, groups: NDArray[np.int64] | None) -> Scores:
    scores = score_predictions(predictions, groups=groups)
    if mirrored is None:
        return scores
    views = np.stack([predictions.probabilities, mirrored.probabilities]).astype(np.float64)  # (2, N, C)
    # The root of a product is the mean of the logits; no row of products may be 0 throughout.
    means = np.sqrt(np.maximum(views, np.finfo(np.float32).tiny).prod(axis=0))
    means /= means.sum(axis=1, keepdims=True)
    both = score_predictions(replace(predictions, probabilities=means.astype(np.float32)), groups=groups)
    flip = FlipScores(
        accuracy=both.accuracy,
        accuracy_interval=both.accuracy_interval,
        macro_f1=both.macro_f1,
        macro_f1_interval=both.macro_f1_interval,
        ece=both.ece,
        ece_interval=both.ece_interval,
        log_loss=both.log_loss,
        log_loss_interval=both.log_loss_interval,
    )
    return replace(scores, flip=flip)
