"""Classify faces with a trained run, and show the surest.

Run: python examples/predict.py
"""

import mien

run = mien.train("synthetic:350", recipe="demo", epochs=1, batch=32, settings=["holdout.rows=70"])

predictions = mien.predict(run, "synthetic:350", split="test")
surest = predictions.probabilities.max(axis=1).argsort()[::-1][:5]
for row in surest:
    name = predictions.classes[predictions.labels[row]]
    print(f"face {predictions.ids[row]}: {name}, probability {predictions.probabilities[row].max():.3f}")

predictions.save(run.path / "test_predictions.npz")
