"""Say whether two networks differ on the same faces, or only by chance.

Run: python examples/compare.py
"""

import mien

settings = ["holdout.rows=70"]
said = []
for seed in (0, 1):
    run = mien.train("synthetic:350", recipe="demo", epochs=1, batch=32, seed=seed, settings=settings)
    mien.evaluate(run)  # keeps what it said of the test faces
    said.append(mien.Predictions.load(run.path / "eval/test/predictions.npz"))

result = mien.compare(*said, names=("seed 0", "seed 1"))
print(f"accuracy {result['a']['accuracy']:.3f} and {result['b']['accuracy']:.3f}")
print(f"right only in the first: {result['only_a']}, only in the second: {result['only_b']}")
print(result["verdict"])
