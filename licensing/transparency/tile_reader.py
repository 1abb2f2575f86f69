"""Reads a log from its tiles and believes nothing that does not hash to a root that the reader trusts.

checkpoint = open_checkpoint((folder / "checkpoint").read_bytes(), [log_key])
reader = TileReader(files_below(folder), checkpoint.size, checkpoint.root)
reader.leaves(0, 10)                                    # verified, or ValueError
inclusion_proof(4, checkpoint.size, reader.node)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from intaglio.licensing.transparency import merkle
from intaglio.licensing.transparency.tiles import (
    ENTRIES,
    FULL,
    MOST_BUNDLE,
    Level,
    Tile,
    bundle_leaves,
    tile_hashes,
    tile_root,
    widths,
)

Fetch = Callable[[str], bytes | None]
"""``fetch(path)`` gives the bytes at a path below the folder or URL of a log, or None when nothing is there."""

_KEPT = 64  # verified full tiles held in memory, 8 KiB each


def files_below(folder: Path) -> Fetch:
    """Return ``fetch`` for a folder that ``write_tiles`` wrote."""

    def fetch(path: str) -> bytes | None:
        try:
            with (folder / path).open("rb") as file:
                return file.read(MOST_BUNDLE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"{folder / path} cannot be read ({error.strerror}).") from error

    return fetch


class TileReader:
    """The verified hashes and leaves of one tree.

    Every method raises ``ValueError`` when a tile is missing, malformed, or does not belong to the tree.
    """

    def __init__(self, fetch: Fetch, size: int, root: bytes) -> None:
        """Fetch the last tile of each level and check them against the root.

        Args:
            fetch: Where the tiles come from; it is not trusted.
            size: Number of leaves, from a checkpoint that was verified.
            root: Root hash from the same checkpoint, 32 bytes.
        """
        self._fetch = fetch
        self._hashes = dict(widths(size))
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        self.size = size
        # Exactly these hashes make up the root, so they are checked together, and all others against them.
        self._edges = {level: self._edge(level, count) for level, count in self._hashes.items() if count % FULL}
        self.node = merkle.node_of_rows(self._row)
        if merkle.root(size, merkle.node_of_rows(self._edge_row)) != root:
            raise ValueError(f"The tiles are not those of the tree of {size} leaves with this root.")

    def tile(self, level: int, number: int) -> list[bytes]:
        """Return the verified hashes of a tile, 1 to 256."""
        count = self._hashes.get(level, 0)
        if not 0 <= number * FULL < count:
            raise ValueError(f"A tree of {self.size} leaves has no tile {number} at level {level}.")
        if number == count // FULL:
            return self._edges[level]
        kept = self._kept.get((level, number))
        if kept is None:
            kept = self._full(level, number)
            self._kept[level, number] = kept
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end((level, number))
        return kept

    def bundle(self, number: int) -> list[bytes]:
        """Return the verified leaves of an entry bundle, 1 to 256."""
        hashes = self.tile(0, number)
        leaves = bundle_leaves(self._content(ENTRIES, number, len(hashes)), len(hashes))
        for index, (leaf, hashed) in enumerate(zip(leaves, hashes, strict=True), number * FULL):
            if merkle.leaf_hash(leaf) != hashed:
                raise ValueError(f"Leaf {index} is not the one in the tree: it was changed.")
        return leaves

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the verified leaves from ``start`` to before ``end``."""
        if not 0 <= start <= end <= self.size:
            raise ValueError(f"A tree of {self.size} leaves has no leaves from {start} to {end}.")
        for number in range(start // FULL, -(-end // FULL)):
            at = number * FULL
            yield from self.bundle(number)[max(0, start - at) : end - at]

    def check(self) -> None:
        """Read and verify every tile and every leaf."""
        for level, count in self._hashes.items():
            for number in range(-(-count // FULL)):
                self.tile(level, number)
        for _ in self.leaves(0, self.size):
            pass

    def _full(self, level: int, number: int) -> list[bytes]:
        hashes = tile_hashes(self._content(level, number, FULL), FULL)
        if tile_root(hashes) != self.tile(level + 1, number // FULL)[number % FULL]:
            raise ValueError(f"{Tile(level, number).path} does not belong to the tree: it was changed.")
        return hashes

    def _content(self, level: Level, number: int, width: int) -> bytes:
        tile = Tile(level, number, width)
        data = self._fetch(tile.path)
        if data is not None:
            return data
        whole = None if width == FULL else self._fetch(Tile(level, number).path)
        if whole is None:
            raise ValueError(f"{tile.path} is missing.")
        # A log may drop a partial tile once the full one is there, and the full one begins with it.
        if level != ENTRIES:
            return whole[: width * merkle.HASH_BYTES]
        return _beginning(whole, width)

    def _edge(self, level: int, count: int) -> list[bytes]:
        return tile_hashes(self._content(level, count // FULL, count % FULL), count % FULL)

    def _edge_row(self, level: int, start: int, count: int) -> list[bytes]:
        return self._edges[level][start % FULL : start % FULL + count]

    def _row(self, level: int, start: int, count: int) -> list[bytes]:
        return self.tile(level, start // FULL)[start % FULL : start % FULL + count]


def _beginning(bundle: bytes, width: int) -> bytes:
    at = 0
    for _ in range(width):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[:at]
