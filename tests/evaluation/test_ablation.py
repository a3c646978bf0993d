"""Held against SciPy's paired t test."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from mien.core.ablation import AblationRun
from mien.core.stats import holm
from mien.evaluation.ablation import arm_scores, effects

FACTORS = {"normalisation": ["none", "per-pixel", "global"], "augmentation": ["none", "report"]}


@pytest.fixture
def runs() -> list[AblationRun]:
    generator = np.random.default_rng(0)
    return [
        AblationRun(
            levels={"normalisation": n, "augmentation": a},
            seed=seed,
            run="",
            accuracy=0.6 + 0.05 * (a == "report") + 0.01 * generator.standard_normal(),
        )
        for seed in range(4)
        for n in FACTORS["normalisation"]
        for a in FACTORS["augmentation"]
    ]


def accuracies(runs: list[AblationRun], **levels: str) -> np.ndarray:
    chosen = [run for run in runs if levels.items() <= run.levels.items()]
    chosen.sort(key=lambda run: (run.seed, run.levels["augmentation"]))
    return np.array([run.accuracy for run in chosen])


def test_means_are_numpys(runs: list[AblationRun]) -> None:
    for arm in arm_scores(runs):
        values = accuracies(runs, **arm.levels)
        assert (arm.runs, arm.mean, arm.sd) == (
            4,
            pytest.approx(values.mean()),
            pytest.approx(values.std(ddof=1)),
        )


def test_two_seeds_have_a_deviation(runs: list[AblationRun]) -> None:
    arm = arm_scores([run for run in runs if run.seed < 2])[0]
    assert arm.runs == 2
    assert arm.sd == pytest.approx(accuracies(runs, **arm.levels)[:2].std(ddof=1))


def test_seeds_that_differ_alike_have_no_interval() -> None:
    """On 20 faces an accuracy moves in steps of 0.05; that two seeds agree says nothing of the third."""
    right = {("off", 0): 12, ("on", 0): 13, ("off", 1): 14, ("on", 1): 15}
    runs = [
        AblationRun(levels={"flip": level}, seed=seed, run="", accuracy=n / 20) for (level, seed), n in right.items()
    ]
    [effect] = effects(runs, {"flip": ["off", "on"]})
    assert (effect.seeds, effect.difference, effect.interval) == (2, pytest.approx(0.05), None)


def test_effects_inside_a_combination_are_scipys(runs: list[AblationRun]) -> None:
    found = {(each.factor, each.level, *each.within.values()): each for each in effects(runs, FACTORS)}
    assert len(found) == 2 * (1 + 2) + 1 * (1 + 3)
    for where in ({"augmentation": "none"}, {"augmentation": "report"}):
        effect = found["normalisation", "global", *where.values()]
        after, before = (accuracies(runs, normalisation=level, **where) for level in ("global", "none"))
        expected = stats.ttest_rel(after, before)
        assert (effect.baseline, effect.seeds) == ("none", 4)
        assert effect.difference == pytest.approx((after - before).mean())
        assert effect.interval == pytest.approx(list(expected.confidence_interval(0.95)))


def test_the_overall_effect_is_scipys_over_the_means_of_the_seeds(runs: list[AblationRun]) -> None:
    overall = next(each for each in effects(runs, FACTORS) if each.level == "global" and not each.within)
    after, before = (accuracies(runs, normalisation=level).reshape(4, 2).mean(axis=1) for level in ("global", "none"))
    expected = stats.ttest_rel(after, before)
    assert (overall.seeds, overall.difference) == (4, pytest.approx((after - before).mean()))
    assert overall.interval == pytest.approx(list(expected.confidence_interval(0.95)))


def test_an_interaction_is_not_taken_for_luck() -> None:
    """A level that is worth 5 points beside one level of the other factor and nothing beside the other."""
    runs = [
        AblationRun(
            levels={"a": a, "b": b}, seed=seed, run="", accuracy=0.5 + (0.05 + 0.001 * seed) * (a == "on") * (b == "on")
        )
        for a in ("off", "on")
        for b in ("off", "on")
        for seed in (-1, 0, 1)
    ]
    overall = effects(runs, {"a": ["off", "on"], "b": ["off", "on"]})[0]
    assert overall.difference == pytest.approx(0.025)
    assert overall.interval[0] > 0.02


def test_what_failed_is_left_out_of_means_and_of_the_effects_that_need_it(runs: list[AblationRun]) -> None:
    runs[0] = replace(runs[0], accuracy=None)
    first = arm_scores(runs)[0]
    assert (first.runs, first.mean) == (3, pytest.approx(accuracies(runs[1:], **runs[0].levels).mean()))
    seeds = {(each.level, *each.within.values()): each.seeds for each in effects(runs, FACTORS)}
    assert (seeds["report",], seeds["report", "none"], seeds["report", "global"]) == (3, 3, 4)


def test_one_seed_has_no_interval_and_no_run_no_mean() -> None:
    lone = [
        AblationRun(levels={"flip": level}, seed=0, run="", accuracy=value)
        for level, value in (("off", 0.5), ("on", 0.6))
    ]
    assert [arm.sd for arm in arm_scores(lone)] == [None, None]
    (effect,) = effects(lone, {"flip": ["off", "on"]})
    assert (effect.difference, effect.interval, effect.within) == (pytest.approx(0.1), None, {})
    lone[0] = replace(lone[0], accuracy=None)
    assert arm_scores(lone)[0].mean is None
    assert effects(lone, {"flip": ["off", "on"]})[0].difference is None


def test_p_values_are_scipys_after_holms_correction(runs: list[AblationRun]) -> None:
    found = [each for each in effects(runs, FACTORS) if not each.within]
    expected = []
    for factor, level, baseline in (
        ("normalisation", "per-pixel", "none"),
        ("normalisation", "global", "none"),
        ("augmentation", "report", "none"),
    ):
        sides = []
        for one in (level, baseline):
            chosen = sorted((run for run in runs if run.levels[factor] == one), key=lambda run: run.seed)
            sides.append(np.array([run.accuracy for run in chosen]).reshape(4, -1).mean(axis=1))
        expected.append(stats.ttest_rel(*sides).pvalue)
    assert [each.holm_p for each in found] == pytest.approx(holm(expected))


def test_equal_arms_are_seldom_told_apart() -> None:
    """200 ablations of three factors that do nothing: 5 % may find any effect; three standard errors are 4.6 points."""
    generator = np.random.default_rng(0)
    factors = {name: ["off", "on"] for name in "abc"}
    found = 0
    for _ in range(200):
        runs = []
        for levels in product(*factors.values()):
            for seed in range(4):
                accuracy = 0.6 + 0.01 * generator.standard_normal()
                runs.append(
                    AblationRun(levels=dict(zip("abc", levels, strict=True)), seed=seed, run="", accuracy=accuracy)
                )
        found += any(each.holm_p < 0.05 for each in effects(runs, factors) if not each.within)
    assert found / 200 < 0.05 + 0.046
