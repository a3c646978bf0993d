"""Train a small network on drawn faces, then go on for another epoch.

Run: python examples/train.py
"""

import mien

run = mien.train("synthetic:350", recipe="demo", epochs=1, batch=32, holdout={"rows": 70})
mien.resume(run.path, epochs=2)
print((run.path / "metrics.csv").read_text())
