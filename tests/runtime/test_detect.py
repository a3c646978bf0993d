import hashlib
import shutil
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mien.core.bundle import shipped
from mien.core.errors import DataError, UsageError
from mien.runtime.detect import (
    INPUT_PX,
    MULTIPLE_PX,
    SMALL_PX,
    STRIDES,
    YUNET_SHA256,
    Detection,
    YuNet,
    decode_yunet,
    letterbox,
    model_path,
)
from mien.runtime.geometry import nms
from mien.runtime.session import open_graph

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def yunet() -> YuNet:
    return YuNet(threads=1)


def rgb(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def only(faces: list[Detection]) -> Detection:
    assert len(faces) == 1
    return faces[0]


def test_the_file_that_ships_differs_from_the_published_one_by_its_shapes_alone() -> None:
    content = model_path().read_bytes()
    assert hashlib.sha256(content).hexdigest() == YUNET_SHA256
    script = run_path(str(ROOT / "dev/yunet/free_input_size.py"))
    published = (ROOT / "tests/fixtures/yunet/face_detection_yunet_2023mar.onnx").read_bytes()
    assert hashlib.sha256(published).hexdigest() == script["PUBLISHED_SHA256"]
    assert script["free_input_size"](published) == content
    canvas = np.random.default_rng(0).uniform(0, 255, (1, 3, INPUT_PX, INPUT_PX)).astype(np.float32)
    ours, theirs = (open_graph(graph, threads=1).run(None, {"input": canvas}) for graph in (content, published))
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one, other)
    assert "Copyright (c) 2020 Shiqi Yu" in (model_path().parent / "LICENSE").read_text(encoding="utf-8")


def test_the_detector_is_no_bundle() -> None:
    assert "yunet" not in shipped()


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    copy = Path(shutil.copy(model_path(), tmp_path / "yunet.onnx"))
    YuNet(copy, threads=1)
    content = bytearray(copy.read_bytes())
    content[100_000] ^= 1
    copy.write_bytes(content)
    with pytest.raises(DataError, match=r"yunet\.onnx: damaged or replaced \(sha256 .* expected 21642bd2"):
        YuNet(copy)
    with pytest.raises(DataError, match=r"none\.onnx: can't be read \(No such file"):
        YuNet(tmp_path / "none.onnx")
    with pytest.raises(UsageError, match="0 threads"):
        YuNet(threads=0)


def test_one_face_in_a_portrait(yunet: YuNet, portrait: Path) -> None:
    face = only(yunet.detect(np.asarray(rgb(portrait))))
    x, y, width, height = face.box_px
    assert face.probability > 0.9
    assert face.landmarks_px.shape == (5, 2)
    assert (([x, y] < face.landmarks_px) & (face.landmarks_px < [x + width, y + height])).all()
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks_px
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


@pytest.mark.parametrize("scale", [0.3, 0.5, 4])
def test_the_box_grows_with_the_picture(yunet: YuNet, portrait: Path, scale: float) -> None:
    picture = rgb(portrait)
    before = only(yunet.detect(np.asarray(picture)))
    after = only(yunet.detect(np.asarray(picture.resize([round(side * scale) for side in picture.size]))))
    near = 0.1 * before.box_px.height
    assert np.array(after.box_px) / scale == pytest.approx(np.array(before.box_px), abs=near)
    assert after.landmarks_px / scale == pytest.approx(before.landmarks_px, abs=near)


def test_a_mirrored_face_has_its_right_eye_on_the_right(yunet: YuNet, portrait: Path) -> None:
    picture = np.asarray(rgb(portrait))
    before, after = only(yunet.detect(picture)), only(yunet.detect(picture[:, ::-1]))
    mirrored = before.landmarks_px[[1, 0, 2, 4, 3]] * [-1, 1] + [picture.shape[1], 0]
    assert after.landmarks_px == pytest.approx(mirrored, abs=0.1 * before.box_px.height)


def test_two_faces_side_by_side(yunet: YuNet, portrait: Path) -> None:
    picture = np.asarray(rgb(portrait))
    first, second = yunet.detect(np.hstack([picture, picture]))
    assert first.probability >= second.probability
    assert abs(first.box_px.x - second.box_px.x) == pytest.approx(picture.shape[1], abs=20)


def test_a_face_that_fills_a_large_picture(yunet: YuNet, portrait: Path) -> None:
    picture = rgb(portrait)
    x, y, width, height = only(yunet.detect(np.asarray(picture))).box_px
    tight = picture.crop((round(x), round(y), round(x + width), round(y + height))).resize((1500, 1900))
    assert len(yunet.detect(np.asarray(tight))) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (48, 48), (700, 900)])
def test_no_face_in_noise(yunet: YuNet, shape: tuple[int, int]) -> None:
    assert yunet.detect(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("wrong", [(5, 5), (5, 5, 4), (0, 5, 3), (1, 5, 5, 3)])
def test_what_is_no_picture(yunet: YuNet, wrong: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"the picture is uint8 .*, expected uint8 \(H, W, 3\) in RGB"):
        yunet.detect(np.zeros(wrong, np.uint8))
    with pytest.raises(DataError, match="the picture is float64"):
        yunet.detect(np.zeros((5, 5, 3)))


@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([SMALL_PX, INPUT_PX]))
def test_a_picture_fits(height: int, width: int, longer_px: int) -> None:
    canvas, scale = letterbox(np.full((height, width, 3), (10, 20, 30), np.uint8), longer_px=longer_px)
    covered = np.argwhere(canvas[0, 0] == 30).max(axis=0) + 1
    assert canvas.shape[:2] == (1, 3)
    for padded, side in zip(canvas.shape[2:], covered, strict=True):
        assert padded % MULTIPLE_PX == 0
        assert side <= padded < side + MULTIPLE_PX
    assert covered.max() == longer_px
    assert covered == pytest.approx(scale[::-1] * [height, width])
    assert (canvas[0, :, : covered[0], : covered[1]] == np.array([30, 20, 10])[:, None, None]).all()
    assert (canvas[0] > 0).sum() == 3 * covered.prod()


def test_decoding_cell_by_cell() -> None:
    """Against a loop over the cells, as the network's authors describe it."""
    generator = np.random.default_rng(0)
    outputs, expected = {}, []
    height_px, width_px = 320, 640
    for stride in STRIDES:
        rows, side = height_px // stride, width_px // stride
        for part, depth in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{part}_{stride}"] = generator.uniform(-0.5, 1.2, (1, rows * side, depth)).astype(np.float32)
        for cell in range(rows * side):
            cls, obj, box, points = (outputs[f"{part}_{stride}"][0, cell] for part in ("cls", "obj", "bbox", "kps"))
            probability = (min(max(float(cls[0]), 0), 1) * min(max(float(obj[0]), 0), 1)) ** 0.5
            if probability < 0.9:
                continue
            row, column = divmod(cell, side)
            width, height = np.exp(box[2]) * stride, np.exp(box[3]) * stride
            x, y = (column + box[0]) * stride - width / 2, (row + box[1]) * stride - height / 2
            marks = [[(points[2 * k] + column) * stride, (points[2 * k + 1] + row) * stride] for k in range(5)]
            expected.append(([x, y, width, height], probability, marks))
    boxes, probabilities, landmarks = decode_yunet(outputs, width_px=width_px, min_probability=0.9)
    assert len(boxes) == len(expected) > 100
    for found, values in zip((boxes, probabilities, landmarks), zip(*expected, strict=True), strict=True):
        assert found == pytest.approx(np.array(values), rel=1e-5, abs=1e-3)


def overlap(a: list[int], b: list[int]) -> float:
    """Intersection over union of whole-pixel boxes, by counting pixels."""
    one, two = ({(i, j) for i in range(x, x + w) for j in range(y, y + h)} for x, y, w, h in (a, b))
    return len(one & two) / len(one | two)


BOXES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 7), st.integers(1, 7)), max_size=9)


@given(BOXES, st.randoms(use_true_random=False), st.sampled_from([0.0, 0.3, 0.55, 1.0]))
def test_suppression_by_counting_pixels(boxes: list, random: object, max_overlap: float) -> None:
    order = list(range(len(boxes)))
    random.shuffle(order)  # type: ignore[attr-defined]
    probabilities = np.array(order, float)
    kept: list[int] = []
    for k in sorted(order, key=lambda k: -probabilities[k]):
        if all(overlap(boxes[k], boxes[other]) <= max_overlap for other in kept):
            kept.append(k)
    found = nms(np.array(boxes, float).reshape(-1, 4), probabilities, max_iou=max_overlap)
    assert found.tolist() == kept


@pytest.mark.parametrize("wrong", [{"min_probability": 90}, {"min_probability": float("nan")}, {"max_iou": -0.1}])
def test_shares_are_from_0_to_1(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected 0 to 1"):
        YuNet(**wrong)  # type: ignore[arg-type]
