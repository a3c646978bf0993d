"""Checkpoints of a stranger: small files that would take much memory, and what would run code."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from mien.core.errors import DataError
from mien.training.checkpoint_io import read_checkpoint


class Reduced:
    """Is pickled as the call of a function."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def deflated(content: bytes) -> bytes:
    """The same archive, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as small:
        for member in whole.infolist():
            small.writestr(member.filename, whole.read(member))
    return buffer.getvalue()


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save({"loops": value}, buffer)
    return buffer.getvalue()


def test_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(saved([torch.arange(6).reshape(2, 3).T, "text"]))
    tensor, text = read_checkpoint(tmp_path / "a.ckpt", "loops")["loops"]
    assert (tensor.tolist(), text) == ([[0, 3], [1, 4], [2, 5]], "text")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (deflated(saved(torch.zeros(100_000))), r"its parts are 4\d\d,\d\d\d bytes long, the file [\d,]+"),
        (saved(Reduced(bytearray, (10**9,))), "it holds a byte array"),
        (saved(torch.zeros(1).expand(10**9)), "a tensor of 1,000,000,000 elements, of which fewer are stored"),
        (saved(Reduced(print, ("x",))), "it holds more than numbers, text and tensors, which could run code"),
        (pickle.dumps(Reduced(print, ("x",))), "not a zip file"),
    ],
)
def test_a_checkpoint_that_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.ckpt: damaged checkpoint \(.*{reason}.*\); start a new run$") as error:
        read_checkpoint(path, "loops")
    assert "weights_only" not in str(error.value)
