"""How often two classes have the same probability in 8 bits, and what 8 bits cost.

    python benchmarks/ties.py fer2013.csv [--votes fer2013new.csv] --bundle mien-n

The faces are those that the bundle's network did not learn from.  Besides the bundle's own graphs, its fp32 graph is
quantised again by today's code.
"""

import argparse
import time

import numpy as np

import mien
from mien.core.bundle import Bundle
from mien.data.split import hold_out
from mien.exporting.quantise import quantise
from mien.runtime.session import Graph
from mien.workflows.export import calibration_images

ROUNDS = 15


def main() -> None:
    """Print a row for each graph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--votes")
    parser.add_argument("--bundle", default="mien-n")
    args = parser.parse_args()
    bundle = Bundle.open(args.bundle)
    training = bundle.card.training
    faces = mien.open_faces(args.data, votes=args.votes, labels=training.data.labels)
    learned, held_out = hold_out(faces, **training.config["holdout"])
    contents = {precision: bundle.read_model(precision) for precision in bundle.card.files}
    contents["int8, by today's code"] = quantise(contents["fp32"], calibration_images(learned))
    for name, content in contents.items():
        graph = Graph(content, threads=1)
        probabilities = graph(held_out.images)
        ranked = np.sort(probabilities, axis=1)
        seconds = []
        for _ in range(ROUNDS):
            start = time.process_time()
            graph(held_out.images[:256])
            seconds.append(time.process_time() - start)
        right = probabilities.argmax(axis=1) == held_out.targets
        ties = int((ranked[:, -1] == ranked[:, -2]).sum())
        ms = 1000 * min(seconds) / 256
        print(f"{name}: {len(content):,} bytes, {ties} ties, accuracy {right.mean():.4f}, {ms:.3f} ms per face")


if __name__ == "__main__":
    main()
