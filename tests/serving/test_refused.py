"""Whatever is sent gets a status and one sentence, never a 500; and the service goes on."""

import gzip
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from mien.workflows.predict import Model

from .service import Service, png, serving


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    rows = zlib.compress(b"\0" * (1 + width) * 4)
    chunks = b""
    for name, content in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        chunks += len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunks


def video() -> bytes:
    return b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 5000


PHOTO = png(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
BODIES = {
    "nothing": (b"", "picture 1: not a picture that Pillow can read (0 bytes)"),
    "text": (b"no picture", "picture 1: not a picture that Pillow can read"),
    "an address": (b"https://example.org/a.jpg", "picture 1: not a picture that Pillow can read"),
    "a path": (b"/etc/passwd", "picture 1: not a picture that Pillow can read"),
    "JSON": (b'{"image": "aGFsbG8="}', "picture 1: not a picture that Pillow can read"),
    "cut off": (PHOTO[:4000], "picture 1: damaged picture"),
    "a bomb": (bomb(30_000, 30_000), "picture 1: 900,000,000 pixels, at most 32,000,000 are read; shrink it"),
    "100 MP": (bomb(10_000, 10_000), "picture 1: 100,000,000 pixels, at most 32,000,000 are read; shrink it"),
    "a video": (video(), "picture 1: not a picture but a video or sound; a video needs an ending such as .mp4"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture 1: not a picture that Pillow can read"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "picture 1: a picture in EPS"),
}


@pytest.fixture(autouse=True)
def _still_there(service: Service) -> None:
    yield
    assert service.get("/readyz").status == 200
    assert not [name for name in service.counted() if 'status="5' in name or 'status="0"' in name]


@pytest.mark.parametrize("kind", BODIES)
def test_no_picture(service: Service, kind: str) -> None:
    body, sentence = BODIES[kind]
    answer = service.post("/v1/predict", body)
    assert answer.status == 422
    assert answer.error.startswith(sentence)


def test_heic_without_the_extra(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)  # another test may have had it
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    answer = service.post("/v1/predict", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    assert answer.status == 415
    assert answer.error.startswith("picture 1: HEIC needs pillow-heif: pip install 'mien[heic]'")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/predict?min_confidence=2", "min_confidence '2': it should be less than or equal to 1"),
        ("/v1/predict?min_confidence=nan", "min_confidence 'nan': it should be a finite number"),
        ("/v1/predict?min_px=-1", "min_px '-1': it should be greater than or equal to 0"),
        ("/v1/predict?min_px=" + "9" * 5000, "min_px '999"),
        ("/v1/predict?crops=perhaps", "crops 'perhaps': it should be a valid boolean, unable to interpret input"),
        ("/v1/predict?largest", "largest '': it should be a valid boolean"),
        ("/v1/predict?url=file:///etc/passwd", "no option 'url' here; /v1/predict has crops, min_confidence"),
        ("/v1/predict?min-px=3", "no option 'min-px' here"),
        ("/v1/faces?explain=1", "no option 'explain' here"),
        ("/v1/predict?%00=%ff", "no option"),
    ],
)
def test_wrong_options(service: Service, path: str, sentence: str) -> None:
    answer = service.post(path, PHOTO)
    assert answer.status == 422
    assert answer.error.startswith(sentence)
    assert len(answer.error) < 2500


@pytest.mark.parametrize("length", [0, 1, 2303, 2305, 5000])
def test_no_faces(service: Service, length: int) -> None:
    answer = service.post("/v1/faces", b"x" * length)
    assert answer.status == 422
    assert answer.error == (
        f"{length:,} bytes, expected faces of 48×48 grey levels, 2,304 bytes each, or a PNG; "
        "other pictures go to /v1/predict?crops=1"
    )


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "Multipart/Mixed"])
def test_multipart(service: Service, kind: str) -> None:
    for path in ("/v1/predict", "/v1/faces"):
        answer = service.post(path, b"--x\r\n\r\n\r\n--x--", content_type=kind)
        assert answer.status == 415
        assert answer.error.endswith("is not read; send the file alone as the body: curl --data-binary @photo.jpg")


def test_the_reason_arrives_where_the_connection_closes(service: Service) -> None:
    """Clients such as urllib send all before they read; closing with a body half read would take the answer with it."""
    body = b"x" * 8_000_000
    for _ in range(5):
        assert service.post("/none", body, connection="close").status == 404
        assert service.post("/v1/predict?x=1", body, connection="Close").status == 422
        assert service.post("/v1/predict", body * 3, connection="close").status == 413
        assert service.post("/none", body).status == 404


def test_packed_bodies(service: Service) -> None:
    answer = service.post("/v1/predict", gzip.compress(PHOTO), content_encoding="gzip")
    assert (answer.status, answer.error) == (415, "content-encoding gzip is not read; send the file as it is")
    assert service.post("/v1/predict", PHOTO, content_encoding="identity").status == 200


@pytest.mark.parametrize("path", ["/v2/predict", "/v1/predict/", "/../etc/passwd", "/%2e%2e/%00", "/v1/predict%ff"])
def test_no_such_path(service: Service, path: str) -> None:
    answer = service.post(path, PHOTO)
    assert answer.status == 404
    assert answer.error.endswith("/openapi.json lists those there are")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "NONSENSE"])
def test_no_such_method(service: Service, method: str) -> None:
    answer = service.ask(method, "/v1/predict")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        assert answer.error == f"{method} /v1/predict is not answered; use POST"


def test_hosts(small: Model, service: Service) -> None:
    """A page elsewhere, whose own name leads to this machine, is not answered."""
    for name in ("evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "", "a, localhost", "::"):
        answer = service.get("/healthz", host=name)
        expected = 200 if name == "::" else 400
        assert answer.status == expected, name
    for name in ("localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000", "192.168.7.7"):
        assert service.get("/healthz", host=name).status == 200, name
    refused = service.get("/", host="evil.example:80")
    assert (
        refused.error == "host 'evil.example:80' is not served here; mien serve --allowed-host evil.example allows it"
    )
    with serving(small, hosts=["faces.example.org"]) as named:
        assert named.get("/healthz", host="Faces.example.org:443").status == 200
        assert named.get("/healthz", host="other.example.org").status == 400


def test_token(small: Model) -> None:
    asked = [("POST", "/v1/predict"), ("POST", "/v1/faces"), ("GET", "/v1/model"), ("GET", "/metrics")]
    asked += [("GET", "/openapi.json"), ("GET", "/v9")]
    wrong = ["", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crett", "bearer s3cret", "Basic s3cret", "s3cret"]
    with serving(small, token="s3cret") as guarded:
        for method, path in asked:
            for text in wrong:
                answer = guarded.ask(method, path, headers={"Authorization": text})
                assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer"), (path, text)
            assert "Authorization: Bearer TOKEN" in guarded.ask(method, path).error
            assert guarded.ask(method, path, headers={"Authorization": "Bearer s3cret"}).status in (200, 404, 422)
        for path in ("/healthz", "/readyz", "/"):
            assert guarded.get(path).status == 200
        described = guarded.get("/openapi.json", authorization="Bearer s3cret").json
        assert described["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
        assert "security" in described["paths"]["/v1/predict"]["post"]
        assert "security" not in described["paths"]["/healthz"]["get"]
