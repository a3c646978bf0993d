"""What each factor of an ablation is worth: means, spreads and paired differences of runs equal in all else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from statistics import mean, stdev

from mien.core.ablation import AblationRun, ArmScores, Effect
from mien.core.stats import holm, mean_interval, mean_p

ROUNDING = 1e-9
"""Accuracies that differ by less are equal."""

_Levels = frozenset[tuple[str, str]]
"""Factor and level of each factor."""


def arm_scores(runs: Sequence[AblationRun]) -> tuple[ArmScores, ...]:
    """Average the runs of each arm over its seeds.

    Returns:
        One per arm, in the order in which arms first come.

    >>> runs = [AblationRun(levels={"flip": "on"}, seed=seed, run="", accuracy=0.5 + seed / 10) for seed in (0, 1, 2)]
    >>> [(arm.runs, round(arm.mean, 3), round(arm.sd, 3)) for arm in arm_scores(runs)]
    [(3, 0.6, 0.1)]
    """
    accuracies: dict[_Levels, list[float]] = {}
    levels: dict[_Levels, dict[str, str]] = {}
    for run in runs:
        key = frozenset(run.levels.items())
        levels.setdefault(key, run.levels)
        of_arm = accuracies.setdefault(key, [])
        if run.accuracy is not None:
            of_arm.append(run.accuracy)
    arms = []
    for key, values in accuracies.items():
        spread = None
        if len(values) > 1:
            spread = stdev(values)
        arms.append(ArmScores(levels=levels[key], runs=len(values), mean=_mean(values), sd=spread))
    return tuple(arms)


def effects(runs: Sequence[AblationRun], factors: Mapping[str, Sequence[str]]) -> tuple[Effect, ...]:
    """Compute what each level of each factor is worth against the factor's first level.

    Two runs of the same seed that are equal in all other factors are a pair.  Where there are other factors, the
    overall effect averages, seed by seed, the differences over all their combinations, and the effect inside each
    combination follows.  Seeds are what is independent, so each interval is that of a mean over seeds.  The p values of
    the overall effects are corrected together by Holm's method, and so are those of the others.

    Args:
        runs: all runs.
        factors: factor → its levels, the baseline first.

    >>> runs = []
    >>> for seed in (0, 1, 2):
    ...     runs.append(AblationRun(levels={"flip": "off"}, seed=seed, run="", accuracy=0.6 + seed / 100))
    ...     runs.append(AblationRun(levels={"flip": "on"}, seed=seed, run="", accuracy=0.62 + 0.012 * seed))
    >>> effect = effects(runs, {"flip": ["off", "on"]})[0]
    >>> effect.seeds, round(effect.difference, 4), [round(end, 4) for end in effect.interval]
    (3, 0.022, [0.017, 0.027])
    """
    accuracies = {(frozenset(run.levels.items()), run.seed): run.accuracy for run in runs}
    seeds = list(dict.fromkeys(run.seed for run in runs))
    found = []
    for factor, (baseline, *levels) in factors.items():
        others = {name: values for name, values in factors.items() if name != factor}
        contexts = [dict(zip(others, chosen, strict=True)) for chosen in product(*others.values())]
        for level in levels:
            by_context = []
            for context in contexts:
                after = frozenset({**context, factor: level}.items())
                before = frozenset({**context, factor: baseline}.items())
                by_context.append([_difference(accuracies, after, before, seed) for seed in seeds])
            # A seed counts for the overall effect if it has the difference in every context.
            overall = [mean(_known(of_seed)) for of_seed in zip(*by_context, strict=True) if None not in of_seed]
            found.append(_effect(factor, level, baseline, within={}, differences=overall))
            if len(contexts) > 1:
                for context, differences in zip(contexts, by_context, strict=True):
                    found.append(_effect(factor, level, baseline, within=context, differences=_known(differences)))
    return _corrected(found)


def _corrected(found: Sequence[Effect]) -> tuple[Effect, ...]:
    """Correct the p values of the overall effects for their number, and those inside combinations for theirs."""
    corrected = list(found)
    for inside in (False, True):
        places, p_values = [], []
        for place, effect in enumerate(found):
            if bool(effect.within) is inside and effect.holm_p is not None:
                places.append(place)
                p_values.append(effect.holm_p)
        for place, p in zip(places, holm(p_values), strict=True):
            corrected[place] = replace(found[place], holm_p=p)
    return tuple(corrected)


def _difference(
    accuracies: Mapping[tuple[_Levels, int], float | None], after: _Levels, before: _Levels, seed: int
) -> float | None:
    high, low = accuracies.get((after, seed)), accuracies.get((before, seed))
    return None if high is None or low is None else high - low


def _known(differences: Sequence[float | None]) -> list[float]:
    return [difference for difference in differences if difference is not None]


def _effect(factor: str, level: str, baseline: str, *, within: dict[str, str], differences: list[float]) -> Effect:
    interval, p = None, None
    if differences and max(differences) - min(differences) > ROUNDING:
        interval, p = mean_interval(differences), mean_p(differences)
    return Effect(
        factor=factor,
        level=level,
        baseline=baseline,
        within=within,
        seeds=len(differences),
        difference=_mean(differences),
        interval=interval,
        holm_p=p,
    )


def _mean(values: Sequence[float]) -> float | None:
    return mean(values) if values else None
