"""The directory at the end of a zip file (APPNOTE.TXT 6.3.10), as a pack may have it.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

One disk, no encryption, no comments of members, no extra fields but the sizes of zip64, fixed times and modes,
and nothing before, between or behind the parts. All else is damage, or a trick.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from intaglio.licensing.auditor.findings import Damage

COMMENT = 71  # bytes: "sha256:" and 64 hexadecimal digits
END = struct.Struct("<4s4H2LH")
_WIDE_END = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_RECORD = struct.Struct("<4s4B4H3L5H2L")
_HEADER = struct.Struct("<4s2B4H3L2H")

MOST_MEMBERS = 500_000
MOST_DIRECTORY = 128 << 20  # bytes
MOST_RATIO = 200  # Salts and hashes do not compress, so a pack stays far below.

_FULL = 0xFFFFFFFF
_UNIX_FILE = {0o100644 << 16, 0o644 << 16}
_MIDNIGHT, _FIRST_DAY = 0, 0x0021  # 1980-01-01 00:00:00, as MS-DOS writes it
_VERSIONS = {20, 45}
_NAME = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*")


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes of the file, the end excluded."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"bytes {self.start} to {self.end - 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in the pack.

    Attributes:
        name: Path with slashes.
        size: Bytes, as it is read.
        stored: Bytes, as it is in the file.
        deflated: Whether it is compressed.
        crc: CRC-32 of what is read.
        header: Offset of its own header.
        record: Where the directory describes it.
    """

    name: str
    size: int
    stored: int
    deflated: bool
    crc: int
    header: int
    record: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What the end of the file says.

    Attributes:
        start: Offset of the directory.
        size: Bytes of the directory.
        count: Number of members.
        comment: Offset of the comment, which is the rest of the file.
    """

    start: int
    size: int
    count: int
    comment: int


def find_end(tail: bytes, length: int) -> End:
    """What the last bytes of the file say about its directory.

    Args:
        tail: The last bytes of the file, 200 or all of them.
        length: Of the whole file.

    Raises:
        Damage: They are not an end with a comment of 71 bytes, or contradict one another.
    """
    at = len(tail) - END.size - COMMENT
    first = length - len(tail)
    place = f"end of the zip file, {Span(max(0, first + at), length)}"
    if at < 0:
        raise Damage(place, "the file is too short for an audit pack: it was cut off.")
    signature, disk, on_disk, here, count, size, start, comment = END.unpack_from(tail, at)
    if signature != b"PK\5\6" or comment != COMMENT:
        raise Damage(place, "there is no end record with a comment of 71 bytes: bytes were cut off, added or changed.")
    directory_end = first + at
    if tail[max(0, at - _LOCATOR.size) : at].startswith(b"PK\6\7"):
        directory_end, (count, size, start) = _wide_end(tail, at, first, place, (count, size, start))
    if (disk, on_disk) != (0, 0) or here != min(count, 0xFFFF) or start + size != directory_end:
        raise Damage(place, "the end record does not fit the file: bytes were added, taken out or changed.")
    if count > MOST_MEMBERS or size > MOST_DIRECTORY:
        raise Damage(place, f"there are {count} members, and at most {MOST_MEMBERS} are read: ask for a smaller pack.")
    return End(start=start, size=size, count=count, comment=length - COMMENT)


def _wide_end(
    tail: bytes, at: int, first: int, place: str, narrow: tuple[int, int, int]
) -> tuple[int, tuple[int, int, int]]:
    """Where the directory ends, and the counts of zip64 that replace or repeat the narrow ones."""
    where = at - _LOCATOR.size - _WIDE_END.size
    if where < 0:
        raise Damage(place, "the zip64 end record is missing.")
    _, disk, offset, disks = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
    signature, length, made, needed, *rest = _WIDE_END.unpack_from(tail, where)
    this_disk, first_disk, here, count, size, start = rest
    plain = (disk, offset, disks) == (0, first + where, 1) and (this_disk, first_disk, here) == (0, 0, count)
    fits = (signature, length, needed) == (b"PK\6\6", 44, 45) and made in (45, 3 << 8 | 45)
    same = narrow == (min(count, 0xFFFF), min(size, _FULL), min(start, _FULL))
    if not (plain and fits and same):
        raise Damage(place, "the zip64 end record does not fit the file.")
    return first + where, (count, size, start)


def central_directory(data: bytes, end: End) -> tuple[list[Member], list[tuple[str, str]]]:
    """The members in the order of the directory, and what is odd about their records: (place, sentence).

    Raises:
        Damage: A record cannot be read, so that those behind it cannot be found.
    """
    members: list[Member] = []
    odd: list[tuple[str, str]] = []
    at = 0
    for number in range(end.count):
        place = f"directory of the zip file, record {number}, from byte {end.start + at}"
        if at + _RECORD.size > len(data) or data[at : at + 4] != b"PK\1\2":
            raise Damage(place, "there is no record where one must be: bytes were cut off, added or changed.")
        member, fine, after = _record(data, at, end, place)
        if not fine:
            odd.append((f"{place}, of {member.name}", "a field has another value than audit packs have."))
        members.append(member)
        at = after
    if at != len(data):
        raise Damage(
            f"directory of the zip file, from byte {end.start + at}", "there are bytes behind the last record."
        )
    _refuse_bombs(members)
    return members, odd


def _record(data: bytes, at: int, end: End, place: str) -> tuple[Member, bool, int]:
    fields = _RECORD.unpack_from(data, at)
    made, system, needed, _, flags, method, time, date, crc, stored, size = fields[1:12]
    name_length, extra_length, comment, disk, inside, outside, header = fields[12:]
    after = at + _RECORD.size + name_length + extra_length
    name = data[at + _RECORD.size : at + _RECORD.size + name_length]
    if after > len(data) or not _NAME.fullmatch(name):
        raise Damage(place, "the name of the member is not one that audit packs have, or lengths were changed.")
    extra = data[after - extra_length : after]
    size, stored, header = _wide_sizes(extra, (size, stored, header), place)
    fine = (flags, time, date, comment, disk, inside) == (0, _MIDNIGHT, _FIRST_DAY, 0, 0, 0)
    fine = fine and fields[4] == 0 and system == 3 and {made, needed} <= _VERSIONS
    fine = fine and outside in _UNIX_FILE and method in (0, 8) and (method == 8 or size == stored)
    member = Member(
        name=name.decode("ascii"),
        size=size,
        stored=stored,
        deflated=method == 8,
        crc=crc,
        header=header,
        record=Span(end.start + at, end.start + after),
    )
    return member, fine, after


def _wide_sizes(extra: bytes, narrow: tuple[int, int, int], place: str) -> tuple[int, int, int]:
    """Size, stored size and offset, those that do not fit in 32 bits taken from the zip64 field."""
    wide = [index for index, value in enumerate(narrow) if value == _FULL]
    expected = struct.pack("<2H", 1, 8 * len(wide)) if wide else b""
    if extra[:4] != expected or len(extra) != len(expected) + 8 * len(wide):
        raise Damage(place, "there is an extra field, which audit packs have only for the sizes of zip64.")
    values = list(narrow)
    for number, index in enumerate(wide):
        values[index] = int.from_bytes(extra[4 + 8 * number : 12 + 8 * number], "little")
    return values[0], values[1], values[2]


def _refuse_bombs(members: list[Member]) -> None:
    for member in members:
        if member.size > MOST_RATIO * member.stored + (1 << 20):
            place = f"directory of the zip file, {member.record}, of {member.name}"
            raise Damage(place, f"it would grow from {member.stored} to {member.size} bytes: nothing is read.")
    size, stored = sum(member.size for member in members), sum(member.stored for member in members)
    if size > MOST_RATIO * stored + (1 << 20):
        place = "directory of the zip file"
        raise Damage(place, f"its members would grow from {stored} to {size} bytes: nothing is read.")


def header_is_right(data: bytes, member: Member) -> bool:
    """Whether a member's own header says the same as the directory.

    Args:
        data: All bytes between the beginning of the header and that of the member's data.
    """
    name = member.name.encode("ascii")
    if len(data) < _HEADER.size + len(name):
        return False
    signature, needed, _, flags, method, time, date, crc, stored, size, name_length, extra = _HEADER.unpack_from(data)
    sizes = struct.pack("<2H2Q", 1, 16, member.size, member.stored)
    expected = [(member.stored, member.size, b"")] if max(member.stored, member.size) < _FULL else []
    expected.append((_FULL, _FULL, sizes))
    return (
        (signature, data[5], flags, time, date, crc) == (b"PK\3\4", 0, 0, _MIDNIGHT, _FIRST_DAY, member.crc)
        and needed in _VERSIONS
        and method == (8 if member.deflated else 0)
        and (name_length, data[_HEADER.size : _HEADER.size + len(name)]) == (len(name), name)
        and (stored, size, data[_HEADER.size + len(name) :]) in expected
        and extra == len(data) - _HEADER.size - len(name)
    )
