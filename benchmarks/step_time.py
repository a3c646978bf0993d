"""What a training step costs: bf16 against fp32, the share of the machine's peak, Kornia's part, kept memory.

    OMP_NUM_THREADS=2 python benchmarks/step_time.py course_cnn --steps 5

Every ratio is of medians measured in turn in one run.  A step is forward, backward and Adam on one batch.  Its
arithmetic is counted as 6 × MACs a face (a multiply and an add; forward, gradient by input, gradient by weights).
"""

import argparse
import subprocess
import sys
from collections.abc import Callable

import torch
from torch.nn import functional
from turns import medians

from mien.models.classifier import Classifier
from mien.models.registry import info
from mien.training.augment import Augmenter
from mien.training.config import Augment
from mien.training.memory import keep_freed_memory

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
AUGMENT = Augment(rotation_deg=10, shift=0.1, zoom=0.1, flip=True, brightness=0.2)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--give-back", action="store_true", help="let the C library give memory back to the system")
    args = parser.parse_args()
    if args.give_back:
        print(f"{medians({'step': step(args.model, args.batch, bf16=True)}, turns=args.steps)['step']:.4f}")
        return
    command = [sys.executable, __file__, args.model, f"--batch={args.batch}", f"--steps={args.steps}", "--give-back"]
    given_back_s = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    keep_freed_memory()
    report(args.model, args.batch, args.steps, given_back_s)


def report(model: str, batch: int, steps: int, given_back_s: float) -> None:
    """Measure in turn and print."""
    arms = {
        "bf16 step": step(model, batch, bf16=True),
        "fp32 step": step(model, batch, bf16=False),
        "augmentation": augmentation(batch),
        "bf16 matmul": matmul(torch.bfloat16),
        "fp32 matmul": matmul(torch.float32),
    }
    median = medians(arms, turns=steps)
    gflop = 6 * info(model).macs * batch / 1e9
    print(f"{model}, batch {batch}, {torch.get_num_threads()} threads, torch {torch.__version__}, median of {steps}")
    for name in ("bf16", "fp32"):
        seconds = median[f"{name} step"]
        peak = 2 * SIDE**3 / median[f"{name} matmul"] / 1e9
        print(
            f"{name}: {seconds:.3f} s a step, {batch / seconds:,.0f} faces/s, {gflop / seconds:,.0f} GFLOP/s = "
            f"{gflop / seconds / peak:.0%} of the {peak:,.0f} GFLOP/s of a {SIDE}×{SIDE} matrix product"
        )
    print(f"fp32 / bf16: {median['fp32 step'] / median['bf16 step']:.2f}")
    print(f"augmentation / bf16 step: {median['augmentation'] / median['bf16 step']:.1%}")
    print(f"memory given back / kept, bf16: {given_back_s / median['bf16 step']:.2f}")


SIDE = 2048


def step(model: str, batch: int, *, bf16: bool) -> Callable[[], None]:
    """A training step on random faces."""
    classifier = Classifier(model, CLASSES, normalisation="none").train()
    optimizer = torch.optim.Adam(classifier.parameters())
    faces = torch.randint(0, 256, (batch, 1, 48, 48), dtype=torch.uint8)
    targets = torch.randint(0, len(CLASSES), (batch,))

    def work() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = classifier(faces)
        optimizer.zero_grad()
        functional.cross_entropy(logits.float(), targets).backward()
        optimizer.step()

    return work


def augmentation(batch: int) -> Callable[[], None]:
    """The course recipe's augmentation of one batch."""
    augment = Augmenter(AUGMENT)
    faces = torch.randint(0, 256, (batch, 1, 48, 48), dtype=torch.uint8)
    return lambda: augment(faces)


def matmul(dtype: torch.dtype) -> Callable[[], None]:
    """A square matrix product, the yardstick of the machine."""
    left, right = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return lambda: left @ right


if __name__ == "__main__":
    main()
