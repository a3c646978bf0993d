"""Tell whether two networks differ on the same faces, or only by chance.

Run: python examples/compare.py
"""

import mien

holdout = {"rows": 70}
runs = []
for seed in (0, 1):
    run = mien.train("synthetic:350", recipe="demo", epochs=1, batch=32, seed=seed, holdout=holdout)
    run.evaluate()  # keeps its predictions of the test faces
    runs.append(run)

comparison = mien.compare(*runs)
print(f"accuracy {comparison.a.accuracy:.3f} and {comparison.b.accuracy:.3f}")
print(f"right only in the first: {comparison.only_a}, only in the second: {comparison.only_b}")
print(comparison.verdict)
