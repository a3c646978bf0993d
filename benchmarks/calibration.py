"""What sets the ranges of the 8-bit graph best: the gap to fp32 on a run's held-out faces, for each way.

    python benchmarks/calibration.py RUN

Calibrated on 512 of the rows that the run learned from, as `mien export` does; the split `test` is not looked at.
`KL` is the mean Kullback-Leibler divergence of int8's probabilities from fp32's, in nats.
"""

import argparse
import contextlib
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

from mien.exporting.parity import differences
from mien.exporting.quantise import OPERATORS, Batches
from mien.exporting.to_onnx import to_onnx
from mien.models.classifier import load_classifier
from mien.runtime.session import Graph
from mien.training.run_data import TrainingRun
from mien.workflows.export import calibration_images, export_faces

WAYS: dict[str, dict[str, Any]] = {
    "min-max": {},
    "entropy": {"calibrate_method": CalibrationMethod.Entropy},
    "percentile 99.999": {"calibrate_method": CalibrationMethod.Percentile, "percentile": 99.999},
    "percentile 99.99": {"calibrate_method": CalibrationMethod.Percentile, "percentile": 99.99},
    "percentile 99.9": {"calibrate_method": CalibrationMethod.Percentile, "percentile": 99.9},
    "min-max, signed activations": {"activation_type": QuantType.QInt8, "symmetric": True},
    "min-max, Conv and Gemm only": {"op_types_to_quantize": ["Conv", "Gemm"]},
}


def main() -> None:
    """Print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    logging.disable(logging.WARNING)  # the quantiser's advice
    run = TrainingRun.open(parser.parse_args().run)
    faces = export_faces(run)
    content = to_onnx(load_classifier(run.path))
    images, targets = faces.held_out.images, faces.held_out.targets
    full = Graph(content, threads=1)(images)
    right = (full.argmax(axis=1) == targets).mean()
    print(f"{run.path.name}: fp32 accuracy {right:.4f} on {len(images):,} held-out faces")
    for name, way in WAYS.items():
        said = Graph(quantised(content, calibration_images(faces.learned), **way), threads=1)(images)
        apart = differences(full, said)
        gain = 100 * ((said.argmax(axis=1) == targets).mean() - right)
        divergence = (full * np.log(full / np.maximum(said, 1e-9))).sum(axis=1).mean()
        print(
            f"{name:28} accuracy {gain:+.2f} points, other label {apart['other_label']:3}, "
            f"|Δp| mean {apart['mean']:.5f}, max {apart['max']:.3f}, KL {divergence:.5f}"
        )


def quantised(
    content: bytes, images: NDArray[np.uint8], *, percentile: float = 0, symmetric: bool = False, **way: Any
) -> bytes:
    """The 8-bit version, with other settings than `mien export`'s."""
    extra: dict[str, Any] = {"ActivationSymmetric": symmetric} | ({"CalibPercentile": percentile} if percentile else {})
    settings: dict[str, Any] = {"op_types_to_quantize": list(OPERATORS), "activation_type": QuantType.QUInt8}
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        path = Path(folder) / "model.onnx"
        with contextlib.redirect_stdout(nowhere):  # the histogram methods print
            quantize_static(
                onnx.load_from_string(content),
                path,
                Batches(images),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options=extra,
                **(settings | way),
            )
        return path.read_bytes()


if __name__ == "__main__":
    main()
