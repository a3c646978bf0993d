"""What is answered: the records of `mien predict`, byte for byte."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.cli.main import run as mien
from mien.core.images import to_uint8
from mien.runtime.occlusion import occlude
from mien.serving import schema
from mien.serving.scorer import SOURCE
from mien.workflows.predict import Model

from .service import Service, png


def turned(photo: Image.Image) -> bytes:
    """A JPEG that lies on its side, and says so in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return png(np.rot90(np.asarray(photo.convert("RGB"))).copy(), "JPEG", exif=exif)


@pytest.fixture
def kinds(portrait: Path) -> dict[str, bytes]:
    """Files of one photo: as it is, turned, upside down, grey, transparent, twice, small; and two without a face."""
    photo = Image.open(portrait).convert("RGB")
    photo.thumbnail((400, 400))
    pixels = np.asarray(photo)
    alpha = np.full((*pixels.shape[:2], 1), 200, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    return {
        "as it is": png(pixels, "JPEG"),
        "turned": turned(photo),
        "upside down": png(np.rot90(pixels, 2).copy()),
        "grey": png(np.asarray(photo.convert("L"))),
        "transparent": png(np.concatenate([pixels, alpha], axis=2)),
        "two faces": png(np.concatenate([pixels, pixels[:, ::-1]], axis=1), "WEBP", lossless=True),
        "small": png(np.asarray(photo.resize((40, 44)))),
        "tiny": png(np.asarray(photo.resize((8, 9)))),
        "no face": png(noise),
    }


def by_the_command(data: bytes, flags: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    """What `mien predict --format json` prints for a file that is named as the service names a picture."""
    Path(SOURCE).write_bytes(data)
    assert mien(["predict", SOURCE, "--model", "mien-n", "--threads", "1", "--format", "json", *flags]) == 0
    return json.loads(capsys.readouterr().out)


def as_bytes(records: Any) -> bytes:
    return json.dumps(records, ensure_ascii=False).encode()


def test_records_are_those_of_the_command(
    service: Service,
    kinds: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found = {}
    for kind, data in kinds.items():
        answer = service.post("/v1/predict", data)
        assert answer.status == 200, (kind, answer)
        expected = by_the_command(data, [], capsys)
        assert as_bytes(answer.json["faces"]) in answer.body
        assert as_bytes(answer.json["faces"]) == as_bytes(expected["faces"]), kind
        assert answer.json == expected
        schema.Faces.model_validate_json(answer.body)
        found[kind] = [face["reason"] for face in answer.json["faces"]]
    assert found["no face"] == ["no face found"]
    assert found["tiny"] == ["too small: 8×9 pixels, at least 12 are needed"]
    assert found["two faces"] == [None, None]


@pytest.mark.parametrize(
    ("query", "flags"),
    [
        ("crops=1", "--crops"),
        ("min_confidence=0.97", "--min-confidence 0.97"),
        ("min_px=1000", "--min-px 1000"),
        ("largest=true", "--largest"),
        ("align=false", "--no-align"),
        ("largest=1&min_px=10&min_confidence=0.1", "--largest --min-px 10 --min-confidence 0.1"),
    ],
)
def test_options_are_those_of_the_command(
    service: Service,
    kinds: dict[str, bytes],
    query: str,
    flags: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("two faces", "upside down"):
        data = kinds[kind]
        answer = service.post(f"/v1/predict?{query}", data)
        assert answer.json == by_the_command(data, flags.split(), capsys)


def test_python_gives_the_same(service: Service, small: Model, portrait: Path) -> None:
    data = portrait.read_bytes()
    assert service.post("/v1/predict", data).json["faces"] == small.predict(data).records()


def test_maps(service: Service, small: Model, kinds: dict[str, bytes]) -> None:
    data = kinds["two faces"]
    answer = service.post("/v1/predict?explain=1", data).json
    faces = small.predict(data).faces
    assert answer["faces"] == small.predict(data).records()
    assert len(answer["maps"]) == len(faces) == 2
    for text, face in zip(answer["maps"], faces, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
        np.testing.assert_array_equal(shown, to_uint8(occlude(small, face.image[None]))[0])
    assert service.post("/v1/predict?explain=1", kinds["no face"]).json["maps"] == []


def test_faces(service: Service, small: Model, kinds: dict[str, bytes]) -> None:
    images = np.stack([face.image for face in small.predict(kinds["two faces"]).faces])
    for kind in ("application/octet-stream", "application/x-www-form-urlencoded"):
        answer = service.post("/v1/faces", images.tobytes(), content_type=kind)
        schema.Faces.model_validate_json(answer.body)
        records = answer.json["faces"]
        assert [(face["face"], face["source"], face["box"]) for face in records] == [
            ("1", "faces", None),
            ("2", "faces", None),
        ]
        given = [list(face["probabilities"].values()) for face in records]
        np.testing.assert_allclose(given, small(images), atol=5.1e-7)
    one = service.post("/v1/faces", png(images[0]), content_type="image/png").json["faces"]
    assert one == small.predict(png(images[0]), crops=True).records()
    assert one[0]["probabilities"] == records[0]["probabilities"]


def test_the_card(service: Service, small: Model) -> None:
    answer = service.get("/v1/model")
    schema.Card.model_validate_json(answer.body)
    card = small.bundle.card
    assert answer.json["model"] == small.id.to_dict()
    assert answer.json["classes"] == list(card.classes)
    assert answer.json["scores"]["accuracy"] == card.scores.of("int8").accuracy
    assert (answer.json["scores"]["split"], answer.json["precision"]) == ("test", "int8")
    assert answer.json["limits"] == list(card.limits)


def test_state_and_numbers(service: Service, portrait: Path) -> None:
    assert service.get("/healthz").json == {"status": "ok"}
    assert service.get("/readyz").json == {"status": "ready"}
    before = service.counted()
    service.post("/v1/predict", portrait.read_bytes())
    service.post("/v1/predict", b"x")
    service.get("/secret/name.jpg")
    after = service.counted()
    new = {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name)}
    assert new == {
        'mien_requests_total{path="/v1/predict",status="200"}': 1,
        'mien_requests_total{path="/v1/predict",status="422"}': 1,
        'mien_requests_total{path="other",status="404"}': 1,
        'mien_requests_total{path="/metrics",status="200"}': 1,
    }


def test_the_schema(service: Service) -> None:
    found = service.get("/openapi.json").json
    assert set(found["paths"]) == {"/v1/predict", "/v1/faces", "/v1/model", "/healthz", "/readyz", "/metrics"}
    names = [parameter["name"] for parameter in found["paths"]["/v1/predict"]["post"]["parameters"]]
    assert names == ["crops", "min_confidence", "min_px", "largest", "align", "explain"]
    assert "securitySchemes" not in found["components"]


def test_nothing_comes_from_elsewhere(service: Service) -> None:
    """No page that loads scripts from a CDN, no other address in the schema."""
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert service.get(path).status == 404
    assert b"http" not in service.get("/openapi.json").body.replace(b'"http"', b"")
    assert "access-control-allow-origin" not in service.get("/healthz", origin="https://example.org").headers
