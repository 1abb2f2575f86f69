"""Patterns: what every key's has in common, and that two keys share nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.provenance.engraving import Key
from intaglio.provenance.engraving.code import encode
from intaglio.provenance.engraving.pattern import (
    BLOCK,
    CHECK_BITS,
    LINES,
    RING,
    VARIANTS,
    Bits,
    Pattern,
    pattern,
)

KEY = Key(b"the key of the pattern tests")
PATTERNS: dict[Bits, Pattern] = {64: pattern(KEY, 64), 128: pattern(KEY, 128)}
MANY = [pattern(Key(b"key number %6d" % number), 64) for number in range(20)]

both = pytest.mark.parametrize("made", PATTERNS.values(), ids=PATTERNS)


@pytest.mark.parametrize("made", [*PATTERNS.values(), *MANY], ids=lambda made: f"{made.key.id[:4]}-{made.bits}")
def test_the_lines(made: Pattern) -> None:
    x, y = made.lines.T
    assert made.lines.shape == (LINES, 2)
    radius = np.hypot(x, y) / made.tile
    assert ((radius >= RING[0]) & (radius <= RING[1])).all()
    assert ((x != 0) & (y > 0) & (abs(x) != y)).all()
    assert (x * 8 % made.tile != 0).all()
    assert (y * 8 % made.tile != 0).all()
    sectors = np.floor(np.arctan2(y, x) / np.pi * LINES).astype(int)
    assert sorted(sectors.tolist()) == list(range(LINES))


def test_the_lines_are_spread_over_the_ring() -> None:
    """Each of eight rings of equal area has four lines, give or take what the grid of whole cycles costs."""
    for made in MANY:
        square = np.square(np.hypot(*made.lines.T) / made.tile)
        share = (square - RING[0] ** 2) / (RING[1] ** 2 - RING[0] ** 2)
        counts = np.bincount(np.minimum((share * 8).astype(int), 7), minlength=8)
        assert counts.min() >= 2
        assert counts.max() <= 7


@both
def test_the_variants_cancel_out(made: Pattern) -> None:
    assert made.phases.shape == (VARIANTS, LINES)
    assert np.abs(np.exp(1j * made.phases).sum(axis=0)).max() < 1e-9
    mean = np.mean([made.lattice(variant) for variant in range(VARIANTS)], axis=0)
    assert np.abs(mean).max() < 1e-9


@both
def test_lattices_have_unit_power_and_no_mean(made: Pattern) -> None:
    for variant in range(VARIANTS):
        tile = made.lattice(variant)
        assert tile.shape == (made.tile, made.tile)
        assert np.square(tile).mean() == pytest.approx(1)
        assert tile.mean() == pytest.approx(0, abs=1e-12)


@both
def test_a_lattice_is_the_sum_of_its_cosines(made: Pattern) -> None:
    x, y = 3.5, 100.5
    turns = 2 * np.pi / made.tile * (made.lines @ [x, y]) + made.phases[5]
    assert made.lattice(5)[100, 3] == pytest.approx(np.cos(turns).sum() / np.sqrt(LINES / 2))


@both
def test_every_chip_says_something_and_every_bit_has_one_chip(made: Pattern) -> None:
    side = made.tile // BLOCK
    assert sorted(made.slots.ravel().tolist()) == list(range(side * side))
    assert made.coded + made.words.shape[-1] == side * side
    for signs in (made.flips, made.diagonal, made.words):
        assert set(np.unique(signs)) == {-1.0, 1.0}
        assert abs(float(signs.mean())) < 5 / np.sqrt(signs.size)


@both
def test_what_is_punctured_is_spread(made: Pattern) -> None:
    assert made.length == 4 * (made.bits + CHECK_BITS)
    assert (np.diff(made.kept) >= 1).all()
    assert (np.diff(made.kept) <= 2).all()
    assert made.kept[0] == 0
    assert made.kept[-1] < made.length


@both
def test_words_of_positions_are_told_apart(made: Pattern) -> None:
    flat = made.words.reshape(-1, made.words.shape[-1])
    alike = flat @ flat.T - np.eye(len(flat)) * flat.shape[1]
    assert alike.max() < flat.shape[1]


@both
def test_the_same_key_gives_the_same_pattern(made: Pattern) -> None:
    again = pattern(Key(bytes(KEY.secret)), made.bits)
    for name in ("slots", "flips", "diagonal", "kept", "words", "lines", "phases"):
        assert np.array_equal(getattr(made, name), getattr(again, name))


def test_two_keys_share_nothing() -> None:
    for one, other in pairwise(MANY):
        assert not np.array_equal(one.slots, other.slots)
        assert abs(float((one.flips * other.flips).mean())) < 0.3
        assert abs(float((one.words * other.words).mean())) < 0.05
        shared = {tuple(line) for line in one.lines.tolist()} & {tuple(line) for line in other.lines.tolist()}
        assert len(shared) < LINES // 2
        assert one.check(5) != other.check(5) or one.check(6) != other.check(6)


def test_the_two_lengths_of_one_key_share_nothing() -> None:
    one, other = PATTERNS[64], PATTERNS[128]
    assert one.check(5) != other.check(5)
    assert not np.array_equal(one.lines / one.tile, other.lines / other.tile)


@settings(max_examples=30, deadline=None)
@given(payload=st.integers(0, 2**64 - 1))
def test_a_word_is_the_code_of_payload_and_check(payload: int) -> None:
    made = PATTERNS[64]
    digest = KEY.digest(b"check", payload.to_bytes(8, "big"))
    assert made.check(payload) == int.from_bytes(digest[:2], "big")
    message = payload << 16 | made.check(payload)
    bits = np.array([int(digit) for digit in f"{message:080b}"], np.uint8)
    assert np.array_equal(made.word(payload), 1 - 2.0 * encode(bits)[made.kept])
    assert 0 <= made.variant(payload) < VARIANTS


def test_every_variant_is_used() -> None:
    counts = np.bincount([PATTERNS[64].variant(payload) for payload in range(800)], minlength=VARIANTS)
    assert counts.min() > 60
    assert len(counts) == VARIANTS


def test_words_of_neighbors_are_far_apart() -> None:
    """A payload that differs in one bit differs in its check as well, and so in many code bits."""
    made = PATTERNS[64]
    words = np.stack([made.word(1 << place) for place in range(64)])
    alike = words @ words.T / made.coded - np.eye(64)
    assert alike.max() < 0.75


def test_patterns_are_compared_by_identity() -> None:
    assert PATTERNS[64] != replace(PATTERNS[64])
