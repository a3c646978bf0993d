"""What each factor of an ablation is worth: means, spreads and paired differences of runs equal in all else."""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import mean, stdev
from typing import Any

from scipy.special import stdtrit

from mien.evaluation.intervals import LEVEL

Run = Mapping[str, Any]
"""One run: `{levels: {factor: level}, seed, accuracy}`; accuracy is a fraction, or None where the run failed."""


def arm_means(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Average the runs of each arm over its seeds.

    Returns:
        One `{levels, runs, mean, sd}` an arm, in the order in which arms first come: `runs` counts those that have an
        accuracy; `mean` is None without any, `sd` (of the sample, n - 1) with fewer than two.

    >>> runs = [{"levels": {"flip": "on"}, "seed": seed, "accuracy": 0.5 + seed / 10} for seed in (0, 1, 2)]
    >>> [(arm["runs"], round(arm["mean"], 3), round(arm["sd"], 3)) for arm in arm_means(runs)]
    [(3, 0.6, 0.1)]
    """
    grouped: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for run in runs:
        kept = grouped.setdefault(tuple(run["levels"].items()), [])
        if run["accuracy"] is not None:
            kept.append(run["accuracy"])
    return [
        {
            "levels": dict(levels),
            "runs": len(values),
            "mean": mean(values) if values else None,
            "sd": stdev(values) if len(values) > 1 else None,
        }
        for levels, values in grouped.items()
    ]


def effects(runs: Sequence[Run], factors: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Say what each level of each factor is worth against the factor's first level.

    A pair is two runs of the same seed that are equal in all other factors.  The overall effect takes all pairs; where
    there are other factors, the effect inside each of their combinations follows.

    Args:
        runs: all runs.
        factors: factor → its levels, the baseline first.

    Returns:
        One `{factor, level, baseline, within, pairs, difference, interval}` an effect: `within` is the combination of
        the other factors, empty for the overall effect; `difference` is the mean of level minus baseline, a fraction,
        None without a pair; `interval` is the t interval of the paired differences, None with fewer than two pairs.

    Student 1908, Biometrika 6, 1-25.

    >>> runs = [{"levels": {"flip": level}, "seed": seed, "accuracy": 0.6 + seed / 100 + (0.02 + seed / 500) * on}
    ...         for on, level in enumerate(["off", "on"]) for seed in (0, 1, 2)]
    >>> effect = effects(runs, {"flip": ["off", "on"]})[0]
    >>> effect["pairs"], round(effect["difference"], 4), [round(end, 4) for end in effect["interval"]]
    (3, 0.022, [0.017, 0.027])
    """
    found = []
    for factor, (baseline, *levels) in factors.items():
        for level in levels:
            pairs = _pairs(runs, factor, level=level, baseline=baseline)
            contexts = list(dict.fromkeys(context for context, _ in pairs))
            named = {"factor": factor, "level": level, "baseline": baseline}
            found.append({**named, "within": {}, **_paired([each for _, each in pairs])})
            found += [
                {**named, "within": dict(context), **_paired([each for at, each in pairs if at == context])}
                for context in (contexts if len(factors) > 1 else [])
            ]
    return found


def _pairs(
    runs: Sequence[Run], factor: str, *, level: str, baseline: str
) -> list[tuple[tuple[tuple[str, str], ...], float]]:
    """Return (the other factors' levels, level minus baseline) of each pair."""
    known = {}
    for run in runs:
        others = tuple((name, value) for name, value in run["levels"].items() if name != factor)
        known[others, run["seed"], run["levels"][factor]] = run["accuracy"]
    return [
        (others, accuracy - before)
        for (others, seed, at), accuracy in known.items()
        if at == level and accuracy is not None and (before := known.get((others, seed, baseline))) is not None
    ]


def _paired(differences: list[float]) -> dict[str, Any]:
    count = len(differences)
    interval = None
    if count > 1:
        half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * stdev(differences) / sqrt(count)
        interval = [mean(differences) - half, mean(differences) + half]
    return {"pairs": count, "difference": mean(differences) if differences else None, "interval": interval}
