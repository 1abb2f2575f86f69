"""Chips: the wavelet transform against PyWavelets, and that what is drawn is what is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.provenance.engraving import Key, chips
from intaglio.provenance.engraving.pattern import BLOCK, pattern

PATTERN = pattern(Key(b"the key of the chips tests"), 64)
EDGE = 4  # chips from the edge at which an edge is not felt any more


def test_the_bands_are_those_of_pywavelets() -> None:
    pywt: Any = pytest.importorskip("pywt")
    plane = np.random.default_rng(0).normal(0, 30, (256, 320))
    same, opposite = (
        chips.project(plane, replace(PATTERN, diagonal=np.full_like(PATTERN.diagonal, sign))) for sign in (1, -1)
    )
    down_detail, across_detail, _ = pywt.wavedec2(plane, "bior4.4", mode="periodization", level=3)[1]
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    # Their high-pass filter has the other sign.
    assert np.abs((same + opposite) / np.sqrt(2) + across_detail)[inner].max() < 1e-6
    assert np.abs((same - opposite) / np.sqrt(2) + down_detail)[inner].max() < 1e-6


@settings(max_examples=15, deadline=None)
@given(width=st.integers(96, 400), height=st.integers(96, 400), seed=st.integers(0, 99))
def test_what_is_drawn_is_read(width: int, height: int, seed: int) -> None:
    wanted = np.random.default_rng(seed).normal(0, 10, (height // BLOCK, width // BLOCK))
    read = chips.project(chips.draw(wanted, (height, width), PATTERN), PATTERN)
    assert read.shape == wanted.shape
    assert np.abs(read - wanted)[EDGE:-EDGE, EDGE:-EDGE].max() < 0.02
    assert np.abs(read - wanted)[2:-2, 2:-2].max() < 1


def test_reading_in_single_precision_is_enough() -> None:
    plane = np.random.default_rng(1).normal(120, 40, (248, 304))
    assert np.abs(chips.project(plane, PATTERN) - chips.project(plane.astype(np.float32), PATTERN)).max() < 0.01


def test_chips_are_linear_and_blind_to_brightness() -> None:
    plane = np.random.default_rng(2).normal(0, 30, (160, 200))
    read = chips.project(plane, PATTERN)
    assert np.allclose(chips.project(2 * plane + 55, PATTERN), 2 * read, atol=1e-6)


def test_a_canvas_that_starts_within_a_tile_is_read_alike() -> None:
    plane = np.random.default_rng(3).normal(0, 30, (400, 400))
    whole = chips.project(plane, PATTERN)
    part = chips.project(plane[5 * BLOCK :, 7 * BLOCK :], PATTERN, (5, 7))
    assert np.abs(whole[5:, 7:] - part)[EDGE:-EDGE, EDGE:-EDGE].max() < 1e-6


def test_other_start_other_chips() -> None:
    plane = np.random.default_rng(4).normal(0, 30, (200, 200))
    assert np.abs(chips.project(plane, PATTERN) - chips.project(plane, PATTERN, (1, 0))).max() > 1


@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), first_row=st.integers(0, 90), first_column=st.integers(0, 90)
)
def test_tiles_repeat(rows: int, columns: int, first_row: int, first_column: int) -> None:
    tile = np.arange(35).reshape(5, 7)
    repeated = chips.tiled(tile, (rows, columns), (first_row, first_column))
    assert repeated.shape == (rows, columns)
    assert repeated[-1, -1] == tile[(first_row + rows - 1) % 5, (first_column + columns - 1) % 7]
    assert repeated[0, 0] == tile[first_row % 5, first_column % 7]


def test_long_canvases_do_not_take_memory_by_the_square() -> None:
    """A strip of 64 by 8,000 canonical pixels has half a million samples; its chips must not take hundreds of MB."""
    import tracemalloc

    plane = np.zeros((64, 8000), np.float32)
    tracemalloc.start()
    try:
        read = chips.project(plane, PATTERN)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read.shape == (8, 1000)
    assert peak < 100e6


@pytest.mark.parametrize("size", [(248, 304), (150, 151), (72, 333)])
def test_every_key_reads_the_same_bands(size: tuple[int, int]) -> None:
    """The bands of a canvas and a key's diagonal are its chips; single parts of the transform leave nothing out."""
    plane = np.random.default_rng(4).normal(120, 40, size)
    made = chips.bands(plane)
    diagonal = chips.tiled(PATTERN.diagonal, (size[0] // BLOCK, size[1] // BLOCK))
    assert np.array_equal(chips.keyed(made, diagonal), chips.project(plane, PATTERN))
    rows = np.array(
        [chips.bands(np.outer(np.eye(size[0])[row], np.ones(size[1]))).down[:, 5] for row in range(size[0])]
    )
    assert np.allclose(rows.sum(axis=0), 0, atol=1e-6), "detail of something flat"
    assert (np.count_nonzero(rows, axis=0) >= 25).all()
