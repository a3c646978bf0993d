"""Make the detector graph that ships from the one that YuNet's authors publish: its input may have any size.

    python free_input_size.py face_detection_yunet_2023mar.onnx yunet_free_size.onnx

The published graph takes pictures of 640×640 pixels only, although every layer in it takes any multiple of 32.  So only
the declared shapes are changed; with pictures of 640×640 the results are the same bit for bit.
"""

import argparse
import hashlib
from pathlib import Path

import onnx

PUBLISHED_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def main() -> None:
    """Read, change and write the graph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("published", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    content = arguments.published.read_bytes()
    if hashlib.sha256(content).hexdigest() != PUBLISHED_SHA256:
        raise SystemExit(f"{arguments.published}: another file than face_detection_yunet_2023mar.onnx")
    arguments.out.write_bytes(free_input_size(content))


def free_input_size(content: bytes) -> bytes:
    """Return the graph with names in place of the height and width of its input and of the cells of its outputs."""
    model = onnx.load_from_string(content)
    shape = model.graph.input[0].type.tensor_type.shape
    shape.dim[2].dim_param, shape.dim[3].dim_param = "height", "width"
    for output in model.graph.output:
        stride = output.name.rpartition("_")[2]
        output.type.tensor_type.shape.dim[1].dim_param = f"cells_{stride}"
    del model.graph.value_info[:]
    serialised: bytes = model.SerializeToString()
    return serialised


if __name__ == "__main__":
    main()
