"""The table of methods: its numbers are those of the single functions, its intervals SciPy's."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mien.core import explanations
from mien.core.errors import DataError
from mien.core.explanations import MaskScore, MethodComparison, PairedDifference
from mien.core.stats import mean_interval
from mien.explanation import attribution
from mien.explanation.attribution import attribute
from mien.explanation.faithfulness import CONTROLS, areas, cell_order, control_orders, curves
from mien.explanation.method_comparison import RANDOMISED_FACES, ComparedMethods, compare_methods
from mien.explanation.nulls import NULLS, feature_nulls
from mien.explanation.regions import REGIONS, attribution_shares, template
from mien.explanation.sanity import randomisation

from .networks import faces, known_networks, state, two_classes  # noqa: F401 - known_networks makes them so

COUNT = RANDOMISED_FACES + 2
FACES = faces(COUNT)
LABELS = np.array([1, 0] * (COUNT // 2))
MASKS = np.random.default_rng(3).random((COUNT, 48, 48)) < 0.2
METHODS = ("saliency", "integrated-gradients")


def compared(**given: Any) -> ComparedMethods:
    values = {"labels": LABELS, "methods": METHODS, "masks": MASKS, "seed": 4, **given}
    return compare_methods(two_classes(), FACES, **values)


@pytest.fixture
def table() -> MethodComparison:
    return compared().comparison


def maps_of(method: str) -> np.ndarray:
    return attribute(two_classes(), FACES, classes=LABELS, method=method).maps


@pytest.mark.parametrize("method", METHODS)
def test_the_numbers_are_those_of_the_single_functions(table: MethodComparison, method: str) -> None:
    found, maps = table.methods[method], maps_of(method)
    drawn = curves(two_classes(), FACES, classes=LABELS, order=cell_order(maps))
    assert found.deletion == pytest.approx(areas(drawn.deletion).mean())
    assert found.insertion == pytest.approx(areas(drawn.insertion).mean())
    assert found.score == pytest.approx(found.insertion - found.deletion)
    assert found.deletion_curve == pytest.approx(drawn.deletion.mean(axis=0), abs=1e-5)
    assert found.insertion_curve == pytest.approx(drawn.insertion.mean(axis=0), abs=1e-5)
    parts = dict(zip(REGIONS, attribution_shares(maps, template()).mean(axis=0), strict=True))
    assert found.regions == pytest.approx(parts)
    few = slice(RANDOMISED_FACES)
    forgotten = randomisation(two_classes(), FACES[few], classes=LABELS[few], method=method, maps=maps[few], seed=4)
    for stage, correlations in forgotten.items():
        assert found.randomisation[stage] == pytest.approx(correlations.mean())
        assert found.randomisation_intervals[stage] == pytest.approx(mean_interval(correlations.tolist()))
    inside = attribution_shares(maps, MASKS[:, None])[:, 0]
    assert found.mask.share == pytest.approx(inside.mean())
    above = {"mask": inside - MASKS.mean(axis=(1, 2))}
    above["features"] = attribution_shares(maps, template()[:4].any(axis=0)[None])[:, 0] - template()[:4].sum() / 48**2
    for each, said in (("mask", found.mask.over_area), ("features", found.features_over_area)):
        assert said.difference == pytest.approx(above[each].mean())
        assert said.interval == pytest.approx(tuple(mean_interval(above[each].tolist())))


@pytest.mark.parametrize("method", METHODS)
def test_intervals_are_scipys_paired_ones(table: MethodComparison, method: str) -> None:
    orders = control_orders(COUNT, generator=np.random.default_rng(4))
    scores = curves(two_classes(), FACES, classes=LABELS, order=cell_order(maps_of(method))).score
    found = table.methods[method]
    for control in CONTROLS:
        others = curves(two_classes(), FACES, classes=LABELS, order=orders[control]).score
        assert table.controls[control].score == pytest.approx(others.mean())
        expected = ttest_rel(scores, others).confidence_interval(0.95)
        assert found.over_controls[control].interval == pytest.approx(tuple(expected))
        assert found.over_controls[control].difference == pytest.approx((scores - others).mean())
    lows = [found.over_controls[control].interval[0] for control in CONTROLS]
    assert found.beats_controls is all(low > 0 for low in lows)


def test_contributions_beat_both_controls_on_a_linear_network(table: MethodComparison) -> None:
    found = table.methods
    assert found["integrated-gradients"].beats_controls
    assert not found["saliency"].beats_controls  # the weights' size says nothing of their sign
    assert found["saliency"].convergence_delta is None
    assert found["integrated-gradients"].convergence_delta < 1e-3


def test_the_method_that_leads_is_compared_with_maps_that_know_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "HIGH_CORRELATION", 1.1)  # such maps of a linear network follow the face
    table = compared().comparison
    assert table.leading == "integrated-gradients"
    assert tuple(table.nulls) == NULLS
    expected = feature_nulls(
        two_classes(),
        FACES,
        method="integrated-gradients",
        maps=maps_of("integrated-gradients"),
        randomised=RANDOMISED_FACES,
        seed=4,
    )
    assert table.nulls == expected
    assert compared(methods=["saliency"]).comparison.nulls == {}


def test_maps_that_random_weights_have_too_do_not_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Integrated gradients of the network itself, whatever weights it is given: the best score, and yet not trusted."""
    own = attribution.METHODS["integrated-gradients"]
    monkeypatch.setitem(attribution.METHODS, "fixed", lambda _, faces, asked: own(two_classes(), faces, asked))
    table = compared(methods=["fixed"]).comparison
    assert table.methods["fixed"].beats_controls
    assert not table.methods["fixed"].depends_on_weights
    assert (table.trusted, table.leading, table.nulls) == ((), None, {})


def test_what_is_said_of_the_whole(table: MethodComparison) -> None:
    assert (table.faces, table.randomised_faces) == (COUNT, RANDOMISED_FACES)
    assert list(table.methods) == list(METHODS)
    assert table.mask_area == pytest.approx(MASKS.mean())
    assert sum(table.region_areas.values()) == pytest.approx(1)
    assert MethodComparison.from_dict(json.loads(json.dumps(table.to_dict(), allow_nan=False)), source="x") == table


def test_class_maps_are_means_of_maps_that_count_as_one() -> None:
    labels = np.ones(COUNT, np.int64)
    found = compared(labels=labels, methods=["integrated-gradients"]).class_maps["integrated-gradients"]
    maps = np.maximum(attribute(two_classes(), FACES, classes=labels, method="integrated-gradients").maps, 0)
    assert found.shape == (2, 48, 48)
    assert np.isnan(found[0]).all()
    assert found[1] == pytest.approx(np.mean([each / each.sum() for each in maps], axis=0), rel=1e-4, abs=1e-9)
    assert found[1].sum() == pytest.approx(1, rel=1e-4)


def test_without_masks_nothing_is_said_of_them(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mien")
    table = compared(masks=None, methods=["saliency"]).comparison
    assert (table.mask_area, table.methods["saliency"].mask) == (None, None)
    assert caplog.messages == [f"checking saliency on {COUNT} faces"]


def test_the_network_stays_as_it_is() -> None:
    classifier = two_classes().train()
    before = state(classifier)
    compare_methods(classifier, FACES[:3], labels=LABELS[:3], methods=["smoothgrad"])
    assert state(classifier) == before


def test_maps_without_anything_positive_have_no_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = lambda _, pictures, asked: (-pictures.abs(), None)  # noqa: E731
    monkeypatch.setitem(attribution.METHODS, "nothing", nothing)
    found = compared(methods=["nothing"])
    assert set(found.comparison.methods["nothing"].regions.values()) == {None}
    nowhere = PairedDifference(difference=None, interval=None)
    assert found.comparison.methods["nothing"].mask == MaskScore(share=None, over_area=nowhere)
    assert found.comparison.methods["nothing"].features_over_area == nowhere
    assert not found.class_maps["nothing"].any()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_faces_have_no_interval(count: int) -> None:
    with pytest.raises(DataError, match=f"{count} faces to compare methods on, expected 2 or more"):
        compare_methods(two_classes(), FACES[:count], labels=LABELS[:count], methods=METHODS)
