"""How good predictions are: scores, confusion, calibration, comparison, ablation.

Everything here takes `Predictions` or numbers, never a model, and needs numpy (comparing and ablation also SciPy).
Start with `mien.evaluation.metrics.score_predictions` and `mien.evaluation.compare.compare_predictions`;
`docs/metrics.md` defines each figure.
"""
