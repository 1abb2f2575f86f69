"""The code: against a shift register that goes bit by bit, its structure, and what noise it corrects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.provenance.engraving.code import GENERATORS, decode, encode

FREE_DISTANCE = 24

Bits = npt.NDArray[np.uint8]
messages = st.lists(st.integers(0, 1), min_size=16, max_size=150).map(lambda bits: np.array(bits, np.uint8))


def shifted_through(bits: Bits) -> list[int]:
    """A register of nine places, the newest bit first, filled beforehand with the message's end."""
    register = 0
    for bit in bits[-8:]:
        register = register >> 1 | int(bit) << 8
    word: list[int] = []
    for bit in bits:
        register = register >> 1 | int(bit) << 8
        word += [(register & generator).bit_count() % 2 for generator in GENERATORS]
    return word


def received(word: Bits) -> npt.NDArray[np.float32]:
    return (1 - 2.0 * word).astype(np.float32)


@given(messages)
def test_it_is_a_shift_register(bits: Bits) -> None:
    assert encode(bits).tolist() == shifted_through(bits)


@given(messages, st.integers(0, 200))
def test_it_bites_its_tail(bits: Bits, places: int) -> None:
    assert np.array_equal(encode(np.roll(bits, places)), np.roll(encode(bits), 4 * places))


@given(st.data())
def test_it_is_linear(data: st.DataObject) -> None:
    count = data.draw(st.integers(16, 150))
    one, other = (
        np.array(data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)), np.uint8) for _ in range(2)
    )
    assert np.array_equal(encode(one ^ other), encode(one) ^ encode(other))


@settings(max_examples=25, deadline=None)
@given(messages)
def test_what_is_encoded_comes_back(bits: Bits) -> None:
    found = decode(received(encode(bits))[None])
    assert found.shape == (1, len(bits))
    assert np.array_equal(found[0], bits)


def test_no_light_words() -> None:
    """All messages that start with a one and are over within twelve bits, at one place (it turns with the word)."""
    count = 80
    weights: list[int] = []
    for number in range(1, 1 << 12, 2):
        bits = np.zeros(count, np.uint8)
        bits[:12] = [number >> place & 1 for place in range(12)]
        weights.append(int(encode(bits).sum()))
    assert min(weights) == FREE_DISTANCE


def test_errors_up_to_half_the_distance_are_corrected() -> None:
    random = np.random.default_rng(5)
    bits = random.integers(0, 2, (40, 80), dtype=np.uint8)
    words = np.stack([received(encode(each)) for each in bits])
    for word in words:
        word[random.choice(320, (FREE_DISTANCE - 1) // 2, replace=False)] *= -1
    assert np.array_equal(decode(words), bits)


@pytest.mark.parametrize(("noise", "lost"), [(1.0, 0), (1.2, 6), (3.0, 100)])
def test_noise_is_corrected(noise: float, lost: int) -> None:
    """At a standard deviation of 1, 16 % of the code bits are wrong; at 1.2, 20 %."""
    random = np.random.default_rng(6)
    bits = random.integers(0, 2, (100, 80), dtype=np.uint8)
    words = np.stack([received(encode(each)) for each in bits]) + random.normal(0, noise, (100, 320))
    found = decode(words.astype(np.float32))
    wrong = int((found != bits).any(axis=1).sum())
    assert wrong <= lost
    assert (wrong > 50) == (noise == 3.0)  # and the test can tell


def test_words_do_not_disturb_each_other() -> None:
    words = np.random.default_rng(8).normal(0, 1, (5, 320)).astype(np.float32)
    together = decode(words)
    assert all(np.array_equal(decode(word[None])[0], each) for word, each in zip(words, together, strict=True))


def test_a_positive_factor_changes_nothing() -> None:
    words = np.random.default_rng(9).normal(0, 1, (3, 320)).astype(np.float32)
    assert np.array_equal(decode(words), decode(words * np.float32(8)))


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30])
def test_words_that_say_nothing_are_decoded_to_something(value: float) -> None:
    assert decode(np.full((1, 320), value, np.float32)).shape == (1, 80)
