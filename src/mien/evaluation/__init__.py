"""How good predictions are: scores, confusion, calibration, comparison.

Everything here takes `Predictions`, never a model, and needs numpy (`compare` also SciPy's binomial distribution).
Start with `mien.evaluation.metrics.evaluate` and `mien.evaluation.compare.compare`; `docs/metrics.md` defines each
figure.
"""
