"""Tiles (https://c2sp.org/tlog-tiles): which there are for a tree, what they are called, what is in them.

A tile holds up to 256 consecutive hashes of tree level ``8 * level``; a bundle holds the leaves below a tile
of level 0. A full tile never changes. Of each level the last one may be partial, with its width in its name.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from intaglio.licensing.transparency.merkle import HASH_BYTES, TILE_HEIGHT, Node, node_hash
from intaglio.licensing.transparency.text import MOST

FULL = 256  # hashes in a full tile
TOP_LEVEL = 7  # of tiles; 2**63 leaves need no higher one
MOST_LEAF = 65_535  # bytes, what the length prefix of a bundle can say
MOST_BUNDLE = FULL * (2 + MOST_LEAF)  # bytes
ENTRIES: Literal["entries"] = "entries"
Level = int | Literal["entries"]
_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LENGTH = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of a tile or bundle.

    Attributes:
        level: 0 for hashes of leaves, 1 for those of full tiles of level 0, and so on; or ``"entries"``.
        number: Its place in the level, from 0.
        width: How many hashes or leaves, 1 to 256.
    """

    level: Level
    number: int
    width: int = FULL

    def __post_init__(self) -> None:
        """Refuse what no tree can have."""
        leveled = self.level == ENTRIES if isinstance(self.level, str) else 0 <= self.level <= TOP_LEVEL
        if not (leveled and 0 <= self.number <= MOST >> TILE_HEIGHT and 1 <= self.width <= FULL):
            raise ValueError(f"There is no tile {self.number} of width {self.width} at level {self.level}.")

    @property
    def path(self) -> str:
        """Its path below the folder or URL of the log."""
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        return f"tile/{self.level}/{name}" + ("" if self.width == FULL else f".p/{self.width}")

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Read a path.

        Raises:
            ValueError: It is not the path of a tile, in its one spelling.
        """
        found = _PATH.fullmatch(path) if len(path) <= 100 else None
        if found is None:
            raise ValueError("That is not the path of a tile.")
        level, groups, last, width = found.groups()
        number = int(groups.replace("x", "").replace("/", "") + last)
        tile = cls(ENTRIES if level == ENTRIES else int(level), number, FULL if width is None else int(width))
        if tile.path != path:
            raise ValueError("That is not the one spelling of the path of a tile.")
        return tile


def tile_path(level: Level, number: int, width: int = FULL) -> str:
    """Return the path of a tile below the folder or URL of the log.

    Raises:
        ValueError: No tree has such a tile.
    """
    return Tile(level, number, width).path


def widths(size: int) -> Iterator[tuple[int, int]]:
    """Yield (level, number of hashes) for each level of tiles that a tree of this size has."""
    level, hashes = 0, size
    while hashes:
        yield level, hashes
        level, hashes = level + 1, hashes >> TILE_HEIGHT


def tiles_for(size: int) -> Iterator[Tile]:
    """Yield the hash tiles of a tree of this size, lowest level first, each level from the left."""
    return new_tiles(0, size)


def new_tiles(old_size: int, size: int) -> Iterator[Tile]:
    """Yield the hash tiles of a tree that the tree of ``old_size``, its beginning, did not have.

    Raises:
        ValueError: Not 0 <= old_size <= size <= 2**63 - 1.
    """
    if not 0 <= old_size <= size <= MOST:
        raise ValueError(f"A tree of {old_size} leaves is not the beginning of one of {size}.")
    for level, hashes in widths(size):
        had = old_size >> TILE_HEIGHT * level
        if hashes > had:
            yield from _row(level, had // FULL, hashes)


def new_bundles(old_size: int, size: int) -> Iterator[Tile]:
    """Yield the entry bundles of a tree that the tree of ``old_size``, its beginning, did not have."""
    if size > old_size:
        yield from _row(ENTRIES, old_size // FULL, size)


def tile_bytes(level: int, number: int, width: int, node: Node) -> bytes:
    """Return the content of a hash tile: ``width`` hashes of 32 bytes."""
    tile = Tile(level, number, width)
    start = tile.number * FULL
    return b"".join(node(TILE_HEIGHT * level, position) for position in range(start, start + width))


def tile_hashes(data: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile.

    Raises:
        ValueError: It has another length than its width says.
    """
    if len(data) != width * HASH_BYTES:
        raise ValueError(f"A tile of width {width} has {len(data)} bytes, not {width * HASH_BYTES}.")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of a full tile, which stands in the level above."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def bundle_bytes(leaves: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each leaf behind its length as two bytes, big end first.

    Raises:
        ValueError: A leaf is longer than 65,535 bytes.
    """
    found: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > MOST_LEAF:
            raise ValueError(f"A leaf of {len(leaf)} bytes does not fit into a bundle: at most {MOST_LEAF}.")
        found += (_LENGTH.pack(len(leaf)), leaf)
    return b"".join(found)


def bundle_leaves(data: bytes, width: int) -> list[bytes]:
    """Return the leaves of an entry bundle.

    Raises:
        ValueError: It is cut off, or does not hold exactly ``width`` leaves.
    """
    found: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(data) and len(found) < width:
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        found.append(data[at - length : at])
    if at != len(data) or len(found) != width:
        raise ValueError(f"An entry bundle does not hold exactly {width} leaves.")
    return found


def _row(level: Level, first: int, count: int) -> Iterator[Tile]:
    for number in range(first, -(-count // FULL)):
        yield Tile(level, number, min(FULL, count - number * FULL))
