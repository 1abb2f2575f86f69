"""Keys: the derivations against hashlib and hmac, and what a key does not give away."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest

from intaglio.provenance.engraving import OPEN_KEY, Key

SECRET = bytes(range(16))


def expected_digest(secret: bytes, label: bytes, message: bytes) -> bytes:
    return hmac.new(secret, b"engraving/1\x00" + label + b"\x00" + message, hashlib.sha256).digest()


@pytest.mark.parametrize("label", [b"id", b"check", b"64 chips", b""])
@pytest.mark.parametrize("message", [b"", b"\x00", b"payload!"])
def test_digests_are_hmacs(label: bytes, message: bytes) -> None:
    assert Key(SECRET).digest(label, message) == expected_digest(SECRET, label, message)


def test_the_id_is_the_start_of_a_digest() -> None:
    assert Key(SECRET).id == expected_digest(SECRET, b"id", b"")[:8].hex()
    assert len({Key(SECRET).id, Key(SECRET[::-1]).id, OPEN_KEY.id}) == 3


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_numbers_are_big_endian_words_of_shake(count: int) -> None:
    stream = hashlib.shake_256(expected_digest(SECRET, b"some label", b"stream")).digest(8 * count)
    words = [int.from_bytes(stream[8 * place : 8 * place + 8], "big") for place in range(count)]
    numbers = Key(SECRET).numbers(b"some label", count)
    assert numbers.dtype == np.uint64
    assert numbers.tolist() == words


def test_a_permutation_sorts_its_numbers() -> None:
    key = Key(SECRET)
    order = key.permutation(b"order", 300)
    numbers = key.numbers(b"order", 300).tolist()
    assert sorted(order.tolist()) == list(range(300))
    assert [numbers[place] for place in order] == sorted(numbers)


@pytest.mark.parametrize("secret", [b"", b"short", bytes(15)])
def test_short_secrets_are_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Key(secret)


def test_a_key_does_not_show_its_secret() -> None:
    secret = b"do not print this secret"
    for text in (repr(Key(secret)), str(Key(secret)), f"{Key(secret)}"):
        assert "do not print" not in text
        assert secret.hex() not in text


def test_keys_are_values() -> None:
    assert Key(SECRET) == Key(bytes(SECRET))
    assert len({Key(SECRET), Key(bytes(SECRET)), Key(SECRET + b"\x00")}) == 2
