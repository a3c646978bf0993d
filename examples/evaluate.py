"""Score a run on its test faces, see which faces it is surest of and wrong about, and write its report.

Run: python examples/evaluate.py
"""

import mien

settings = ["holdout.rows=70"]
run = mien.train("synthetic:350", recipe="demo", epochs=3, batch=32, settings=settings)

scores = mien.evaluate(run)
print(f"accuracy {scores['accuracy']:.3f}; most confused: {scores['most_confused'][0]['classes']}")

said = mien.Predictions.load(run.path / "eval/test/predictions.npz")
wrong = said.select(said.labels != said.targets)
surest = wrong.probabilities.max(axis=1).argmax()
print(f"surely wrong: face {wrong.ids[surest]}, called {wrong.classes[wrong.labels[surest]]}")

mien.report(run)
