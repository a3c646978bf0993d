"""What holds weights: safetensors with their card, and checkpoints."""

import json
import pickle
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from mien.models.classifier import load_classifier
from mien.training.checkpoint_io import check_checkpoint

from .damage import damaged
from .originals import Originals
from .target import Target
from .values import as_json, spoilt


@st.composite
def headers(draw, content: bytes) -> bytes:
    """A safetensors file whose header is another."""
    size = int.from_bytes(content[:8], "little")
    header = draw(spoilt(json.loads(content[8 : 8 + size])).map(as_json))
    said = draw(st.sampled_from((len(header), len(header), 0, 1, 2**63, 2**64 - 1, len(header) + 1, 100_000_001)))
    return said.to_bytes(8, "little") + header + content[8 + size :]


def targets(originals: Originals) -> dict[str, Target]:
    """Readers of weights, by name."""
    weights = (originals.run / "model.safetensors").read_bytes()
    card = json.loads((originals.run / "model.json").read_text())
    checkpoints = [(originals.run / f"checkpoints/{name}.ckpt").read_bytes() for name in ("best", "last")]
    faces = np.zeros((2, 48, 48), np.uint8)

    def read_card(content: bytes, folder: Path) -> object:
        (folder / "model.json").write_bytes(content)
        (folder / "model.safetensors").symlink_to(originals.run / "model.safetensors")
        return load_classifier(folder).probabilities(faces)

    def read_weights(content: bytes, folder: Path) -> object:
        (folder / "model.json").symlink_to(originals.run / "model.json")
        (folder / "model.safetensors").write_bytes(content)
        return load_classifier(folder).probabilities(faces)

    def read_checkpoint(content: bytes, folder: Path) -> object:
        path = folder / "last.ckpt"
        path.write_bytes(content)
        return check_checkpoint(path)

    pickles = st.sampled_from([pickle.dumps(value) for value in ({}, [], None, {"loops": {}}, print)])
    return {
        "model cards": Target(st.one_of(spoilt(card).map(as_json), damaged([as_json(card)])), read_card),
        "weights": Target(st.one_of(headers(weights), damaged([weights])), read_weights),
        "checkpoints": Target(st.one_of(damaged(checkpoints), pickles), read_checkpoint),
    }
