"""What a face costs: fp32 against int8, 1 and 64 faces, 1 and 2 threads, and the share of the machine's peak.

    python benchmarks/inference.py runs/export/NAME …

Every figure is a median; all arms of a setting take turns in one process, the yardsticks among them.  The yardstick of
a precision is a 2048×2048 matrix product in ONNX Runtime with as many threads: MatMul in fp32, MatMulInteger (u8 × s8)
in int8.  A face is counted as 2 × MACs.  `spin`: with threads that spin between calls, ONNX Runtime's own default.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from mien.core.bundle import GRAPHS, Bundle

SIDE = 2048
COUNTS = {1: 40, 64: 4}
"""Faces a call → calls a turn."""

Work = Callable[[], object]


def main() -> None:
    """Print a table for each bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    parser.add_argument("--turns", type=int, default=15)
    args = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}, median of {args.turns} turns, load {os.getloadavg()[0]:.1f} before")
    for where in args.bundles:
        for threads in (1, 2):
            report(Bundle.open(where), threads=threads, turns=args.turns)


def report(bundle: Bundle, *, threads: int, turns: int) -> None:
    """Measure one bundle's graphs in turn and print."""
    arms: dict[str, tuple[Work, int]] = {f"{name} product": (product(name, threads), 1) for name in GRAPHS}
    for name, spin, faces in itertools.product(bundle.card.files, ("", " spin") if threads > 1 else ("",), COUNTS):
        graph = session(bundle.read_model(name), threads, spin=bool(spin))
        arms[f"{name}{spin}, {faces} faces"] = (classify(graph, faces), COUNTS[faces])
    median_s = measure(arms, turns=turns)
    gflop = 2 * bundle.card.network.macs / 1e9
    print(f"\n{bundle.path.name} ({bundle.card.name}), {threads} threads")
    for arm, seconds in median_s.items():
        peak = 2 * SIDE**3 / median_s[f"{arm[:4]} product"] / 1e9
        if arm.endswith("product"):
            print(f"  {arm:20} {peak:,.0f} G/s")
            continue
        faces = int(arm.split()[-2])
        speed = gflop * faces / seconds
        print(
            f"  {arm:20} {1e3 * seconds:8.2f} ms, {1e3 * seconds / faces:6.3f} ms a face, "
            f"{faces / seconds:6,.0f} faces/s, {speed:4,.0f} G/s = {speed / peak:4.0%} of the product's"
        )
    for faces in COUNTS if len(bundle.card.files) > 1 else ():
        ratio = median_s[f"fp32, {faces} faces"] / median_s[f"int8, {faces} faces"]
        print(f"  fp32 / int8, {faces} faces: {ratio:.2f}")


def measure(arms: dict[str, tuple[Work, int]], *, turns: int) -> dict[str, float]:
    """Median seconds of a call of each arm, so many in a row as it says, in `turns` turns; the first turn warms up."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(turns + 1):
        for name, (work, calls) in arms.items():
            work()  # brings the weights into the cache
            times[name] += [seconds for seconds in timed(work, calls) if turn]
    return {name: statistics.median(values) for name, values in times.items()}


def timed(work: Callable[[], object], calls: int) -> Iterator[float]:
    """Seconds of each of `calls` calls."""
    for _ in range(calls):
        start = time.perf_counter()
        work()
        yield time.perf_counter() - start


def classify(graph: onnxruntime.InferenceSession, faces: int) -> Work:
    """One call of a graph on random faces."""
    images = np.random.default_rng(0).integers(0, 256, (faces, 48, 48)).astype(np.uint8)
    return lambda: graph.run(None, {"faces": images})


def session(content: bytes, threads: int, *, spin: bool = False) -> onnxruntime.InferenceSession:
    """A graph as `mien.runtime.session` opens it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def product(precision: str, threads: int) -> Work:
    """The yardstick: one square matrix product."""
    generator = np.random.default_rng(0)
    if precision == "fp32":
        kind, types = "MatMul", (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT)
        left, right = (generator.standard_normal((SIDE, SIDE)).astype(np.float32) for _ in range(2))
    else:
        kind, types = "MatMulInteger", (TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32)
        left = generator.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
        right = generator.integers(-128, 128, (SIDE, SIDE)).astype(np.int8)
    names = dict(zip("abc", types, strict=True))
    a, _, c = (helper.make_tensor_value_info(name, kind_, [SIDE, SIDE]) for name, kind_ in names.items())
    weights = onnx.numpy_helper.from_array(right, "b")  # known before, as a network's are
    graph = helper.make_graph([helper.make_node(kind, ["a", "b"], ["c"])], "product", [a], [c], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    run = session(model.SerializeToString(), threads)
    return lambda: run.run(None, {"a": left})


if __name__ == "__main__":
    main()
