"""The overlay shows where a mark still is, and says when it cannot tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Images
from PIL.Image import Image

from intaglio.pictures import decode, encode
from intaglio.provenance.dwt_dct_svd import DwtDctSvd
from intaglio.provenance.overlay import CARRIES, MISSING, UNCLEAR, carried_share, draw, states

Make = Callable[..., Image]
MARK, ID = DwtDctSvd(), 0x0123456789ABCDEF
SIZE = (512, 480)


@pytest.fixture
def repainted(make_scenery: Make) -> Image:
    """A marked picture whose left third was taken from another one."""
    image = MARK.embed(make_scenery(1, SIZE), ID)
    image.paste(make_scenery(77, SIZE).crop((0, 0, SIZE[0] // 3, SIZE[1])), (0, 0))
    return image


def shares(image: Image) -> tuple[float, float]:
    """Of the left and the right quarter: missing at the left, carried at the right."""
    found = states(image, MARK.locate(image, ID))
    quarter = found.shape[1] // 4
    return float((found[:, :quarter] == MISSING).mean()), float((found[:, -2 * quarter :] == CARRIES).mean())


def test_a_whole_picture_carries_its_mark(make_scenery: Make, make_garment: Make) -> None:
    for image in (make_scenery(1, SIZE), make_garment(1, 512)):
        marked = MARK.embed(image, ID)
        assert carried_share(marked, MARK.locate(marked, ID)) > 0.98


def test_a_repainted_third_does_not(repainted: Image) -> None:
    missing, carried = shares(repainted)
    assert missing > 0.8
    assert carried > 0.95
    assert carried_share(repainted, MARK.locate(repainted, ID)) == pytest.approx(2 / 3, abs=0.06)


def test_it_does_not_after_compression_either(repainted: Image) -> None:
    missing, carried = shares(decode(encode(repainted, "image/jpeg", quality=92)).image)
    assert missing > 0.6
    assert carried > 0.9


def test_a_mark_that_is_not_there_is_nowhere_and_nothing_is_accused(make_scenery: Make) -> None:
    for seed in range(6):
        image = make_scenery(seed, SIZE)
        assert (states(image, MARK.locate(image, ID)) == UNCLEAR).all()


def test_what_is_of_one_color_cannot_tell(make_scenery: Make) -> None:
    image = MARK.embed(make_scenery(1, SIZE), ID)
    image.paste("white", (256, 0, 512, 240))
    found = states(image, MARK.locate(image, ID))
    corner = found[: found.shape[0] // 2 - 2, found.shape[1] // 2 + 2 :]
    assert (corner == UNCLEAR).mean() > 0.95


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 300), (3, 5), (500, 2), (700, 900)])
def test_any_raster_is_drawn(shape: tuple[int, int], make_scenery: Make) -> None:
    image = make_scenery(1, (300, 200))
    for raster in (np.ones(shape), np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.inf)):
        drawn = draw(image, raster)
        assert drawn.mode == "RGB"
        assert drawn.width >= 300
        assert drawn.height > 200
        assert max(states(image, raster).shape) <= 64
    assert carried_share(image, np.ones(shape)) == (1.0 if np.ones(shape).size else 0.0)


def test_what_carries_the_mark_is_left_as_it_is(repainted: Image) -> None:
    drawn = np.asarray(draw(repainted, MARK.locate(repainted, ID)))
    before = np.asarray(repainted)
    same = (drawn[: SIZE[1], : SIZE[0]] == before).all(axis=2)
    assert same[:, 300:].mean() > 0.95
    assert same[:, :120].mean() < 0.2


def test_gray_readers_see_it_too(repainted: Image) -> None:
    """The hatching alone tells: lines where the mark is missing, none where it is."""
    drawn = np.asarray(draw(repainted, MARK.locate(repainted, ID)).convert("L")).astype(int)
    white = drawn[: SIZE[1]] == 255
    assert white[:, :120].mean() > 0.1
    assert white[:, 300:].mean() < 0.03


def test_large_and_transparent_pictures_are_bounded() -> None:
    image = Images.new("RGBA", (6000, 900), (90, 30, 20, 0))
    drawn = draw(image, np.ones((100, 700)))
    assert drawn.width == 1280
    assert drawn.height < 400
