"""Annotated pictures: where lines and captions lie, and whether they stand out from what lies beneath."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageFont

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS
from mien.runtime.annotate import (
    BLACK,
    COLOURS,
    WHITE,
    annotate,
    ascii_names,
    caption,
    caption_of,
    colours,
    luminance,
    text_height,
)
from mien.runtime.geometry import Box
from mien.runtime.results import Face

BACKGROUNDS = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (119, 119, 119),
    "red": (213, 0, 0),
    "yellow": COLOURS["happiness"],
    "noise": None,
}
ALIKE = {"angry": "anger", "happy": "happiness", "sad": "sadness"}
Levels = NDArray[np.uint8]


def background(name: str, height: int = 300, width: int = 400) -> Levels:
    if (colour := BACKGROUNDS[name]) is None:
        return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.full((height, width, 3), colour, np.uint8)


def face(box: Box | None, label: str = "happy", *, number: str = "1", time_s: float | None = None) -> Face:
    said = {name: 0.7 if name == label else 0.05 for name in FER2013}
    return Face("a.jpg", number, said, box, np.zeros((48, 48), np.uint8), time_s=time_s)


def contrast(one: Levels, two: Levels) -> NDArray[np.float64]:
    """The contrast ratio of colours `(…, 3)` as WCAG 2.2 defines it, written anew."""

    def shine(colour: Levels) -> NDArray[np.float64]:
        c = colour / 255
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    first, second = shine(one), shine(two)
    return np.maximum(first, second) / np.minimum(first, second)


def changed(before: Levels, after: Levels) -> tuple[int, int, int, int]:
    """The rectangle of what differs: left, top, right, bottom."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_luminance_and_contrast_are_wcags() -> None:
    assert contrast(np.array(WHITE), np.array(BLACK)) == pytest.approx(21)
    assert contrast(np.array((119, 119, 119)), np.array(WHITE)) == pytest.approx(4.48, abs=0.005)
    for colour in COLOURS.values():
        assert luminance(colour) + 0.05 == pytest.approx(1.05 / contrast(np.array(colour), np.array(WHITE)))


@pytest.mark.parametrize("label", FER2013)
@pytest.mark.parametrize("name", BACKGROUNDS)
def test_an_outline_stands_out_from_every_pixel_around_it(name: str, label: str) -> None:
    before = background(name)
    after = annotate(before, [face(Box(100, 100, 80, 120), label)])
    for line, beneath in (
        (after[216:221, 104:176], before[216:221, 104:176]),
        (after[104:216, 176:181].swapaxes(0, 1), before[104:216, 176:181].swapaxes(0, 1)),
    ):
        assert contrast(line[:, None], beneath).max(axis=0).min() > 4.5  # of the outline's pixels side by side the best
    assert (after[218, 100:180] == COLOURS[ALIKE.get(label, label)]).all()


@pytest.mark.parametrize("label", FER2013)
@pytest.mark.parametrize("size_px", [200, 700, 6000])
def test_a_captions_text_stands_out_and_grows_with_the_picture(size_px: int, label: str) -> None:
    text_px = text_height(np.empty((size_px, size_px, 3), np.uint8))
    assert text_px == max(12, round(size_px / 45))
    label_px = caption(f"{label} 0.97", COLOURS["fear"], text_px=text_px, at_most_px=size_px)
    ratio = contrast(label_px, label_px[0, 0])
    assert ratio.max() >= 4.5
    rows = np.flatnonzero((ratio > 4.5).any(axis=1))
    assert 0.6 * text_px < np.ptp(rows) + 1 < 1.2 * text_px
    assert 0.03 < (ratio > 4.5).mean() < 0.4  # there is ink, and it is not a bar
    assert (label_px[[0, -1]] == COLOURS["fear"]).all()
    assert (label_px[:, [0, -1]] == COLOURS["fear"]).all()


@pytest.mark.parametrize("colour", COLOURS.values())
def test_every_colour_has_an_ink_that_stands_out(colour: tuple[int, int, int]) -> None:
    label = caption("x", colour, text_px=40, at_most_px=400)
    assert contrast(label, np.array(colour)).max() >= 4.5


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_only_outline_and_caption_change_and_the_input_does_not(name: str) -> None:
    before = background(name)
    kept = before.copy()
    before.setflags(write=False)
    after = annotate(before, [face(Box(100, 100, 80, 120))])
    assert (before == kept).all()
    untouched = np.ones(before.shape[:2], bool)
    untouched[99:221, 99:181] = False  # the outline's dark line lies outside the box
    untouched[104:216, 104:176] = True
    untouched[80:100, 100:180] = False  # the caption
    assert (after[untouched] == before[untouched]).all()


def test_a_line_runs_along_the_inside_of_the_box_to_the_pixel() -> None:
    """A picture of 300×400 has text of 12 pixels, a line of 2, and 1 pixel of black and white."""
    after = annotate(background("grey"), [face(Box(99.6, 150.2, 80.2, 60), "sad")])
    across, down = after[180], after[:, 140]
    grey, sad = list(BACKGROUNDS["grey"] or ()), list(COLOURS["sadness"])
    lines = [grey, list(BLACK), sad, sad, list(WHITE), grey]
    assert across[98:104].tolist() == lines
    assert across[176:182].tolist() == lines[::-1]
    assert down[206:212].tolist() == lines[::-1]
    assert down[150:154].tolist() == [*lines[2:]]


@pytest.mark.parametrize(
    "box",
    [
        Box(-50, -60, 500, 400),
        Box(0, 0, 400, 300),
        Box(350.5, 250.5, 90, 90),
        Box(-30, 100, 60.25, 60),
        Box(5, 5, 2, 1),
    ],
)
def test_a_box_is_drawn_as_far_as_the_picture_reaches(box: Box) -> None:
    before = background("grey")
    after = annotate(before, [face(box, "angry")])
    left, top = max(0, round(box.x) - 1), max(0, round(box.y) - 1)
    right, bottom = min(400, round(box.x + box.width) + 1), min(300, round(box.y + box.height) + 1)
    assert (after[bottom - 1, left:right] == BLACK).all() or (after[top, left:right] == BLACK).all()
    assert (after == COLOURS["anger"]).all(axis=2).sum() > 100


def test_a_box_beside_the_picture_leaves_a_caption_in_it() -> None:
    before = background("grey")
    _, top, right, bottom = changed(before, annotate(before, [face(Box(500, 100, 50, 50))]))
    assert (right, bottom - top) == (400, 16)


@pytest.mark.parametrize(
    ("box", "caption_px"),
    [
        (Box(100, 100, 50, 80), (100, 84)),  # above, from the left edge on
        (Box(100, 10, 50, 80), (100, 90)),  # below
        (Box(100, -5, 50, 310), (100, 0)),  # inside
        (Box(380, 100, 50, 80), (None, 84)),  # shifted left
        (Box(-20, 100, 50, 80), (0, 84)),  # shifted right
    ],
)
def test_a_caption_lies_inside_the_picture(box: Box, caption_px: tuple[int | None, int]) -> None:
    after = annotate(background("grey"), [face(box)])
    label = caption("1 happy 0.70", COLOURS["happiness"], text_px=12, at_most_px=400)
    height, width = label.shape[:2]
    left, top = 400 - width if caption_px[0] is None else caption_px[0], caption_px[1]
    assert (after[top : top + height, left : left + width] == label).all()


def test_neighbours_captions_lie_beside_each_other() -> None:
    faces = [face(Box(100 + 30 * i, 100, 25, 40), name) for i, name in enumerate(FER2013[:3])]
    after = annotate(background("white"), faces)
    for each in faces:
        label = caption(f"1 {each.label} 0.70", COLOURS[ALIKE.get(each.label, each.label)], text_px=12, at_most_px=400)
        windows = np.lib.stride_tricks.sliding_window_view(after[50:200, 80:300], label.shape)[:, :, 0]
        assert (windows == label).all(axis=(2, 3, 4)).sum() == 1  # whole, and once


def test_a_caption_that_is_too_wide_is_smaller() -> None:
    after = annotate(np.zeros((48, 48, 3), np.uint8), [face(Box(0, 0, 48, 48), "surprise")])
    assert (after[:6] == COLOURS["surprise"]).all(axis=2).mean() > 0.4
    label = caption("surprise 0.70", COLOURS["surprise"], text_px=12, at_most_px=48)
    assert label.shape[1] <= 48
    assert (label[:, -2:] == COLOURS["surprise"]).all()  # the text ends before
    assert caption("w" * 200, WHITE, text_px=12, at_most_px=48).shape[1] == 48


def test_a_picture_and_a_frame_have_the_number_that_the_table_has() -> None:
    before, box = background("white"), Box(100, 100, 50, 80)
    label = caption("3 happy 0.70", COLOURS["happiness"], text_px=12, at_most_px=400)
    for time_s in (None, 0.0):
        after = annotate(before, [face(box, number="3", time_s=time_s)])
        assert (after[84:100, 100 : 100 + label.shape[1]] == label).all()


def test_a_long_name_is_cut_only_where_it_does_not_fit() -> None:
    name = "somewhat amused, with raised eyebrows"
    one = Face("a.jpg", "1", {name: 1.0}, Box(100, 100, 50, 80), np.zeros((48, 48), np.uint8))
    colour = colours((name,))[name]
    whole = caption(f"1 {name} 1.00", colour, text_px=12, at_most_px=400)
    cut = caption("1 somewhat amused, with... 1.00", colour, text_px=12, at_most_px=200)
    assert (caption_of(one, text_px=12, at_most_px=400) == whole).all()
    assert (caption_of(one, text_px=12, at_most_px=200) == cut).all()


def test_without_a_box_nothing_is_drawn() -> None:
    before = background("noise")
    for faces in ([], [face(None)]):
        assert (annotate(before, faces) == before).all()


def test_an_expression_has_one_colour_in_both_spellings() -> None:
    seven, eight = colours(FER2013), colours(FERPLUS)
    assert all(seven[name] == eight[ALIKE.get(name, name)] for name in FER2013)
    for names in (FER2013, FERPLUS, ("a", "b", "happy", "d", "e", "f", "g", "h")):
        assert len(set(colours(names).values())) == len(names)
    assert set(colours([str(i) for i in range(20)]).values()) == set(COLOURS.values())


def test_colours_differ_to_colour_blind_eyes() -> None:
    """As seen without red or green cones (Viénot, Brettel & Mollon 1999), by their distance in CIELAB."""
    color = pytest.importorskip("skimage.color")
    red, blue = (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)
    green, blue_too = (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)
    for eyes in (np.eye(3), np.array([red, red, blue]), np.array([green, green, blue_too])):
        seen = (np.array(list(COLOURS.values())) / 255) ** 2.2 @ eyes.T
        lab = color.rgb2lab(seen.clip(0, 1) ** (1 / 2.2))
        assert (color.deltaE_cie76(lab[:, None], lab[None]) + 99 * np.eye(len(lab))).min() > 15


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("happy", "happy"),
        ("très gai", "tres gai"),
        ("$x_1$", "$x_1$"),
        ("高兴", "class 2"),
        ("радость", "class 2"),
        ("a\nb", "class 2"),
    ],
)
def test_names_that_the_font_lacks_become_numbers(name: str, expected: str) -> None:
    assert ascii_names(("other", name))[name] == expected
    font = ImageFont.load_default(20)
    lacking = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(letter)) != lacking for letter in expected)


def test_names_that_would_look_alike() -> None:
    names = ("fache", "fâché", "a" * 200, "a" * 199 + "b")
    assert ascii_names(names) == dict(zip(names, ("fache", "class 2", "a" * 200, "a" * 199 + "b"), strict=True))


@pytest.mark.parametrize("wrong", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((5, 5, 4), np.uint8)])
def test_other_arrays_are_refused(wrong: Levels) -> None:
    with pytest.raises(DataError, match=r"expected uint8 \(H, W, 3\) in RGB"):
        annotate(wrong, [])
