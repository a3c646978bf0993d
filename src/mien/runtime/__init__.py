"""Running a bundle, with ONNX Runtime, NumPy and Pillow alone: never torch."""
