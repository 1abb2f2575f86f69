"""The layout accepts what honest handling does to a picture, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Images
from PIL import ImageEnhance
from PIL.Image import Image

from intaglio.pictures import decode, encode
from intaglio.provenance.layout import SIZE, Agreement, compare, layout

Make = Callable[..., Image]
HANDLING: dict[str, Callable[[Image], Image]] = {
    "jpeg 75": lambda one: decode(encode(one, "image/jpeg", quality=75, subsampling=2)).image,
    "webp 50": lambda one: decode(encode(one, "image/webp", quality=50)).image,
    "a quarter": lambda one: one.resize((one.width // 4, one.height // 4), Images.Resampling.LANCZOS),
    "twice": lambda one: one.resize((one.width * 2, one.height * 2), Images.Resampling.BICUBIC),
    "brighter": lambda one: ImageEnhance.Brightness(one).enhance(1.1),
    "darker": lambda one: ImageEnhance.Brightness(one).enhance(0.85),
    "harder": lambda one: ImageEnhance.Contrast(one).enhance(1.2),
    "paler": lambda one: ImageEnhance.Color(one).enhance(0.6),
    "more colorful": lambda one: ImageEnhance.Color(one).enhance(1.3),
    "gray": lambda one: one.convert("L").convert("RGB"),
    "softer": lambda one: ImageEnhance.Contrast(one).enhance(0.8),
}


@pytest.mark.parametrize("handling", HANDLING)
def test_honest_handling_is_the_same_picture(handling: str, make_scenery: Make, make_garment: Make) -> None:
    for image in (*map(make_scenery, range(6)), *map(make_garment, range(6))):
        agreement = compare(layout(image), layout(HANDLING[handling](image)))
        assert agreement.same, agreement
        assert agreement.telling


def test_a_third_repainted_is_not(make_scenery: Make, make_garment: Make) -> None:
    for seed in range(8):
        for image in (make_scenery(seed), make_garment(seed)):
            width, height = image.size
            patch = make_scenery(seed + 50, image.size)
            for box in (
                (0, 0, width // 3, height),
                (0, 0, width, height // 3),
                (width // 5, height // 5, width * 4 // 5, height * 4 // 5),
            ):
                changed = image.copy()
                changed.paste(patch.crop(box), box[:2])
                assert not compare(layout(image), layout(changed)).same


def test_other_pictures_are_not(make_scenery: Make) -> None:
    layouts = [layout(make_scenery(seed)) for seed in range(25)]
    assert not any(compare(a, b).same for a, b in combinations(layouts, 2))


def test_other_garments_on_the_same_ground_are_not(make_garment: Make) -> None:
    layouts = [layout(make_garment(seed)) for seed in range(25)]
    assert not any(compare(a, b).same for a, b in combinations(layouts, 2))


def test_the_same_garment_in_another_color_is_not(make_garment: Make) -> None:
    image = make_garment(3)
    red, green, blue = image.split()
    assert not compare(layout(image), layout(Images.merge("RGB", (green, blue, red)))).same


def test_a_small_change_is(make_scenery: Make) -> None:
    image = make_scenery(7)
    image.paste("white", (10, 10, 60, 40))
    assert compare(layout(make_scenery(7)), layout(image)).same


def test_a_seventh_of_a_detailed_picture_is_not(make_scenery: Make) -> None:
    image = make_scenery(7)
    patch = make_scenery(70, image.size).crop((0, 0, image.width, image.height // 7))
    image.paste(patch, (0, 0))
    agreement = compare(layout(make_scenery(7)), layout(image))
    assert agreement.changed_detail < 0.25
    assert not agreement.same


def test_a_blank_picture_tells_nothing() -> None:
    blank = layout(Images.new("RGB", (64, 64), "white"))
    assert compare(blank, blank).same
    assert not compare(blank, blank).telling


def test_cells_are_averages() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[0:2, 0:2] = 200
    pixels[0:2, 2:4, 1] = (100, 50)
    assert list(layout(Images.fromarray(pixels))[:9]) == [200, 200, 200, 0, 75, 0, 0, 0, 0]


@given(st.binary(min_size=SIZE, max_size=SIZE), st.binary(min_size=SIZE, max_size=SIZE))
def test_shares_are_shares_and_a_layout_is_like_itself(a: bytes, b: bytes) -> None:
    agreement = compare(a, b)
    assert 0 <= agreement.changed <= 1
    assert 0 <= agreement.changed_detail <= 1
    assert compare(a, a).changed == compare(a, a).error == 0


@pytest.mark.parametrize("length", [0, SIZE - 1, SIZE + 1])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="768"):
        compare(bytes(length), bytes(SIZE))


def test_only_the_chosen_cells_count(make_scenery: Make) -> None:
    first, second = layout(make_scenery(1)), layout(make_scenery(2))
    cells = np.zeros((16, 16), np.bool_)
    cells[:, :9] = True
    mixed = np.where(cells.ravel()[:, None], np.reshape(list(first), (-1, 3)), np.reshape(list(second), (-1, 3)))
    pasted = mixed.astype(np.uint8).tobytes()
    assert compare(first, pasted).differs
    agreement = compare(first, pasted, cells)
    assert (agreement.compared, agreement.same) == (144, True)
    nothing = compare(first, pasted, np.zeros((16, 16), np.bool_))
    assert (nothing.compared, nothing.same, nothing.differs) == (0, False, False)


def test_a_few_cells_or_little_detail_decide_nothing() -> None:
    for part in (
        Agreement(0.0, 0.0, 9, 0.0, compared=100, tries=1),
        Agreement(0.0, 0.0, 15, 0.0, compared=15, tries=1),
    ):
        assert (part.same, part.differs) == (False, False)
    assert Agreement(0.0, 0.0, 15, 0.0, compared=29, tries=1).same
    assert not Agreement(0.0, 0.0, 15, 0.0, compared=29, tries=4).same
    other = Agreement(0.9, 0.9, 15, 50.0, compared=29, tries=1)
    assert (other.same, other.differs) == (False, False)
    assert Agreement(0.9, 0.9, 25, 50.0, compared=40, tries=1).differs


def test_the_fingerprint_has_a_say_in_what_colors_cannot_tell() -> None:
    blank = Agreement(0.0, 0.0, 3, 0.0)
    assert [replace(blank, bits=bits).same for bits in (None, 48, 49)] == [True, True, False]
    recolored = Agreement(0.6, 0.8, 200, 30.0)
    assert [replace(recolored, bits=bits).differs for bits in (None, 24, 25)] == [True, False, True]
    assert not any(replace(recolored, bits=bits).same for bits in (None, 0, 24, 25))


@given(
    st.builds(
        Agreement,
        st.floats(0, 1),
        st.floats(0, 1),
        st.integers(0, 256),
        st.floats(0, 255),
        st.integers(0, 256),
        st.floats(0, 1),
        st.integers(0, 64),
        st.none() | st.integers(0, 256),
    )
)
def test_nothing_is_both_the_same_and_another(agreement: Agreement) -> None:
    assert not (agreement.same and agreement.differs)
    if agreement.changed > 0.1 or agreement.beyond > 0.1:
        assert not agreement.same
