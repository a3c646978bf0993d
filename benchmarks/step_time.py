"""What a training step costs: each part of it, in bf16 and fp32, and the share of the machine's peak.

    OMP_NUM_THREADS=1 python benchmarks/step_time.py mien-s --side 32

Every ratio is of medians measured in turn in one run, with one thread of processor time, which other programs on the
machine hardly change.  A step's arithmetic is counted as 6 × MACs a face (a multiply and an add; forward, gradient by
input, gradient by weights).  Moving average, corruption and covering are not in the recipes' steps, only shown.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from turns import medians

from mien.models.classifier import Classifier
from mien.models.registry import build, multiply_adds
from mien.training.augment import Augmenter
from mien.training.config import TrainConfig, read_recipe, resolve
from mien.training.corrupt import Corrupter
from mien.training.memory import keep_freed_memory
from mien.training.module import make_optimizer

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SIDE = 2048
STEP = ("augmentation", "forward", "backward", "optimizer")
"""The parts of every step."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--side", type=int, default=48, help="of the faces that the network sees, in pixels")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--give-back", action="store_true", help="let the C library give memory back to the system")
    args = parser.parse_args()
    config = resolve(read_recipe(args.recipe), {"data": "-"})
    if args.give_back:
        whole = Step(config, side_px=args.side, bf16=True).whole
        print(f"{medians({'step': whole}, turns=args.steps, clock=clock())['step']:.4f}")
        return
    command = [sys.executable, __file__, args.recipe, f"--side={args.side}", f"--steps={args.steps}", "--give-back"]
    given_back_s = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    keep_freed_memory()
    report(config, args.side, args.steps, given_back_s)


def clock() -> Callable[[], float]:
    """Return what seconds are read from: processor time would count threads that wait for each other."""
    if torch.get_num_threads() == 1:
        return time.process_time
    return time.perf_counter


class Step:
    """The parts of a training step of a config on random faces, seen at `side_px`; each needs those before it."""

    def __init__(self, config: TrainConfig, *, side_px: int, bf16: bool) -> None:
        self.side_px, self.bf16 = side_px, bf16
        self.classifier = Classifier(config.model, CLASSES, normalisation=config.normalisation).train()
        self.rule = make_optimizer(config.optimizer, self.classifier.parameters())
        self.augment = Augmenter(config.augment)
        self.corrupter = Corrupter(corrupt=0.5, cover=0.25)
        average: Callable[..., None] = get_ema_multi_avg_fn(0.998)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.classifier, multi_avg_fn=average, use_buffers=True)
        self.faces = torch.randint(0, 256, (config.batch, 1, 48, 48), dtype=torch.uint8)
        self.targets = torch.full((config.batch, len(CLASSES)), 1 / len(CLASSES))
        self.augmented, self.loss = self.faces.float(), torch.zeros(())
        self.parts: dict[str, Callable[[], object]] = {
            "augmentation": self.augmentation,
            "corruption of half, covering of a quarter": lambda: self.corrupter(self.augmented),
            "forward": self.forward,
            "backward": self.backward,
            "optimizer": self.rule.step,
            "moving average": lambda: self.average.update_parameters(self.classifier),
        }

    def augmentation(self) -> Tensor:
        self.augmented = self.augment(self.faces)
        return self.augmented

    def forward(self) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.classifier(self.augmented, side_px=self.side_px)
        self.loss = functional.cross_entropy(logits.float(), self.targets)

    def backward(self) -> None:
        self.rule.zero_grad()
        self.loss.backward()

    def whole(self) -> None:
        """All that every step does."""
        for name in STEP:
            self.parts[name]()


def report(config: TrainConfig, side_px: int, steps: int, given_back_s: float) -> None:
    """Measure in turn and print."""
    arms: dict[tuple[str, str], Callable[[], object]] = {}
    for precision, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        parts = Step(config, side_px=side_px, bf16=precision == "bf16").parts
        arms |= {(precision, name): part for name, part in parts.items()}
        arms[precision, "matmul"] = matmul(dtype)
    median = medians(arms, turns=steps, clock=clock())
    with torch.device("meta"):
        gflop = 6 * multiply_adds(build(config.model, len(CLASSES)).eval(), side_px=side_px) * config.batch / 1e9
    threads = f"{torch.get_num_threads()} threads"
    print(
        f"{config.model}, {config.batch} faces of {side_px} px, {threads}, torch {torch.__version__}, median of {steps}"
    )
    whole = {}
    for precision in ("bf16", "fp32"):
        seconds = whole[precision] = sum(median[precision, name] for name in STEP)
        peak = 2 * SIDE**3 / median[precision, "matmul"] / 1e9
        print(
            f"{precision}: {1000 * seconds:.1f} ms a step, {config.batch / seconds:,.0f} faces/s, "
            f"{gflop / seconds:,.0f} GFLOP/s = {gflop / seconds / peak:.0%} of the {peak:,.0f} GFLOP/s of a "
            f"{SIDE}×{SIDE} matrix product"
        )
        for (of, name), part_s in median.items():
            if of == precision and name != "matmul":
                print(f"  {name}: {1000 * part_s:.1f} ms, {part_s / seconds:.1%} of a step")
    print(f"fp32 / bf16: {whole['fp32'] / whole['bf16']:.2f}")
    print(f"memory given back / kept, bf16: {given_back_s / whole['bf16']:.2f}")


def matmul(dtype: torch.dtype) -> Callable[[], object]:
    """A square matrix product, the yardstick of the machine."""
    left, right = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return lambda: left @ right


if __name__ == "__main__":
    main()
