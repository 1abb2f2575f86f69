"""Reading: the bound for false accepts, checked by hand and by experiment, and the position words."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.provenance.engraving import Key, chips, reading, writing
from intaglio.provenance.engraving.pattern import BLOCK, Pattern, pattern
from intaglio.provenance.engraving.strength import STEP

PATTERN = pattern(Key(b"the key of the reading tests"), 64)
ID = 0x0123456789ABCDEF


def canvas_with(payload: int, made: Pattern, chips_down: int = 60, chips_across: int = 80) -> npt.NDArray[np.float64]:
    """A gray canvas whose chips lie in the middle of their cells."""
    signs = writing.signs_for(made, payload, (chips_down, chips_across), 0)
    drawn = chips.draw(signs.astype(np.float64) * (STEP / 4), (chips_down * BLOCK, chips_across * BLOCK), made)
    plane: npt.NDArray[np.float64] = 128 + drawn
    return plane


@pytest.mark.parametrize("bits", [64, 128])
@pytest.mark.parametrize("keys", [1, 3, 40])
def test_the_threshold_is_where_the_bound_is_met(bits: int, keys: int) -> None:
    least = reading.threshold(bits, keys)
    bound = reading.TRIALS * keys * 2.0**bits * exp(-least * least / 2)
    assert bound == pytest.approx(reading.FALSE_ACCEPT, rel=1e-6)
    assert reading.false_accept(least, bits, keys) == pytest.approx(reading.FALSE_ACCEPT, rel=1e-6)
    assert least == pytest.approx(sqrt(2 * (bits * log(2) + log(reading.TRIALS * keys / reading.FALSE_ACCEPT))))


def test_the_promise() -> None:
    assert reading.FALSE_ACCEPT <= 1e-8


@given(low=st.floats(0, 60), more=st.floats(0, 10), bits=st.sampled_from([64, 128]), keys=st.integers(1, 1000))
def test_a_higher_score_is_never_less_sure(low: float, more: float, bits: int, keys: int) -> None:
    less, sure = reading.false_accept(low, bits, keys), reading.false_accept(low + more, bits, keys)
    assert 0 <= sure <= less <= 1
    assert reading.false_accept(low, bits, keys + 1) >= less
    assert reading.threshold(bits, keys + 1) > reading.threshold(bits, keys)


def test_a_perfect_mark_can_be_accepted() -> None:
    """The largest correlation there is lies above the threshold, with room for damage."""
    for bits in (64, 128):
        made = pattern(PATTERN.key, bits)
        assert sqrt(made.coded) > 1.3 * reading.threshold(bits, 10)


@pytest.mark.slow
def test_the_bound_holds_for_random_signs() -> None:
    """Correlations of one word with what pictures might say, over random keys: Hoeffding's bound, measured."""
    random = np.random.default_rng(1)
    said = np.abs(random.standard_t(2, 288))  # a few chips say nearly everything
    signs = random.integers(0, 2, (200_000, 288), dtype=np.int8) * 2 - 1
    scores = signs @ said / sqrt(float(said @ said))
    for least in (1.0, 2.0, 3.0, 4.0):
        assert (scores >= least).mean() <= exp(-least * least / 2)


@pytest.mark.parametrize("bits", [64, 128])
@pytest.mark.parametrize("contrast", [1.0, 0.8, 1.3, 0.62])
def test_what_is_on_a_canvas_is_read_at_any_contrast(bits: int, contrast: float) -> None:
    made = pattern(PATTERN.key, 64 if bits == 64 else 128)
    plane = canvas_with(ID, made)
    read = reading.read_chips(((plane - 128) * contrast + 128).astype(np.float32), made)
    word = reading.decode(read, made)
    assert word is not None
    assert word.payload == ID
    assert word.score > reading.threshold(bits, 1)


def test_noise_lowers_the_score_and_is_corrected() -> None:
    plane = canvas_with(ID, PATTERN)
    random = np.random.default_rng(2)
    scores: list[float] = []
    for noise in (0, 4, 8, 12):
        word = reading.decode(reading.read_chips(plane + random.normal(0, noise, plane.shape), PATTERN), PATTERN)
        assert word is not None
        assert word.payload == ID
        scores.append(word.score)
    assert scores == sorted(scores, reverse=True)


def test_chance_has_the_energy_of_chance() -> None:
    random = np.random.default_rng(3)
    large, small = (
        [reading.read_chips(random.normal(128, 30, shape), PATTERN, gains=1).energy[0] for _ in range(10)]
        for shape in ((480, 640), (150, 150))
    )
    assert np.mean(large) == pytest.approx(1, abs=0.12)
    assert np.mean(small) < reading.LEAST_ENERGY
    assert reading.read_chips(canvas_with(ID, PATTERN), PATTERN).energy.max() > 2 * reading.LEAST_ENERGY


def test_what_is_not_covered_says_nothing() -> None:
    plane = canvas_with(ID, PATTERN)
    covered = np.ones((60, 80), np.float32)
    covered[:, 40:] = 0
    values = reading.read_chips(plane, PATTERN, covered).values[0]
    assert (values[:, 40:] == 0).all()
    assert (values[:, :40] != 0).any()


def test_a_flat_canvas_is_read_without_a_number_that_is_none() -> None:
    read = reading.read_chips(np.full((160, 160), 255.0), PATTERN)
    for numbers in (read.values, read.words, read.energy):
        assert np.isfinite(numbers).all()


def test_a_blur_is_undone() -> None:
    random = np.random.default_rng(4)
    plane = random.normal(128, 20, (200, 240))
    down, across = np.fft.fftfreq(200)[:, None], np.fft.rfftfreq(240)[None]
    loss = np.exp(-2 * np.pi**2 * 1.6**2 * (down**2 + across**2))
    blurred = np.fft.irfft2(np.fft.rfft2(plane) * loss, s=plane.shape)
    restored = reading.deblurred(blurred, 1.6)
    one, other = (chips.project(each, PATTERN)[4:-4, 4:-4] for each in (plane, restored))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("column", "row"), [(0, 0), (2, 1), (1, 2)])
def test_position_words_say_where_a_part_begins(column: int, row: int) -> None:
    side = PATTERN.tile // BLOCK
    plane = canvas_with(ID, PATTERN, 90, 110)
    part = plane[(row * side + 3) * BLOCK :, (column * side + 5) * BLOCK :]
    read = reading.read_chips(part, PATTERN, None, (3, 5))
    found = reading.anchor(read, 0, PATTERN, (3, 5))
    assert (found.column, found.row, found.level) == (column, row, 0)
    assert found.score > 8
    assert found.margin > 3
