"""The bank of greys, stripes, checks and blobs."""

import numpy as np

from mien.explanation.simple_pictures import WIDTHS_PX, simple_pictures


def named(name: str) -> np.ndarray:
    bank = simple_pictures()
    return bank.images[bank.names == name]


def test_no_picture_comes_twice_and_all_are_the_same_every_time() -> None:
    bank, again = simple_pictures(), simple_pictures()
    assert (bank.images.dtype, bank.images.shape[1:]) == (np.uint8, (48, 48))
    assert len(np.unique(bank.images, axis=0)) == len(bank.images) == len(bank.names)
    assert np.array_equal(bank.images, again.images)


def test_stripes_are_as_wide_as_their_name_says_and_black_and_white_change_places() -> None:
    for width in WIDTHS_PX:
        for across, along in ((named(f"stripes {width} px, 0°"), 1), (named(f"stripes {width} px, 90°"), 2)):
            assert (across == across.max(axis=along, keepdims=True)).all()
            line = across.max(axis=along)
            edges = np.flatnonzero(np.diff(line[0].astype(int))) + 1
            assert set(np.diff(edges)) == {width}
            assert any(np.array_equal(line[0], 255 - other) for other in line[1:])


def test_checks_alternate_along_rows_and_columns() -> None:
    for picture in named("checks 1 px"):
        assert (np.abs(np.diff(picture.astype(int), axis=0)) == 255).all()
        assert (np.abs(np.diff(picture.astype(int), axis=1)) == 255).all()


def test_blobs_fade_from_the_middle() -> None:
    (light,), (dark,) = named("light blob 4 px"), named("dark blob 4 px")
    assert (np.diff(light[24, 24:].astype(int)) <= 0).all()
    assert light[24, 24] > 240
    assert light[0].max() == 0
    assert np.abs(light.astype(int) + dark - 255).max() <= 1
