"""`Scorer`: from the bytes of a request to its answer, in one thread.  Axis: `N` faces."""

import base64
import io
import json
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.images import SIZE, decode_colour, to_uint8
from mien.runtime.detect import Detection, Detector
from mien.runtime.occlusion import occlude
from mien.runtime.pipeline import classify_faces, find_and_classify
from mien.runtime.result_files import Head, head_values
from mien.runtime.results import Picture, PictureResult
from mien.runtime.selection import Selection
from mien.runtime.session import BundleModel
from mien.serving.limits import Limits
from mien.serving.refusal import Refusal

SOURCE = "picture 1"
"""What Python calls a picture that has no name; errors and records have it."""

PNG = b"\x89PNG\r\n\x1a\n"
FACE_BYTES = SIZE * SIZE


class Scorer:
    """Finds and classifies the faces of requests; its methods may run in several threads at once.

    Args:
        model: classifies; it computes with one thread per call.
        detector: finds the faces.
        limits: how much a request may ask for.
    """

    def __init__(self, model: BundleModel, detector: Detector, limits: Limits) -> None:
        self._model, self._detector, self._limits = model, detector, limits
        self._head = head_values(Head(model.id, model.classes, model.bundle.card.warnings()))
        self._head_text = _json(self._head).decode().removesuffix("}")

    def card(self) -> bytes:
        """Return what `GET /v1/model` answers: which network this is, and what it can't do."""
        card = self._model.bundle.card
        precision = self._model.precision
        scores = card.scores.to_dict()
        return _json(
            self._head
            | {
                "precision": precision,
                "scores": {"split": scores["split"]} | scores[precision],
                "limits": list(card.limits),
                "licence": card.licence.to_dict(),
            }
        )

    def predict(self, data: bytes, *, selection: Selection, align: bool, explain: bool, deadline_s: float) -> bytes:
        """Return what `POST /v1/predict` answers.

        Args:
            data: a picture file.
            selection: which faces are wanted.
            align: turn each face so that its eyes are level.
            explain: add an occlusion map of each face.
            deadline_s: when the client no longer waits, on the clock of `time.monotonic`.

        Raises:
            DataError: not a picture, damaged, or too large.
            MissingExtraError: HEIC, and pillow-heif is not installed.
            Refusal: too many faces, or too late.
        """
        watch = _Watch(self._model, self._detector, max_faces=self._limits.max_faces, deadline_s=deadline_s)
        pixels = decode_colour(data, name=SOURCE, max_pixels=self._limits.max_pixels)
        [result] = find_and_classify(
            watch,
            [Picture(SOURCE, pixels)],
            labels=self._model.classes,
            detector=watch,
            margin=self._model.crop_margin,
            align=align,
            selection=selection,
        )
        if not explain:
            return self._answer([result])
        return self._answer([result], maps=[_explained(watch, face.image) for face in result.faces])

    def faces(self, data: bytes, *, deadline_s: float) -> bytes:
        """Return what `POST /v1/faces` answers.

        Args:
            data: N faces, `uint8 (N, 48, 48)`, one after the other; or a PNG, which is one face of any size.
            deadline_s: as in `predict`.

        Raises:
            DataError: a damaged PNG.
            Refusal: bytes that are no faces, too many faces, or too late.
        """
        if data.startswith(PNG):
            whole = Selection(crops=True)
            return self.predict(data, selection=whole, align=True, explain=False, deadline_s=deadline_s)
        if not data or len(data) % FACE_BYTES:
            raise Refusal(
                422,
                f"{len(data):,} bytes, expected faces of {SIZE}×{SIZE} grey levels, {FACE_BYTES:,} bytes each, or a "
                "PNG; other pictures go to /v1/predict?crops=1",
            )
        watch = _Watch(self._model, self._detector, max_faces=self._limits.max_faces, deadline_s=deadline_s)
        images = np.frombuffer(data, np.uint8).reshape(-1, SIZE, SIZE)
        ids = [str(number) for number in range(1, len(images) + 1)]
        return self._answer(classify_faces(watch, images, ids, labels=self._model.classes, source="faces"))

    def _answer(self, results: Iterable[PictureResult], **more: list[str]) -> bytes:
        """Return the head, which is the same in every answer, with the records and what else there is."""
        records: list[dict[str, Any]] = []
        for result in results:
            records += result.records()
        return f"{self._head_text}, ".encode() + _json({"faces": records, **more})[1:]


class _Watch:
    """The network and the detector of one request, which stop when it takes too long or has too many faces."""

    def __init__(self, model: BundleModel, detector: Detector, *, max_faces: int, deadline_s: float) -> None:
        self._model, self._detector, self._max_faces, self._deadline_s = model, detector, max_faces, deadline_s

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        self._require_time()
        return self._detector.detect(picture)

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._require_time()
        if len(faces) > self._max_faces:
            raise Refusal(422, f"{len(faces):,} faces, at most {self._max_faces:,} are answered; send fewer at a time")
        return self._model(faces)

    def blanked(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify the copies of one face that an occlusion map needs."""
        self._require_time()
        return self._model(faces)

    def _require_time(self) -> None:
        if time.monotonic() > self._deadline_s:
            raise Refusal(504, "not done in time")  # nobody waits for it any more


def _explained(watch: _Watch, image: NDArray[np.uint8]) -> str:
    """Return a face's occlusion map as the base64 of a grey PNG, 48×48."""
    levels = to_uint8(occlude(watch.blanked, image[None]))[0]
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
