"""Asking the page's worker under Node."""

import base64
import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.bundle import Bundle
from mien.runtime.detect import model_path

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "src/mien/web"
NODE = shutil.which("node")
NO_NODE = "no Node: apt install nodejs"
RUNTIME = {"module": "ort.wasm.bundle.min.mjs", "wasm": "ort-wasm-simd-threaded.wasm", "yunet": "yunet.onnx"}


class Worker:
    """The modules of the page's worker under Node, with a network or without.

    Questions gather, and are answered by one process: `ask` returns a number by which `answers` has the answer.
    """

    def __init__(self, folder: Path, bundle: Bundle | None = None) -> None:
        self._folder, self._network = folder, None
        self._questions: list[dict[str, Any]] = []
        if bundle is not None:
            self._network = {"graph": "graph.onnx", "card": "card.json"}
            (folder / "graph.onnx").write_bytes(bundle.read_model("default"))
            (folder / "card.json").write_text(json.dumps(bundle.card.to_dict()), encoding="utf-8")
            for name in ("module", "wasm"):
                packed = WEB / "vendor/onnxruntime" / f"{RUNTIME[name]}.gz"
                (folder / RUNTIME[name]).write_bytes(gzip.decompress(packed.read_bytes()))
            shutil.copyfile(model_path(), folder / RUNTIME["yunet"])

    def ask(self, kind: str, **question: Any) -> int:
        """Add a question; an array is stored as a picture, bytes as a file."""
        number = len(self._questions)
        for key, value in question.items():
            file = f"{number}-{key}"
            if isinstance(value, np.ndarray):
                (self._folder / file).write_bytes(value.tobytes())
                height, width = value.shape[:2]
                channels = value.size // (height * width)
                question[key] = {"file": file, "height": height, "width": width, "channels": channels}
            elif isinstance(value, bytes):
                (self._folder / file).write_bytes(value)
                question[key] = file
        self._questions.append({"kind": kind, **question})
        return number

    def answers(self) -> list[Any]:
        """Return the answers to all questions, in their order."""
        job = {"runtime": RUNTIME, "network": self._network, "questions": self._questions}
        (self._folder / "questions.json").write_text(json.dumps(job), encoding="utf-8")
        line = [str(NODE), str(HERE / "answers.mjs"), str(self._folder)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: list[Any] = json.loads(done.stdout)
        return found


def pixels(text: str, *shape: int) -> np.ndarray:
    """Turn an answer back into `uint8` pixels."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)
