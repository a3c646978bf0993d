"""What filter pictures cost: all 400 of the course network's conv2 as `mien explain` makes them, against one by one.

    OMP_NUM_THREADS=2 python benchmarks/filters.py            # everything
    OMP_NUM_THREADS=2 python benchmarks/filters.py --units 8  # the first 8, extrapolated to 400

The weights are random; the time doesn't depend on them.  The ascents start from noise and from two pictures a filter;
finding two among 1,000 is measured too.  "One by one" asks for one unit, one start and one picture at a time through
the whole network, as a loop over filters with a forward hook does; it is measured on a few steps of a few units and
extrapolated, and says so.  On a busy machine the threads wait for a processor; one line says for how long they had one.
Freed memory is kept, as in training; without that the pictures take twice as long.
"""

import argparse
import inspect
import time

import numpy as np
import torch

from mien.core.labels import FER2013
from mien.explanation.filters import maximise, top_activating
from mien.explanation.hooks import capture_activations, eval_mode, find_layer
from mien.models.classifier import Classifier
from mien.training.memory import keep_freed_memory

LAYER = "conv2"
SEARCHED = 1000


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, help="measure only this many of the 400 and extrapolate")
    parser.add_argument("--loop-units", type=int, default=2, help="how many the loop is measured on")
    args = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    classifier = Classifier("course_cnn", FER2013, normalisation="global")
    total = find_layer(classifier, LAYER).out_channels
    defaults = {name: p.default for name, p in inspect.signature(maximise).parameters.items()}
    steps, starts = defaults["steps"], defaults["starts"] + 2
    print(f"course_cnn {LAYER}, {steps} steps, {starts} starts, {torch.get_num_threads()} threads")
    one_by_one(classifier, units=1, steps=2)  # warms up
    loop_s = one_by_one(classifier, units=args.loop_units, steps=16) / args.loop_units / 16 * steps * starts * total
    units = args.units or total
    faces = np.random.default_rng(0).integers(0, 256, (SEARCHED, 48, 48), dtype=np.uint8)
    start = time.perf_counter()
    best = top_activating(classifier, faces, layer=LAYER, channels=range(units), top=2)
    print(f"search: {time.perf_counter() - start:.1f} s for {SEARCHED:,} faces")
    also_from = faces[best.rows.T]  # (2, units, 48, 48)
    start, cpu_start = time.perf_counter(), time.process_time()
    generator = torch.Generator().manual_seed(0)
    maximise(classifier, LAYER, channels=range(units), generator=generator, also_from=also_from)
    measured_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
    all_s = measured_s / units * total
    busy = cpu_s / measured_s / torch.get_num_threads()
    how = "measured" if units == total else f"extrapolated from {units}, which took {measured_s:.1f} s"
    print(f"maximise: {all_s:,.0f} s for {total} filters ({how}), {total / all_s:.2f} filters/s")
    print(f"maximise: its threads were on a processor for {busy:.0%} of that time")
    print(
        f"one by one: {loop_s:,.0f} s (extrapolated from 16 steps of {args.loop_units}), {total / loop_s:.2f} filters/s"
    )
    print(f"one by one / maximise: {loop_s / all_s:.1f}")


def one_by_one(classifier: Classifier, *, units: int, steps: int) -> float:
    """Seconds of the plain loop: a picture at a time, the whole forward pass, the layer's answer from a hook."""
    start = time.perf_counter()
    with eval_mode(classifier):
        for unit in range(units):
            face = torch.full((1, 1, 48, 48), 127.5)
            for _ in range(steps):
                face.requires_grad_()
                with capture_activations(find_layer(classifier, LAYER)) as answers:
                    classifier(face)
                (pull,) = torch.autograd.grad(answers[0][:, unit].mean(), face)
                face = (face.detach() + pull / pull.std().clamp(min=1e-12)).clamp(0, 255)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
