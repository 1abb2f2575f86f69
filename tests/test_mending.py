"""A PNG with one wrong byte is put back; more damage is left visible."""

from __future__ import annotations

import io
import zlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from intaglio.mending import SIGNATURE, mend


def png() -> bytes:
    pixels = np.random.default_rng(7).integers(0, 255, (24, 40, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


PNG = png()


def length_fields(data: bytes) -> set[int]:
    """Offsets of the four bytes before each chunk type: no checksum covers them."""
    fields: set[int] = set()
    offset = len(SIGNATURE)
    while offset < len(data):
        fields |= set(range(offset, offset + 4))
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
    return fields


COVERED = sorted(set(range(len(SIGNATURE), len(PNG))) - length_fields(PNG))


@settings(max_examples=300)
@given(place=st.sampled_from(COVERED), difference=st.integers(1, 255))
def test_one_wrong_byte_anywhere_is_put_back(place: int, difference: int) -> None:
    damaged = bytearray(PNG)
    damaged[place] ^= difference
    mended = mend(bytes(damaged))
    assert mended is not None
    assert mended.data == PNG
    assert mended.unchecked == ()
    assert mended.restored in ((place,), ())  # () when the byte was in a checksum


def test_an_intact_file_stays_as_it_is() -> None:
    mended = mend(PNG)
    assert mended is not None
    assert (mended.data, mended.restored, mended.unchecked) == (PNG, (), ())


def test_more_damage_is_named_and_left() -> None:
    damaged = bytearray(PNG)
    damaged[60:70] = bytes(255 - each for each in damaged[60:70])
    mended = mend(bytes(damaged))
    assert mended is not None
    assert mended.unchecked == ("IDAT",)
    assert mended.data[60:70] == bytes(damaged[60:70])


def test_a_length_that_leads_nowhere_cannot_be_mended() -> None:
    damaged = bytearray(PNG)
    damaged[8] = 255
    assert mend(bytes(damaged)) is None
    assert mend(b"GIF89a") is None


def test_the_checksum_is_the_one_of_zlib() -> None:
    assert mend(PNG[:8] + b"\0\0\0\0IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")) is not None


def rewritten(data: bytes, wrong: int) -> bytes:
    """The file with a byte changed in each of its first chunks."""
    changed, offset = bytearray(data), len(SIGNATURE)
    for _ in range(wrong):
        changed[offset + 9] ^= 0x55
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
    return bytes(changed)


def test_two_damaged_chunks_are_not_put_back() -> None:
    """Who may choose a checksum for every byte could have any picture put back."""
    assert mend(rewritten(PNG, 1)) is not None
    assert mend(rewritten(PNG, 2)) is None


def test_many_chunks_and_large_chunks_are_not_searched() -> None:
    empty = b"\0\0\0\0teXt" + bytes(4)
    assert mend(SIGNATURE + empty * 2) is None
    good = b"\0\0\0\0teXt" + zlib.crc32(b"teXt").to_bytes(4, "big")
    assert mend(SIGNATURE + good * 20_000) is None
    large = mend(SIGNATURE + (1 << 20).to_bytes(4, "big") + b"IDAT" + bytes(1 << 20) + bytes(4))
    assert large is not None
    assert (large.restored, large.unchecked) == ((), ("IDAT",))
