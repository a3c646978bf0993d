"""Run folders: every file in them, and what reads it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mien.core.errors import MienError
from mien.core.predictions import Predictions
from mien.core.runs import RunDir
from mien.core.schema import SCHEMA_VERSION
from mien.evaluation.compare import compare_predictions
from mien.evaluation.metrics import score_predictions
from mien.reporting.build import report
from mien.runtime.resume_state import read_resume_state
from mien.training.config import stored_config
from mien.training.run_data import TrainingRun

from .damage import damaged
from .originals import Originals
from .target import Target
from .values import as_json, odd, spoilt, texts

SHOWN = ("config.json", "data.json", "status.json", "model_info.json", "model.json", "metrics.csv", "timing.csv")
PARTS = ("eval/test/metrics.json", "explain/attribution.json", "explain/filters.json", "explain/feature_maps.json")
ARRAYS = (
    "eval/test/predictions.npz",
    "eval/test/top_confusions.npz",
    "explain/filters.npz",
    "explain/feature_maps.npz",
)
DTYPES = ("uint8", "int64", "float32", "float16", "bool", "U3", "S3", "complex64", "datetime64[s]", "uint64")


@st.composite
def archives(draw, arrays: dict[str, np.ndarray], content: bytes) -> bytes:
    """An `.npz` of which one or two members are others, or damaged bytes of one."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged([content]))
    changed: dict[str, Any] = dict(arrays)
    members: dict[str, bytes] = {}
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(arrays)))
        kind = draw(st.sampled_from(("drop", "dtype", "shape", "bytes", "object", "values", "rename")))
        value = changed.pop(name, np.zeros(3))
        if kind == "dtype":
            changed[name] = np.zeros(value.shape, draw(st.sampled_from(DTYPES)))
        elif kind == "shape":
            changed[name] = np.resize(value, draw(st.lists(st.integers(0, 5), max_size=4)))
        elif kind == "values" and value.dtype.kind in "iuf":
            changed[name] = np.full_like(value, draw(st.sampled_from((0, 1, 100))))
        elif kind == "object":
            changed[name] = np.array([{"a": 1}, None], object)
        elif kind == "rename":
            changed[draw(st.sampled_from(("x", "../x", "", "a/b")))] = value
        elif kind == "bytes":
            members[f"{name}.npy"] = draw(st.binary(max_size=20))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **changed)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return buffer.getvalue()


@st.composite
def tables(draw, content: bytes) -> bytes:
    """`metrics.csv` and its like with other cells."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged([content]))
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.sampled_from(rows))
        cell = st.one_of(texts, st.sampled_from(("nan", "inf", "-inf", "1e308", "-1", "0", "1e-320", "1_0", "0x1")))
        row[draw(st.integers(0, len(row) - 1))] = draw(cell)
    return "\n".join(map(",".join, rows)).encode("utf-8", "surrogatepass")


@st.composite
def folders(draw, strategies: dict[str, st.SearchStrategy[bytes]]) -> dict[str, bytes | None]:
    """Some files of a run: one or two that are spoilt, and which of the others are there (None)."""
    spoilt_ones = draw(st.lists(st.sampled_from(sorted(strategies)), min_size=1, max_size=2, unique=True))
    others = draw(st.lists(st.sampled_from(sorted(strategies)), max_size=5))
    found: dict[str, bytes | None] = {"config.json": None} | dict.fromkeys(others)
    for name in spoilt_ones:
        partner = str(Path(name).with_suffix(".npz"))
        found |= {partner: None} if name.startswith("explain/") else {}
        found[name] = draw(strategies[name])
    return found


def targets(originals: Originals) -> dict[str, Target]:
    """Readers of run folders, by name."""
    run = originals.run
    whole = {name: (run / name).read_bytes() for name in (*SHOWN, *PARTS, *ARRAYS)}
    strategies: dict[str, st.SearchStrategy[bytes]] = {}
    for name, content in whole.items():
        if name.endswith(".json"):
            strategies[name] = st.one_of(spoilt(json.loads(content)).map(as_json), damaged([content]))
        elif name.endswith(".csv"):
            strategies[name] = tables(content)
        else:
            with np.load(io.BytesIO(content)) as arrays:
                strategies[name] = archives({key: arrays[key] for key in arrays.files}, content)
    strategies["ablation/ablation.json"] = spoilt(ABLATION).map(as_json)
    whole["ablation/ablation.json"] = as_json(ABLATION)
    predictions = whole["eval/test/predictions.npz"]

    def put(files: dict[str, bytes | None], folder: Path) -> RunDir:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            given = (run / name).read_bytes() if content is None and name not in whole else content
            path.write_bytes(whole[name] if given is None else given)
        return RunDir.open(folder)

    def read_scores(content: bytes, folder: Path) -> object:
        (folder / "a.npz").write_bytes(content)
        (folder / "b.npz").write_bytes(predictions)
        damaged, whole = Predictions.load(folder / "a.npz"), Predictions.load(folder / "b.npz")
        return score_predictions(damaged, bootstrap=20), compare_predictions(damaged, whole, bootstrap=20)

    def read_records(content: bytes, folder: Path) -> object:
        (folder / "faces.jsonl").write_bytes(content)
        return list(read_resume_state(folder / "faces.jsonl").faces())

    def read_state(files: dict[str, bytes | None], folder: Path) -> object:
        opened = put(files, folder)
        calls = (stored_config, lambda one: one.default_split, lambda one: one.state, lambda one: one.history)
        found = [_tried(call, opened) for call in calls]
        return found, TrainingRun(opened.path).data

    state = {name: strategies[name] for name in ("config.json", "data.json", "status.json", "metrics.csv")}
    records = st.lists(st.one_of(st.just(RECORD), spoilt(RECORD)), max_size=4).map(
        lambda found: b"".join(as_json(record) + b"\n" for record in found)
    )
    scores = strategies["eval/test/predictions.npz"]
    return {
        "reports": Target(folders(strategies), lambda files, folder: report(put(files, folder))),
        "run folders": Target(folders(state), read_state),
        "predictions": Target(scores, read_scores),
        "records": Target(st.one_of(records, damaged([as_json(RECORD) + b"\n"])), read_records),
        "latest": Target(odd, _read_latest),
    }


def _tried(call: Any, run: RunDir) -> object:
    try:
        return call(run)
    except MienError as error:
        return error


def _read_latest(value: object, folder: Path) -> object:
    return RunDir.open(folder / str(value).replace("\ud800", "?"))


RECORD = {
    **{
        "schema_version": SCHEMA_VERSION,
        "source": "a.mp4",
        "frame": 3,
        "time_s": 0.12,
        "face": "1",
        "box": [1.0, 2.0, 3.0, 4.0],
    },
    **{"label": "happy", "probability": 0.75, "probabilities": {"happy": 0.75, "sad": 0.25}},
}
_RUNS = [
    {
        "levels": {"flip": level},
        "seed": seed,
        "run": "arms/a",
        "reason": "",
        "split": "test",
        "faces": 9,
        "accuracy": 0.5,
    }
    for level in ("off", "on")
    for seed in (0, 1)
]
ABLATION = {
    **{"schema_version": SCHEMA_VERSION, "run": "a", "source": "a.csv", "synthetic": True, "network": "mien-n"},
    **{"recipe": "mien-n", "epochs": 2},
    **{"seeds": [0, 1], "factors": {"flip": ["off", "on"]}, "runs": _RUNS},
    "arms": [{"levels": {"flip": level}, "runs": 2, "mean": 0.5, "sd": 0.1} for level in ("off", "on")],
    "effects": [
        {
            **{"factor": "flip", "level": "on", "baseline": "off", "within": {}, "seeds": 2},
            **{"difference": 0.1, "interval": [-0.1, 0.3]},
        }
    ],
}
