"""Writing: how much a picture may change, what has to stay, and that the same comes out every time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Images
from PIL.Image import Image

from intaglio.provenance.engraving import Engraving, Key, writing
from intaglio.provenance.engraving.pattern import BLOCK, POSITIONS, pattern

KEY = Key(b"the key of the writing tests")
MARK = Engraving(KEY)
ID = 0xC0FFEE_1234_5678_9A
MOST = 16  # levels by which a sample may move

Make = Callable[..., Image]


def change(before: Image, after: Image) -> npt.NDArray[np.int64]:
    return np.asarray(after, np.int64) - np.asarray(before, np.int64)


def peak_noise(before: Image, after: Image) -> float:
    return float(10 * np.log10(255**2 / np.square(change(before, after)).mean()))


def noise(size: tuple[int, int] = (320, 320)) -> Image:
    return Images.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def extremes(size: tuple[int, int] = (320, 320)) -> Image:
    """Blocks nearly as dark and as bright as can be beside each other, in each channel by itself."""
    blocks = np.random.default_rng(1).integers(0, 2, (size[1] // 10, size[0] // 10, 3), dtype=np.uint8) * 235 + 10
    return Images.fromarray(np.kron(blocks, np.ones((10, 10, 1), np.uint8)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("strength", ["standard", "light"])
def test_scenery_is_kept(seed: int, strength: str, make_scenery: Make) -> None:
    mark = Engraving(KEY, strength="light" if strength == "light" else "standard")
    image = make_scenery(seed, (480, 400))
    marked = mark.embed(image, ID + seed)
    assert np.abs(change(image, marked)).max() <= MOST
    assert peak_noise(image, marked) >= (42 if strength == "light" else 40)


def test_light_is_lighter(make_scenery: Make) -> None:
    image = make_scenery(8, (480, 400))
    standard, light = MARK.embed(image, ID), Engraving(KEY, strength="light").embed(image, ID)
    assert peak_noise(image, light) > peak_noise(image, standard) + 1


@pytest.mark.parametrize("image", [noise(), extremes(), noise((128, 700))], ids=["noise", "extremes", "narrow"])
def test_no_sample_moves_far_whatever_the_picture(image: Image) -> None:
    marked = MARK.embed(image, ID)
    assert np.abs(change(image, marked)).max() <= MOST
    assert peak_noise(image, marked) >= 38


@pytest.mark.parametrize("color", ["#f5f5f2", "#808080", "#0a0a0a", "teal", "#ffe0e0"])
def test_flat_colors_change_little(color: str) -> None:
    image = Images.new("RGB", (400, 400), color)
    marked = MARK.embed(image, ID)
    assert np.abs(change(image, marked)).max() <= 8
    assert peak_noise(image, marked) >= 42


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_gray_stays_gray(mode: str, make_scenery: Make) -> None:
    image = make_scenery(2).convert("L").convert(mode)
    marked = np.asarray(MARK.embed(image, ID))
    assert (marked[..., 0] == marked[..., 1]).all()
    assert (marked[..., 1] == marked[..., 2]).all()
    assert change(image.convert("RGB"), Images.fromarray(marked)).any()


def test_one_colored_pixel_is_enough_to_be_no_gray_picture(make_scenery: Make) -> None:
    samples = np.array(make_scenery(2).convert("L").convert("RGB"))
    assert writing.is_gray(samples)
    samples[77, 131] = (10, 20, 30)
    assert not writing.is_gray(samples)


def test_alpha_is_kept_bit_for_bit(make_scenery: Make) -> None:
    image = make_scenery(3)
    alpha = np.random.default_rng(3).integers(100, 256, (image.height, image.width), dtype=np.uint8)
    image.putalpha(Images.fromarray(alpha))
    marked = MARK.embed(image, ID)
    assert marked.mode == "RGBA"
    assert np.array_equal(np.asarray(marked)[..., 3], alpha)
    assert np.abs(change(image, marked)).max() <= MOST


def test_a_color_profile_is_kept(make_scenery: Make) -> None:
    """Pixels mean what their profile says; without it, a picture in a wide gamut is shown in other colors."""
    from PIL import ImageCms

    profile = cast("Any", ImageCms).ImageCmsProfile(cast("Any", ImageCms).createProfile("sRGB")).tobytes()
    image = make_scenery(3)
    image.info["icc_profile"] = profile
    marked = MARK.embed(image, ID)
    assert marked.info.get("icc_profile") == profile
    assert MARK.embed(marked, ID).info.get("icc_profile") == profile


def test_the_picture_given_is_not_touched(make_scenery: Make) -> None:
    image = make_scenery(4)
    samples = np.array(image)
    before = image.tobytes()
    MARK.embed(image, ID)
    MARK.embed(samples, ID)
    assert image.tobytes() == before
    assert samples.tobytes() == before


def test_the_same_comes_out_every_time(make_scenery: Make) -> None:
    image = make_scenery(5)
    first = MARK.embed(image, ID).tobytes()
    assert MARK.embed(image, ID).tobytes() == first
    assert Engraving(Key(bytes(KEY.secret))).embed(image.copy(), ID).tobytes() == first
    assert MARK.embed(np.asarray(image), ID).tobytes() == first


def test_the_same_comes_out_of_four_threads_at_once(make_scenery: Make) -> None:
    images = [make_scenery(seed, (300 + 8 * seed, 280)) for seed in range(4)] * 3
    alone = [MARK.embed(image, ID).tobytes() for image in images]
    fresh = Engraving(KEY)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(partial(fresh.embed, image, ID)) for image in images]
        together = [each.result().tobytes() for each in waiting]
    assert together == alone


def test_other_payloads_and_keys_make_other_pixels(make_scenery: Make) -> None:
    image = make_scenery(6)
    marked = {MARK.embed(image, payload).tobytes() for payload in (0, 1, ID, 2**64 - 1)}
    marked.add(Engraving(b"another key of 16+ bytes").embed(image, ID).tobytes())
    assert len(marked) == 5


@settings(max_examples=20, deadline=None)
@given(payload=st.integers(0, 2**64 - 1), rows=st.integers(5, 60), columns=st.integers(5, 60))
def test_signs_repeat_over_the_tiles_but_for_the_positions(payload: int, rows: int, columns: int) -> None:
    made = pattern(KEY, 64)
    side = made.tile // BLOCK
    signs = writing.signs_for(made, payload, (rows, columns), 1)
    assert signs.shape == (rows, columns)
    assert set(np.unique(signs)) <= {-1.0, 1.0}
    for row, column in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3)):
        slot, flip = made.slots[row % side, column % side], made.flips[row % side, column % side]
        if slot < made.coded:
            wanted = made.word(payload)[slot]
        else:
            wanted = made.words[1, row // side % POSITIONS, column // side % POSITIONS, slot - made.coded]
        assert signs[row, column] == wanted * flip


def test_flat_places_are_quiet_and_edges_have_no_halo() -> None:
    plane = np.full((200, 240), 100, np.float32)
    plane[:, 120:] = 200
    assert writing.activity(plane).max() < 0.2
    plane += np.random.default_rng(0).normal(0, 12, plane.shape).astype(np.float32)
    assert writing.activity(plane)[2:-2, 2:-2].min() > 0.8


@pytest.mark.parametrize("shape", [(128, 128), (129, 301), (601, 200)])
def test_a_change_of_nothing_changes_nothing(shape: tuple[int, int]) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert np.array_equal(writing.apply(samples, np.zeros((150, 150)), writing.COLOR), samples)
    moved = writing.apply(samples, np.full((150, 150), 1000.0), writing.COLOR).astype(int) - samples
    assert moved.max() <= MOST
    assert moved.min() >= 0


def test_the_change_of_color_has_the_change_of_luma() -> None:
    gray = np.full((64, 64, 3), 128, np.uint8)
    for spread in (writing.COLOR, writing.GRAY):
        moved = writing.apply(gray, np.full((64, 64), 6.0), spread)
        assert float(moved[0, 0] @ np.array([0.299, 0.587, 0.114])) == pytest.approx(134, abs=0.6)


@pytest.mark.parametrize("spread", [writing.COLOR, writing.GRAY], ids=["color", "gray"])
def test_samples_move_as_exact_arithmetic_says(spread: npt.NDArray[np.float64]) -> None:
    """All changes of luma that there are, in steps of 1/32 of a level, and some beyond the limit."""
    steps = np.arange(-13 * 32, 13 * 32 + 1)
    exact = [
        [round(Fraction(int(step), 32) * Fraction(float(each))) for each in spread] for step in steps.clip(-384, 384)
    ]
    samples = np.full((1, len(steps), 3), 128, np.uint8)
    moved = writing.apply(samples, steps[None] / 32.0, spread)[0].astype(int) - 128
    assert moved.tolist() == exact


def test_samples_stay_in_range() -> None:
    samples = np.array([[[0, 128, 255]]], np.uint8).repeat(8, axis=1)
    change = np.full((1, 8), 12.0)
    assert writing.apply(samples, change, writing.GRAY)[0, 0].tolist() == [12, 140, 255]
    assert writing.apply(samples, -change, writing.GRAY)[0, 0].tolist() == [0, 116, 243]
