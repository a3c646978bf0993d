"""How much sooner a run is as accurate as asked than the course network, in multiply-adds and in seconds.

    OMP_NUM_THREADS=2 python benchmarks/time_to_accuracy.py runs/train/NAME --accuracy 0.67 --course-epochs 30

The run is finished: its `metrics.csv` says in which epoch it was as accurate on the faces that it held out.  What a
step costs (its own at each size of the faces, its teachers', and the course network's) is measured here in turn, in one
process, so that it does not matter what else the machine did while the run was trained.  Training costs three times the
multiply-adds of a face's forward pass, a teacher one.  What the teachers' own training cost is not in it.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from step_time import CLASSES, Step, clock
from turns import medians

from mien.core.runs import RunDir
from mien.models.classifier import Classifier, load_classifier
from mien.models.registry import build, multiply_adds
from mien.training.config import TrainConfig, read_recipe, resolve, stored_config
from mien.training.distillation import Teachers
from mien.training.memory import keep_freed_memory
from mien.training.module import side_of_epoch


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--accuracy", type=float, required=True, help="on the held-out faces")
    parser.add_argument("--course-epochs", type=int, nargs="+", required=True, help="that the recipe needs")
    parser.add_argument("--fp32", action="store_true", help="as on a processor without bf16")
    parser.add_argument("--steps", type=int, default=5, help="of each kind, after one to warm up")
    args = parser.parse_args()
    keep_freed_memory()
    run = RunDir.open(args.run)
    config = stored_config(run)
    reached = [int(row["epoch"]) for row in run.history if row["val_accuracy"] >= args.accuracy]
    if not reached:
        best = max(row["val_accuracy"] for row in run.history)
        parser.exit(1, f"{run.path}: {best:.4f} at best, never {args.accuracy}\n")
    sides = [side_of_epoch(epoch, epochs=config.epochs, start_px=config.start_px) for epoch in range(reached[0])]
    course = resolve(read_recipe("course"), {"data": "-"})
    teachers = [load_classifier(Path(path)) for path in config.teachers]
    bf16 = not args.fp32
    arms = {("course", 48): Step(course, side_px=48, bf16=bf16).whole}
    arms["teachers", 48] = ask(config, teachers, bf16=bf16)
    arms |= {("run", side): Step(config, side_px=side, bf16=bf16).whole for side in set(sides)}
    seconds = medians(arms, turns=args.steps, clock=clock())
    rows = sum(run.read_json("config.json")["data"]["training"].values())
    report(config, teachers, sides=sides, seconds=seconds, rows=rows, course_epochs=args.course_epochs)


def report(
    config: TrainConfig,
    teachers: list[Classifier],
    *,
    sides: list[int],
    seconds: dict[tuple[str, int], float],
    rows: int,
    course_epochs: Iterable[int],
) -> None:
    """Add the epochs up and print them beside the course network's."""
    steps = rows // config.batch
    judged = min(len(sides), config.distillation.views or len(sides))  # epochs in which the teachers are asked
    taught = judged * sum(macs(teacher.model, 48) for teacher in teachers)
    run_macs = (sum(3 * macs(config.model, side) for side in sides) + taught) * steps * config.batch
    run_s = (sum(seconds["run", side] for side in sides) + judged * seconds["teachers", 48]) * steps
    epoch_macs, epoch_s = 3 * macs("course_cnn", 48) * (rows // 128) * 128, seconds["course", 48] * (rows // 128)
    print(f"{config.model}: {len(sides)} epochs, {run_macs / 1e15:.2f} P multiply-adds, {run_s / 60:.1f} min")
    print(f"course_cnn: {epoch_macs / 1e15:.2f} P multiply-adds and {epoch_s / 60:.1f} min an epoch")
    print(f"so the run cost {run_macs / epoch_macs:.2f} course epochs of arithmetic, {run_s / epoch_s:.2f} of time")
    for epochs in course_epochs:
        print(
            f"if the course network needs {epochs} epochs: {epochs * epoch_macs / run_macs:.1f} times fewer "
            f"multiply-adds, {epochs * epoch_s / run_s:.1f} times sooner"
        )


def ask(config: TrainConfig, teachers: list[Classifier], *, bf16: bool) -> Callable[[], None]:
    """What the teachers add to a step."""
    taught = Teachers(teachers)
    faces = torch.randint(0, 256, (config.batch, 1, 48, 48)).float()

    def work() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            taught.probabilities(faces, rows=torch.arange(config.batch), view=(0, 0))

    return work if teachers else lambda: None


def macs(model: str, side_px: int) -> int:
    """Multiply-adds of one face seen at `side_px`."""
    with torch.device("meta"):
        network = build(model, len(CLASSES)).eval()
    return multiply_adds(network, side_px=side_px)


if __name__ == "__main__":
    main()
