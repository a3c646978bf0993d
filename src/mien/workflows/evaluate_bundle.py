"""`evaluate_bundle`: how right a bundle is, on faces that whoever asks has; without the training libraries."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.core.bundle import Bundle, Precision
from mien.data.formats import open_faces
from mien.data.matching import check_classes, match
from mien.data.split import copies_of
from mien.evaluation.metrics import evaluate as score
from mien.runtime.session import open_model


def evaluate_bundle(
    bundle: str | Path | Bundle,
    data: str | Path,
    *,
    split: str = "test",
    targets: str | None = None,
    votes: str | None = None,
    precision: Precision = "default",
    skip_bad: bool = False,
) -> dict[str, Any]:
    """Score a bundle on labelled faces; nothing is written.

    Args:
        bundle: its folder, its name below `runs/export`, or the name of one that ships with mien.
        data: what `open_faces` reads.
        split: which faces.
        targets: a file `id,label` with the labels of unlabelled `data`.
        votes: FER+ votes of `data`; a bundle that learned FER+'s eight classes is scored by their majority.
        precision: `fp32`, `int8`, or the card's `default`.
        skip_bad: leave out pictures that can't be read, with a warning each.

    Returns:
        The scores, as `mien.evaluate` gives them, with `bundle`: its name, the `precision`, and `published`, the
        accuracy that the card gives for these very faces, or None where they are others.

    Raises:
        DataError: no such bundle or split, a damaged file, no labels, or a class that the bundle has not.
        UsageError: no such precision, or votes are needed.
    """
    bundle = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    precision = bundle.resolve(precision)
    trained = bundle.card["training"]["data"]
    opened = open_faces(data, targets=targets, votes=votes, labels=trained["labels"], skip_bad=skip_bad)
    faces = opened.split(split)
    check_classes(faces, known=bundle.labels)
    model = open_model(bundle, precision=precision, device="cpu")
    said = match(faces, model(faces.images), classes=bundle.labels)
    own = opened.fingerprint == trained["fingerprint"]
    scores = score(replace(said, copies=copies_of(faces, opened.split("train"))) if own else said)
    published = bundle.card["scores"]
    same = own and split == published["split"] == "test"  # held-out rows are the run's own choice
    return scores | {
        "split": split,
        "bundle": {
            "name": bundle.card["name"],
            "precision": precision,
            "published": published[precision]["accuracy"] if same else None,
        },
    }
