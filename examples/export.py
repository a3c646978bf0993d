"""Ship a run: a graph that needs no PyTorch, in fp32 and int8, with a card; then classify faces with it.

Run: python examples/export.py
"""

import mien

run = mien.train("synthetic:350", recipe="demo", epochs=1, batch=32, holdout={"rows": 70})
bundle = mien.export(run, max_risk=0.5)
print(bundle.path, bundle.card.precision.reason)

faces = mien.open_faces("synthetic:350").split("test")
probabilities = mien.load(bundle)(faces.images)
print(bundle.classes[probabilities[0].argmax()], f"{probabilities[0].max():.2f}")

scores = mien.evaluate(bundle, "synthetic:350")
print(f"accuracy {scores.accuracy:.3f}, the card says {scores.published_accuracy:.3f}")
