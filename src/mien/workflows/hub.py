"""`export_hub`: a folder as model hubs expect one, which is a bundle as well.  Nothing is uploaded."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from mien.core.bundle import CARD, GRAPHS, WEIGHTS, Bundle
from mien.core.card import Card, CardScores
from mien.core.files import is_file, replacing_files, storage_errors, write_atomic, write_json
from mien.core.runs import RunDir, refuse_if_full
from mien.workflows.run_bundle import find_model, weights_sha256

README, CONFIG = "README.md", "config.json"
NAMES = (CARD, *GRAPHS.values(), README, CONFIG, WEIGHTS, "model.json")
"""Everything that such a folder has."""

LIBRARY, TASK = "mien", "image-classification"

LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit", "CC-BY-4.0": "cc-by-4.0", "not stated": "unknown"}
"""How hubs spell the licences of weights; `other` is all else."""


def export_hub(model: RunDir | Bundle | str | Path | None, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a folder that can be uploaded to a model hub as it is, and that `mien.load` takes.

    It has the bundle's graphs and `card.json`, `README.md` (the card, with the head that hubs read), `config.json`, and
    of a training run `model.safetensors`, the weights for PyTorch.

    Args:
        model: what `mien.load` takes; a run is exported first unless it is already.
        folder: where; empty unless `overwrite`.
        overwrite: replace what is in it.

    Returns:
        The folder.

    Raises:
        DataError: no such model, or a file of it is missing or damaged.
        MissingExtraError: a run that is not exported yet, and PyTorch is not installed.
        StorageError: the folder can't be written; what was there is kept.
        UsageError: the folder is not empty.
    """
    folder = Path(folder).absolute()
    refuse_if_full(folder, overwrite=overwrite)
    bundle = find_model(model)
    weights = _weights(bundle)
    files = {name: bundle.path / name for name in (CARD, *GRAPHS.values()) if (bundle.path / name).exists()}
    if bundle.card.weights is not None:  # in 16 bits, as the card says
        files[WEIGHTS] = bundle.path / WEIGHTS
    elif weights is not None:
        files |= {WEIGHTS: weights, "model.json": weights.parent / "model.json"}
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # What else lies in the folder stays, such as the repository of a hub.
    with replacing_files(folder, NAMES) as new, storage_errors(folder):
        for name, path in files.items():
            shutil.copyfile(path, new / name)
        card = (bundle.path / "CARD.md").read_text(encoding="utf-8")
        write_atomic(new / README, _head(bundle.card) + card)
        write_json(new / CONFIG, _config(bundle.card))
    return folder


def _weights(bundle: Bundle) -> Path | None:
    """Return the weights for PyTorch of the run in whose folder the bundle lies; None where there are none."""
    path = bundle.path.parent / WEIGHTS
    if not is_file(path):
        return None
    same = weights_sha256(RunDir(path.parent)) == bundle.card.training.weights_sha256
    return path if same else None


def _config(card: Card) -> dict[str, Any]:
    """Return what a hub's `config.json` says of a network."""
    return {
        "library_name": LIBRARY,
        "model_type": card.network.model,
        "num_labels": len(card.classes),
        "id2label": {str(number): name for number, name in enumerate(card.classes)},
        "input": card.input.to_dict(),
        "normalisation": card.normalisation,
        "temperature": card.temperature,
        "bias": card.bias,
        "flip": bool(card.flip),
    }


def _head(card: Card) -> str:
    """Return the front matter of `README.md`, in YAML; values are written as JSON, which is YAML as well."""
    scores = card.scores.of(card.precision.default)
    facts: dict[str, Any] = {
        "library_name": LIBRARY,
        "pipeline_tag": TASK,
        "license": LICENCES.get(card.licence.weights, "other"),
        "tags": ["facial-expression-recognition", "onnx", LIBRARY],
        "datasets": [_dataset(card)],
        "metrics": ["accuracy", "f1"],
        "model-index": [{"name": card.name, "results": [_result(card, scores)]}],
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()]
    return "\n".join(["---", *lines, "---", "", ""])


def _dataset(card: Card) -> str:
    """Return a name for the data, without what hubs don't allow in names: a published data set's, or the file's."""
    name = Path(card.training.data.source).name.partition(".")[0].partition(":")[0]
    if card.scores.data_set is not None:
        name = card.scores.data_set.partition(" ")[0]  # without its split
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-") or "unknown"


def _result(card: Card, scores: CardScores) -> dict[str, Any]:
    values = {"accuracy": scores.accuracy, "f1": scores.macro_f1, "ece": scores.ece, "log_loss": scores.log_loss}
    return {
        "task": {"type": TASK, "name": "facial-expression recognition"},
        "dataset": {
            "type": _dataset(card),
            "name": card.scores.data_set or card.training.data.source,
            "split": card.scores.split,
        },
        "metrics": [{"type": name, "name": name, "value": round(value, 6)} for name, value in values.items()],
    }
