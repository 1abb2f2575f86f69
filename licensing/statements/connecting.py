"""Which tiles connect some entries, and earlier checkpoints, to the root of a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from intaglio.licensing.transparency.tiles import FULL, Tile, widths


class Marked:
    """A set of whole numbers below a bound, in one bit each: it does not grow with what is put in."""

    def __init__(self, bound: int) -> None:
        """Make an empty set."""
        self._bits = bytearray(bound // 8 + 1)

    def add(self, number: int) -> None:
        """Put a number in."""
        self._bits[number >> 3] |= 1 << (number & 7)

    def __iter__(self) -> Iterator[int]:
        """Give the numbers, ascending."""
        for place, byte in enumerate(self._bits):
            if byte:
                yield from (8 * place + bit for bit in range(8) if byte >> bit & 1)


class Needed:
    """The tiles of a tree that a pack needs. See "Tiles" in spec/audit-pack.md."""

    def __init__(self, size: int) -> None:
        """Begin with those from which the root follows."""
        self._hashes = [hashes for _, hashes in widths(size)]
        self._tiles = [Marked(hashes // FULL + 1) for hashes in self._hashes]
        self.connect_root(size)

    def connect_entry(self, index: int) -> None:
        """Mark what leads from an entry to the root."""
        self._connect(0, index // FULL)

    def connect_root(self, size: int) -> None:
        """Mark what leads from the root of an earlier tree, or from this one's, to the root."""
        for level, hashes in widths(size):
            if hashes % FULL:
                self._connect(level, hashes // FULL)

    def tiles(self) -> Iterator[Tile]:
        """Give the tiles, lowest level first, each level from the left."""
        for level, (hashes, marked) in enumerate(zip(self._hashes, self._tiles, strict=True)):
            for number in marked:
                yield Tile(level, number, min(FULL, hashes - number * FULL))

    def _connect(self, level: int, number: int) -> None:
        self._tiles[level].add(number)
        # A tile that is not full has no hash in the level above.
        while (number + 1) * FULL <= self._hashes[level] and level + 1 < len(self._hashes):
            level, number = level + 1, number // FULL
            self._tiles[level].add(number)


def spread(sizes: Iterable[int], most: int) -> list[int]:
    """At most so many of these, the first and the last among them, and the others evenly between."""
    ordered = sorted(set(sizes))
    if len(ordered) <= most:
        return ordered
    return [ordered[place * (len(ordered) - 1) // (most - 1)] for place in range(most)]
