import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.errors import DataError, UsageError
from mien.core.progress import Progress
from mien.explanation.filters import ChannelActivations, FilterPictures, maximise, top_activating
from mien.explanation.hooks import capture_activations, find_layer
from mien.explanation.simple_pictures import simple_pictures
from mien.models.classifier import Classifier
from mien.models.registry import MODELS

FACES = np.random.default_rng(0).integers(0, 256, (30, 48, 48), dtype=np.uint8)
FAST = {"steps": 3, "starts": 1}


def classifier(model: str = "mien-n") -> Classifier:
    torch.manual_seed(0)
    made = Classifier(model, ("a", "b", "c"), normalisation="global")
    made.normalise.fit(FACES)
    with torch.no_grad():  # running statistics and scales that are no longer 0 and 1
        for module in made.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 1.5)
    return made


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def reference(made: Classifier, layer: str, images: np.ndarray) -> np.ndarray:
    """The means over the maps, by the whole network and NumPy: `(N, K)`."""
    module, training = find_layer(made, layer), made.training
    with torch.no_grad(), capture_activations(module) as answers:
        made.eval()(torch.from_numpy(images)[:, None])
    made.train(training)
    answer = answers[0].numpy().astype(np.float64)
    return answer.mean(axis=(2, 3)) if answer.ndim == 4 else answer


def own(made: Classifier, layer: str, result: FilterPictures) -> np.ndarray:
    return reference(made, layer, result.pictures)[np.arange(len(result.channels)), result.channels]


def layers(model: str) -> Iterator[str]:
    """A convolution, a batch norm, an activation, a dense layer, a whole block."""
    network = classifier(model).network
    kinds: set[type] = set()
    for path, module in network.named_modules():
        if path and type(module) not in kinds and not isinstance(module, nn.Dropout):
            kinds.add(type(module))
            yield path


# --- The answer is known ----------------------------------------------------------------------------------------


def linear_classifier() -> tuple[Classifier, nn.Conv2d]:
    made = classifier("course_cnn")
    conv = find_layer(made, "conv1")
    assert isinstance(conv, nn.Conv2d)
    with torch.no_grad():
        conv.weight[:4] = torch.tensor([1.0, -1.0, 0.5, -0.2])[:, None, None, None]  # all nine weights alike
        conv.weight[4] = torch.tensor([[0.0, 0, 0], [-1, 0, 1], [0, 0, 0]])  # sum 0: only the border columns count
    return made, conv


def test_a_linear_filter_wants_white_where_its_weight_is_positive_and_black_elsewhere() -> None:
    made, _ = linear_classifier()
    result = maximise(made, "conv1", channels=[0, 1, 2, 3, 4], smoothness=0, generator=seeded(), starts=1)
    for picture, grey in zip(result.pictures, (255, 0, 255, 0), strict=False):
        assert (picture == grey).all()
    edges = result.pictures[4][1:-1]  # the top and bottom rows are seen by no middle weight
    assert (edges[:, :2] == 0).all()
    assert (edges[:, -2:] == 255).all()


def test_a_linear_filter_reaches_the_bound_that_its_weights_allow() -> None:
    made, conv = linear_classifier()
    result = maximise(made, "conv1", channels=range(12), smoothness=0, jitter_px=0, generator=seeded(), starts=1)
    mean, sd = float(made.normalise.mean[0, 0, 0, 0]), float(made.normalise.sd[0, 0, 0, 0])
    weight = conv.weight[:12, 0].detach().double().numpy()
    share = np.zeros((12, 48, 48))  # how the mean over the 46 × 46 map depends on each pixel
    for i, j in itertools.product(range(3), range(3)):
        share[:, i : i + 46, j : j + 46] += weight[:, i, j, None, None] / 46**2
    best = np.where(share > 0, (255 - mean) / sd, -mean / sd)
    bound = (share * best).sum(axis=(1, 2))
    assert (result.activations <= bound + 1e-4).all()
    assert result.activations == pytest.approx(bound, rel=0.01)


def test_smoothness_takes_the_roughness_out() -> None:
    rough, smooth = (
        maximise(classifier(), "conv2", generator=seeded(), starts=1, steps=48, smoothness=value).pictures.astype(int)
        for value in (0, 0.5)
    )
    assert np.abs(np.diff(smooth)).mean() < 0.8 * np.abs(np.diff(rough)).mean()


# --- Activations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_model_and_its_activations_are_the_saved_pictures(model: str) -> None:
    made = classifier(model)
    result = maximise(made, "conv2", channels=[5, 0, 5, 2], generator=seeded(), **FAST)
    assert (result.channels.dtype, result.pictures.dtype, result.activations.dtype) == (np.int64, np.uint8, np.float32)
    assert result.channels.tolist() == [5, 0, 5, 2]
    assert result.pictures.shape == (4, 48, 48)
    assert result.activations == pytest.approx(own(made, "conv2", result), abs=1e-5)


@pytest.mark.parametrize(("model", "layer"), [(model, layer) for model in MODELS for layer in layers(model)])
def test_every_kind_of_layer(model: str, layer: str) -> None:
    made = classifier(model)
    noise = maximise(made, layer, channels=[0, 1], generator=seeded(), steps=1, starts=1)
    steps = 12 if model == "course_cnn" else 48
    result = maximise(made, layer, channels=[0, 1], generator=seeded(), steps=steps, starts=1)
    assert result.activations == pytest.approx(own(made, layer, result), abs=1e-4)
    assert (result.activations >= noise.activations).all()
    assert result.activations.sum() > noise.activations.sum() or not result.activations.any()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv4", "output"])
def test_activations_are_the_means_of_the_whole_outputs(model: str, layer: str) -> None:
    made = classifier(model).eval()
    name = "layers.output" if (model, layer) == ("course_cnn", "output") else layer
    faces = torch.from_numpy(FACES[:3])[:, None].float().requires_grad_()
    found = ChannelActivations(made, name).of_all(faces)
    assert found.detach().numpy() == pytest.approx(reference(made, name, FACES[:3]), abs=1e-5)
    with capture_activations(find_layer(made, name)) as answers:
        made(faces)
    means = answers[0].flatten(2).mean(dim=2) if answers[0].ndim == 4 else answers[0]
    pull, expected = (torch.autograd.grad(values[:, 1].sum(), faces)[0].numpy() for values in (found, means))
    assert pull == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("layer", ["conv2", "conv5", "conv8"])
def test_made_pictures_beat_real_faces(real_faces: np.ndarray, layer: str) -> None:
    made = classifier()
    made.normalise.fit(real_faces)
    result = maximise(made, layer, generator=seeded(), starts=1, steps=48, channels=range(8))
    best = top_activating(made, real_faces, layer=layer, channels=range(8), top=1)
    assert best.rows.shape == (8, 1)
    assert (result.activations > best.activations[:, 0]).mean() >= 0.75


def test_starting_from_stripes_and_faces_beats_them_and_noise() -> None:
    made, bank = classifier(), simple_pictures().images
    simple = top_activating(made, bank, layer="conv2", top=1)
    faces = top_activating(made, FACES, layer="conv2", top=1)
    starts = np.stack([bank[simple.rows[:, 0]], FACES[faces.rows[:, 0]]])
    noise = maximise(made, "conv2", generator=seeded())
    result = maximise(made, "conv2", generator=seeded(), also_from=starts)
    beaten = (result.activations > simple.activations[:, 0]).sum()
    assert beaten >= 15
    assert beaten > (noise.activations > simple.activations[:, 0]).sum()
    assert (result.activations > faces.activations[:, 0]).all()
    assert (result.activations >= noise.activations - 1e-6).all()


def test_the_last_steps_are_not_shifted() -> None:
    """Shifted to the end, stripes of one pixel would be smeared into grey."""
    made = classifier("course_cnn")
    conv = find_layer(made, "conv1")
    assert isinstance(conv, nn.Conv2d)
    with torch.no_grad():
        conv.weight[0] = torch.tensor([[0.0, 0, 0], [-1, 2, -1], [0, 0, 0]])
    result = maximise(made, "layers.act1", channels=[0], generator=seeded(), starts=2)
    bank = simple_pictures()
    best = top_activating(made, bank.images, layer="layers.act1", channels=[0], top=1)
    assert bank.names[best.rows[0, 0]] == "stripes 1 px, 0°"
    assert result.activations[0] > 0.8 * best.activations[0, 0]


def test_more_starts_are_never_worse() -> None:
    made = classifier()
    one, four = (maximise(made, "conv4", generator=seeded(), starts=starts, steps=12, batch=16) for starts in (1, 4))
    assert (four.activations >= one.activations - 1e-6).all()  # another batch rounds otherwise
    assert (four.activations > one.activations).any()


# --- The same again ---------------------------------------------------------------------------------------------


def test_the_seed_decides() -> None:
    made = classifier()
    one, two, other = (maximise(made, "conv2", generator=seeded(seed), **FAST) for seed in (0, 0, 1))
    assert one.pictures.tobytes() == two.pictures.tobytes()
    assert one.activations.tobytes() == two.activations.tobytes()
    assert one.pictures.tobytes() != other.pictures.tobytes()


def test_only_the_generator_is_drawn_from() -> None:
    made = classifier()
    state = torch.get_rng_state()
    maximise(made, "conv2", generator=seeded(), **FAST)
    assert torch.get_rng_state().equal(state)


def test_the_batch_does_not_matter() -> None:
    made = classifier()
    results = [maximise(made, "conv2", generator=seeded(), steps=3, batch=batch) for batch in (1, 5, 16)]
    for result in results[1:]:
        assert np.abs(result.pictures.astype(int) - results[0].pictures).max() <= 2
        assert result.activations == pytest.approx(results[0].activations, abs=1e-3)


def test_progress_counts_the_pictures() -> None:
    told: list[Progress] = []
    maximise(
        classifier(), "conv2", channels=range(5), generator=seeded(), steps=1, starts=2, batch=4, progress=told.append
    )
    assert [(one.done, one.total, one.unit) for one in told] == [(n, 10, "pictures") for n in (4, 8, 10)]


# --- Nothing stays behind ---------------------------------------------------------------------------------------


def snapshot(made: Classifier) -> dict[str, object]:
    return {
        "tensors": {name: tensor.numpy().tobytes() for name, tensor in made.state_dict().items()},
        "wanted": [weight.requires_grad for weight in made.parameters()],
        "grads": [None if weight.grad is None else weight.grad.numpy().tobytes() for weight in made.parameters()],
        "modes": [module.training for module in made.modules()],
        "hooks": [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in made.modules()],
    }


class Boom(Exception):
    pass


def boom(*_: object) -> None:
    raise Boom


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", ["nowhere", "in progress", "in the network"])
def test_the_classifier_is_as_it_was(fails: str, training: bool) -> None:
    made = classifier("course_cnn").train(training)
    first, *others = made.parameters()
    first.requires_grad_(False)
    for weight in others[:2]:
        weight.grad = torch.ones_like(weight)
    calls = itertools.count()
    before = snapshot(made)
    trap = find_layer(made, "layers.act1").register_forward_hook(lambda *_: boom() if next(calls) == 4 else None)
    try:
        if fails == "nowhere":
            trap.remove()
            maximise(made, "conv2", channels=[0], generator=seeded(), **FAST)
            top_activating(made, FACES, layer="conv2", channels=[0], top=2)
        elif fails == "in progress":
            trap.remove()
            with pytest.raises(Boom):
                maximise(made, "conv2", channels=[0], generator=seeded(), progress=boom, **FAST)
        else:
            with pytest.raises(Boom):
                maximise(made, "conv2", channels=[0], generator=seeded(), steps=9)
    finally:
        trap.remove()
    assert snapshot(made) == before


def test_the_network_is_run_only_as_far_as_the_layer() -> None:
    made = classifier()
    with (
        capture_activations(find_layer(made, "conv3")) as later,
        capture_activations(find_layer(made, "stages.0.widen")) as earlier,
    ):
        maximise(made, "conv2", channels=[0], generator=seeded(), **FAST)
    assert later == []
    assert earlier


@pytest.mark.parametrize("outer", [torch.no_grad, torch.enable_grad])
def test_the_callers_gradient_mode_does_not_matter(outer: type) -> None:
    with outer():
        result = maximise(classifier(), "conv2", generator=seeded(), **FAST)
    expected = maximise(classifier(), "conv2", generator=seeded(), **FAST)
    assert result.pictures.tobytes() == expected.pictures.tobytes()


# --- The strongest faces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["conv2", "stages.3", "output"])
@pytest.mark.parametrize("batch", [7, 64])
def test_strongest_is_numpys_sort(layer: str, batch: int) -> None:
    made = classifier()
    images = np.concatenate([FACES, FACES[:5]])  # copies: equal activations
    found = top_activating(made, images, layer=layer, channels=[2, 0], top=6, batch=batch)
    rows, activations = found.rows, found.activations
    assert (rows.dtype, activations.dtype) == (np.int64, np.float32)
    expected = reference(made, layer, images)[:, [2, 0]].T
    assert activations == pytest.approx(-np.sort(-expected, axis=1)[:, :6], abs=1e-4)
    assert activations == pytest.approx(np.take_along_axis(expected, rows, axis=1), abs=1e-4)
    assert all(len(set(row)) == 6 for row in rows.tolist())
    assert found.means == pytest.approx(expected.mean(axis=1), abs=1e-4)
    assert found.sds == pytest.approx(expected.std(axis=1), abs=1e-4)


def test_equal_faces_come_in_their_own_order() -> None:
    images = np.repeat(FACES[:1], 12, axis=0)
    rows = top_activating(classifier(), images, layer="conv2", top=4, batch=4).rows
    assert rows.tolist() == [[0, 1, 2, 3]] * 16


# --- Wrong calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "settings", "message"),
    [
        ("conv99", {}, "mien-n has no layer 'conv99', did you mean conv"),
        ("conv2", {"channels": [0, 16]}, "layer 'conv2' has no channel 16; its 16 channels are 0 to 15"),
        ("conv2", {"channels": [-1]}, "no channel -1"),
        ("output", {"channels": [3]}, "its 3 channels are 0 to 2"),
        ("conv2", {"channels": []}, "no channels of layer 'conv2' were named"),
        ("conv2", {"steps": 0}, "steps=0, expected at least 1"),
        ("conv2", {"starts": 0}, "starts=0"),
        ("conv2", {"batch": 0}, "batch=0"),
        ("conv2", {"starts": -1, "also_from": FACES[None, :16]}, "starts=-1, expected at least 0"),
        ("conv2", {"also_from": FACES[None, :3]}, "also_from has pictures for 3 channels, expected 16"),
        ("conv2", {"also_from": FACES[None, :16, :40]}, r"pictures are uint8 \(16, 40, 48\)"),
        ("conv2", {"jitter_px": -1}, "jitter_px=-1, expected at least 0"),
        ("conv2", {"smoothness": float("nan")}, "smoothness=nan"),
    ],
)
def test_wrong_calls(layer: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises((UsageError, DataError), match=message):
        maximise(classifier(), layer, generator=seeded(), **settings)


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (FACES[:3], {"top": 4}, "top=4 of 3 faces"),
        (FACES, {"top": 0}, "top=0, expected at least 1"),
        (FACES, {"channels": [16]}, "no channel 16"),
        (FACES / 255, {}, "pictures are float64"),
        (FACES[:, :40], {}, r"uint8 \(30, 40, 48\), expected uint8 \(N, 48, 48\)"),
    ],
)
def test_wrong_calls_of_strongest(images: np.ndarray, settings: dict[str, object], message: str) -> None:
    with pytest.raises((UsageError, DataError), match=message):
        top_activating(classifier(), images, layer="conv2", **settings)


def test_a_layer_that_never_runs() -> None:
    made = classifier()
    made.network.spare = nn.Conv2d(1, 2, 3)
    with pytest.raises(UsageError, match="mien-n has layer 'spare' but never runs it"):
        maximise(made, "spare", generator=seeded())
