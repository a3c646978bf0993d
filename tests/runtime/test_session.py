from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mien.core.bundle import Bundle
from mien.core.card import Card
from mien.core.errors import DataError, UsageError
from mien.runtime import session
from mien.runtime.session import BundleModel, Graph

FACES = np.random.default_rng(1).integers(0, 256, (7, 48, 48)).astype(np.uint8)


@pytest.mark.parametrize("precision", ["default", "fp32", "int8"])
def test_batches_do_not_matter(exported: Bundle, precision: Any) -> None:
    model = BundleModel.open(exported, precision=precision, threads=1)
    whole = model(FACES)
    assert (whole.dtype, whole.shape) == (np.float32, (7, len(model.classes)))
    assert whole.sum(axis=1) == pytest.approx(np.ones(7))
    for batch in (1, 3, 64):
        assert model(FACES, batch=batch) == pytest.approx(whole, abs=1e-6)
    for batch in (0, -1):
        with pytest.raises(UsageError, match=f"batch is {batch}, expected 1 or more"):
            model(FACES, batch=batch)
    with pytest.raises(UsageError, match="faces is a list of ndarray, expected array"):
        model(list(FACES))  # type: ignore[arg-type]


def test_what_a_model_knows(exported: Bundle) -> None:
    model = BundleModel.open(exported.path, device="cpu")
    assert (model.classes, model.crop_margin, model.device) == (exported.classes, 0.0, "cpu")
    assert (model.bundle.path, model.precision) == (exported.path, exported.card.precision.default)
    assert BundleModel.open().bundle.card.name == "mien-s"


@pytest.mark.parametrize("count", [0, 1])
def test_few_faces(exported: Bundle, count: int) -> None:
    assert BundleModel.open(exported)(FACES[:count]).shape == (count, 7)


@pytest.mark.parametrize("wrong", [FACES[:, :40], FACES[0], FACES.astype(np.float32), FACES[:, None]])
def test_other_pictures_are_refused(exported: Bundle, wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"expected uint8 \(N, 48, 48\)"):
        BundleModel.open(exported)(wrong)


def test_threads_and_precisions(exported: Bundle) -> None:
    one, two = (BundleModel.open(exported, precision="fp32", threads=threads)(FACES) for threads in (1, 2))
    assert two == pytest.approx(one, abs=1e-6)
    with pytest.raises(UsageError, match="0 threads, expected 1 to 1024"):
        BundleModel.open(exported, threads=0)
    with pytest.raises(UsageError, match="no precision 'int4', did you mean int8"):
        BundleModel.open(exported, precision="int4")  # type: ignore[arg-type]


def test_what_is_no_graph() -> None:
    with pytest.raises(DataError, match="not a graph that ONNX Runtime can run"):
        Graph(b"no graph")


class BuiltForCuda:
    """An ONNX Runtime whose CUDA starts, is left out, or fails, as `starts` says."""

    def __init__(self, starts: bool | None, real: Any) -> None:
        self.starts, self.real = starts, real
        self.opened: list[Any] = []

    def __call__(self, content: bytes, options: Any, providers: list[Any], enable_fallback: int) -> Any:
        self.opened.append((content, providers[0]))
        if providers[0][0] == "CPUExecutionProvider":
            return self.real(content, options, providers=providers)
        if self.starts is None:
            raise RuntimeError("CUDA failure 101: invalid device ordinal")
        cpu = self.real(content, options, providers=providers[1:])
        if self.starts:
            cpu.get_providers = lambda: [name for name, _ in providers]
        return cpu


@pytest.fixture
def built_for_cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> BuiltForCuda:
    fake = BuiltForCuda(request.param, session.onnxruntime.InferenceSession)
    monkeypatch.setattr("mien.runtime.devices.available_devices", lambda: ["cuda", "cpu"])
    monkeypatch.setattr(session.onnxruntime, "InferenceSession", fake)
    return fake


@pytest.mark.parametrize("built_for_cuda", [True], indirect=True)
def test_a_gpu_and_a_bundle_in_8_bits_alone(bundle: Bundle, built_for_cuda: BuiltForCuda) -> None:
    """Asked for, it is refused; by default the CPU computes."""
    card = bundle.card.to_dict()
    card |= {"files": {"int8": card["files"]["int8"]}, "precision": {"default": "int8", "reason": ""}}
    bundle = replace(bundle, card=Card.from_dict(card, source="card.json"))
    with pytest.raises(UsageError, match=r"device 'cuda:0' computes in fp32, and .* holds int8 alone; choose cpu"):
        BundleModel.open(bundle, device="cuda")
    assert (BundleModel.open(bundle).device, BundleModel.open(bundle).precision) == ("cpu", "int8")


@pytest.mark.parametrize("built_for_cuda", [True], indirect=True)
@pytest.mark.parametrize(("device", "index"), [("auto", "0"), ("cuda", "0"), ("cuda:1", "1")])
def test_a_gpu_computes_in_fp32(exported: Bundle, built_for_cuda: BuiltForCuda, device: str, index: str) -> None:
    model = BundleModel.open(exported, device=device)
    [(content, (provider, options))] = built_for_cuda.opened
    assert (content, provider) == (exported.read_model("fp32"), "CUDAExecutionProvider")
    assert (options["device_id"], options["use_tf32"]) == (index, "0")
    assert (model.device, model.precision) == (f"cuda:{index}", "fp32")
    assert BundleModel.open(exported, device=device, precision="int8").precision == "int8"


@pytest.mark.parametrize("built_for_cuda", [False, None], indirect=True)
def test_a_gpu_that_is_not_there(exported: Bundle, built_for_cuda: BuiltForCuda) -> None:
    for device in ("cuda", "cuda:7"):
        with pytest.raises(UsageError, match=r"device 'cuda:\d' can't be used.* choose another, such as cpu"):
            BundleModel.open(exported, device=device)
    model = BundleModel.open(exported, device="auto")
    assert (model.device, model.precision) == ("cpu", exported.card.precision.default)
