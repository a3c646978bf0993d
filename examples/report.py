"""Build a run's report: one HTML page with figures, scores and example faces, nothing remote in it.

Run: python examples/report.py
"""

import mien

run = mien.train("synthetic:350", recipe="demo", epochs=2, batch=32, holdout={"rows": 70})
mien.evaluate(run)
path = mien.report(run)
print(f"{path} ({path.stat().st_size / 1024:.0f} KiB)")
