import numpy as np
import pytest

from mien.core.bundle import Bundle
from mien.core.errors import DataError, UsageError
from mien.runtime.session import Graph, Session

FACES = np.random.default_rng(1).integers(0, 256, (7, 48, 48)).astype(np.uint8)


@pytest.mark.parametrize("precision", ["default", "fp32", "int8"])
def test_batches_do_not_matter(exported: Bundle, precision: str) -> None:
    session = Session(exported, precision=precision, threads=1)
    whole = session.probabilities(FACES)
    assert (whole.dtype, whole.shape) == (np.float32, (7, len(session.labels)))
    assert whole.sum(axis=1) == pytest.approx(np.ones(7))
    for batch in (1, 3, 64):
        assert session.probabilities(FACES, batch=batch) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("count", [0, 1])
def test_few_faces(exported: Bundle, count: int) -> None:
    assert Session(exported).probabilities(FACES[:count]).shape == (count, 7)


@pytest.mark.parametrize("wrong", [FACES[:, :40], FACES[0], FACES.astype(np.float32), FACES[:, None]])
def test_other_pictures_are_refused(exported: Bundle, wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"expected uint8 \(N, 48, 48\)"):
        Session(exported).probabilities(wrong)


def test_threads_and_precisions(exported: Bundle) -> None:
    two = Session(exported, precision="fp32", threads=2).probabilities(FACES)
    assert two == pytest.approx(Session(exported, precision="fp32", threads=1).probabilities(FACES), abs=1e-6)
    with pytest.raises(UsageError, match="0 threads, expected 1 or more"):
        Session(exported, threads=0)
    with pytest.raises(UsageError, match="no precision 'int4', did you mean int8"):
        Session(exported, precision="int4")  # type: ignore[arg-type]


def test_what_is_no_graph() -> None:
    with pytest.raises(DataError, match="not a graph that ONNX Runtime can run"):
        Graph(b"no graph")
