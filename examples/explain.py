"""Ask which pixels a run looks at, and which way of asking can be trusted; maps and pictures lie in its folder.

Run: python examples/explain.py
"""

import mien

run = mien.train("synthetic:350", recipe="demo", epochs=2, batch=32, holdout={"rows": 70})
found = mien.explain(run, methods=["saliency", "grad-cam"], faces=4)
for method, figures in found.comparison.methods.items():
    print(f"{method}: insertion {figures.insertion:.3f}, deletion {figures.deletion:.3f}")
    print("  better than a random order and than the centre first:", figures.beats_controls)
print(run.path / "explain")
