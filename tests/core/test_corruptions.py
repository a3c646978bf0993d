import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mien.core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.core.errors import DataError, UsageError
from mien.synthetic.faces import draw_faces

FACES = draw_faces(28)[0].images
GREY = np.full((40, 48, 48), 120, np.uint8)
GREY[:, 0, 0] = np.arange(100, 140)  # no two alike
NOISE_3 = [127, 111, 101, 103, 129, 125]
LOW_LIGHT_4 = [18, 18, 12, 16, 32, 22]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_changes_more_than_the_one_before(name: str) -> None:
    before = FACES.copy()
    changed = []
    for severity in SEVERITIES:
        spoiled = corrupt(FACES, name, severity)
        assert spoiled.dtype == np.uint8
        assert spoiled.shape == FACES.shape
        changed.append(((spoiled - FACES.astype(float)) ** 2).mean())
    assert changed[0] > 1
    assert (np.diff(changed) > 0).all(), changed
    assert (before == FACES).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_face_is_spoiled_alike_in_any_order_and_alone(name: str) -> None:
    together = corrupt(FACES, name, 3)
    assert (corrupt(FACES[::-1], name, 3)[::-1] == together).all()
    assert (corrupt(FACES[5:6], name, 3)[0] == together[5]).all()


def test_each_face_and_each_severity_has_noise_of_its_own() -> None:
    noises = [(corrupt(GREY[:2], "noise", severity) - 120.0) / strength for severity, strength in ((1, 5), (3, 15))]
    seen = np.concatenate(noises).reshape(4, -1)
    correlations = np.corrcoef(seen)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 0.1


def test_noise_of_severity_3_has_a_standard_deviation_of_15() -> None:
    noise = corrupt(GREY, "noise", 3) - 120.0
    assert noise.std() == pytest.approx(15, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.2)


def test_equal_faces_get_equal_noise() -> None:
    twice = corrupt(FACES[[3, 3]], "noise", 3)
    assert (twice[0] == twice[1]).all()


def test_numpy_still_draws_the_same_chances() -> None:
    face = GREY[:1]
    assert corrupt(face, "noise", 3)[0, 0, :6].tolist() == NOISE_3
    assert corrupt(face, "low-light", 4)[0, 0, :6].tolist() == LOW_LIGHT_4


def test_low_light_of_severity_4_counts_a_photon_for_two_levels() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
    dark = corrupt(faces, "low-light", 4)
    assert (dark % 2 == 0).all()
    photons = dark / 2
    expected = 0.15 * faces / 2
    assert photons.mean() == pytest.approx(expected.mean(), rel=0.01)
    # a Poisson count varies as much as its mean is large
    assert ((photons - expected) ** 2).mean() == pytest.approx(expected.mean(), rel=0.02)


def test_mouth_of_severity_4_covers_rows_28_to_47() -> None:
    covered = corrupt(FACES, "mouth", 4)
    assert (covered[:, 28:] == 128).all()
    assert (covered[:, :28] == FACES[:, :28]).all()


def test_pillow_gives_the_same_blur_size_and_jpeg() -> None:
    picture = Image.fromarray(FACES[3])
    assert (corrupt(FACES[3:4], "defocus", 2)[0] == np.asarray(picture.filter(ImageFilter.GaussianBlur(1)))).all()
    small = picture.resize((24, 24), Image.Resampling.BOX).resize((48, 48), Image.Resampling.BICUBIC)
    assert (corrupt(FACES[3:4], "low-resolution", 3)[0] == np.asarray(small)).all()
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=10)
    assert (corrupt(FACES[3:4], "jpeg", 4)[0] == np.asarray(Image.open(file))).all()


def test_over_exposure_ends_in_white() -> None:
    faces = np.array([0, 100, 128, 255], np.uint8).repeat(576).reshape(1, 48, 48)
    assert sorted(set(corrupt(faces, "over-exposure", 3).ravel().tolist())) == [0, 200, 255]


def test_a_shift_moves_whole_pixels_and_repeats_the_border() -> None:
    shifted = corrupt(FACES, "shift", 3)
    for face, moved in zip(FACES, shifted, strict=True):
        padded = np.pad(face, 6, mode="edge")
        corners = [padded[y : y + 48, x : x + 48] for y in (0, 12) for x in (0, 12)]
        assert any((moved == corner).all() for corner in corners)


def test_a_rotation_is_pillows_about_the_middle() -> None:
    turned = corrupt(FACES[:8], "rotation", 4)
    for face, ours in zip(FACES[:8], turned, strict=True):
        inner = (slice(16, 32), slice(16, 32))  # where no border is seen
        both = [np.asarray(Image.fromarray(face).rotate(angle, Image.Resampling.BICUBIC)) for angle in (20, -20)]
        assert any(np.abs(ours[inner].astype(int) - pillow[inner]).max() <= 1 for pillow in both)


def test_scale_goes_both_ways() -> None:
    dot = np.zeros((30, 48, 48), np.uint8)
    dot[:, 16:32, 16:32] = 255
    dot[:, 0, 0] = np.arange(30)  # so that the faces differ
    bright = (corrupt(dot, "scale", 3) > 127).sum(axis=(1, 2))
    assert min(bright) < 256 < max(bright)
    assert set(bright.tolist()) <= set(range(140, 170)) | set(range(400, 460))


def test_masks_and_glasses_leave_the_rest_of_the_face_alone() -> None:
    masked = corrupt(FACES, "mask", 5)
    assert (masked[:, :22] == FACES[:, :22]).all()
    assert (masked[:, 30:] != FACES[:, 30:]).mean() > 0.9
    worn = corrupt(FACES, "glasses", 5)
    assert (worn[:, 24:] == FACES[:, 24:]).all()
    assert (worn[:, 18, 10:18] == 20).all()
    clear = corrupt(FACES, "glasses", 1)
    assert (clear[:, 18, 11:18] == FACES[:, 18, 11:18]).all()


def test_what_is_no_corruption() -> None:
    with pytest.raises(UsageError, match=r"no corruption 'nois', did you mean noise"):
        corrupt(FACES, "nois", 1)
    with pytest.raises(UsageError, match="severity 0, expected 1 to 5"):
        corrupt(FACES, "noise", 0)
    with pytest.raises(DataError, match="faces are float64"):
        corrupt(FACES.astype(float), "noise", 1)
