"""What is mirroring the faces worth?  Two arms, two seeds each.

Run: python examples/ablate.py
"""

import mien

ablation = mien.ablate(
    "synthetic:350", recipe="mien-n", factor=["augment.flip=false,true"], seeds=[0, 1], epochs=2, batch=32,
    holdout={"rows": 70},
)  # fmt: skip
effect = ablation.effects[0]
print(f"{100 * effect.difference:+.1f} points over {effect.seeds} seeds, 95 % interval {effect.interval}")
