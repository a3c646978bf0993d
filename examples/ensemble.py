"""Score the mean of two networks' probabilities, and teach it to a third one.

Run: python examples/ensemble.py
"""

import mien

holdout = {"rows": 70}
runs = [
    mien.train("synthetic:350", recipe="demo", epochs=2, batch=32, seed=seed, holdout=holdout).path for seed in (0, 1)
]
together = mien.ensemble(runs, flip=True)
for member in together.members:
    print(f"accuracy {member.accuracy:.3f}: {member.run}")
print(f"together {together.scores.accuracy:.3f}, with flip views {together.scores.flip.accuracy:.3f}")

student = mien.train("synthetic:350", recipe="demo", epochs=2, batch=32, holdout=holdout, teachers=runs)
print(f"a student of both: {student.evaluate().accuracy:.3f}")
