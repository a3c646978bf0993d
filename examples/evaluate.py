"""Score a run on its test faces, classify others with it, and compare it with a second run.

Run: python examples/evaluate.py
"""

import mien

settings = ["holdout.rows=70"]
short = mien.train("synthetic:350", recipe="demo", epochs=1, batch=32, settings=settings, name="short")
longer = mien.train("synthetic:350", recipe="demo", epochs=3, batch=32, settings=settings, name="longer")

scores = mien.evaluate(longer)
print(f"accuracy {scores['accuracy']:.3f}; most confused: {scores['most_confused'][0]['classes']}")

test_faces = mien.open_faces("synthetic:350").split("test")
said = [mien.predict(run, test_faces) for run in (short, longer)]
print(mien.compare(*said, names=("short", "longer"))["verdict"])

mien.report(longer)
