"""Score a run on its test faces, find its most confident error, and write its report.

Run: python examples/evaluate.py
"""

import mien

holdout = {"rows": 70}
run = mien.train("synthetic:350", recipe="demo", epochs=3, batch=32, holdout=holdout)

scores = mien.evaluate(run)
print(f"accuracy {scores.accuracy:.3f}; most confused: {scores.confused_pairs[0].classes}")

predictions = mien.Predictions.load(run.path / "eval/test/predictions.npz")
wrong = predictions.select(predictions.labels != predictions.targets)
most_confident = wrong.probabilities.max(axis=1).argmax()
label = wrong.classes[wrong.labels[most_confident]]
print(f"most confident error: face {wrong.ids[most_confident]}, called {label}")

mien.report(run)
