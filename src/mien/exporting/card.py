"""What a bundle's card says, from what was measured; `docs/exporting.md` lists the keys."""

import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import PurePath
from typing import Any

import torch

from mien.core.bundle import GRAPHS
from mien.core.images import SIZE
from mien.core.schema import SCHEMA_VERSION
from mien.core.scores import Scores
from mien.exporting.to_onnx import INPUT, OPSET, OUTPUT
from mien.models.classifier import Classifier
from mien.models.registry import info

CROP_MARGIN = 0.0
"""By which part of its side a detector's square face box is widened on each side before it is resized.

None: FER2013's faces are a detector's boxes without padding, brows to chin, and a network that learned such faces was
seen to lose 16 points of accuracy on padded ones.  A face of 48×48 pixels is used as it is.
"""

MOST_LOST = 0.003
"""int8 is the default unless it loses more accuracy than this on held-out faces."""

LIMITS = (
    "An expression is not an emotion: what a face shows is not what a person feels.",
    "Not for decisions about people: not for hiring, policing, education, health or any other judgement of somebody.",
    "For frontal grey faces, cropped tightly and 48×48 pixels large; other poses, sizes and crops were not measured.",
    "Accuracy by age, sex, skin tone, pose and culture was not measured: the data do not say them.",
)
_8_BITS = "The 8-bit graph was measured on a processor with VNNI; on older x86 processors its sums may overflow. "
LIMITS_OF_GRAPHS = {
    ("fp32",): (),
    ("int8",): (f"{_8_BITS}Check it there with `mien eval`.",),
    ("fp32", "int8"): (f"{_8_BITS}Check it there with `mien eval`, or take fp32.",),
}
LIMITS_OF_DATA = {
    True: "Learned from drawn faces (synthetic): it says nothing of real ones.",
    False: "Learned from pictures whose labels people gave by looking at them; people disagree. FER2013's own labels "
    "of its web images are those of the ten people of FER+ on 62 % of the faces.",
}
LICENCE_OF_DATA = {
    True: "Drawn by mien.",
    False: "The terms of the faces bind who trains on them; FER2013 and FER+ are for research.",
}
_TRAINED_WITH = ("mien", "torch", "lightning", "numpy")
_EXPORTED_WITH = ("mien", "torch", "onnx", "onnxscript", "onnxruntime", "numpy")
_SCORES = (
    *("source", "faces", "accuracy", "accuracy_interval", "macro_f1", "macro_f1_interval", "ece", "log_loss"),
    *("without_duplicates", "per_class", "confused_pairs"),
)


def describe_graphs(graphs: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Give each precision's file name, size in bytes and sha256."""
    return {
        name: {"file": GRAPHS[name], "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in graphs.items()
    }


def choose_default(lost: float, *, only: str | None = None) -> dict[str, Any]:
    """Say which precision is the default, from the accuracy that int8 loses on the faces that were held out.

    `only` is the one that the bundle holds, if it does not hold both.

    >>> choose_default(0.004)["default"]
    'fp32'
    """
    loses = f"int8 {'loses' if lost > 0 else 'gains'} {100 * abs(lost):.2f} points of" if lost else "int8 has the same"
    reason = f"{loses} accuracy on the held-out faces; "
    if only:
        return {"default": only, "reason": f"{reason}the bundle holds {only} alone"}
    reason += f"up to {100 * MOST_LOST:.1f} lost are allowed"
    return {"default": "fp32" if round(lost, 9) > MOST_LOST else "int8", "reason": reason}


def make_card(
    classifier: Classifier, *, stored: Mapping[str, Any], measured: Mapping[str, Any], licence: str
) -> dict[str, Any]:
    """Put a card together.  It holds no date and no path, so the same run gives the same card.

    Args:
        classifier: what is shipped.
        stored: the run's `config.json`.
        measured: `files`, `precision`, `parity`, `scores` (split and each precision's), `held_out_accuracy`,
            `abstention`, as they are to appear.
        licence: of the weights.
    """
    network = info(classifier.model, classes=len(classifier.classes))
    default = measured["scores"][measured["precision"]["default"]]
    synthetic = bool(stored["data"]["synthetic"])
    return {
        "schema_version": SCHEMA_VERSION,
        "name": classifier.model,
        "synthetic": synthetic,
        "labels": list(classifier.classes),
        "input": {
            "name": INPUT,
            "dtype": "uint8",
            "shape": ["N", SIZE, SIZE],
            "channels": "grey, ITU-R 601 luma, 0 to 255",
            "crop_margin": CROP_MARGIN,
            "resize": "Pillow: BOX when shrinking, BICUBIC when enlarging (mien.core.images.resize)",
        },
        "output": {"name": OUTPUT, "dtype": "float32", "shape": ["N", len(classifier.classes)]},
        "network": {"parameters": network.parameters, "macs": network.macs, "opset": OPSET},
        "normalisation": classifier.normalise.kind,
        "temperature": classifier.temperature,
        "files": measured["files"],
        "precision": measured["precision"],
        "parity": measured["parity"],
        "scores": measured["scores"],
        "held_out_accuracy": measured["held_out_accuracy"],
        "abstention": measured["abstention"],
        "limits": [
            LIMITS_OF_DATA[synthetic],
            *LIMITS,
            *LIMITS_OF_GRAPHS[tuple(measured["files"])],
            *_weaknesses(default),
        ],
        "training": _training(stored),
        "licence": {"weights": licence, "data": LICENCE_OF_DATA[synthetic]},
        "versions": {name: metadata.version(name) for name in _EXPORTED_WITH} | {"torch": str(torch.__version__)},
    }


def shorten(scores: Scores) -> dict[str, Any]:
    """Keep the scores that a card shows; recall stands for the whole of a class's figures."""
    whole = scores.to_dict()
    short = {key: whole[key] for key in _SCORES}
    short["source"] = PurePath(scores.source).name
    short["per_class"] = [{"name": each.name, "faces": each.faces, "recall": each.recall} for each in scores.per_class]
    short["annotator_accuracy"] = scores.annotators and scores.annotators.accuracy
    return short


def _weaknesses(scores: Mapping[str, Any]) -> list[str]:
    """Say in sentences on which class it fails most, and what it takes most often for something else."""
    found = []
    recalls = [each for each in scores["per_class"] if each["recall"] is not None]
    if recalls:
        worst = min(recalls, key=lambda each: each["recall"])
        found.append(f"It recognises {worst['recall']:.0%} of the {worst['faces']:,} faces labelled {worst['name']}.")
    cells = [way for pair in scores["confused_pairs"] for way in pair["directions"] if way["errors"]]
    if cells:
        most = max(cells, key=lambda each: each["errors"])
        found.append(f"It takes {most['rate']:.0%} of the faces labelled {most['target']} for {most['label']}.")
    return found


def _training(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what it learned from and how; of files only the names."""
    config, data = dict(stored["config"]), stored["data"]
    for key in ("data", "votes", "recipe"):
        config[key] = config.get(key) and PurePath(config[key]).name
    config["teachers"] = [PurePath(teacher).name for teacher in config.get("teachers", ())]
    kept = ("fingerprint", "row_fingerprint", "synthetic", "splits", "training", "held_out")
    return {
        "data": {"source": config["data"], "labels": config["labels"], "votes": config["votes"]}
        | {key: data[key] for key in kept},
        "recipe": config["recipe"],
        "config": config,
        "versions": {key: stored["versions"][key] for key in _TRAINED_WITH},
        "git_commit": stored.get("git_commit"),
    }
