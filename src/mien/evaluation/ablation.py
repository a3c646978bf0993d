"""What each factor of an ablation is worth: means, spreads and paired differences of runs equal in all else."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from statistics import mean, stdev
from typing import Any

from mien.core.stats import mean_interval

ROUNDING = 1e-9
"""Accuracies that differ by less are equal."""

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

    Two runs of the same seed that are equal in all other factors are a pair.  Where there are other factors, the
    overall effect averages, seed by seed, the differences over all their combinations, and the effect inside each
    combination follows.  Seeds are what is independent, so each interval is that of a mean over seeds.

    Args:
        runs: all runs.
        factors: factor → its levels, the baseline first.

    Returns:
        One `{factor, level, baseline, within, seeds, difference, interval}` an effect: `within` is the combination of
        the other factors, empty for the overall effect; `seeds` counts those with all runs that the effect needs;
        `difference` is the mean of level minus baseline, a fraction, None without a seed; `interval` is Student's, None
        with fewer than two seeds, or where all differ alike: accuracies on few faces are coarse, and no spread is no
        evidence of certainty.

    >>> runs = [{"levels": {"flip": level}, "seed": seed, "accuracy": 0.6 + seed / 100 + (0.02 + seed / 500) * on}
    ...         for on, level in enumerate(["off", "on"]) for seed in (0, 1, 2)]
    >>> effect = effects(runs, {"flip": ["off", "on"]})[0]
    >>> effect["seeds"], round(effect["difference"], 4), [round(end, 4) for end in effect["interval"]]
    (3, 0.022, [0.017, 0.027])
    """
    known = {(frozenset(run["levels"].items()), run["seed"]): run["accuracy"] for run in runs}
    seeds = dict.fromkeys(run["seed"] for run in runs)
    found = []
    for factor, (baseline, *levels) in factors.items():
        others = {name: values for name, values in factors.items() if name != factor}
        contexts = [dict(zip(others, chosen, strict=True)) for chosen in product(*others.values())]
        for level in levels:
            named = {"factor": factor, "level": level, "baseline": baseline}
            rows = [
                [_difference(known, {factor: level}, {factor: baseline}, at, seed) for at in contexts] for seed in seeds
            ]
            whole = [mean(_known(row)) for row in rows if None not in row]
            found.append({**named, "within": {}, **_paired(whole)})
            if len(contexts) > 1:
                columns = zip(contexts, zip(*rows, strict=True), strict=True)
                found += [{**named, "within": at, **_paired(_known(column))} for at, column in columns]
    return found


def _difference(
    known: Mapping[Any, float | None], after: dict[str, str], before: dict[str, str], context: dict[str, str], seed: int
) -> float | None:
    high, low = (known.get((frozenset({**context, **level}.items()), seed)) for level in (after, before))
    return None if high is None or low is None else high - low


def _known(differences: Iterable[float | None]) -> list[float]:
    return [each for each in differences if each is not None]


def _paired(differences: list[float]) -> dict[str, Any]:
    spread = max(differences, default=0.0) - min(differences, default=0.0)
    return {
        "seeds": len(differences),
        "difference": mean(differences) if differences else None,
        "interval": mean_interval(differences) if spread > ROUNDING else None,
    }
