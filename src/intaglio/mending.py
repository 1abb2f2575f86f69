"""Mends PNG files whose checksums do not match, so that a damaged file can still be looked at.

Every PNG chunk ends with a CRC-32 over its type and data (W3C PNG 3rd edition, section 5.3 and annex D).
Readers refuse a file over one wrong bit, also where the bit is in a comment. A verifier has to say more
than "unreadable" about a picture that was changed by one byte: a CRC-32 names the place and the value of
a single wrong byte, because the syndromes of all single-byte errors differ in chunks of this size. A chunk
that is damaged further looks like one wrong byte with a chance of 255 x length / 2**32, at most 0.8 %: the
result is for looking at the picture, and the credential is always judged on the file as given.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
POLYNOMIAL = 0xEDB88320  # CRC-32 of PNG, reflected
MAX_SEARCH = 1 << 17  # bytes of one chunk in which a wrong byte is looked for; Pillow's chunks have half of it
MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class Mended:
    """A PNG with matching checksums.

    Attributes:
        data: The file with every checksum matching.
        restored: Offsets in the file of bytes that were put back to what the checksum says they were.
        unchecked: Types of chunks whose content is damaged beyond one byte and was left as it is.
    """

    data: bytes
    restored: tuple[int, ...]
    unchecked: tuple[str, ...]


def mend(data: bytes) -> Mended | None:
    """Return a PNG with its checksums matching, or None when it is damaged in more than one chunk.

    A single wrong byte is put back. Of a chunk that is damaged further, only the checksum is made to match:
    what it holds is what the file holds. More than one damaged chunk is no accident that is mended here:
    somebody who may choose a checksum for every byte could have any picture "put back".
    """
    if not data.startswith(SIGNATURE):
        return None
    out, offset = bytearray(SIGNATURE), len(SIGNATURE)
    restored: list[int] = []
    unchecked: list[str] = []
    chunks = 0
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        end = offset + 8 + length
        chunks += 1
        if end + 4 > len(data) or chunks > MAX_CHUNKS or len(restored) + len(unchecked) > 1:
            return None
        body, checksum = bytearray(data[offset + 4 : end]), int.from_bytes(data[end : end + 4], "big")
        syndrome = zlib.crc32(body) ^ checksum
        if syndrome:
            place = _wrong_byte(syndrome, len(body))
            if place is not None:
                body[place[0]] ^= place[1]
                restored.append(offset + 4 + place[0])
            elif not _in_checksum(syndrome):
                unchecked.append("".join(chr(byte) if 65 <= byte <= 122 else "?" for byte in body[:4]))
        out += data[offset : offset + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        offset = end + 4
    if len(restored) + len(unchecked) > 1:
        return None
    return Mended(bytes(out), tuple(restored), tuple(unchecked))


def _in_checksum(syndrome: int) -> bool:
    """Whether the checksum itself has the one wrong byte."""
    return sum(1 for shift in (0, 8, 16, 24) if (syndrome >> shift) & 0xFF) == 1


def _wrong_byte(syndrome: int, length: int) -> tuple[int, int] | None:
    """Return position and difference of the one wrong byte that explains a syndrome, if there is one.

    A wrong byte ``e`` at position ``p`` leaves ``table[e]`` in the register, and each later byte shifts
    it by eight steps; so the syndrome is shifted back, byte by byte, until it is an entry of the table.
    """
    if _in_checksum(syndrome) or length > MAX_SEARCH:
        return None
    register = syndrome
    for position in range(length - 1, -1, -1):
        if register in _ERROR_OF:
            return position, _ERROR_OF[register]
        top = _TOP_OF[register >> 24]
        register = (((register ^ _TABLE[top]) << 8) & 0xFFFFFFFF) | top
    return None


def _table() -> list[int]:
    rows: list[int] = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return rows


_TABLE = _table()
_ERROR_OF = {value: byte for byte, value in enumerate(_TABLE) if byte}
# The top byte of a table row names the row: the inverse of one step needs it.
_TOP_OF = {value >> 24: byte for byte, value in enumerate(_TABLE)}
