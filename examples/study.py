"""The whole experiment in one call: describe, train, evaluate, explain, report.

Run: python examples/study.py
"""

import mien

run = mien.study("synthetic:350", recipe="demo", ablation=None, epochs=2, batch=32, holdout={"rows": 70})
scores = run.scores()
print(f"accuracy {scores.accuracy:.3f}, 95 % interval {scores.accuracy_interval}")
print(run.path / "report.html")
