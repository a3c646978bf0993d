"""How well `mien data audit` finds wrong labels of FER2013, with FER+'s ten annotators as the truth.

    python benchmarks/label_audit.py fer2013.csv dev/oof/mien-s.npz dev/oof/mien-s-2.npz --votes fer2013new.csv
    python benchmarks/label_audit.py fer2013.csv dev/oof/mien-s.npz dev/oof/mien-s-2.npz --audit runs/audit/fer2013

A label is wrong if 7 or more of the annotators agree on another of FER2013's seven classes; faces without such a
majority aren't counted.  Scores are compared on training faces, fold by fold, by networks that did not learn from them.
With `--audit`, an audit of the same data is held against the votes, too.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.faces import FaceSet
from mien.core.label_audit import LabelAudit
from mien.core.labels import FERPLUS_NAMES, FERPLUS_VOTES
from mien.data.formats import open_faces
from mien.evaluation.label_scores import SUSPECT, label_scores
from mien.runtime.session import BundleModel

AGREE = 7
"""So many of ten annotators are sure enough."""

FINAL = -1
"""The fold number of the final hold-out."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="FER2013 in any format that mien reads")
    parser.add_argument("files", type=Path, nargs="+", help="out-of-fold predictions, as in dev/oof")
    parser.add_argument("--votes", help="FER+'s votes, unless the data have them")
    parser.add_argument("--audit", type=Path, help="the folder of an audit of the same data")
    parser.add_argument("--public-test", action="store_true", help="also score mien-s on PublicTest")
    asked = parser.parse_args()

    faces = open_faces(asked.data, votes=asked.votes)
    training = faces.split("train")
    probabilities, folds = read(asked.files, training)
    compare(training, probabilities, folds)
    if asked.public_test:
        tested = faces.split("test")
        print("\nPublicTest, mien-s")
        said = BundleModel.open("mien-s")(tested.images).astype(np.float64)
        show("probability", tested, said[np.arange(len(tested)), tested.targets])
        show("margin", tested, label_scores(said, tested.targets))
    if asked.audit:
        check(faces, LabelAudit.read(asked.audit / "audit.json"))


def read(files: list[Path], training: FaceSet) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Average out-of-fold predictions `float64 (N, 7)`, and give the folds of the first file, `int8 (N,)`."""
    said, folds = [], []
    for file in files:
        with np.load(file) as stored:
            if not np.array_equal(stored["row"], training.ids.astype(np.int64)):
                raise SystemExit(f"{file}: has other rows")
            said.append(stored["probabilities"].astype(np.float64))
            folds.append(stored["fold"])
    mean = np.mean(said, axis=0)
    return mean / mean.sum(axis=1, keepdims=True), folds[0]


def compare(faces: FaceSet, probabilities: NDArray[np.float64], folds: NDArray[np.int8]) -> None:
    """Compare ways of scoring a label, in all folds together and in each."""
    own = probabilities[np.arange(len(faces)), faces.targets]
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)
    scores = {
        "probability": own,
        "margin": label_scores(probabilities, faces.targets),
        "probability / entropy": own / np.maximum(entropy, 1e-12),
    }
    learned = folds != FINAL
    print(f"training faces, out of fold: {learned.sum():,}")
    for name, score in scores.items():
        show(name, faces.select(learned), score[learned])
        each = [auroc(*judged(faces.select(folds == fold), score[folds == fold])) for fold in np.unique(folds[learned])]
        print(f"{'':24}AUROC by fold: {', '.join(f'{value:.3f}' for value in each)}")
    print("\nlisted, by the score at which the list ends")
    wrong, clear, _ = truth(faces)
    confident = learned & contradicted(probabilities, faces.targets, learned)
    share = wrong[confident & clear].mean()
    print(f"  confident learning: {confident.sum():,} faces; {share:.3f} of the clear ones are wrong")
    for end in (0.4, 0.35, 0.3, SUSPECT, 0.2, 0.15):
        listed = learned & (scores["margin"] <= end)
        found = wrong & listed
        share = found.sum() / (wrong & learned).sum()
        print(
            f"  {end:.2f}: {listed.sum():6,} faces, {listed.sum() / learned.sum():.1%}; of {(listed & clear).sum():,} "
            f"clear ones {wrong[listed & clear].mean():.3f} are wrong, {share:.3f} of all wrong ones; "
            f"probable label right: {right(faces, probabilities, found):.3f}"
        )


def contradicted(
    probabilities: NDArray[np.float64], targets: NDArray[np.int64], learned: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """List labels by the rule of confident learning (Northcutt et al. 2021, arXiv 1911.00068): `(N,)`.

    A class is said confidently if it is at least as probable as it is on average for faces with that label.
    """
    limits = [probabilities[learned & (targets == one), one].mean() for one in range(probabilities.shape[1])]
    confident = np.where(probabilities >= np.array(limits), probabilities, -1)
    listed: NDArray[np.bool_] = (confident.max(axis=1) > 0) & (confident.argmax(axis=1) != targets)
    return listed


def truth(faces: FaceSet) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Say which labels are wrong, which faces are clear, and what the annotators see: each `(N,)`."""
    if faces.votes is None:
        raise SystemExit("the data have no votes; name them with --votes")
    columns = [FERPLUS_VOTES.index(FERPLUS_NAMES.get(name, name)) for name in faces.classes]
    votes = faces.votes[:, columns]
    seen = votes.argmax(axis=1)
    clear = votes.max(axis=1) >= AGREE
    return clear & (seen != faces.targets), clear, seen


def judged(faces: FaceSet, scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Keep the clear faces: their scores, and whether their labels are wrong."""
    wrong, clear, _ = truth(faces)
    return scores[clear], wrong[clear]


def right(faces: FaceSet, probabilities: NDArray[np.float64], rows: NDArray[np.bool_]) -> float:
    """Give the share of wrongly labelled faces for which the most probable other label is what annotators see."""
    others = probabilities.copy()
    others[np.arange(len(faces)), faces.targets] = -1
    return float((others.argmax(axis=1) == truth(faces)[2])[rows].mean())


def auroc(scores: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    """Give the probability that a wrong label has a lower score than a right one; ties count half."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    of_wrong, of_right = wrong.sum(), (~wrong).sum()
    return 1 - float((ranks[wrong].sum() - of_wrong * (of_wrong + 1) / 2) / (of_wrong * of_right))


def show(name: str, faces: FaceSet, scores: NDArray[np.float64]) -> None:
    """Print AUROC, and the precision in the first 100, 300 and 1,000 clear faces."""
    some, wrong = judged(faces, scores)
    first = wrong[np.argsort(some, kind="stable")]
    precision = ", ".join(f"@{count} {first[:count].mean():.2f}" for count in (100, 300, 1000))
    counted = f"{len(wrong):,} clear, {wrong.sum():,} wrong"
    print(f"  {name:22}AUROC {auroc(some, wrong):.4f}; precision {precision}  ({counted})")


def check(faces: FaceSet, audit: LabelAudit) -> None:
    """Hold what an audit calls no face against the votes, and count its copies."""
    if faces.votes is None or audit.fingerprint != faces.fingerprint:
        raise SystemExit("the audit is of other data, or these have no votes")
    none = np.isin(faces.ids, [face.id for face in audit.doubtful if "no face" in face.reasons])
    annotators = faces.votes.argmax(axis=1) == FERPLUS_VOTES.index("NF")
    print(f"\naudit: {audit.count('label'):,} suspect labels, {audit.count('conflict'):,} faces in conflict")
    print(
        f"no face: {none.sum():,}, of which annotators say so for {(none & annotators).sum():,}; they say so for "
        f"{annotators.sum():,}"
    )
    print(f"copies: {len(audit.copies):,} faces of {len({face.picture for face in audit.copies}):,} pictures")
    for pair in audit.copies_across:
        print(f"  {pair.faces:,} of {pair.split} have a copy in {pair.other}")


if __name__ == "__main__":
    main()
