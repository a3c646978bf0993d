"""Deletion and insertion on a linear network of two classes, where the best order of the cells is known."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from mien.explanation.faithfulness import (
    BLUR_SD_PX,
    CELL_PX,
    CELLS,
    CONTROLS,
    POINTS,
    areas,
    cell_order,
    control_orders,
    curves,
)

from .networks import faces, known_networks, made, state, two_classes, weights  # noqa: F401 - makes them known

FACES = faces(5)
LABELS = np.array([0, 1, 1, 0, 1])
BLANK = np.broadcast_to(FACES.mean(axis=(1, 2), keepdims=True), FACES.shape)
BLURRED = np.stack([gaussian_filter(face.astype(float), BLUR_SD_PX, mode="nearest", truncate=3) for face in FACES])


def margins(pictures: np.ndarray) -> np.ndarray:
    """By how much the explained class's logit is the larger, pixel by pixel."""
    return 2 * weights(two_classes())[LABELS] * pictures


def probabilities(pictures: np.ndarray) -> np.ndarray:
    bias = two_classes().network.output.bias.detach().numpy()
    return expit(margins(pictures).sum(axis=(1, 2)) + bias[LABELS] - bias[1 - LABELS])


def best(start: np.ndarray) -> np.ndarray:
    """The order in which the cells' exchange for `start` costs most."""
    return cell_order(margins(FACES - start).astype(np.float32))


def drawn(order: np.ndarray, **given: int):
    return curves(two_classes(), FACES, classes=LABELS, order=order, **given)


def test_cells_are_sorted_by_their_mean() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 48, 48)).astype(np.float32)
    for order, each in zip(cell_order(maps), maps, strict=True):
        means = [
            each[top : top + CELL_PX, left : left + CELL_PX].mean()
            for top in range(0, 48, CELL_PX)
            for left in range(0, 48, CELL_PX)
        ]
        assert order.tolist() == np.argsort(means)[::-1].tolist()
    assert cell_order(maps[:0]).shape == (0, CELLS)
    assert cell_order(np.zeros((1, 48, 48), np.float32)).tolist() == [list(range(CELLS))]


def test_control_orders_are_permutations_that_know_nothing() -> None:
    orders = control_orders(6, generator=np.random.default_rng(0))
    assert tuple(orders) == CONTROLS
    for order in orders.values():
        assert (np.sort(order, axis=1) == np.arange(CELLS)).all()
    random, centre = orders.values()
    assert len({tuple(row) for row in random}) == 6
    assert (centre == centre[0]).all()
    rows, columns = np.divmod(centre[0], 12) - np.array(5.5)
    assert (np.diff(rows**2 + columns**2) >= 0).all()
    assert np.array_equal(random, control_orders(6, generator=np.random.default_rng(0))[CONTROLS[0]])


def test_areas_are_scipys_trapezoids() -> None:
    curve = np.random.default_rng(0).random((4, POINTS)).astype(np.float32)
    assert areas(curve) == pytest.approx(trapezoid(curve, np.linspace(0, 1, POINTS), axis=1), rel=1e-6)
    found = drawn(best(BLANK))
    assert found.score == pytest.approx(areas(found.insertion) - areas(found.deletion))


def test_curves_begin_and_end_at_the_whole_the_blank_and_the_blurred_face() -> None:
    found = drawn(control_orders(5, generator=np.random.default_rng(0))["random order"])
    whole = two_classes().probabilities(FACES)[np.arange(5), LABELS]
    assert (found.deletion.shape, found.deletion.dtype) == ((5, POINTS), np.float32)
    assert found.deletion[:, 0] == pytest.approx(whole, abs=1e-5)
    assert found.deletion[:, -1] == pytest.approx(probabilities(BLANK), abs=1e-5)
    assert found.insertion[:, 0] == pytest.approx(probabilities(BLURRED), abs=1e-5)
    assert found.insertion[:, -1] == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("point", [1, 7, 20])
def test_a_point_of_the_curves_is_the_probability_of_a_face_made_by_hand(point: int) -> None:
    order = control_orders(5, generator=np.random.default_rng(1))["random order"]
    taken = np.zeros((5, 48, 48), np.bool_)
    for face, cells in enumerate(order[:, : point * CELLS // (POINTS - 1)]):
        for cell in cells:
            top, left = CELL_PX * (cell // 12), CELL_PX * (cell % 12)
            taken[face, top : top + CELL_PX, left : left + CELL_PX] = True
    found = drawn(order)
    assert found.deletion[:, point] == pytest.approx(probabilities(np.where(taken, BLANK, FACES)), abs=1e-5)
    assert found.insertion[:, point] == pytest.approx(probabilities(np.where(taken, FACES, BLURRED)), abs=1e-5)


@pytest.mark.parametrize("control", CONTROLS)
def test_no_order_beats_the_true_one_and_none_loses_to_its_reverse(control: str) -> None:
    other = drawn(control_orders(5, generator=np.random.default_rng(2))[control])
    gone, come = drawn(best(BLANK)), drawn(best(BLURRED))
    assert (gone.deletion <= other.deletion + 1e-6).all()
    assert (come.insertion >= other.insertion - 1e-6).all()
    lost, late = drawn(best(BLANK)[:, ::-1]), drawn(best(BLURRED)[:, ::-1])
    assert (lost.deletion >= other.deletion - 1e-6).all()
    assert (late.insertion <= other.insertion + 1e-6).all()
    assert (gone.score > other.score).all()
    assert (lost.score < other.score).all()


def test_the_batch_does_not_matter_and_nothing_changes() -> None:
    classifier = made("mien-n").train()
    before, order = state(classifier), cell_order(FACES.astype(np.float32))
    one, all_ = (curves(classifier, FACES, classes=LABELS, order=order, batch=batch) for batch in (1, 5))
    assert one.deletion == pytest.approx(all_.deletion, abs=1e-5)
    assert one.insertion == pytest.approx(all_.insertion, abs=1e-5)
    assert state(classifier) == before
    assert curves(classifier, FACES[:0], classes=LABELS[:0], order=order[:0]).score.shape == (0,)
