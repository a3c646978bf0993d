"""Whether the report could say of a network that it looks at the features of the face, on faces that it never saw.

    OMP_NUM_THREADS=1 python benchmarks/features.py fer2013.csv mien-n mien-s
    OMP_NUM_THREADS=1 python benchmarks/features.py fer2013.csv mien-n --untrained 8

The faces are the 2,000 that the shipped networks' recipes hold out.  First the probability of the right expression with
the features blanked, and with as much elsewhere; then, on `--faces` of them, how much of each method's maps lies on the
features, and by how much more that is than of maps that know nothing.  `--untrained` takes
networks of the same kind with random weights instead, each also made thirty times as sure as it is; of these no maps.
The networks must have the classes of the data.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from mien.core.explanations import PairedDifference
from mien.core.faces import FaceSet
from mien.data.formats import open_faces
from mien.data.split import hold_out
from mien.explanation.attribution import METHODS, attribute
from mien.explanation.blanking import blank_features
from mien.explanation.nulls import feature_nulls
from mien.explanation.regions import attribution_shares, feature_mask
from mien.explanation.sanity import randomise_weights
from mien.models.classifier import Classifier
from mien.training.initial import Pretrained

RANDOMISED = 28
"""Faces on which networks with random weights are explained."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--faces", type=int, default=400, help="faces whose maps are made")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--untrained", type=int, default=0, help="networks with random weights")
    args = parser.parse_args()
    held = hold_out(open_faces(args.data), method="stratified")[1]
    for name in args.networks:
        trained = Pretrained.open(name).classifier.eval()
        if args.untrained:
            for title, classifier in untrained(trained, args.untrained):
                print_blanked(title, classifier, held)
            continue
        print_blanked(name, trained, held)
        rows = np.random.default_rng(0).permutation(len(held))[: args.faces]
        print_maps(trained, held.select(rows), args.methods)


def untrained(trained: Classifier, count: int) -> Iterator[tuple[str, Classifier]]:
    """Make networks with random weights, each as it is and with thirty times the logits."""
    for seed in range(count):
        classifier = randomise_weights(trained, share=1, seed=seed)
        yield f"untrained, seed {seed}", classifier
        classifier.temperature /= 30
        yield f"untrained, seed {seed}, sure", classifier


def print_blanked(title: str, classifier: Classifier, faces: FaceSet) -> None:
    """Print the probabilities of the right expression without the features, and without as much elsewhere."""
    assert faces.targets is not None
    found = blank_features(classifier, faces.images, targets=faces.targets)
    print(f"{title}, {found.faces:,} faces: {found.whole:.1%}, without features {found.blanked:.1%}", flush=True)
    for name, other in found.elsewhere.items():
        print(f"    {name}: {other.probability:.1%}, {interval(other.lead)}", flush=True)


def print_maps(classifier: Classifier, faces: FaceSet, methods: list[str]) -> None:
    """Print for each method the share of its maps on the features, and the leads over maps that know nothing."""
    labels = classifier.probabilities(faces.images).argmax(axis=1)
    for method in methods:
        maps = attribute(classifier, faces.images, classes=labels, method=method).maps
        share = np.nanmean(attribution_shares(maps, feature_mask()[None]))
        print(f"  {method}, {len(faces)} faces: {share:.1%} on the features", flush=True)
        for name, null in feature_nulls(
            classifier, faces.images, method=method, maps=maps, randomised=RANDOMISED
        ).items():
            print(f"    {name}: {null.share or 0:.1%}, {interval(null.lead)}", flush=True)


def interval(lead: PairedDifference) -> str:
    """Write a lead in points, marked where it is sure."""
    if lead.difference is None or lead.interval is None:
        return "unknown"
    low, high = lead.interval
    return f"{100 * lead.difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}){' sure' if lead.is_sure else ''}"


if __name__ == "__main__":
    main()
